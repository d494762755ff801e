"""One batch, one transaction: readings, touched, newest values, quarantine, and the ledger last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from psycopg import errors

from city.db import is_missing_partition, is_permanent, one_line, statement
from city.metrics import Catalogue
from city.reading import About, Reading, Refusal
from city.settings import Settings
from ingest import ledger, quarantine
from ingest.batch import Batch, Clock, with_limit
from ingest.columns import Columns, Reader
from ingest.fold import fold
from ingest.gate import Strangers
from ingest.message import Message
from ingest.newest import newest
from ingest.registry import Registry, Sensor, State
from ingest.series import Series, keys_of
from ingest.sheet import Sheet, sheet_of
from ingest.tally import Tally

#: After a repeat, so many batches look first for what is there: a COPY that fails costs 2.8 times its price.
LOOK_FIRST_BATCHES = 100
#: A repeat may come in between look-up and COPY, from another worker; more often than this is no accident.
MAX_COLLISIONS = 5
#: Nothing before is taken, whatever the horizon (wire contract v1).
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
#: What is at or above the horizon may be dropped within a day.
HORIZON_MARGIN = timedelta(days=1)


class _Unmet(Exception):  # noqa: N818 a finding, not a failure
    """A serial that was met is no sensor's any more: it was renamed meanwhile."""


def floor_of(horizon: datetime, retention: timedelta | None, now: datetime) -> datetime:
    """The oldest instant that is taken: nothing that may be gone already, nor what would go at once."""
    floor = max(OLDEST, horizon + HORIZON_MARGIN) if horizon > OLDEST else OLDEST
    return floor if retention is None else max(floor, now - retention)


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that decide what is taken."""

    #: what an unknown serial becomes
    register: State | None
    register_per_hour: int
    #: None: for ever
    retention: timedelta | None
    #: of one sensor (ingest.gate)
    readings_per_minute: int = 600


def rules_of(settings: Settings) -> Rules:
    """The rules that settings make."""
    states: dict[str, State | None] = {"open": "verified", "unverified": "unverified", "closed": None}
    taken = states[settings.register_mode], settings.register_per_hour, settings.retention
    return Rules(*taken, settings.readings_per_minute)


@dataclass(slots=True)
class Report:
    """What a commit did."""

    batches: list[Batch]
    watched: frozenset[str]
    seconds: float
    looked_first: bool
    #: why the last messages are not written, though the first are
    error: psycopg.Error | None = None


@dataclass(slots=True)
class Marks:
    """What the caller wants written in the batch's own transaction."""

    #: digests of timeless messages, (slot, bytes) each
    timeless: Sequence[tuple[int, bytes]] = ()
    #: called inside the transaction with the finished batch: notifications
    announce: Callable[[psycopg.Connection[Any], Batch, frozenset[str]], None] | None = None


