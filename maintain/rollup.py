"""Rollups kept true: open buckets, closed ones that a late reading touched, and spans that a back-fill wrote.

Raw readings become `sensor_10min`, these `sensor_hour`, and both the districts' figures, all in one transaction a
portion. Nothing below the horizon is computed: what raw readings there were may be gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import errors

import sql
from city.metrics import Catalogue

BUCKET = timedelta(minutes=10)
#: Buckets stay open so long after their end: what arrives in time is no late reading. Longer costs each refresh more.
OPEN_FOR = timedelta(minutes=10)
#: A reading may be so far ahead of our clock (wire contract v1), and its bucket with it.
AHEAD = timedelta(minutes=5)
#: Marks taken in one transaction, and buckets of sensors computed in one: a second or two of work each.
MARKS, PORTION = 100_000, 100_000
#: What was not rolled up for longer is computed after the present.
PAST = timedelta(hours=6)
#: PostgreSQL's smallest step of time.
_TICK = timedelta(microseconds=1)
#: The close waits for open batches and new ones wait for it, so it gives up soon and tries again at the next refresh.
CLOSE_WAIT = "2s"

#: In this order: each step reads what the one before wrote.
STEPS = (
    "drop_sensor_10min", "fill_sensor_10min", "drop_sensor_hour", "fill_sensor_hour", "gather_districts",
    "drop_district_10min", "fill_district_10min", "drop_district_hour", "fill_district_hour",
    "drop_district_day", "fill_district_day",
)  # fmt: skip
#: A day of a district is a day's hours of all its sensors: not with each look at what has just changed.
DAYS = ("drop_district_day", "fill_district_day")
#: All open buckets and the open day are computed at least so often, or at an eighth of a core where that takes longer.
WHOLE_S, WHOLE_SHARE = 25.0, 8.0
#: Clocks of ingest and database may differ so much; beyond it the next whole pass sees what changed.
SKEW = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the rollups stand."""

    #: buckets from here on are open
    open_from: datetime
    #: buckets below are rolled up, but for what is marked
    rolled_to: datetime
    #: raw readings below may be gone
    horizon: datetime
    #: of the city
    zone: str

    @property
    def origin(self) -> datetime:
        """A local midnight: 10 minutes are counted from it."""
        return datetime(2000, 1, 3, tzinfo=ZoneInfo(self.zone))


@dataclass(slots=True)
class Refreshed:
    """What a refresh did."""

    #: marks of `touched` that were taken
    marks: int = 0
    #: spans of a back-fill, or of the past before the first refresh, that were finished
    spans: int = 0
    #: whether there is more to do at once
    more: bool = False
    seconds: float = 0.0
    #: why closing has to wait for the next refresh
    busy: bool = field(default=False)


