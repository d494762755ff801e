"""What is kept for a time only, or not by the minute for ever: quarantine, histograms of lag, the books of long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from city.db import statement
from maintain.job import Result

#: Cases a call takes out of quarantine at most: some 50 ms of the database.
STEP = 2000
#: Histograms of lag are as old as what was refused may be.
LAG_DAYS = 30
MEGABYTE = 1024 * 1024
#: The books by the minute, summed up with the same limit or their minutes would not agree any more.
BOOKS = ("sum_ledger_minutes", "sum_ledger_reasons", "sum_ledger_dropped")


def trim_quarantine(conn: psycopg.Connection[Any], days: int, megabytes: int) -> int:
    """Take out what is older or more than that, counted as it goes; how many cases left (STEP: there may be more)."""
    quiet_since = datetime.now(UTC) - timedelta(days=days)
    row = conn.execute(statement("trim_quarantine"), [quiet_since, megabytes * MEGABYTE, STEP]).fetchone()
    return int(row[0]) if row else 0


def trim_lag(conn: psycopg.Connection[Any]) -> None:
    """Take out the histograms of long ago."""
    conn.execute(statement("trim_lag"), [datetime.now(UTC) - timedelta(days=LAG_DAYS)])


def trim(conn: psycopg.Connection[Any], days: int, megabytes: int) -> Result:
    """A run of the job `quarantine`."""
    gone = trim_quarantine(conn, days, megabytes)
    if gone == STEP:
        return Result(f"{gone} old cases taken out", more=True)
    trim_lag(conn)
    return Result(f"{gone} old cases taken out")


def sum_up(conn: psycopg.Connection[Any]) -> Result:
    """A run of the job `ledger`: minutes of which no row is left become hours, a day at a time; every sum stays.

    Where raw readings are kept for ever, so is every minute.
    """
    row = conn.execute(statement("summable_until")).fetchone()
    until = row[0] if row else None
    if until is None:
        return Result("every minute is kept")
    with conn.transaction():
        rows = sum(conn.execute(statement(name), {"below": until}).rowcount for name in BOOKS)
    return Result(f"summed up by the hour before {until:%Y-%m-%d}", more=bool(rows))
