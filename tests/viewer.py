"""A viewer of the live page without a browser: the stream's frames, parsed; and the wait for one that fits."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from city.pack import CityPack, load_pack
from dashboard.board import Board
from dashboard.main import assemble
from dashboard.reader import Reader
from dashboard.store import Store
from dashboard.stream import Hub


def parsed(frame: bytes) -> tuple[str, Any]:
    """Event and data of one frame; the opening `retry` is neither."""
    lines = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
    return lines.get("event", ""), json.loads(lines.get("data", "null"))


class Viewer:
    """Follows a hub."""

    def __init__(self, hub: Hub) -> None:
        self._frames = hub.frames()
        #: the newest tick
        self.tick: dict[str, Any] = {}

    async def until(
        self, fits: Callable[[dict[str, Any]], object], what: str, seconds: float = 20
    ) -> dict[str, Any]:
        """The first tick that fits, from the one last seen on; AssertionError when none comes."""
        try:
            async with asyncio.timeout(seconds):
                while not (self.tick and fits(self.tick)):
                    event, data = parsed(await anext(self._frames))
                    if event == "tick":
                        self.tick = data
        except TimeoutError:
            head = {key: self.tick.get(key) for key in ("seq", "health", "sensors", "city")}
            raise AssertionError(
                f"waited {seconds:g} s in vain for {what}; the last tick was {head}"
            ) from None
        return self.tick


@contextlib.asynccontextmanager
async def watching(store: Store, pack: CityPack | None = None) -> AsyncIterator[tuple[Viewer, Board, Reader]]:
    """A reader at work over `store`, and a viewer of its board."""
    _, board, reader = assemble(store, pack or load_pack("seoul"))
    async with reader.running():
        yield Viewer(board.hub), board, reader


def away(*parts: str) -> Callable[[dict[str, Any]], bool]:
    """Whether exactly these parts are named."""
    return lambda tick: (
        {name for name, part in tick["health"]["parts"].items() if not part["ok"]} == set(parts)
    )
