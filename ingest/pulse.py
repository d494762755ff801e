"""A worker's pulse: its row in `worker`, its gaps and its lag, and what one worker does for all; every few seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from city.db import statement
from city.settings import Settings
from ingest.broker import BrokerNews, remember
from ingest.gaps import LOSSY, Episode, Gap, Gaps, Kind
from ingest.lag import Lag
from ingest.seat import ORPHAN_S

log = logging.getLogger("ingest.pulse")

#: How often conditions are looked at; as often as the heart beats.
LOOK_EVERY_S = 2.0
#: The share of the time since the look before that a window has to be full, or full batches have to be in the
#: database, to be called so. An ordinary drain at full speed spends half of its time there (measured).
SHARE = 0.8

_DETAILS: dict[Kind, str] = {
    "window_full": "all messages that the broker may have out wait for their commit; the broker keeps the rest",
    "database_slow": "the database takes full batches more slowly than messages arrive; the broker keeps the rest",
    "database_away": "no connection to the database; the broker keeps what arrives",
    "broker_away": "no connection to the broker, or it does not answer",
}


@dataclass(frozen=True, slots=True)
class Beat:
    """How a worker stands at a beat."""

    broker_ok: bool
    broker_since: datetime
    broker_detail: str
    last_message: datetime | None
    last_commit: datetime | None
    unacknowledged: int


class Pulse:
    """Looks at a worker's conditions, and writes what became of them when the database is there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.lag, self.gaps, self.news = Lag(), Gaps(), BrokerNews()
        self.episodes: dict[Kind, Episode] = {kind: Episode() for kind in _DETAILS}
        #: gaps by kind since the start
        self.counts: dict[Kind, int] = dict.fromkeys((*_DETAILS, *sorted(LOSSY)), 0)
        #: seconds since the start: with a full window, of full batches in the database, waiting for messages
        self.window_full_s = self.database_full_s = self.idle_s = 0.0
        #: cases taken out of quarantine, messages the broker dropped
        self.dropped = 0
        self.is_lowest = False
        self.busy = 0.0
        self._started = self._observed = self._looked = time.monotonic()
        self._was_full = False
        self._before = (0.0, 0.0, 0.0)

    # What the worker tells

    def observe(self, unacknowledged: int) -> None:
        """How many messages are out at the broker's window now; since the last time it was as it was then."""
        now = time.monotonic()
        if self._was_full:
            self.window_full_s += now - self._observed
        self._observed, self._was_full = now, unacknowledged >= self._settings.inflight

    def lost_session(self, slot: int, since: datetime) -> None:
        """The broker no longer had a session that was seen last at `since`."""
        detail = "the broker had forgotten this slot's session; what waited in it is gone"
        self._note(Gap("session_lost", slot, min(since, datetime.now(UTC)), datetime.now(UTC), None, detail))
        log.warning("slot %s: %s, seen last at %s", slot, detail, since.isoformat(timespec="seconds"))

    def look(self, slot: int | None, *, broker: bool, database: bool) -> None:
        """Whether conditions became gaps or ended; due every LOOK_EVERY_S."""
        now = time.monotonic()
        span, self._looked = max(now - self._looked, 1e-9), now
        sums = (self.window_full_s, self.database_full_s, self.idle_s)
        full, slow, idle = ((after - before) / span for after, before in zip(sums, self._before, strict=True))
        self._before, self.busy = sums, min(max(1.0 - idle, 0.0), 1.0)
        holds: dict[Kind, bool] = {
            "window_full": full >= SHARE,
            "database_slow": slow >= SHARE,
            "database_away": not database,
            "broker_away": not broker,
        }
        for kind, held in holds.items():
            self._judge(kind, slot or 0, held=held)

    def _judge(self, kind: Kind, slot: int, *, held: bool) -> None:
        found = self.episodes[kind].look(datetime.now(UTC), holds=held)
        if found:
            self._note(Gap(kind, slot, *found, None, _DETAILS[kind]), counted=found[1] is None)

    def _note(self, gap: Gap, *, counted: bool = True) -> None:
        self.gaps.add(gap)
        self.counts[gap.kind] += counted

    @property
    def since_look_s(self) -> float:
        """Seconds since the last look."""
        return time.monotonic() - self._looked

    @property
    def looks_due(self) -> bool:
        """Whether a look is due."""
        return self.since_look_s >= LOOK_EVERY_S

    # What is written

    def sit(self, conn: psycopg.Connection[Any], slot: int, *, is_new: bool) -> None:
        """A slot is taken: what its last holder left open has ended."""
        conn.execute(statement("end_gaps_of_slot"), [slot, is_new])

    def beat(self, conn: psycopg.Connection[Any], slot: int, writer: str, beat: Beat, retries: int) -> None:
        """The worker's row, and what was noted since the last beat."""
        row = [beat.broker_ok, beat.broker_since, beat.broker_detail, beat.last_message, beat.last_commit]
        load = [
            self._settings.inflight,
            beat.unacknowledged,
            self.busy,
            self.window_full_s,
            self.database_full_s,
        ]
        conn.execute(statement("beat"), [*row, *load, retries, beat.broker_ok, slot])
        self.lag.write(conn, writer)
        self.gaps.write(conn, writer)

    def serve(self, conn: psycopg.Connection[Any], slot: int, writer: str, orphans: Sequence[int]) -> None:
        """What the lowest slot does for all: orphans, and the broker's losses."""
        row = conn.execute(statement("lowest_slot"), [slot]).fetchone()
        self.is_lowest = bool(row and row[0])
        if not self.is_lowest:
            return
        if time.monotonic() - self._started > ORPHAN_S:  # of a crew that starts, some come later than others
            conn.execute(statement("open_orphans"), [list(orphans)])
        conn.execute(statement("end_orphans"), [list(orphans)])
        self._hear_broker(conn, slot, writer)

    def _hear_broker(self, conn: psycopg.Connection[Any], slot: int, writer: str) -> None:
        told = self.news.latest
        found = remember(conn, told) if told else None
        if told is None or found is None or found[1] <= 0:
            return
        before, dropped = found
        self.dropped += dropped
        detail = f"the broker dropped {dropped:,} messages (all its clients counted): its queues are at their limits"
        self._note(Gap("queue_overflow", slot, before.seen_at, told.seen_at, dropped, detail))
        log.warning("%s", detail)
        self.gaps.write(conn, writer)

    # What is told

    def open_gaps(self) -> list[dict[str, str]]:
        """What lasts now, for /readyz."""
        return [
            {"kind": kind, "since": began.isoformat(timespec="seconds"), "detail": _DETAILS[kind]}
            for kind, episode in self.episodes.items()
            if (began := episode.began_at) is not None
        ]
