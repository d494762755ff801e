"""What a person does with sensors: verify, move, rename, retire.

Each change is made while no batch is open and committed before readings are recomputed: a batch that began
before it has ended, one that begins after sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from city.db import statement
from city.errors import RegistryError
from city.reading import SERIAL
from ingest.announce import COMMIT_CHANNEL
from ingest.registry import Locator

#: Before any reading that is taken (the wire contract's floor).
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor of the registry, as a person knows it."""

    sensor_id: int
    serial: str
    state: str
    district: str | None
    district_id: int | None
    last_time: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sensor is moved to: a position, or a district by code or name."""

    latitude: float | None = None
    longitude: float | None = None
    district: str | None = None


def find(conn: psycopg.Connection[Any], serial: str) -> Known:
    """The sensor of a serial; RegistryError where there is none."""
    row = conn.execute(statement("find_sensor"), [serial]).fetchone()
    if row is None:
        raise RegistryError(f"no sensor is called {serial!r}; `sdot sensor list` shows those there are")
    return Known(row[0], serial, row[1], row[2], row[3], row[6])


def verify(conn: psycopg.Connection[Any], serial: str) -> int:
    """Bring a sensor into its district's figure; returns how many of its readings changed."""
    sensor = find(conn, serial)
    with conn.transaction():
        conn.execute(statement("verify_sensor"), [_next_version(conn), sensor.sensor_id])
    return _rehome(conn, sensor, sensor.district_id, ALWAYS)


def retire(conn: psycopg.Connection[Any], serial: str) -> None:
    """Take a sensor out of service: what it still sends is quarantined, its past stays."""
    sensor = find(conn, serial)
    with conn.transaction():
        conn.execute(statement("retire_sensor"), [_next_version(conn), sensor.sensor_id])
    _tell(conn, sensor)


def rename(conn: psycopg.Connection[Any], serial: str, new: str) -> None:
    """Give a sensor another serial; its past stays with it. RegistryError where the new one is taken."""
    sensor = find(conn, serial)
    if not SERIAL.fullmatch(new):
        raise RegistryError(f"{new!r} is no serial: letters, digits and ._:- only, at most 64")
    if conn.execute(statement("find_sensor"), [new]).fetchone():
        raise RegistryError(f"{new!r} is there already; retire or rename it first")
    with conn.transaction():
        conn.execute(statement("rename_sensor"), [new, _next_version(conn), sensor.sensor_id])
    _tell(conn, sensor)


def make_gateway(conn: psycopg.Connection[Any], serial: str) -> None:
    """Let a sensor's messages carry the readings of others."""
    sensor = find(conn, serial)
    with conn.transaction():
        conn.execute(statement("make_gateway"), [_next_version(conn), sensor.sensor_id])


def move(conn: psycopg.Connection[Any], locator: Locator, serial: str, place: Place, since: datetime) -> int:
    """Put a sensor elsewhere, from an instant on; returns how many of its readings changed district.

    RegistryError where the place is in no district.
    """
    sensor = find(conn, serial)
    code, located = _code(locator, place)
    districts: Mapping[str, int] = {row[0]: row[1] for row in conn.execute(statement("read_districts"))}
    district = districts[code]
    with conn.transaction():
        version = _next_version(conn)
        kind = conn.execute(statement("read_kind"), [sensor.sensor_id]).fetchone()
        position = [kind[0] if kind else None, place.latitude, place.longitude]
        site = conn.execute(statement("insert_site"), position).fetchone()
        moved = [site[0] if site else None, district, located, version, sensor.sensor_id]
        conn.execute(statement("move_sensor"), moved)
    if sensor.state == "unverified":
        _tell(conn, sensor)
        return 0
    return _rehome(conn, sensor, district, since)


def _code(locator: Locator, place: Place) -> tuple[str, bool]:
    if place.latitude is not None and place.longitude is not None:
        code = locator.district_at(place.latitude, place.longitude)
        if code is None:
            raise RegistryError(
                f"{place.latitude}, {place.longitude} is outside the city; latitude comes first"
            )
        return code, True
    code = locator.district_named(place.district) if place.district else None
    if code is None:
        raise RegistryError(
            f"no district is called {place.district!r}; use a code such as `sdot sensor list` shows"
        )
    return code, False


def _next_version(conn: psycopg.Connection[Any]) -> int:
    """The registry's next version, once no batch is open."""
    row = conn.execute(statement("registry_begin")).fetchone()
    return int(row[0]) if row else 0


def _rehome(conn: psycopg.Connection[Any], sensor: Known, district: int | None, since: datetime) -> int:
    given = {"sensor": sensor.sensor_id, "district": district, "since": since}
    with conn.transaction():
        changed = conn.execute(statement("rehome_readings"), given).rowcount
        conn.execute(statement("touch_sensor"), given)
    _tell(conn, sensor)
    return changed


def _tell(conn: psycopg.Connection[Any], sensor: Known) -> None:
    with conn.transaction():
        conn.execute(statement("refresh_latest"), [sensor.sensor_id])
        conn.execute(statement("notify"), [COMMIT_CHANNEL, ""])
