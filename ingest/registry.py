"""The registry as ingest sees it: which serial is which sensor, and how a new one comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import psycopg
from psycopg.rows import class_row

from city.db import statement
from city.reading import About, Refusal
from city.readings import Column

State = Literal["unverified", "verified", "retired"]
#: who registered a sensor that came by a message
BY_MQTT = "mqtt"

UNKNOWN = Refusal(
    "unknown_sensor", "unknown sensor: this city takes registered serials only; ask for `sdot sensor add`"
)
LIMIT = Refusal(
    "registration_limit", "registration limit: too many new serials this hour; it is taken in a later hour"
)
RETIRED = Refusal("retired", "sensor is retired; `sdot sensor verify` takes it back in")


class Locator(Protocol):
    """What registration asks of a city pack."""

    def district_at(self, latitude: float, longitude: float) -> str | None:
        """Code of the district at a position, None outside the city."""

    def district_named(self, text: str) -> str | None:
        """Code of the district of that code or name, None where there is none."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A row of the registry, as far as a batch needs it."""

    sensor_id: int
    serial: str
    state: State
    district_id: int | None
    gateway: bool
    #: the district follows from a position
    located: bool
    has_model: bool
    has_kind: bool
    has_position: bool
    version: int

    @property
    def figure_district(self) -> int | None:
        """The district whose figure its readings enter; None while unverified."""
        return self.district_id if self.state == "verified" else None

    def learns_from(self, about: About) -> bool:
        """Whether a self-description fills something that is unset."""
        return (
            (about.model is not None and not self.has_model)
            or (about.kind is not None and not self.has_kind)
            or (about.latitude is not None and not self.has_position)
            or (about.district is not None and self.district_id is None and not self.located)
        )


@dataclass(frozen=True, slots=True)
class NewSensor:
    """A sensor to be registered by somebody who knows it."""

    serial: str
    model: str | None = None
    kind: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    #: code or name; a position beats it
    district: str | None = None


