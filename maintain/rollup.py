"""Rollups kept true: open buckets, closed ones that a late reading touched, and spans that a back-fill wrote.

What has changed is found here; `levels` computes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors

import sql
from city.metrics import Catalogue
from maintain.levels import BUCKET, TICK, Levels, Marks

#: Buckets stay open so long after their end: what arrives in time is no late reading. Longer costs each refresh more.
OPEN_FOR = timedelta(minutes=10)
#: A reading may be so far ahead of our clock (wire contract v1), and its bucket with it.
AHEAD = timedelta(minutes=5)
#: Marks taken in one transaction: a second or two of work.
MARKS = 100_000
#: What was not rolled up for longer is computed after the present.
PAST = timedelta(hours=6)
#: The close waits for open batches and new ones wait for it, so it gives up soon and tries again at the next refresh.
CLOSE_WAIT = "2s"
#: All open buckets and the open day are computed at least so often; where that takes long, at this part of a core.
WHOLE_S, WHOLE_SHARE = 25.0, 24.0
#: What has just changed is looked at with each refresh; where that takes longer than the first of these, at the second part
#: of a core, and at least so often (within 30 s, with the time it takes and the round that it waits for).
LOOK_FREE_S, LOOK_SHARE, LOOK_S = 0.5, 20.0, 20.0
#: So often, where more marks wait than one transaction takes, they are searched for days that are crowded.
GATHER_S = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """The last look at what had just changed."""

    #: the oldest transaction that was at work: what it and later ones wrote was perhaps not seen
    oldest: str
    #: monotonic clock: before which there is no other
    due: float = 0.0


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
        self._conn, self._levels = conn, Levels(conn, catalogue)
        #: monotonic clock: when all open buckets are due
        self._whole_due = 0.0
        self._look: Look | None = None
        #: monotonic clock: when marks may be searched for crowded days
        self._gather_due = 0.0

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
        self._set_past_aside()
        self._open(now)
        yield from self._closed()
        self._gather()
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
        border = marks.floor(now - OPEN_FOR)
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

    def _open(self, now: datetime) -> None:
        """Open buckets: of all sensors when that is due, else of those that sent since the last look."""
        marks, last, started = self.marks(), self._look, time.monotonic()
        # Where closing waits for a long batch, what is older comes with the close.
        low = max(marks.open_from, marks.floor(now - PAST))
        high = marks.floor(now + AHEAD) + BUCKET
        if last is None or started >= self._whole_due:
            look = self._seen()
            self._levels.span(low, high, marks, days=True)
            self._look = look
            self._whole_due = started + max(WHOLE_S, WHOLE_SHARE * (time.monotonic() - started))
        elif started >= last.due:
            look = self._seen()
            self._changed(last, low, high, marks)
            spent = time.monotonic() - started
            due = started + min(LOOK_SHARE * spent, LOOK_S) if spent > LOOK_FREE_S else 0.0
            self._look = replace(look, due=due)

    def _changed(self, last: Look, low: datetime, high: datetime, marks: Marks) -> None:
        given = {"low": low, "high": high, "oldest": last.oldest, "origin": marks.origin}
        with self._conn.transaction():
            self._conn.execute(sql.query("take_changed"), given)
            self._levels.changed(marks, days=False)

    def _seen(self) -> Look:
        """What this moment sees."""
        row = self._conn.execute(sql.query("read_snapshot")).fetchone()
        return Look(row[0] if row else "3")  # the first number that is given away

    def _closed(self) -> Iterator[bool]:
        """Buckets that are open no longer, up to the first that is."""
        marks = self.marks()
        low, high = marks.floor(marks.rolled_to), marks.open_from
        for start, end in self._levels.parts(low, high, marks):
            self._levels.span(start, end, marks, days=end >= high or marks.midnight(end) > start)
            self._conn.execute(sql.query("finish_span"), [end])
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

    def _gather(self) -> None:
        """Make spans of days that are crowded with marks."""
        row = self._conn.execute(sql.query("many_touched"), {"limit": MARKS}).fetchone()
        if row and row[0] and time.monotonic() >= self._gather_due:
            self._conn.execute(sql.query("crowded_days"), {"zone": self.marks().zone})
            self._gather_due = time.monotonic() + GATHER_S

    def _touched(self) -> int:
        marks = self.marks()
        with self._conn.transaction():
            wanted = {"limit": MARKS, "origin": marks.origin, "horizon": marks.horizon}
            row = self._conn.execute(sql.query("take_touched"), wanted).fetchone()
            self._levels.changed(marks)
        return int(row[0]) if row else 0

    def _spans(self) -> Iterator[int]:
        self._conn.execute(sql.query("merge_spans"))
        for span_id, low, high in self._conn.execute(sql.query("read_spans")).fetchall():
            marks = self.marks()
            start = marks.floor(max(low, marks.horizon))
            for begin, end in reversed(list(self._levels.parts(start, high, marks))):
                self._levels.span(begin, end, marks, days=begin <= max(start, marks.midnight(end - TICK)))
                if begin > start:
                    self._conn.execute(sql.query("shorten_span"), [begin, span_id])
                else:
                    self._conn.execute(sql.query("delete_span"), [span_id])
                yield int(begin <= start)
            if start >= high:  # all of it lies below the horizon
                self._conn.execute(sql.query("delete_span"), [span_id])
                yield 1


def lead(conn: psycopg.Connection[Any]) -> bool:
    """Whether this session maintains from now on, until it ends."""
    row = conn.execute(sql.query("lead")).fetchone()
    return bool(row and row[0])
