"""A worker's seat: its database connection and the slot it holds by it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors

from city.db import Watchdog, connect, one_line, statement
from city.errors import DatabaseError
from city.settings import Settings
from ingest import slots

log = logging.getLogger("ingest.seat")

#: A whole call to the database ends within this.
CALL_LIMIT_S = 9.0
#: A database that fails is tried again after 0.1 s, doubled up to the limit.
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.1, 5.0
#: A batch is never tried in more parts than this tells.
SMALLEST_SHARE = 1 / 64
#: A holder whose heart has not beaten for so long has left an orphan.
ORPHAN_S = 15.0

#: A standby, and a schema that is older than we are: its staging tables would stay as old as their session.
_NEW_CONNECTION = (errors.ReadOnlySqlTransaction, errors.UndefinedColumn)

#: Called with a fresh connection, the slot, and whether that slot is new to this worker.
Prepare = Callable[[psycopg.Connection[Any], int, bool], None]


class Seat:
    """Takes a slot, takes it again after the connection was lost, and gives it back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watchdog = Watchdog()
        self._retry_at, self._backoff = 0.0, FIRST_BACKOFF_S
        self.conn: psycopg.Connection[Any] | None = None
        self.slot: int | None = None
        self.metrics_port: int | None = None
        self.detail = "not connected yet"
        self.orphans: list[int] = []
        #: how much of a batch to try at once, halved where a call did not end in time
        self.share = 1.0
        self.lost_at = time.monotonic()
        #: when the slot's holder before us was seen, None where the broker had no session for it
        self.seen_before: datetime | None = None
        #: process id and start of our last connection at the server, where it may live on after we gave it up
        self._backend: tuple[int, datetime] | None = None

    @property
    def writer(self) -> str:
        """The name in the ledger."""
        return f"ingest/{self.slot}"

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next attempt is due; 0 where nothing failed."""
        return max(self._retry_at - time.monotonic(), 0.0) if self._retry_at else 0.0

    @contextlib.contextmanager
    def call(self) -> Iterator[psycopg.Connection[Any]]:
        """The connection, for a call that ends in time."""
        if self.conn is None:
            raise DatabaseError("no connection to the database")
        with self._watchdog.limit(self.conn, CALL_LIMIT_S):
            yield self.conn

    def take(self, prepare: Prepare) -> bool:
        """Connect and take the slot; whether that is done. False: try again later.

        The same slot is taken again. Where another worker took it over, `slot` is None afterwards and the caller
        gives up its session before the next attempt.
        """
        if self.retry_in_s:
            return False
        conn: psycopg.Connection[Any] | None = None
        try:
            conn = connect(self._settings.database_url, "sdot ingest")
            with self._watchdog.limit(conn, CALL_LIMIT_S):
                self._begin(conn)
                seated = self._sit(conn, prepare)
        except (DatabaseError, psycopg.Error) as error:
            self._close(conn)
            self.lost(one_line(error))
            return False
        if not seated:
            self._close(conn)
            return False
        self.conn, self.detail = conn, "connected"
        self.worked()
        log.info("connected to the database, slot %s", self.slot)
        return True

    def _begin(self, conn: psycopg.Connection[Any]) -> None:
        """End our last connection, if the server has not noticed yet: it holds our slot, and a batch's locks."""
        if self._backend is not None:
            conn.execute(statement("end_backend"), self._backend)
        self._backend = conn.execute(statement("begin_seat")).fetchone()

    def _sit(self, conn: psycopg.Connection[Any], prepare: Prepare) -> bool:
        before = self.slot
        slot = slots.take_slot(conn, before)
        if slot is None:
            log.warning("slot %s was taken over while the database was away; taking another", self.slot)
            self.slot = None
            return False
        self.slot = slot
        try:
            if slot != before:
                self.seen_before = slots.last_seen(conn, slot)
            slots.introduce(conn, slot, self.writer, self.metrics_port)
            prepare(conn, slot, slot != before)
        except psycopg.Error:
            self.slot = before  # not prepared: new to us the next time, too
            raise
        return True

    def _close(self, conn: psycopg.Connection[Any] | None) -> None:
        if conn is not None:
            conn.close()

    def worked(self) -> None:
        """A call succeeded."""
        self._retry_at, self._backoff = 0.0, FIRST_BACKOFF_S

    def committed(self) -> None:
        """A batch is in the database."""
        self.worked()
        self.share = min(self.share * 2, 1.0)

    @property
    def away_s(self) -> float:
        """Seconds since the connection was lost; 0 while there is one."""
        return 0.0 if self.conn is not None else time.monotonic() - self.lost_at

    def give_up(self) -> None:
        """The slot is anybody's: another worker may fetch what its session holds."""
        log.warning("slot %s is given up: the database is away for too long", self.slot)
        self.slot = None

    def failed(self, error: psycopg.Error) -> bool:
        """A call failed: what to do next is decided here; whether the connection is lost."""
        conn = self.conn
        self._shrink(error)
        gone = conn is None or conn.broken or conn.closed
        if gone or not error.sqlstate or isinstance(error, _NEW_CONNECTION):
            self.lost(one_line(error))
            return True
        # Deadlocks, serialization failures, locks, a full disk: the same batch again.
        log.warning("the database does not take it yet: %s", one_line(error))
        self._wait()
        return False

    def _shrink(self, error: psycopg.Error) -> None:
        """A batch that did not end in time is not tried whole again."""
        if isinstance(error, errors.QueryCanceled) or not error.sqlstate:
            self.share = max(self.share / 2, SMALLEST_SHARE)

    def lost(self, why: str) -> None:
        """The database is away."""
        if self.detail != why:
            log.warning("the database is away: %s; messages wait", why)
        self.detail = why
        if self.conn is not None:
            self.lost_at = time.monotonic()
        self._close(self.conn)
        self.conn = None
        self._wait()

    def _wait(self) -> None:
        self._retry_at = time.monotonic() + self._backoff
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_S)

    def find_orphans(self, conn: psycopg.Connection[Any]) -> None:
        """See which slots nobody holds."""
        self.orphans = slots.orphans(conn, ORPHAN_S)

    def leave(self, last: Callable[[psycopg.Connection[Any]], None], *, acknowledged: bool) -> None:
        """Say a last word and give the slot back; its session at the broker stays for whoever comes.

        `acknowledged`: every PUBACK went out, so that nothing will be sent again.
        """
        if self.conn is None or self.slot is None:
            return
        with contextlib.suppress(psycopg.Error), self.call() as conn:
            last(conn)
            if acknowledged:
                conn.execute(statement("delete_timeless"), [self.slot])
            conn.execute(statement("release_slot"), [self.slot])
        self._close(self.conn)
        self.conn = None
