"""A file's readings through the rules that hold for messages, and into the database: an import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from city.contract import impossible
from city.db import is_permanent, statement
from city.metrics import Catalogue
from city.reading import SERIAL, About, Refusal
from city.readings import Readings, Refused, Then
from city.retention import midnight
from ingest.block import Block, Column, instant, moment
from ingest.bulk import make_partitions
from ingest.findings import Found
from ingest.fold import Outcome
from ingest.merge import MergeWriter
from ingest.message import MAX_AHEAD, Delivery, Message, below_floor, too_early
from ingest.quarantine import Case
from ingest.registry import RETIRED, UNKNOWN, Locator, NewSensor, Registry, State, register_many
from ingest.replay import IMPORT as WRITER
from ingest.tally import OUTCOMES
from ingest.writer import OLDEST, floor_of

#: Code and sentence of an exported row whose district this city has not.
ELSEWHERE = ("district", "the row's district is none of this city's; import it where it comes from")
#: A district that this city has not, among numbers of districts.
_NOWHERE = -2
#: A deadlock with ingest, or a database that is away for a moment: so many times a chunk is tried.
_TRIES = 5
_BY_HAND = Delivery(0, 0, 0, 0)


class City(Locator, Protocol):
    """What an import asks of a city pack."""

    @property
    def catalogue(self) -> Catalogue:
        """Its metrics."""

    @property
    def zone(self) -> ZoneInfo:
        """Its clock."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is taken."""

    #: what an unknown serial becomes; None: it is refused
    register: State | None
    #: None: for ever
    retention: timedelta | None
    #: what is older than raw readings are kept is handed back for its hours and days, instead of refused
    rollups: bool = False


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
    #: with `rollups`: readings that are too old to be stored, what is flagged of them left out
    below: Block | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor as an import of rollups needs it."""

    sensor_id: int
    #: whether its values enter the figures of districts: it is verified, or served until it was retired
    counts: bool


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
        #: serials that `known` registered
        self.registered: list[str] = []

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
        below = self._below(readings, sound, horizon)
        old = self._block(readings, ids).only(below) if below.any() else None
        outcomes = [0] * OUTCOMES
        outcomes[Outcome.STORED] = int(sound.sum())
        outcomes[Outcome.QUARANTINED] = len(refused) + len(more)
        new = unknown if self._terms.register is not None else []
        return Taken(outcomes, [*refused, *more], self._flagged(readings, sound), new, old)

    def border(self) -> datetime:
        """The oldest instant of which the reading itself is taken now."""
        return self.floor(self._begin(self._conn)[1])

    def district_called(self, code: str) -> int | None:
        """Number of a district in this database, None where it has none of that name."""
        self._begin(self._conn)
        return self._registry.district_called(code)

    def known(self, serials: Sequence[str], abouts: Mapping[str, About]) -> dict[str, Known]:
        """The sensors of these serials, new ones registered as the terms say; those that are refused are left out."""
        self.registered += self._register([one for one in serials if SERIAL.fullmatch(one)], abouts)
        self._begin(self._conn)
        found = {serial: self._registry.get(serial) for serial in serials}
        return {
            serial: Known(one.sensor_id, one.state != "unverified")
            for serial, one in found.items()
            if one is not None
        }

    def districts_of(self, block: Block) -> Column:
        """The districts in whose figures a block's readings enter, int16, −1 for none."""
        if block.districts is not None:
            return block.districts
        return self._registry.figure_districts(block.sensor_ids)

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
        return self._register(_serials(readings, sound), readings.about)

    def _register(self, serials: Sequence[str], abouts: Mapping[str, About]) -> list[str]:
        self._begin(self._conn)
        new = [serial for serial in serials if self._registry.get(serial) is None]
        if new and self._terms.register is not None:
            sensors = [_new_sensor(serial, abouts.get(serial)) for serial in new]
            register_many(self._conn, self._city, sensors, state=self._terms.register, by=WRITER)
        for serial, about in abouts.items():
            sensor = self._registry.get(serial)
            if sensor is not None and serial not in self._told and sensor.learns_from(about):
                self._registry.describe(self._conn, serial, about)
            self._told.add(serial)
        return new if self._terms.register is not None else []

    def _make_partitions(self, times: Column) -> None:
        _, horizon, _ = self._begin(self._conn)
        floor = moment(self.floor(horizon))
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
            below = self._below(readings, sound, horizon)
            block = self._block(readings, ids)
            self._looks = writer.merge(block.only(sound), look_first=self._looks)
            writer.flag(list(_found(readings, ids, sound)))
            writer.refuse([self._case(one, source, now) for one in refused])
            writer.finish()
        old = _unflagged(block, readings, below, self._city.catalogue) if below.any() else None
        return Taken(writer.outcomes(), refused, self._flagged(readings, sound), registered, old)

    def floor(self, horizon: datetime) -> datetime:
        """The oldest instant of which the reading itself is taken; with `rollups` a local midnight, as days are whole."""
        if not self._terms.rollups:
            return floor_of(horizon, self._terms.retention, self._clock())
        kept = self._terms.retention
        return max(
            OLDEST, horizon, OLDEST if kept is None else midnight(self._clock() - kept, self._city.zone)
        )

    def _below(self, readings: Readings, sound: Column, horizon: datetime) -> Column:
        """Which sound readings only count in hours and days; they are taken out of `sound`."""
        none = np.zeros(len(readings), dtype=bool)
        below: Column = (
            sound & (readings.times < moment(self.floor(horizon))) if self._terms.rollups else none
        )
        sound &= ~below
        return below

    def _block(self, readings: Readings, ids: Column) -> Block:
        everything = np.ones(len(readings), dtype=bool)
        carried = readings.carried or dict.fromkeys(readings.values, everything)
        block = Block(ids, readings.times, readings.values, readings.revisions, carried)
        if readings.then is None:
            return block
        districts = self._homes(readings, readings.then)
        return replace(block, districts=districts, extra=readings.then.extra, quiet=True)

    def _homes(self, readings: Readings, then: Then) -> Column:
        """The district in whose figure each exported reading enters, −1 for none, −2 for one this city has not."""
        codes, place = np.unique(
            np.array([one or "" for one in then.districts], dtype=str), return_inverse=True
        )
        known = [self._registry.district_called(code) if code else -1 for code in codes.tolist()]
        told = np.array([-2 if one is None else one for one in known], dtype=np.int16)[place]
        sensors = [self._registry.get(serial) for serial in readings.serials]
        own = [-1 if one is None or one.figure_district is None else one.figure_district for one in sensors]
        counts = np.array([one is not None and one.state != "unverified" for one in sensors], dtype=bool)
        homes = np.where(then.unverified & (told == -1), np.array(own, dtype=np.int16)[readings.who], told)
        return np.where(counts[readings.who] | (told == _NOWHERE), homes, np.int16(-1))

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
        floor = OLDEST if self._terms.rollups else self.floor(horizon)
        homes = None if readings.then is None else self._homes(readings, readings.then)
        rules: list[tuple[Column, Callable[[int], Refusal | None]]] = [
            (ids == 0, lambda _: UNKNOWN),
            # An export's rows were taken while their sensor served, and come back though it was retired since.
            (retired & (readings.then is None), lambda _: RETIRED),
            (readings.times < moment(floor), lambda row: _too_old(instant(readings.times[row]), floor)),
        ]
        if homes is not None:
            rules.append((homes == _NOWHERE, lambda _: Refusal(*ELSEWHERE)))
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


def _too_old(time: datetime, floor: datetime) -> Refusal | None:
    refusal = below_floor(time, floor)
    if refusal is None or time < OLDEST:
        return refusal
    return replace(refusal, text=f"{refusal.text}; its hours and days are taken by `sdot import --rollups`")


def _found(readings: Readings, ids: Column, sound: Column) -> Iterator[Found]:
    """What the file tells of flags, of the readings that were taken."""
    for one in readings.then.findings if readings.then else ():
        if sound[one.row]:
            time, revision = instant(readings.times[one.row]), int(readings.revisions[one.row])
            yield Found(int(ids[one.row]), time, revision, one.bit, one.kind, one.detail)


def _unflagged(block: Block, readings: Readings, rows: Column, catalogue: Catalogue) -> Block:
    """Some rows of a block without the values that enter no aggregate."""
    values = {}
    for key, column in block.values.items():
        low, high = catalogue[key].plausible
        values[key] = np.where((column >= low) & (column <= high), column, np.float32("nan"))
    for one in readings.then.findings if readings.then else ():
        key = next(metric.key for metric in catalogue if metric.bit == one.bit)
        if key in values:
            values[key][one.row] = np.nan
    return replace(block, values=values).only(rows)
