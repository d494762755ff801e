"""Retention: the horizon moves forward first, then what lies below it is dropped whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import errors

from city.db import statement
from city.retention import midnight
from maintain.job import Result

#: Series of raw readings and 10 minutes live as long as raw readings do.
RAW_SERIES = ("reading", "sensor_10min")
#: Rows deleted in one transaction.
STEP = 20_000
#: Dropping waits so long for who reads the series, then lets them and tries later.
DROP_WAIT = "2s"


class Retention:
    """Keeps raw readings, hours and marks as long as the settings say."""

    def __init__(
        self, conn: psycopg.Connection[Any], raw: timedelta | None, hourly: timedelta | None
    ) -> None:
        self._conn, self._raw, self._hourly = conn, raw, hourly

    def run(self, now: datetime) -> Result:
        """Move the horizon, then drop; what is busy, or not rolled up yet, waits for the next run."""
        zone, horizon = self._clock()
        if self._raw is not None:
            horizon = self._move(midnight(now - self._raw, ZoneInfo(zone)), horizon)
        dropped = sum(self._drop(series, horizon) for series in RAW_SERIES)
        rows = self._trim(("trim_revisions", "trim_flags"), horizon)
        if self._hourly is not None:
            border = midnight(now - self._hourly, ZoneInfo(zone))
            dropped += self._drop("sensor_hour", border)
            rows += self._trim(("trim_district_10min", "trim_district_hour"), border)
        return Result(f"{dropped} partitions and {rows} rows dropped; raw readings from {horizon:%Y-%m-%d}")

    def _clock(self) -> tuple[str, datetime]:
        row = self._conn.execute(statement("read_marks")).fetchone()
        if row is None:
            raise LookupError("the checkpoint is empty; run `sdot db migrate`")
        return row[3], row[2]

    def _move(self, wanted: datetime, horizon: datetime) -> datetime:
        """The horizon after the attempt: while no batch is open, and only over what is rolled up."""
        if wanted <= horizon:
            return horizon
        given = {"below": wanted}
        try:
            with self._conn.transaction():
                self._conn.execute("SELECT set_config('lock_timeout', %s, true)", [DROP_WAIT])
                self._conn.execute(statement("wait_for_batches"))
                waits = self._conn.execute(statement("unrolled_below"), given).fetchone()
                if waits is None or waits[0]:
                    return horizon
                row = self._conn.execute(statement("move_horizon"), given).fetchone()
        except errors.LockNotAvailable:
            return horizon
        return row[0] if row else horizon

    def _drop(self, series: str, below: datetime) -> int:
        """Whole partitions or chunks below an instant; how many went."""
        parts = self._conn.execute(statement("parts_below"), [series, below]).fetchall()
        for done, (part, low, high) in enumerate(parts):
            try:
                with self._conn.transaction():
                    if series == "reading":
                        self._conn.execute(statement("count_dropped"), [low, high])
                    self._conn.execute("SELECT set_config('lock_timeout', %s, true)", [DROP_WAIT])
                    self._conn.execute(statement("drop_part"), [series, str(part), high])
            except errors.LockNotAvailable:
                return done
        return len(parts)

    def _trim(self, names: tuple[str, ...], below: datetime) -> int:
        rows = 0
        for name in names:
            step = STEP
            while step == STEP:
                row = self._conn.execute(statement(name), [below, STEP]).fetchone()
                step = int(row[0]) if row else 0
                rows += step
        return rows
