"""A file's readings through the rules that hold for messages, and into the database: an import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import psycopg

from city.contract import impossible
from city.db import is_permanent, statement
from city.metrics import Catalogue
from city.reading import About, Refusal
from city.readings import Readings, Refused
from ingest.block import Block, Column, instant, moment
from ingest.bulk import make_partitions
from ingest.fold import Outcome
from ingest.merge import MergeWriter
from ingest.message import MAX_AHEAD, Delivery, Message, below_floor, too_early
from ingest.quarantine import Case
from ingest.registry import RETIRED, UNKNOWN, Locator, NewSensor, Registry, State, register_many
from ingest.replay import IMPORT as WRITER
from ingest.tally import OUTCOMES
from ingest.writer import OLDEST, floor_of

#: A deadlock with ingest, or a database that is away for a moment: so many times a chunk is tried.
_TRIES = 5
_BY_HAND = Delivery(0, 0, 0, 0)


class City(Locator, Protocol):
    """What an import asks of a city pack."""

    @property
    def catalogue(self) -> Catalogue:
        """Its metrics."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is taken."""

    #: what an unknown serial becomes; None: it is refused
    register: State | None
    #: None: for ever
    retention: timedelta | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where readings come from, as quarantine tells it."""

    #: `import/<file>`
    topic: str
    #: name of the layout
    decoder: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a chunk."""

    #: readings by Outcome
    outcomes: Sequence[int]
    refused: Sequence[Refused]
    #: implausible values among those that were stored or found there
    flagged: int
    #: serials that were new
    registered: Sequence[str]


