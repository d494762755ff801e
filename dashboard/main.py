"""Runs the dashboard: one ASGI process under uvicorn, which ends its streams before it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime

import uvicorn
from fastapi import FastAPI

from city.folder import data_option
from city.grades import load_standard
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from dashboard.app import create_app
from dashboard.archive import Archive
from dashboard.archive_memory import MemoryArchive
from dashboard.archive_postgres import PgArchive
from dashboard.board import Board
from dashboard.bookkeeper import Bookkeeper
from dashboard.day_store import DayStore
from dashboard.diary import Diary
from dashboard.geometry import geometry_of
from dashboard.history import History
from dashboard.ledger import LedgerStore
from dashboard.picture import Picture
from dashboard.postgres import PgStore
from dashboard.reader import Reader, wall_clock
from dashboard.store import WholeStore
from dashboard.stream import Hub

logger = logging.getLogger(__name__)

#: Seconds that open requests are given at the end; streams are told before and need none.
GRACE_S = 2
#: Seconds that a question about 24 hours may take: it is asked ahead, and nobody waits for it.
DAY_QUERY_S = 10.0


class Server(uvicorn.Server):
    """uvicorn that ends all streams when it is told to stop, and returns instead of killing itself."""

    def __init__(self, config: uvicorn.Config, *hubs: Hub) -> None:
        super().__init__(config)
        self._hubs = hubs

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then as uvicorn does."""
        for hub in self._hubs:
            hub.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the loop in good order; a second SIGINT does not wait."""
        kept = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def assemble(
    store: WholeStore,
    pack: CityPack,
    clock: Callable[[], datetime] = wall_clock,
    data_option: str = "",
    ledger: LedgerStore | None = None,
    days: DayStore | None = None,
    archive: Archive | None = None,
) -> tuple[FastAPI, Board, Reader]:
    """The application over any store, with the board it shows and the reader that fills it.

    `ledger`, `days`: other stores for the books and the last 24 hours, so that they never keep the reader waiting;
    `archive`: where history is, else nowhere but in memory.
    """
    standard = load_standard(pack.standard)
    geometry, picture = geometry_of(pack), Picture(pack)
    board = Board(pack, standard, geometry, picture.view(clock()))
    reader = Reader(store, picture, board, clock)
    past = archive or MemoryArchive(pack)
    keeper = Bookkeeper(ledger or store, board, pack.zone, clock)
    diary = Diary(days or store, board, standard, pack.zone, clock)

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with reader.running(), keeper.running(), diary.running():
            yield
        await past.close()

    history = History(past, pack, standard, clock)
    application = create_app(board, pack, standard, running=running, data_option=data_option, history=history)
    return application, board, reader


def run(settings: Settings, clock: Callable[[], datetime] = wall_clock) -> None:
    """Serve until SIGINT or SIGTERM. The database may be away; the pack may not be wrong (PackError)."""
    pack = load_pack(settings.city)
    url = require(settings.read_url, "SDOT_READ_DATABASE_URL or SDOT_DATABASE_URL")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # a lost database is told once, by the reader
    live, books, days = PgStore(url, pack), PgStore(url, pack), PgStore(url, pack, query_s=DAY_QUERY_S)
    archive, option = PgArchive(url, pack), data_option(settings.data)
    application, board, _reader = assemble(live, pack, clock, option, books, days, archive)
    config = uvicorn.Config(
        application,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    logger.info(
        "dashboard on http://%s:%d",
        settings.http_host,
        settings.http_port,
        extra={"event": "dashboard_started"},
    )
    asyncio.run(Server(config, *board.hubs).serve())