class Registry:
    """A cache of the registry's rows, brought up to date when its version moves."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator
        self._sensors: dict[str, Sensor] = {}
        self._serials: dict[int, str] = {}
        self._districts: dict[str, int] = {}
        self.version = -1

    def __len__(self) -> int:
        return len(self._sensors)

    def get(self, serial: str) -> Sensor | None:
        """The sensor of a serial, as far as known here."""
        return self._sensors.get(serial)

    def is_gateway(self, serial: str) -> bool:
        """Whether messages of a serial may carry the readings of others, as far as known here."""
        sensor = self._sensors.get(serial)
        return sensor is not None and sensor.gateway

    def refresh(self, conn: psycopg.Connection[Any], version: int) -> None:
        """Read what changed, where the database's version is another than ours."""
        if version == self.version:
            return
        if not self._districts:
            self._districts = {row[0]: row[1] for row in conn.execute(statement("read_districts"))}
        # Registration and changes take numbers under different locks: a row may commit after a higher one.
        self._take(conn, "read_sensors", max(self.version - 100, -1) if self.version >= 0 else -1)
        self.version = version

    def _take(self, conn: psycopg.Connection[Any], name: str, argument: object) -> None:
        with conn.cursor(row_factory=class_row(Sensor)) as cursor:
            for sensor in cursor.execute(statement(name), [argument]):
                self._forget_former(sensor)
                self._sensors[sensor.serial] = sensor

    def _forget_former(self, sensor: Sensor) -> None:
        """A renamed sensor is no longer known by its former serial, which may be another's by now."""
        former = self._serials.get(sensor.sensor_id, sensor.serial)
        if former != sensor.serial and self._sensors[former].sensor_id == sensor.sensor_id:
            del self._sensors[former]
        self._serials[sensor.sensor_id] = sensor.serial

    def district_of(self, about: About | None) -> tuple[int | None, bool]:
        """(district, whether a position decided it) of a self-description."""
        if about is None:
            return None, False
        if about.latitude is not None and about.longitude is not None:
            return self._id(self._locator.district_at(about.latitude, about.longitude)), True
        return self._id(self._locator.district_named(about.district)) if about.district else None, False

    def _id(self, code: str | None) -> int | None:
        return self._districts.get(code) if code else None

    def district_called(self, text: str) -> int | None:
        """Number of the district of that code or name, None where there is none."""
        return self._id(self._locator.district_named(text))

    def figure_districts(self, sensor_ids: Column) -> Column:
        """Number of the district in whose figure each of these sensors counts, int16, −1 for none."""
        sensors, place = np.unique(sensor_ids, return_inverse=True)
        found = [self._sensors[self._serials[one]].figure_district for one in sensors.tolist()]
        return np.array([-1 if one is None else one for one in found], dtype=np.int16)[place]

    def register(
        self, conn: psycopg.Connection[Any], wanted: Mapping[str, About | None], state: State, per_hour: int
    ) -> None:
        """Register serials that messages brought, in a transaction of its own, up to `per_hour` an hour.

        Those beyond the limit stay unknown.
        """
        if per_hour <= _one(conn, "count_registered"):
            return  # no lock, and no new version for others to read: a flood of serials asks with each batch
        with conn.transaction():
            version = _one(conn, "registration_begin")
            if not self._districts:
                self.refresh(conn, version - 1)
            self._take(conn, "read_sensors_by_serial", list(wanted))
            room = per_hour - _one(conn, "count_registered")
            new = [serial for serial in wanted if serial not in self._sensors]
            for serial in new[: max(room, 0)]:
                self._insert(conn, serial, wanted[serial], state, version)
            self._take(conn, "read_sensors_by_serial", new)

    def _insert(
        self, conn: psycopg.Connection[Any], serial: str, about: About | None, state: State, version: int
    ) -> None:
        about = about or About()
        district, located = self.district_of(about)
        site = conn.execute(
            statement("insert_site"), [about.kind, about.latitude, about.longitude]
        ).fetchone()
        site_id = site[0] if site else None
        values = [serial, about.model, site_id, district, located, state, False, BY_MQTT, state, version]
        conn.execute(statement("insert_sensor"), values)

    def describe(self, conn: psycopg.Connection[Any], serial: str, about: About) -> None:
        """Fill what is unset of a sensor from what it says of itself.

        The first description holds, and a verified sensor that has a district keeps it.
        """
        with conn.transaction():
            version = _one(conn, "registry_begin")
            self.refresh(conn, version - 1)  # what a person changed meanwhile stands
            sensor = self._sensors.get(serial)
            if sensor is None or sensor.state == "retired" or not sensor.learns_from(about):
                return
            district, located = sensor.district_id, sensor.located
            if not sensor.has_position and (about.latitude is not None or district is None):
                found, by_position = self.district_of(about)
                if sensor.state != "verified" or district is None:
                    district, located = (found, True) if by_position else (district or found, located)
            place = [about.kind, about.latitude, about.longitude, sensor.sensor_id]
            conn.execute(statement("describe_site"), place)
            described = [about.model, district, located, version, sensor.sensor_id]
            conn.execute(statement("describe_sensor"), described)
            self._take(conn, "read_sensors_by_serial", [serial])


def _one(conn: psycopg.Connection[Any], name: str) -> int:
    row = conn.execute(statement(name)).fetchone()
    return int(row[0]) if row else 0


def register_many(
    conn: psycopg.Connection[Any], locator: Locator, sensors: Sequence[NewSensor], *, state: State, by: str
) -> dict[str, int]:
    """Register sensors outside the hourly limit; those known stay as they are. Returns serial → sensor_id."""
    with conn.transaction():
        districts = {row[0]: row[1] for row in conn.execute(statement("read_districts"))}
        version = _one(conn, "registration_begin")
        known = _ids(conn, [sensor.serial for sensor in sensors])
        new = [sensor for sensor in sensors if sensor.serial not in known]
        places = [[getattr(s, column) for s in new] for column in ("kind", "latitude", "longitude")]
        sites = [row[0] for row in conn.execute(statement("insert_sites"), places)]
        homes = [_home(locator, sensor, districts) for sensor in new]
        columns: list[Any] = [[s.serial for s in new], [s.model for s in new], sites]
        columns += [[home[0] for home in homes], [home[1] for home in homes]]
        conn.execute(statement("insert_sensors"), [state, by, state, version, *columns])
        return known | _ids(conn, [sensor.serial for sensor in new])


def _ids(conn: psycopg.Connection[Any], serials: Iterable[str]) -> dict[str, int]:
    rows = conn.execute(statement("read_sensors_by_serial"), [list(serials)])
    return {row[1]: row[0] for row in rows}


def _home(locator: Locator, sensor: NewSensor, districts: Mapping[str, int]) -> tuple[int | None, bool]:
    if sensor.latitude is not None and sensor.longitude is not None:
        code = locator.district_at(sensor.latitude, sensor.longitude)
        return (districts.get(code) if code else None), True
    code = locator.district_named(sensor.district) if sensor.district else None
    return (districts.get(code) if code else None), False