class Refresher:
    """Keeps the rollups of one database; one at a time (see `lead`)."""

    def __init__(self, conn: psycopg.Connection[Any], catalogue: Catalogue) -> None:
        self._conn = conn
        self._steps = {name: sql.literal(sql.expand_metrics(sql.query(name), catalogue)) for name in STEPS}
        #: monotonic clock: when all open buckets are due
        self._whole_due = 0.0
        #: when the last look at what changed began
        self._looked_at: datetime | None = None
        # Each statement has a hundred aggregates: compiling them takes longer than running them.
        conn.execute("SET jit = off")
        conn.execute("SET work_mem = '64MB'")  # a portion's groups in memory
        for name in ("stage_rollup", "stage_rollup_districts", "stage_rollup_once"):
            conn.execute(sql.query(name))

    def refresh(self, now: datetime | None = None, patience_s: float = 5.0) -> Refreshed:
        """One round: what is open first, then what was touched, then spans, until `patience_s` have passed."""
        now, started, done = now or datetime.now(UTC), time.monotonic(), Refreshed()
        done.busy = not self._close(now)
        work = self._rounds(now, done)
        for done.more in work:
            if time.monotonic() - started > patience_s:
                break
        done.seconds = time.monotonic() - started
        return done

    def _rounds(self, now: datetime, done: Refreshed) -> Iterator[bool]:
        """Portions of work, the most wanted first; yields whether another follows at once."""
        yield from self._open(now)
        while taken := self._touched():
            done.marks += taken
            yield taken == MARKS
        for finished in self._spans():
            done.spans += finished
            yield True
        done.more = False
        yield False

    def backlog(self) -> int:
        """Marks that wait; a span of a back-fill counts as one."""
        row = self._conn.execute(sql.query("count_touched")).fetchone()
        return int(row[0]) if row else 0

    def marks(self) -> Marks:
        """Where the rollups stand."""
        row = self._conn.execute(sql.query("read_marks")).fetchone()
        if row is None:
            raise LookupError("the checkpoint is empty; run `sdot db migrate`")
        return Marks(*row)

    def _close(self, now: datetime) -> bool:
        """Move the border between closed and open buckets; False where a batch would not end soon."""
        marks = self.marks()
        border = _floor(now - OPEN_FOR, marks.origin)
        if border <= marks.open_from:
            return True
        try:
            with self._conn.transaction():
                self._conn.execute(sql.literal(f"SET LOCAL lock_timeout = '{CLOSE_WAIT}'"))
                self._conn.execute(sql.query("wait_for_batches"))
                self._conn.execute(sql.query("move_open_from"), {"open_from": border})
        except errors.LockNotAvailable:
            return False
        return True

    def _open(self, now: datetime) -> Iterator[bool]:
        """Open buckets: of all sensors when that is due, else of those that sent since the last look."""
        self._set_past_aside()
        marks, looked_at = self.marks(), self._looked_at
        self._looked_at = now
        high = _floor(now + AHEAD, marks.origin) + BUCKET
        if marks.rolled_to < marks.open_from or time.monotonic() >= self._whole_due or looked_at is None:
            yield from self._whole(marks, high)
            return
        with self._conn.transaction():
            given = {"low": marks.open_from, "high": high, "since": looked_at - SKEW}
            self._conn.execute(sql.query("take_changed"), given)
            self._compute(marks, days=False)
        yield True

    def _whole(self, marks: Marks, high: datetime) -> Iterator[bool]:
        """From what is rolled up to the newest bucket."""
        started = time.monotonic()
        for start, end in self._portions(_floor(marks.rolled_to, marks.origin), high):
            with self._conn.transaction():
                self._take_span(start, end, marks)
                self._compute(marks)
                self._conn.execute(sql.query("finish_span"), [min(end, marks.open_from)])
            yield True
        spent = time.monotonic() - started
        self._whole_due = started + max(WHOLE_S, WHOLE_SHARE * spent)

    def _set_past_aside(self) -> None:
        """Before the first refresh, or after days without one: operators see the present first."""
        marks = self.marks()
        if marks.open_from - marks.rolled_to < PAST:
            return
        row = self._conn.execute(sql.query("first_reading")).fetchone()
        first = row[0] if row and row[0] else marks.open_from
        low = max(marks.rolled_to, first)
        with self._conn.transaction():
            if low < marks.open_from:
                self._conn.execute(sql.query("insert_touched_span"), [low, marks.open_from])
            self._conn.execute(sql.query("finish_span"), [marks.open_from])

    def _touched(self) -> int:
        marks = self.marks()
        with self._conn.transaction():
            wanted = {"limit": MARKS, "origin": marks.origin, "horizon": marks.horizon}
            row = self._conn.execute(sql.query("take_touched"), wanted).fetchone()
            self._compute(marks)
        return int(row[0]) if row else 0

    def _spans(self) -> Iterator[int]:
        self._conn.execute(sql.query("merge_spans"))
        for span_id, low, high in self._conn.execute(sql.query("read_spans")).fetchall():
            marks = self.marks()
            start = _floor(max(low, marks.horizon), marks.origin)
            for begin, end in reversed(list(self._portions(start, high))):
                with self._conn.transaction():
                    self._take_span(begin, end, marks)
                    self._compute(marks)
                    if begin > start:
                        self._conn.execute(sql.query("shorten_span"), [begin, span_id])
                    else:
                        self._conn.execute(sql.query("delete_span"), [span_id])
                yield int(begin <= start)
            if start >= high:  # all of it lies below the horizon
                self._conn.execute(sql.query("delete_span"), [span_id])
                yield 1

    def _take_span(self, low: datetime, high: datetime, marks: Marks) -> None:
        low = max(low, _floor(marks.horizon - _TICK, marks.origin) + BUCKET)
        if low < high:
            self._conn.execute(sql.query("take_span"), {"low": low, "high": high})

    def _compute(self, marks: Marks, *, days: bool = True) -> None:
        """All levels of what is in `changed_bucket`."""
        row = self._conn.execute(sql.query("changed_days"), {"zone": marks.zone}).fetchone()
        if row is None or row[0] is None:
            return
        given = {"low": max(row[0], marks.horizon), "high": row[1], "zone": marks.zone}
        for name, step in self._steps.items():
            if days or name not in DAYS:
                self._conn.execute(step, given)

    def _portions(self, low: datetime, high: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The span in parts of about PORTION buckets of sensors, each within a local day or whole ones."""
        row = self._conn.execute("SELECT count(*) FROM latest").fetchone()
        part = max(1, PORTION // max(row[0] if row else 1, 1)) * BUCKET
        while low < high:
            yield low, min(low + part, high)
            low += part


def lead(conn: psycopg.Connection[Any]) -> bool:
    """Whether this session maintains from now on, until it ends."""
    row = conn.execute(sql.query("lead")).fetchone()
    return bool(row and row[0])


def _floor(instant: datetime, origin: datetime) -> datetime:
    """The start of the instant's local 10 minutes."""
    instant = instant.astimezone(UTC)
    return instant - (instant - origin.astimezone(UTC)) % BUCKET
