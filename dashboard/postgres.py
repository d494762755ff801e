"""The store on PostgreSQL: an async pool whose every query ends in time, and a line that hears of commits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from city.db import one_line, statement
from city.pack import CityPack
from dashboard.ledger_postgres import PgLedger
from dashboard.store import CountsRow, LatestRow, ReadingsRow, SensorRow, StatusRow, StoreError, WorkerRow

logger = logging.getLogger(__name__)

#: Seconds after which a query, or the wait for a connection, counts as no answer.
QUERY_S = 2
#: Ingest says on this channel that it committed.
CHANNEL = "sdot_commit"
#: Seconds between two tries to listen; a read replica never lets us, and then POLL_S does the work.
LISTEN_AGAIN_S = (1, 30)
#: The server ends what we gave up; it need not plan for analytics.
OPTIONS = f"-c timezone=UTC -c jit=off -c statement_timeout={QUERY_S}s -c default_transaction_read_only=on"


class PgStore(PgLedger):
    """Reads through `url`, which may be down when this is made and at any time later.

    The reader asks one thing at a time, over one connection of its own: a page that asks the database for more
    takes a store of its own, with more `connections`, and never makes the reader wait for one.
    """

    def __init__(self, url: str, pack: CityPack, connections: int = 1) -> None:
        self._url, self._connections = url, connections
        self._latest = statement("live_latest", pack.catalogue.keys)
        self._readings = statement("live_readings", pack.live)
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._called = asyncio.Event()

    async def status(self) -> StatusRow:
        """See Store."""
        async with self._connection() as conn:
            [(version, versions)] = await _fetch(conn, statement("live_status"))
            workers = await _fetch(conn, statement("live_workers"))
        return StatusRow(version, versions, tuple(WorkerRow(*row) for row in workers))

    async def sensors(self, after_version: int) -> Sequence[SensorRow]:
        """See Store."""
        return [SensorRow(*row) for row in await self._rows(statement("live_sensors"), after_version)]

    async def latest(self, sensor_ids: Sequence[int]) -> Sequence[LatestRow]:
        """See Store."""
        return [LatestRow(*row) for row in await self._rows(self._latest, list(sensor_ids))]

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
        if self._pool is not None:
            await self._pool.close(timeout=1)

    async def _rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        async with self._connection() as conn:
            return await _fetch(conn, query, *values)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection for a few queries; whatever goes wrong becomes StoreError."""
        cut = asyncio.Event()
        try:
            async with (await self._opened()).connection(timeout=QUERY_S) as conn:
                with _limit(conn, cut):
                    yield conn
        except (PoolTimeout, PoolClosed) as error:
            raise StoreError("refused", one_line(error)) from error
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction) as error:
            raise StoreError("schema", one_line(error)) from error
        except psycopg.Error as error:
            silent = cut.is_set() or isinstance(error, errors.QueryCanceled)
            raise (
                StoreError("silent", str(QUERY_S)) if silent else StoreError("failed", one_line(error))
            ) from error

    async def _opened(self) -> AsyncConnectionPool[AsyncConnection[Any]]:
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._url,
                kwargs=_parameters("sdot dashboard"),
                min_size=1,
                max_size=self._connections,
                reconnect_timeout=1,
                open=False,
                name="dashboard",
            )
            await self._pool.open()
        return self._pool

    async def _listen(self) -> None:
        pause = LISTEN_AGAIN_S[0]
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._url, **_parameters("sdot dashboard listen")
                ) as conn:
                    await conn.execute(f"LISTEN {CHANNEL}")
                    pause = LISTEN_AGAIN_S[0]
                    async for _ in conn.notifies():
                        self._called.set()
            except psycopg.Error as error:
                logger.debug("not listening: %s", one_line(error), extra={"event": "listen_failed"})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LISTEN_AGAIN_S[1])


async def _fetch(conn: AsyncConnection[Any], query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(query, values or None, binary=True)
    return await cursor.fetchall()


@contextlib.contextmanager
def _limit(conn: AsyncConnection[Any], cut: asyncio.Event) -> Iterator[None]:
    """Hang up on a server that does not answer within QUERY_S, and set `cut`.

    A stopped server keeps its sockets open, and psycopg answers a cancelled wait by asking that server to
    cancel: only a closed socket ends the wait at once.
    """

    def hang_up() -> None:
        cut.set()
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(conn.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(QUERY_S, hang_up)
    try:
        yield
    finally:
        timer.cancel()


def _parameters(application: str) -> dict[str, Any]:
    return {
        "autocommit": True,
        "application_name": application,
        "options": OPTIONS,
        "connect_timeout": QUERY_S,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
    }
