"""The dashboard under uvicorn in a thread, on a free port, over any store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from city.pack import CityPack
from dashboard.archive import Archive
from dashboard.board import Board
from dashboard.main import Server, assemble
from dashboard.store import Store
from tests.waiting import until


@dataclass(frozen=True)
class Serving:
    """A running dashboard."""

    url: str
    board: Board
    server: Server
    #: the loop on which it runs
    loop: asyncio.AbstractEventLoop


@contextmanager
def serving(store: Store, pack: CityPack, archive: Archive | None = None) -> Iterator[Serving]:
    """Serve until the block ends; AssertionError where the server does not end then."""
    application, board, _ = assemble(store, pack, archive=archive)
    config = uvicorn.Config(application, port=0, log_config=None, timeout_graceful_shutdown=2)
    server = Server(config, *board.hubs)
    loops: list[asyncio.AbstractEventLoop] = []

    def serve() -> None:
        # uvicorn's own signal handlers stay out of a test run: a thread cannot have any
        with (
            asyncio.Runner() as runner
        ):  # closed in its own thread: a browser keeps a loop running in the test's
            loops.append(runner.get_loop())
            runner.run(server._serve())

    yield from _running(threading.Thread(target=serve, name="dashboard"), server, board, loops)


def _running(
    thread: threading.Thread, server: Server, board: Board, loops: list[asyncio.AbstractEventLoop]
) -> Iterator[Serving]:
    thread.start()
    try:
        until(lambda: server.started, "the dashboard to start")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Serving(f"http://127.0.0.1:{port}", board, server, loops[0])
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the dashboard did not end"
