"""Server-sent events: each frame is encoded once and given to every viewer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

#: Seconds of silence after which the reader sends a beat; the page names a lost server when it misses two.
BEAT_S = 5.0
#: Milliseconds after which a browser opens a lost stream again (its own default is about 3 s).
RETRY_MS = 1000
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx holds an event stream back without it
}


def frame(event: str, data: bytes) -> bytes:
    """One event as it goes over the wire; `data` is JSON on one line."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


class Hub:
    """The newest tick and the newest beat, and everybody who waits for the next one.

    A viewer that cannot keep up skips frames: nothing is queued for anybody.
    """

    def __init__(self) -> None:
        self._tick: tuple[int, bytes] = (0, b"")
        self._beat: tuple[int, bytes] = (0, b"")
        self._count = 0
        self._closed = False
        self._waiting: set[asyncio.Future[None]] = set()
        self._came = asyncio.Event()
        #: how many streams are open
        self.followers = 0

    @property
    def viewers(self) -> int:
        """How many streams wait for a frame just now."""
        return len(self._waiting)

    def tick(self, data: bytes) -> None:
        """Give everybody a snapshot (JSON)."""
        self._count += 1
        self._tick = (self._count, frame("tick", data))
        self._wake()

    def beat(self, data: bytes) -> None:
        """Tell everybody that the server lives (JSON)."""
        self._count += 1
        self._beat = (self._count, frame("beat", data))
        self._wake()

    async def watched(self) -> None:
        """Waits until somebody follows."""
        while not self.followers:
            self._came.clear()
            await self._came.wait()

    def forget(self) -> None:
        """Who comes next waits for what is newer."""
        self._tick = self._beat = (0, b"")

    def close(self) -> None:
        """End all streams, now and later."""
        self._closed = True
        self._wake()

    async def frames(self) -> AsyncIterator[bytes]:
        """The newest snapshot at once, then each frame as it comes, until `close`."""
        self.followers += 1
        self._came.set()
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            seen = 0
            while not self._closed:
                fresh = [item for item in (self._tick, self._beat) if item[0] > seen]
                for number, data in sorted(fresh):
                    seen = max(seen, number)
                    yield data
                if not fresh:
                    await self._next()
        finally:
            self.followers -= 1

    async def _next(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


async def serve_stream(_request: Request, hub: Hub) -> Response:
    """`GET /api/stream…`: runs until the viewer goes or the hub closes."""
    return StreamingResponse(hub.frames(), media_type="text/event-stream", headers=HEADERS)
