"""Partitions made before the first reading needs them, and what the planner knows of all of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg

from city.db import statement
from maintain.job import Result

#: Weeks that stand ready: this one, the next, and one more for a maintenance that was away.
WEEKS = 3


def make_ahead(conn: psycopg.Connection[Any], now: datetime) -> Result:
    """The coming weeks' partitions; on hypertables there is nothing to make."""
    made = 0
    for week in range(WEEKS):
        row = conn.execute(statement("ensure_partition"), [now + timedelta(weeks=week)]).fetchone()
        made += bool(row and row[0])
    return Result(f"{made} weeks made, {WEEKS} stand ready")


def analyze(conn: psycopg.Connection[Any]) -> Result:
    """Statistics of all relations."""
    conn.execute(statement("analyze"))
    return Result("all relations")
