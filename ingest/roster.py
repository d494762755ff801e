"""What a person does with sensors: verify, move, rename, retire.

Each change is made while no batch is open and committed before readings are recomputed: a batch that began
before it has ended, one that begins after sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    #: somebody vouched for it, now or before it was retired
    vouched_for: bool


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
    return Known(row[0], serial, row[1], row[2], row[3], row[6], row[5] is not None)


def verify(conn: psycopg.Connection[Any], serial: str) -> int:
    """Bring a sensor into its district's figure; returns how many of its readings changed.

    Readings that count in a district already, as those of a sensor that was moved, stay there.
    """
    with _change(conn, serial) as (sensor, version):
        conn.execute(statement("verify_sensor"), [version, sensor.sensor_id])
    return _rehome(conn, sensor, sensor.district_id, ALWAYS, only_homeless=True)


def retire(conn: psycopg.Connection[Any], serial: str) -> None:
    """Take a sensor out of service: what it still sends is quarantined, its past stays."""
    with _change(conn, serial) as (sensor, version):
        conn.execute(statement("retire_sensor"), [version, sensor.sensor_id])
    _tell(conn, sensor)


def rename(conn: psycopg.Connection[Any], serial: str, new: str) -> None:
    """Give a sensor another serial; its past stays with it. RegistryError where the new one is taken."""
    if not SERIAL.fullmatch(new):
        raise RegistryError(f"{new!r} is no serial: letters, digits and ._:- only, at most 64")
    with _change(conn, serial) as (sensor, version):
        if conn.execute(statement("find_sensor"), [new]).fetchone():
            raise RegistryError(f"{new!r} is there already; retire or rename it first")
        conn.execute(statement("rename_sensor"), [new, version, sensor.sensor_id])
    _tell(conn, sensor)


def make_gateway(conn: psycopg.Connection[Any], serial: str) -> None:
    """Let a sensor's messages carry the readings of others."""
    with _change(conn, serial) as (sensor, version):
        conn.execute(statement("make_gateway"), [version, sensor.sensor_id])


def move(conn: psycopg.Connection[Any], locator: Locator, serial: str, place: Place, since: datetime) -> int:
    """Put a sensor elsewhere, from an instant on; returns how many of its readings changed district.

    RegistryError where the place is in no district.
    """
    code, located = _code(locator, place)
    districts: Mapping[str, int] = {row[0]: row[1] for row in conn.execute(statement("read_districts"))}
    district = districts[code]
    with _change(conn, serial) as (sensor, version):
        kind = conn.execute(statement("read_kind"), [sensor.sensor_id]).fetchone()
        position = [kind[0] if kind else None, place.latitude, place.longitude]
        site = conn.execute(statement("insert_site"), position).fetchone()
        moved = [site[0] if site else None, district, located, version, sensor.sensor_id]
        conn.execute(statement("move_sensor"), moved)
    if not sensor.vouched_for:
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


@contextmanager
def _change(conn: psycopg.Connection[Any], serial: str) -> Iterator[tuple[Known, int]]:
    """The sensor as it stands once no batch is open, and the registry's next version; committed at the end."""
    with conn.transaction():
        row = conn.execute(statement("registry_begin")).fetchone()
        yield find(conn, serial), int(row[0]) if row else 0


def _rehome(
    conn: psycopg.Connection[Any],
    sensor: Known,
    district: int | None,
    since: datetime,
    *,
    only_homeless: bool = False,
) -> int:
    given = {"sensor": sensor.sensor_id, "district": district, "since": since, "homeless": only_homeless}
    row = conn.execute(statement("rehome_readings"), given).fetchone()
    _tell(conn, sensor)
    return int(row[0]) if row else 0


def _tell(conn: psycopg.Connection[Any], sensor: Known) -> None:
    with conn.transaction():
        conn.execute(statement("refresh_latest"), [sensor.sensor_id])
        conn.execute(statement("notify"), [COMMIT_CHANNEL, ""])
