"""The bytes in which the database hands over many values at once, and numpy's view of them.

A row of 28 metrics read as Python objects costs the event loop 30 µs, an hour of a city a second; as one
bytea (`timestamptz_send`, `float4send` … in `sql/queries/dashboard.sql`) it costs nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

#: Microseconds since PostgreSQL's epoch, 2000-01-01 UTC: what `timestamptz_send` sends.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
#: The same epoch in milliseconds of Unix time.
EPOCH_MS = 946_684_800_000
#: `-infinity` of a timestamptz: never.
NEVER = np.iinfo(np.int64).min

#: Which version of its `latest` row a sensor has: the id of the transaction that wrote it.
VERSIONS = np.dtype([("sensor_id", ">i4"), ("version", ">u4")])


def latest_type(metrics: int) -> np.dtype[np.void]:
    """One row of `latest`: sensor, time of its newest reading, and of each metric time (µs, NEVER), value (NaN: null), flag."""
    one = np.dtype([("time", ">i8"), ("value", ">f4"), ("flagged", "?")])
    return np.dtype([("sensor_id", ">i4"), ("time", ">i8"), ("metrics", one, (metrics,))])


def readings_type(metrics: int) -> np.dtype[np.void]:
    """One reading: time (µs), flags, values (NaN: null)."""
    return np.dtype([("time", ">i8"), ("flags", ">i8"), ("values", ">f4", (metrics,))])


def micros(instant: datetime) -> int:
    """Microseconds since EPOCH."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def unix_ms(time_us: int | np.int64) -> int | None:
    """Milliseconds of Unix time; None for NEVER."""
    return None if time_us == NEVER else int(time_us) // 1000 + EPOCH_MS


def instant(time_us: int | np.int64) -> datetime:
    """The same as an aware datetime, UTC."""
    return EPOCH + timedelta(microseconds=int(time_us))
