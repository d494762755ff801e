"""Whether a worker's session gets its share of the messages, or all of them because it is the only one.

A plain subscription survives a restart of mosquitto, a shared one does not. So the only session takes everything, and
goes over to a share before a second one begins: nothing is sent to two sessions, so that a message without a time of
its own is not stored twice. What is agreed goes through the database: rows of `worker`, and an advisory lock that is
held by whose session is subscribed to everything.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg

from city.db import statement
from city.settings import Settings
from ingest.sessions import Sessions

#: Who joins waits no longer than this for who is there: better some messages twice than a worker that stands idle.
JOIN_LIMIT_S = 10.0


class Share:
    """One worker's side of it."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings, self._sessions = settings, sessions
        self._holds = False
        self._waits_since: float | None = None

    def drop(self) -> None:
        """The database connection is gone, and the lock with it."""
        self._holds = False

    def join(self, conn: psycopg.Connection[Any], slot: int) -> bool:
        """Open the slot's session once it is nobody's loss; whether that is done."""
        now = time.monotonic()
        self._waits_since = now if self._waits_since is None else self._waits_since
        alone = self._is_alone(conn, slot)
        if not alone and not _true(conn, "may_join", slot) and now - self._waits_since < JOIN_LIMIT_S:
            return False
        self._waits_since = None
        self._sessions.open(slot, "live", alone=alone)
        return True

    def mind(self, conn: psycopg.Connection[Any], slot: int) -> bool:
        """Take everything where no other slot has a session, else a share; whether the broker has yet to answer."""
        session = self._sessions.get(slot)
        if session is None or not self._settings.mqtt_shared:
            return False
        alone = self._is_alone(conn, slot)
        session.change(self._sessions.topic(alone=alone))
        if alone:
            return False
        if self._holds and not self._sessions.is_whole(slot):
            self._leave(conn)
        return self._holds

    def _is_alone(self, conn: psycopg.Connection[Any], slot: int) -> bool:
        """The lock first, then the look: of two that begin at once, one sees the other."""
        if not self._settings.mqtt_shared or not _true(conn, "is_alone", slot):
            return False
        self._holds = self._holds or _true(conn, "try_whole")
        alone = self._holds and _true(conn, "is_alone", slot)
        if self._holds and not alone and not self._sessions.is_whole(slot):
            self._leave(conn)
        return alone

    def _leave(self, conn: psycopg.Connection[Any]) -> None:
        conn.execute(statement("leave_whole"))
        self._holds = False


def _true(conn: psycopg.Connection[Any], name: str, *given: int) -> bool:
    row = conn.execute(statement(name), given or None).fetchone()
    return bool(row and row[0])
