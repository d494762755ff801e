"""The store on PostgreSQL: an async pool whose every query ends in time, and a line that hears of commits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import AsyncConnection

from city.db import one_line, statement
from city.pack import CityPack
from dashboard.day_postgres import PgDays
from dashboard.ledger_postgres import PgLedger
from dashboard.packed import latest_type
from dashboard.pool import QUERY_S, Pool, parameters
from dashboard.store import CountsRow, ReadingsRow, SensorRow, StatusRow, WorkerRow

#: Sensors from which on their newest values are asked for in two halves: the server has a core for each.
HALVED = 256

logger = logging.getLogger(__name__)

#: Ingest says on this channel that it committed.
CHANNEL = "sdot_commit"
#: Seconds between two tries to listen; a read replica never lets us, and then POLL_S does the work.
LISTEN_AGAIN_S = (1, 30)


class PgStore(PgLedger, PgDays):
    """Reads through `url`, which may be down when this is made and at any time later.

    The reader asks one thing at a time, a large one as two halves, over two connections of its own: a page that asks
    the database for more takes a store of its own, with more `connections`, and never makes the reader wait for one.
    """

    def __init__(self, url: str, pack: CityPack, connections: int = 2, query_s: float = QUERY_S) -> None:
        PgDays.__init__(self, pack)
        self._url = url
        self._pool = Pool(url, "sdot dashboard", connections, query_s)
        self._latest = statement("live_latest", pack.catalogue.keys)
        self._type = latest_type(len(pack.catalogue.keys))
        self._readings = statement("live_readings", pack.live)
        self._listener: asyncio.Task[None] | None = None
        self._called = asyncio.Event()

    async def status(self) -> StatusRow:
        """See Store."""
        async with self._pool.connection() as conn:
            [(version, versions)] = await _fetch(conn, statement("live_status"))
            workers = await _fetch(conn, statement("live_workers"))
        return StatusRow(version, versions, tuple(WorkerRow(*row) for row in workers))

    async def sensors(self, after_version: int) -> Sequence[SensorRow]:
        """See Store."""
        return [SensorRow(*row) for row in await self._rows(statement("live_sensors"), after_version)]

    async def latest(self, sensor_ids: Sequence[int]) -> NDArray[np.void]:
        """See Store."""
        ids, half = list(sensor_ids), len(sensor_ids) // 2
        parts = (ids,) if len(ids) < HALVED else (ids[:half], ids[half:])
        found = await asyncio.gather(*(self._rows(self._latest, _array(part)) for part in parts))
        return np.frombuffer(b"".join(packed for ((packed,),) in found), self._type)

    async def readings(self, sensor_ids: Sequence[int], since: Sequence[datetime]) -> Sequence[ReadingsRow]:
        """See Store."""
        if not sensor_ids:
            return []
        rows = await self._rows(self._readings, list(sensor_ids), list(since), min(since))
        return [ReadingsRow(*row) for row in rows]

    async def counts(self, sensor_ids: Sequence[int]) -> Sequence[CountsRow]:
        """See Store."""
        return [CountsRow(*row) for row in await self._rows(statement("live_counts"), list(sensor_ids))]

    async def committed(self, timeout_s: float) -> bool:
        """See Store."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        try:
            async with asyncio.timeout(timeout_s):
                await self._called.wait()
        except TimeoutError:
            return False
        self._called.clear()
        return True

    async def close(self) -> None:
        """See Store."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self._pool.close()

    async def _rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as conn:
            return await _fetch(conn, query, *values)

    async def _named(self, query: LiteralString, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as conn:
            return await (await conn.execute(query, values, binary=True)).fetchall()

    async def _listen(self) -> None:
        pause = LISTEN_AGAIN_S[0]
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._url, **parameters("sdot dashboard listen")
                ) as conn:
                    await conn.execute(f"LISTEN {CHANNEL}")
                    pause = LISTEN_AGAIN_S[0]
                    async for _ in conn.notifies():
                        self._called.set()
            except psycopg.Error as error:
                logger.debug("not listening: %s", one_line(error), extra={"event": "listen_failed"})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LISTEN_AGAIN_S[1])


def _array(numbers: Sequence[int]) -> str:
    """As PostgreSQL writes an array; psycopg takes a millisecond for a thousand."""
    return "{" + ",".join(map(str, numbers)) + "}"


async def _fetch(conn: AsyncConnection[Any], query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(query, values or None, binary=True)
    return await cursor.fetchall()
