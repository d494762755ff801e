"""Slots of the shared subscription: who holds which, and whose share nobody fetches."""

from __future__ import annotations

import os
import socket
from datetime import datetime
from typing import Any

import psycopg

from city.db import statement
from city.errors import BrokerError

#: More slots than one host ever runs; the lowest free one is taken.
MAX_SLOTS = 64


def take_slot(conn: psycopg.Connection[Any], wanted: int | None = None) -> int | None:
    """Hold the slot `wanted`, or the lowest free one; None where it is taken.

    The hold is an advisory lock of the session: it ends with the connection, however that ends.
    """
    for slot in range(MAX_SLOTS) if wanted is None else (wanted,):
        row = conn.execute(statement("try_slot"), [slot]).fetchone()
        if row and row[0]:
            return slot
    if wanted is None:
        raise BrokerError(f"all {MAX_SLOTS} slots are held; stop some workers")
    return None


def last_seen(conn: psycopg.Connection[Any], slot: int) -> datetime | None:
    """When the holder of a slot that has a session at the broker was seen last; None where it has none."""
    row = conn.execute(statement("read_slot"), [slot]).fetchone()
    return row[0] if row else None


def introduce(conn: psycopg.Connection[Any], slot: int, writer: str, metrics_port: int | None) -> None:
    """Write the holder's row."""
    row = [slot, writer, socket.gethostname(), os.getpid(), metrics_port]
    conn.execute(statement("hold_slot"), row)


def abandoned(conn: psycopg.Connection[Any], mine: int, workers: int) -> int | None:
    """A slot to drain, now held by this session too; None where there is none."""
    given = {"mine": mine, "host": socket.gethostname(), "workers": workers}
    for row in conn.execute(statement("abandoned_slots"), given).fetchall():
        if take_slot(conn, row[0]) is not None:
            return int(row[0])
    return None


def orphans(conn: psycopg.Connection[Any], limit_s: float) -> list[int]:
    """Slots whose holder has not been seen for `limit_s` seconds of the server's clock."""
    return [row[0] for row in conn.execute(statement("orphaned_slots"), [limit_s])]


def bury(conn: psycopg.Connection[Any], slot: int) -> None:
    """A drained slot is no more."""
    conn.execute(statement("delete_slot"), [slot])
    conn.execute(statement("delete_timeless"), [slot])
    conn.execute(statement("free_slot"), [slot])
