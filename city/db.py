"""Database access: connections whose every call ends in time, and which errors are worth a retry."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

import sql
from city.errors import DatabaseError

#: Seconds for one connect, one statement, one lock wait. A third of the MQTT keep-alive (30 s) at the most,
#: so that a blocked database never costs the session at the broker.
CONNECT_S, STATEMENT_S, LOCK_S = 5, 8, 5

#: What a call may raise; for rooms that only have to know that the database was at fault.
ServerError = psycopg.Error

#: SQLSTATE classes of data that can never be stored: 22 data exception, 23 integrity, 54 program limit.
_PERMANENT_CLASSES = ("22", "23", "54")
#: 54000 is what a full queue of notifications raises at the commit: that passes.
_NOTIFY_QUEUE_FULL = "54000"


def statement(name: str, keys: Sequence[str] | None = None) -> LiteralString:
    """The named query of `sql/queries`, its `{key}` lines written once for each of `keys`."""
    text = sql.query(name)
    return text if keys is None else sql.literal(sql.expand(text, keys))


def connect(
    url: str, application: str, *, autocommit: bool = True, bounded: bool = True
) -> psycopg.Connection[Any]:
    """An open connection; `bounded` sets the time-outs above.

    Raises DatabaseError with the server's own words.
    """
    options = "-c timezone=UTC -c jit=off"
    if bounded:
        options += f" -c statement_timeout={STATEMENT_S}s -c lock_timeout={LOCK_S}s"
        options += " -c idle_in_transaction_session_timeout=60s"
    try:
        return psycopg.connect(
            url,
            autocommit=autocommit,
            application_name=application,
            options=options,
            connect_timeout=CONNECT_S,
            tcp_user_timeout=STATEMENT_S * 1000,
            keepalives_idle=STATEMENT_S,
        )
    except psycopg.Error as error:
        raise DatabaseError(f"the database cannot be reached: {one_line(error)}") from error


def login_of(url: str) -> tuple[str, str] | None:
    """Role and password of a database URL; None where it lacks either. DatabaseError where it is none."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise DatabaseError(f"this is no database URL: {one_line(error)}") from None
    role, password = parts.get("user"), parts.get("password")
    return (str(role), str(password)) if role and password else None


def one_line(error: BaseException) -> str:
    """The first line of a server's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """What the server refuses inside becomes DatabaseError: `what`, and the server's own words."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(f"{what}: {one_line(error)}") from error


def is_permanent(error: psycopg.Error) -> bool:
    """Whether the data are at fault, so that the same batch will fail again; the driver itself may say so."""
    if error.sqlstate == _NOTIFY_QUEUE_FULL:
        return False
    return isinstance(error, psycopg.DataError) or str(error.sqlstate)[:2] in _PERMANENT_CLASSES


def is_missing_partition(error: psycopg.Error) -> bool:
    """Whether a row found no partition (PostgreSQL reports a check violation without a constraint)."""
    return isinstance(error, errors.CheckViolation) and not error.diag.constraint_name


class Watchdog:
    """Ends a call that outlives its limit by closing the socket under it.

    A stopped server neither answers nor hangs up, and `statement_timeout` is its own clock: only the client
    can end such a call. One thread for the life of the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: tuple[float, int] | None = None
        threading.Thread(target=self._watch, name="database-watchdog", daemon=True).start()

    @contextlib.contextmanager
    def limit(self, conn: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
        """Within this block the connection is cut after `seconds`."""
        with self._lock:
            self._due = (time.monotonic() + seconds, conn.fileno())
        try:
            yield
        finally:
            with self._lock:
                self._due = None

    def _watch(self) -> None:
        while True:
            time.sleep(0.25)
            with self._lock:
                if self._due and time.monotonic() > self._due[0]:
                    _cut(self._due[1])
                    self._due = None


def _cut(fileno: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fileno)) as twin:
        twin.shutdown(socket.SHUT_RDWR)
