"""What is kept for a time only: quarantine and the histograms of lag, trimmed in small steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from city.db import statement

#: Cases a call takes out of quarantine at most: some 50 ms of the database, so that whoever calls is not held up.
STEP = 2000
#: Histograms of lag are as old as what was refused may be.
LAG_DAYS = 30
MEGABYTE = 1024 * 1024


def midnight(instant: datetime, zone: ZoneInfo) -> datetime:
    """The last local midnight at or before."""
    return instant.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def trim_quarantine(conn: Any, days: int, megabytes: int) -> int:
    """Take out what is older or more than that, counted as it goes; how many cases left (STEP: there may be more)."""
    quiet_since = datetime.now(UTC) - timedelta(days=days)
    row = conn.execute(statement("trim_quarantine"), [quiet_since, megabytes * MEGABYTE, STEP]).fetchone()
    return int(row[0]) if row else 0


def trim_lag(conn: Any) -> None:
    """Take out the histograms of long ago."""
    conn.execute(statement("trim_lag"), [datetime.now(UTC) - timedelta(days=LAG_DAYS)])