@dataclass(slots=True)
class Writer:
    """Writes batches of messages under one name, over one connection at a time."""

    name: str
    catalogue: Catalogue
    registry: Registry
    rules: Rules
    tally_of: Callable[[], Tally]
    _series: Series = field(init=False)
    _reader: Reader = field(init=False)
    _clock: Clock = field(init=False, default_factory=Clock)
    _look_first: int = field(init=False, default=0)
    _resent: int = field(init=False, default=0)
    _weeks: set[tuple[int, int, int]] = field(init=False, default_factory=set)
    _horizon: datetime = field(init=False, default=OLDEST)
    _told: dict[str, About] = field(init=False, default_factory=dict)
    _strangers: Strangers = field(init=False)

    def __post_init__(self) -> None:
        self._series = Series(self.catalogue, self.name)
        self._reader = Reader(self.catalogue)
        self._strangers = Strangers(self.rules.readings_per_minute)

    def prepare(self, conn: psycopg.Connection[Any]) -> None:
        """Get a fresh connection ready."""
        self._series.prepare(conn)
        self._weeks.clear()

    def look_first(self) -> None:
        """Expect repeats: there was one, or a replay begins."""
        self._look_first = LOOK_FIRST_BATCHES

    def expect_again(self, messages: int) -> None:
        """A session was resumed: so many may come that were committed and not acknowledged."""
        self._resent = max(self._resent, messages)

    @property
    def _looks(self) -> bool:
        return self._look_first > 0 or self._resent > 0

    def write(self, conn: psycopg.Connection[Any], messages: Sequence[Message], marks: Marks) -> Report:
        """Commit messages; data the database can never store are isolated and quarantined.

        Raises psycopg.Error where the same messages are worth another try. Where an isolation got through a part
        of them only, the report's batches are those messages, the first ones, and it holds the error.
        """
        started = time.perf_counter()
        looked = self._looks
        batches: list[Batch] = []
        failure, watched = None, frozenset[str]()
        try:
            watched = self._write_some(conn, list(messages), marks, batches)
        except psycopg.Error as error:
            if not batches:
                raise
            failure = error
        return Report(batches, watched, time.perf_counter() - started, looked, failure)

    def _write_some(
        self,
        conn: psycopg.Connection[Any],
        messages: list[Message],
        marks: Marks,
        done: list[Batch],
    ) -> frozenset[str]:
        try:
            batch, watched = self._write_once(conn, messages, marks)
        except psycopg.Error as error:
            if not is_permanent(error) or is_missing_partition(error):
                self._weeks.clear()
                raise
            if len(messages) == 1:
                if any(isinstance(item, Refusal) and item.code == "database" for item in messages[0].items):
                    raise
                messages[0].plain, messages[0].items = (
                    None,
                    [Refusal("database", f"the database refuses it: {one_line(error)}")],
                )
                return self._write_some(conn, messages, marks, done)
            half = len(messages) // 2
            # The digests are of all messages: none may be believed stored before the last of them is.
            first = self._write_some(conn, messages[:half], Marks((), marks.announce), done)
            return first | self._write_some(conn, messages[half:], marks, done)
        done.append(batch)
        return watched

    def _write_once(
        self, conn: psycopg.Connection[Any], messages: Sequence[Message], marks: Marks
    ) -> tuple[Batch, frozenset[str]]:
        columns = self._reader.read(messages)
        limited = self._meet(conn, messages, columns)
        self._make_partitions(conn, messages, columns)
        for _ in range(MAX_COLLISIONS):
            try:
                return self._transaction(conn, messages, columns, limited, marks, meets=True)
            except errors.UniqueViolation:
                self.look_first()
            except _Unmet:
                limited = self._meet(conn, messages, columns)
        return self._transaction(conn, messages, columns, limited, marks, meets=False)

    def _meet(
        self, conn: psycopg.Connection[Any], messages: Sequence[Message], columns: Columns
    ) -> frozenset[str]:
        """Register new serials and learn what sensors say of themselves; returns those over the limit."""
        self._first_refresh(conn)
        new: dict[str, About | None] = dict.fromkeys(
            serial for serial in columns.serials if self.registry.get(serial) is None
        )
        for message in messages:
            for item in message.items:
                if isinstance(item, Reading) and message.serial:
                    self._meet_one(conn, message.serial, item, new)
        if not new or self.rules.register is None:
            return frozenset()
        self.registry.register(conn, new, self.rules.register, self.rules.register_per_hour)
        return frozenset(serial for serial in new if self.registry.get(serial) is None)

    def _first_refresh(self, conn: psycopg.Connection[Any]) -> None:
        if self.registry.version < 0:
            row = conn.execute(statement("batch_begin")).fetchone()
            self.registry.refresh(conn, row[0] if row else 0)

    def _meet_one(
        self, conn: psycopg.Connection[Any], serial: str, reading: Reading, new: dict[str, About | None]
    ) -> None:
        about = reading.about
        if reading.sensor is not None and reading.sensor != serial:
            carrier = self.registry.get(serial)
            if carrier is not None and (not carrier.gateway or carrier.state == "retired"):
                return
            # What it says is of the sensor behind it, never of a carrier that is new to us.
            serial, about = (reading.sensor, about) if carrier is not None else (serial, None)
        sensor = self.registry.get(serial)
        if sensor is None:
            if new.get(serial) is None:
                new[serial] = about
        elif about is not None and self._is_news(sensor, about):
            self.registry.describe(conn, serial, about)
            self._told[serial] = about

    def _is_news(self, sensor: Sensor, about: About) -> bool:
        """A description that taught nothing (a district nobody knows) is not tried with each message."""
        known = self._told.get(sensor.serial) == about
        return not known and sensor.state != "retired" and sensor.learns_from(about)

    def _make_partitions(
        self, conn: psycopg.Connection[Any], messages: Sequence[Message], columns: Columns
    ) -> None:
        floor = self._floor(self._horizon)
        live = np.array([self._is_wanted(serial, floor, floor) for serial in columns.serials], dtype=bool)
        for day in columns.days(live, floor):
            self._make_partition(conn, day)
        for message in messages:
            for item in message.items:
                if isinstance(item, Reading):
                    serial, at = item.sensor or message.serial, item.time or message.at
                    if self._is_wanted(serial, at, floor):
                        self._make_partition(conn, at)

    def _make_partition(self, conn: psycopg.Connection[Any], at: datetime) -> None:
        week = (*at.isocalendar()[:2], at.year)
        if week not in self._weeks:
            conn.execute(statement("ensure_partition"), [at])
            self._weeks.add(week)

    def _is_wanted(self, serial: str | None, at: datetime, floor: datetime) -> bool:
        """Whether a reading can be stored at all: no partition is made for one that will be refused."""
        sensor = self.registry.get(serial or "")
        return sensor is not None and sensor.state != "retired" and at >= floor

    def _floor(self, horizon: datetime) -> datetime:
        return floor_of(horizon, self.rules.retention, datetime.now(UTC))

    def _transaction(
        self,
        conn: psycopg.Connection[Any],
        messages: Sequence[Message],
        columns: Columns,
        limited: frozenset[str],
        marks: Marks,
        *,
        meets: bool,
    ) -> tuple[Batch, frozenset[str]]:
        batch = Batch(messages)
        with conn.transaction():
            row = conn.execute(statement("batch_begin")).fetchone()
            version, horizon, open_from, watched = row or (0, OLDEST, OLDEST, [])
            self._horizon = horizon
            self.registry.refresh(conn, version)
            batch.sheet = self._sheet(conn, columns, batch, frozenset(watched))
            batch.judge(self.registry, self._clock, self._floor(horizon))
            if meets and self.rules.register is not None and batch.unknown() - limited:
                raise _Unmet
            with_limit(batch, limited, self._strangers)
            self._store(conn, batch, open_from)
            self._account(conn, batch)
            for slot_digests in marks.timeless:
                conn.execute(statement("keep_timeless"), slot_digests)
            if marks.announce is not None:
                marks.announce(conn, batch, frozenset(watched))
            ledger.raise_counts(conn, self.name, batch.count(self.tally_of()))
        self._strangers.settle()
        self._look_first = max(self._look_first - 1, 0)
        self._resent = max(self._resent - len(messages), 0)
        return batch, frozenset(watched)

    def _sheet(
        self, conn: psycopg.Connection[Any], columns: Columns, batch: Batch, watched: frozenset[str]
    ) -> Sheet | None:
        """What of the plain messages is new, of sensors that no other message of the batch is of.

        The others are unfolded: what is watched too, since who watches is told of each reading.
        """
        columns = columns.without(np.array([m.plain is None for m in columns.messages], dtype=bool))
        aside = {sensor.sensor_id for serial in watched if (sensor := self.registry.get(serial))}
        aside |= batch.sensor_ids(self.registry)
        floor = self._floor(self._horizon)
        while len(columns):
            sheet, out = sheet_of(columns, self.registry, floor, aside, self._series.plausible)
            if sheet is not None and self._looks:
                out = self._series.known(conn, sheet)
            if not out.any():
                return sheet
            columns = self._reader.unfold(columns, out)
            aside |= batch.sensor_ids(self.registry)
        return None

    def _store(self, conn: psycopg.Connection[Any], batch: Batch, open_from: datetime) -> None:
        existing = self._series.existing(conn, keys_of(batch.facts)) if self._looks and batch.facts else {}
        folded = fold(batch.facts, existing)
        batch.settle(folded.outcomes)
        self._series.write(conn, folded, open_from, batch.sheet)
        self._series.write_latest(conn, newest(folded.accepted, self._series.plausible), batch.sheet)

    def _account(self, conn: psycopg.Connection[Any], batch: Batch) -> None:
        if cases := batch.cases():
            quarantine.keep(conn, cases, self.name)
        if statuses := batch.statuses():
            conn.execute(statement("set_status"), [list(column) for column in zip(*statuses, strict=True)])
        seen, dropped = batch.extra_keys()
        if keys := sorted(seen.keys() | dropped.keys()):
            counts = [[seen[key] for key in keys], [dropped[key] for key in keys]]
            conn.execute(statement("raise_extra_keys"), [keys, *counts])
