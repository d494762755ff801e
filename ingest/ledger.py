"""The ledger's tables: counts only ever raised, in the transaction of the rows they count, last of all."""

from __future__ import annotations

from typing import Any

import psycopg

from city.db import statement
from ingest.tally import Tally


def raise_counts(conn: psycopg.Connection[Any], writer: str, tally: Tally) -> None:
    """Add a tally under `writer`, rows in the order of their keys."""
    if tally.minutes:
        minutes = sorted(tally.minutes.items())
        columns = [list(column) for column in zip(*(counts for _, counts in minutes), strict=True)]
        times = [minute for minute, _ in minutes]
        conn.execute(statement("raise_ledger_minutes"), [writer, times, *columns])
    if tally.sensor_days:
        days = sorted(tally.sensor_days.items())
        columns = [list(column) for column in zip(*(counts for _, counts in days), strict=True)]
        sensors, dates = [key[0] for key, _ in days], [key[1] for key, _ in days]
        conn.execute(statement("raise_ledger_sensor_days"), [writer, sensors, dates, *columns])
