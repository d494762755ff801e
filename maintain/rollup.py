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
        self._steps = [sql.literal(sql.expand_metrics(sql.query(name), catalogue)) for name in STEPS]
        self._zone = "UTC"
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
        """From what is rolled up to the newest bucket; a long past is left to the spans."""
        self._set_past_aside()
        marks = self.marks()
        low, high = _floor(marks.rolled_to, marks.origin), _floor(now + AHEAD, marks.origin) + BUCKET
        for start, end in self._portions(low, high):
            with self._conn.transaction():
                self._take_span(start, end, marks)
                self._compute(marks)
                self._conn.execute(sql.query("finish_span"), [min(end, marks.open_from)])
            yield True

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
        for span_id, low, high in self._conn.execute(sql.query("read_spans")).fetchall():
            marks = self.marks()
            start = _floor(max(low, marks.horizon), marks.origin)
            for begin, end in self._portions(start, high):
                with self._conn.transaction():
                    self._take_span(begin, end, marks)
                    self._compute(marks)
                    if end < high:
                        self._conn.execute(sql.query("shorten_span"), [end, span_id])
                    else:
                        self._conn.execute(sql.query("delete_span"), [span_id])
                yield int(end >= high)
            if start >= high:  # all of it lies below the horizon
                self._conn.execute(sql.query("delete_span"), [span_id])
                yield 1

    def _take_span(self, low: datetime, high: datetime, marks: Marks) -> None:
        low = max(low, _floor(marks.horizon - _TICK, marks.origin) + BUCKET)
        if low < high:
            self._conn.execute(sql.query("take_span"), {"low": low, "high": high})

    def _compute(self, marks: Marks) -> None:
        """All levels of what is in `changed_bucket`."""
        row = self._conn.execute(sql.query("changed_days"), {"zone": marks.zone}).fetchone()
        if row is None or row[0] is None:
            return
        given = {"low": max(row[0], marks.horizon), "high": row[1], "zone": marks.zone}
        for step in self._steps:
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
