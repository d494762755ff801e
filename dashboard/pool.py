"""Connections of the dashboard: a pool whose every query ends in time, and whose every failure is a StoreError."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from city.db import one_line
from dashboard.store import StoreError

#: Seconds after which a query, or the wait for a connection, counts as no answer.
QUERY_S = 2.0


class Pool:
    """Up to so many connections through `url`, which may be down when this is made and at any time later."""

    def __init__(self, url: str, application: str, connections: int, query_s: float = QUERY_S) -> None:
        self._url, self._application, self._connections = url, application, connections
        self._query_s = query_s
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection for a few queries; whatever goes wrong becomes StoreError."""
        cut = asyncio.Event()
        try:
            async with (await self._opened()).connection(timeout=self._query_s) as conn:
                with _limit(conn, cut, self._query_s):
                    yield conn
        except (PoolTimeout, PoolClosed) as error:
            raise StoreError("refused", one_line(error)) from error
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction) as error:
            raise StoreError("schema", one_line(error)) from error
        except psycopg.Error as error:
            silent = cut.is_set() or isinstance(error, errors.QueryCanceled)
            raise (
                StoreError("silent", f"{self._query_s:g}")
                if silent
                else StoreError("failed", one_line(error))
            ) from error

    async def close(self) -> None:
        """Give up all connections."""
        if self._pool is not None:
            await self._pool.close(timeout=1)

    async def _opened(self) -> AsyncConnectionPool[AsyncConnection[Any]]:
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._url,
                kwargs=parameters(self._application, self._query_s),
                min_size=1,
                max_size=self._connections,
                reconnect_timeout=1,
                open=False,
                name="dashboard",
            )
            await self._pool.open()
        return self._pool


@contextlib.contextmanager
def _limit(conn: AsyncConnection[Any], cut: asyncio.Event, query_s: float) -> Iterator[None]:
    """Hang up on a server that does not answer within `query_s`, and set `cut`.

    A stopped server keeps its sockets open, and psycopg answers a cancelled wait by asking that server to
    cancel: only a closed socket ends the wait at once.
    """

    def hang_up() -> None:
        cut.set()
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(conn.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(query_s, hang_up)
    try:
        yield
    finally:
        timer.cancel()


def parameters(application: str, query_s: float = QUERY_S) -> dict[str, Any]:
    """How the dashboard connects: the server ends what we gave up, and it need not plan for analytics."""
    options = (
        f"-c timezone=UTC -c jit=off -c statement_timeout={query_s:g}s -c default_transaction_read_only=on"
    )
    return {
        "autocommit": True,
        "application_name": application,
        "options": options,
        "connect_timeout": int(query_s),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
    }