class Intake:
    """Takes chunks of readings, each in a transaction of its own, so that a killed import can be run again."""

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        city: City,
        terms: Terms,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._conn, self._city, self._terms = conn, city, terms
        self._clock = clock or (lambda: datetime.now(UTC))
        self._registry = Registry(city)
        self._told: set[str] = set()
        self._weeks: set[int] = set()
        self._looks = False

    def take(self, readings: Readings, source: Source) -> Taken:
        """Store what can be, quarantine the rest; psycopg.Error where the database is at fault."""
        sound, refused = self._judged(readings)
        registered = self._meet(readings, sound)
        self._make_partitions(readings.times[sound])
        for left in reversed(range(_TRIES)):
            try:
                return self._transaction(readings, sound, refused, source, registered)
            except psycopg.OperationalError as error:
                if not left or is_permanent(error) or self._conn.closed:
                    raise
                self._looks = True
        raise AssertionError

    def look(self, readings: Readings) -> Taken:
        """What `take` would refuse and register; nothing is written, so all that is left counts as stored."""
        sound, refused = self._judged(readings)
        _, horizon, _ = self._begin(self._conn)
        ids, states = self._sensors(readings)
        unknown = _serials(readings, sound & (ids == 0))
        if self._terms.register is not None:
            ids = np.where(ids == 0, -1, ids)
        more = self._refused_by_registry(readings, sound, ids, states, horizon)
        outcomes = [0] * OUTCOMES
        outcomes[Outcome.STORED] = int(sound.sum())
        outcomes[Outcome.QUARANTINED] = len(refused) + len(more)
        new = unknown if self._terms.register is not None else []
        return Taken(outcomes, [*refused, *more], self._flagged(readings, sound), new)

    def _begin(self, conn: psycopg.Connection[Any]) -> tuple[int, datetime, datetime]:
        row = conn.execute(statement("batch_begin")).fetchone()
        version, horizon, open_from = row[:3] if row else (0, OLDEST, OLDEST)
        self._registry.refresh(conn, version)
        return version, horizon, open_from

    def _judged(self, readings: Readings) -> tuple[Column, list[Refused]]:
        """(which readings can be, the others) as far as they tell themselves."""
        sound = np.ones(len(readings), dtype=bool)
        refused = list(readings.refused)
        for key, column in readings.values.items():
            metric = self._city.catalogue[key]
            low, high = metric.possible
            limits = (low, high, metric.unit)
            for row in np.flatnonzero(((column < low) | (column > high)) & sound).tolist():
                refused.append(
                    _refused(
                        readings, row, Refusal("impossible", impossible(key, float(column[row]), limits))
                    )
                )
                sound[row] = False
        now = self._clock()
        for row in np.flatnonzero((readings.times > moment(now + MAX_AHEAD)) & sound).tolist():
            refused.append(_refused(readings, row, too_early(instant(readings.times[row]), now)))
            sound[row] = False
        return sound, refused

    def _meet(self, readings: Readings, sound: Column) -> list[str]:
        """Register new serials and learn what the file tells of known ones; returns the new."""
        self._begin(self._conn)
        serials = _serials(readings, sound)
        new = [serial for serial in serials if self._registry.get(serial) is None]
        if new and self._terms.register is not None:
            sensors = [_new_sensor(serial, readings.about.get(serial)) for serial in new]
            register_many(self._conn, self._city, sensors, state=self._terms.register, by=WRITER)
        for serial, about in readings.about.items():
            sensor = self._registry.get(serial)
            if sensor is not None and serial not in self._told and sensor.learns_from(about):
                self._registry.describe(self._conn, serial, about)
            self._told.add(serial)
        return new if self._terms.register is not None else []

    def _make_partitions(self, times: Column) -> None:
        _, horizon, _ = self._begin(self._conn)
        floor = moment(floor_of(horizon, self._terms.retention, self._clock()))
        make_partitions(self._conn, times[times >= floor], self._weeks)

    def _transaction(
        self,
        readings: Readings,
        judged: Column,
        refused: Sequence[Refused],
        source: Source,
        registered: Sequence[str],
    ) -> Taken:
        sound, now = judged.copy(), self._clock()
        with self._conn.transaction():
            writer = MergeWriter(self._conn, self._city.catalogue, WRITER)
            _, horizon, _ = self._begin(self._conn)
            ids, states = self._sensors(readings)
            refused = [*refused, *self._refused_by_registry(readings, sound, ids, states, horizon)]
            self._looks = writer.merge(_block(readings, ids, sound), look_first=self._looks)
            writer.refuse([self._case(one, source, now) for one in refused])
            writer.finish()
        return Taken(writer.outcomes(), refused, self._flagged(readings, sound), registered)

    def _sensors(self, readings: Readings) -> tuple[Column, Column]:
        """(sensor or 0, whether it is retired) of each reading."""
        known = [self._registry.get(serial) for serial in readings.serials]
        ids = np.array([sensor.sensor_id if sensor else 0 for sensor in known], dtype=np.int32)
        retired = np.array([sensor is not None and sensor.state == "retired" for sensor in known], dtype=bool)
        return ids[readings.who], retired[readings.who]

    def _refused_by_registry(
        self, readings: Readings, sound: Column, ids: Column, retired: Column, horizon: datetime
    ) -> list[Refused]:
        """Take out of `sound` what its sensor, or its age, forbids."""
        floor = floor_of(horizon, self._terms.retention, self._clock())
        rules: list[tuple[Column, Callable[[int], Refusal | None]]] = [
            (ids == 0, lambda _: UNKNOWN),
            (retired, lambda _: RETIRED),
            (readings.times < moment(floor), lambda row: below_floor(instant(readings.times[row]), floor)),
        ]
        found: list[Refused] = []
        for mask, why in rules:
            rows = np.flatnonzero(mask & sound).tolist()
            found += [_refused(readings, row, refusal) for row in rows if (refusal := why(row)) is not None]
            sound &= ~mask
        return found

    def _flagged(self, readings: Readings, sound: Column) -> int:
        number = 0
        for key, column in readings.values.items():
            low, high = self._city.catalogue[key].plausible
            number += int((((column < low) | (column > high)) & sound).sum())
        return number

    def _case(self, one: Refused, source: Source, now: datetime) -> Case:
        text = f"line {one.line:,}: {one.text}".replace("\x00", "\\0")
        message = Message(source.topic, one.row, now, _BY_HAND, "", one.serial, source.decoder)
        sensor = self._registry.get(one.serial) if one.serial else None
        refusal = Refusal(one.code, text, one.line)
        return Case(message, refusal, Outcome.QUARANTINED, sensor.sensor_id if sensor else None)


def _serials(readings: Readings, rows: Column) -> list[str]:
    return [readings.serials[place] for place in np.unique(readings.who[rows]).tolist()]


def _refused(readings: Readings, row: int, refusal: Refusal) -> Refused:
    serial = readings.serials[readings.who[row]]
    return Refused(int(readings.lines[row]), refusal.code, refusal.text, serial, readings.row(row))


def _new_sensor(serial: str, about: About | None) -> NewSensor:
    told = about or About()
    return NewSensor(serial, told.model, told.kind, told.latitude, told.longitude, told.district)


def _block(readings: Readings, ids: Column, sound: Column) -> Block:
    everything = np.ones(len(readings), dtype=bool)
    carried = readings.carried or dict.fromkeys(readings.values, everything)
    return Block(ids, readings.times, readings.values, readings.revisions, carried).only(sound)
