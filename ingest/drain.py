"""Fetching what no shared subscription brings: the session of a slot nobody holds, and retained messages."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import psycopg

from city.db import statement
from city.settings import Settings
from ingest import slots
from ingest.sessions import RETAINED, Sessions, is_drained, is_quiet

log = logging.getLogger("ingest.drain")


class Drain:
    """One slot at a time, and once a connection the retained messages."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings, self._sessions = settings, sessions
        self._slot: int | None = None
        self.retained_due = False
        #: when the holder of the slot that is drained was seen last, None where there was no session
        self.seen_before: datetime | None = None

    def drop(self) -> int | None:
        """The database connection, and the hold on the slot with it, is gone; the number of the session given up."""
        slot, self._slot = self._slot, None
        if slot is not None and slot in self._sessions:
            self._sessions.close(slot)
        return slot

    def mind(self, conn: psycopg.Connection[Any], mine: int, busy: set[int]) -> None:
        """Begin with a slot that nobody holds, or end with one that is drained.

        `busy`: numbers of the sessions of which messages wait to be committed.
        """
        if not self._settings.mqtt_shared:
            return
        if self._slot is not None:
            self._end(conn, self._slot, busy)
            return
        self._slot = slots.abandoned(conn, mine, self._settings.workers)
        if self._slot is not None:
            log.warning("slot %s has no holder; fetching what its session still has", self._slot)
            load_timeless(conn, self._sessions, self._slot)
            self.seen_before = slots.last_seen(conn, self._slot)
            self._sessions.open(self._slot, "drain")

    def _end(self, conn: psycopg.Connection[Any], slot: int, busy: set[int]) -> None:
        session = self._sessions.get(slot)
        if session is None or slot in busy or not session.connected or not is_drained(session):
            return
        if not self._sessions.forget(slot):
            self._sessions.open(slot, "drain")
            return
        slots.bury(conn, slot)
        self._slot = None
        log.info("slot %s is drained and gone", slot)

    def fetch_retained(self, conn: psycopg.Connection[Any], mine: int) -> None:
        """The lowest slot reads once what the broker retained: a shared subscription is not given it."""
        self.retained_due = False
        held = [row[0] for row in conn.execute(statement("live_slots"))]
        if mine == min(held, default=mine) and RETAINED not in self._sessions:
            self._sessions.open(RETAINED, "retained")

    def end_retained(self, busy: set[int]) -> None:
        """The retained messages are through."""
        session = self._sessions.get(RETAINED)
        if session and RETAINED not in busy and is_quiet(session):
            self._sessions.close(RETAINED)


def load_timeless(conn: psycopg.Connection[Any], sessions: Sessions, slot: int) -> None:
    """Take over the digests that a slot's last holder wrote down."""
    row = conn.execute(statement("read_timeless"), [slot]).fetchone()
    sessions.remember(slot, bytes(row[0]) if row else b"")
