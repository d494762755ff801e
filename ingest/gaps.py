"""Gaps: spans in which messages may have been lost, or waited. Conditions become spans here, and rows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import psycopg

from city.db import statement

Kind = Literal[
    "queue_overflow",
    "session_lost",
    "orphaned_slot",
    "window_full",
    "database_slow",
    "database_away",
    "broker_away",
]
#: Kinds in which what QoS 1 had promised may be gone; in the others it waits.
LOSSY: frozenset[Kind] = frozenset({"queue_overflow", "session_lost"})
#: A condition has to hold for so long to be a gap, and to be gone for so long to have ended: a restart of a broker, a
#: commit that takes long, a lock are ordinary and pass; what lasts longer a person wants to know of. So a condition
#: that comes and goes is one gap, not many.
OPENS_AFTER, ENDS_AFTER = timedelta(seconds=10), timedelta(seconds=10)
#: Gaps that wait for the database; beyond, the oldest are forgotten.
MAX_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Gap:
    """A span that began, or ended."""

    kind: Kind
    slot: int
    began_at: datetime
    #: None while it lasts
    ended_at: datetime | None
    #: messages, None where nobody can tell
    size: int | None
    #: one line for a person
    detail: str


class Episode:
    """A condition that is looked at every few seconds, as a span with a beginning and an end."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._last: datetime | None = None
        self.open = False

    @property
    def began_at(self) -> datetime | None:
        """When what is open began."""
        return self._since if self.open else None

    def look(self, now: datetime, *, holds: bool) -> tuple[datetime, datetime | None] | None:
        """(began, ended or None) where a gap begins or ends now, else None."""
        if holds:
            self._since, self._last = self._since or now, now
            if not self.open and now - self._since >= OPENS_AFTER:
                self.open = True
                return self._since, None
        elif self._since is not None and self._last is not None and now - self._last >= ENDS_AFTER:
            span, was_open = (self._since, self._last), self.open
            self._since = self._last = None
            self.open = False
            return span if was_open else None
        return None


class Gaps:
    """What a worker knows of gaps, kept until the database has it."""

    def __init__(self) -> None:
        self._waiting: deque[Gap] = deque(maxlen=MAX_WAITING)

    def add(self, gap: Gap) -> None:
        """A gap began or ended."""
        self._waiting.append(gap)

    def write(self, conn: psycopg.Connection[Any], writer: str) -> None:
        """Write what waits, each in its own statement: what is written is not written again."""
        while self._waiting:
            gap = self._waiting[0]
            span = [gap.began_at, gap.ended_at, gap.size, gap.kind in LOSSY, gap.detail]
            end = [gap.ended_at, gap.size, gap.detail, gap.kind, gap.slot]
            if gap.ended_at is None or not conn.execute(statement("end_gap"), end).rowcount:
                conn.execute(statement("insert_gap"), [gap.kind, gap.slot, writer, *span])
            self._waiting.popleft()
