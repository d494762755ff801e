"""The last 24 hours on PostgreSQL, over whatever asks the queries (`postgres.PgStore`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import sql
from city.db import statement
from city.pack import CityPack
from dashboard.day_store import RETURNS_MOST, SILENCE, DayRow, GoodRow, Reach, ReturnRow

#: Sensors whose day is looked through in one query, which has to end in time: some 700,000 rows of 10 minutes.
SLICE = 5000


class PgDays:
    """See DayStore."""

    def __init__(self, pack: CityPack) -> None:
        live = [pack.catalogue[key] for key in pack.live]
        self._buckets = sql.literal(sql.expand_metrics(sql.query("day_buckets"), live))
        self._good = statement("day_good", pack.live)

    @abstractmethod
    async def _rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    @abstractmethod
    async def _named(self, query: LiteralString, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a query with named values."""

    async def day_reach(self, since: datetime) -> Reach:
        """See DayStore."""
        [(rolled, waits)] = await self._rows(statement("day_reach"), since)
        return Reach(rolled, waits)

    async def day_buckets(self, since: datetime, until: datetime) -> Sequence[DayRow]:
        """See DayStore."""
        return [DayRow(*row) for row in await self._rows(self._buckets, since, until)]

    async def day_returns(self, since: datetime, until: datetime) -> Sequence[ReturnRow]:
        """See DayStore."""
        given = {"since": since, "until": until, "silence": SILENCE, "most": RETURNS_MOST}
        [(highest,)] = await self._rows(statement("day_sensors"))
        found = []
        for first in range(1, highest + 1, SLICE):
            part = {"first": first, "last": first + SLICE - 1}
            rows = await self._named(statement("day_returns"), given | part)
            found += [ReturnRow(*row) for row in rows]
        found.sort(key=lambda row: (-row.bucket.timestamp(), row.sensor_id))
        return found[:RETURNS_MOST]

    async def day_good(self, sensor_ids: Sequence[int], since: datetime) -> Sequence[GoodRow]:
        """See DayStore."""
        if not sensor_ids:
            return []
        return [GoodRow(*row) for row in await self._rows(self._good, list(sensor_ids), since)]
