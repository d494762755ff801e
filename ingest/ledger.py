"""The ledger's tables: counts only ever raised, in the transaction of the rows they count, last of all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from city.db import statement
from ingest.tally import Tally


def raise_counts(conn: psycopg.Connection[Any], writer: str, tally: Tally) -> None:
    """Add a tally under `writer`, rows in the order of their keys."""
    if tally.minutes:
        minutes = sorted(tally.minutes.items())
        columns = _literals(counts for _, counts in minutes)
        times = [minute for minute, _ in minutes]
        conn.execute(statement("raise_ledger_minutes"), [writer, times, *columns])
    if tally.sensor_days:
        days = sorted(tally.sensor_days.items())
        keys = _literals(key for key, _ in days)
        columns = _literals(counts for _, counts in days)
        conn.execute(statement("raise_ledger_sensor_days"), [writer, *keys, *columns])
    if tally.reasons:
        reasons = sorted(
            (minute, code, outcome.label, count)
            for minute, found in tally.reasons.items()
            for (code, outcome), count in found.items()
        )
        conn.execute(statement("raise_ledger_reasons"), [writer, *map(list, zip(*reasons, strict=True))])


def _literals(rows: Iterable[Iterable[Any]]) -> list[str]:
    """Columns as PostgreSQL's array literals: a tenth of the time that a list of Python's takes the driver."""
    return [f"{{{','.join(map(str, column))}}}" for column in zip(*rows, strict=True)]
