"""What the last 24 hours are read from; `day_postgres.PgDays` reads it, `day_memory.MemoryDays` is its twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

#: A sensor that sent nothing for so long was silent: as the list of a district's sensors says it.
SILENCE = timedelta(minutes=60)
#: Most returns that are read, the newest.
RETURNS_MOST = 2000


@dataclass(frozen=True, slots=True)
class Reach:
    """What the rollups have reached."""

    #: up to here they are complete
    to: datetime
    #: what lies below was written by a back-fill and waits; None: nothing does
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayRow:
    """One district's buckets by time; `packed` as `day.bucket_type` says."""

    district: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """A sensor that sent again after a silence."""

    sensor_id: int
    #: start of the last 10 minutes in which it sent before; None where that is before the span that was asked for
    before: datetime | None
    #: start of the first 10 minutes in which it sent again
    bucket: datetime


@dataclass(frozen=True, slots=True)
class GoodRow:
    """When a sensor's values were last good: by live metric the start of 10 minutes (µs, NEVER), big-endian int64."""

    sensor_id: int
    packed: bytes


class DayStore(Protocol):
    """The reads of the last 24 hours. Each raises StoreError where the database does not answer in time."""

    async def day_reach(self, since: datetime) -> Reach:
        """What the rollups have reached of the time since then."""

    async def day_buckets(self, since: datetime, until: datetime) -> Sequence[DayRow]:
        """Districts' 10 minutes that begin in a span."""

    async def day_returns(self, since: datetime, until: datetime) -> Sequence[ReturnRow]:
        """Silences that ended in a span, the newest first; a sensor's first word in it counts as one where it is late."""

    async def day_good(self, sensor_ids: Sequence[int], since: datetime) -> Sequence[GoodRow]:
        """Of these sensors, when each live metric was last good."""

    async def close(self) -> None:
        """Give up all connections."""
