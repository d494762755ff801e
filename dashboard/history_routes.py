"""The routes of the History page: panels, all districts, the table, and sensors by their serial."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dashboard.health import database_detail
from dashboard.history import History
from dashboard.history_csv import pieces
from dashboard.history_json import drawing_json, encoded, overview_json, sensors_json
from dashboard.history_query import HistoryError, HistoryQuestion, understood
from dashboard.language import language_of
from dashboard.static import SMALL
from dashboard.store import StoreError

#: Seconds for which a browser need not ask again: a span that goes on gets a point every ten minutes at most; what is
#: past changes only by late and revised readings.
RUNNING_S, PAST_S = 10, 300
#: Dynamic answers: a third of level 9's time for 3 % more bytes.
GZIP_LEVEL = 5
#: Questions that are answered side by side; the others wait, and beyond so many are sent away.
AT_ONCE, WAITING = 8, 100
#: Sensors that a search shows, and letters that a serial may have (docs/contract.md).
FOUND, LETTERS = 20, 64


class Desk:
    """Lets so many questions in at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)
        self._inside = 0

    async def __aenter__(self) -> None:
        if self._inside >= AT_ONCE + WAITING:
            raise HistoryError("busy", 503)
        self._inside += 1
        try:
            await self._room.acquire()
        except BaseException:
            self._inside -= 1
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._inside -= 1
        self._room.release()


class HistoryRoutes:
    """Answers over one history."""

    def __init__(self, history: History) -> None:
        self._history, self._desk = history, Desk()
        self._pack = history.pack

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/api/history", self._told(self.panel)),
            Route("/api/history/all", self._told(self.all)),
            Route("/api/history.csv", self._told(self.table)),
            Route("/api/history/sensors", self._told(self.sensors)),
        ]

    async def panel(self, request: Request) -> Response:
        """One metric."""
        asked = self._understood(request)
        if len(asked.metrics) > 1:
            raise HistoryError("one_metric")
        async with self._desk:
            drawing = await self._history.drawing(asked, asked.metrics[0])
            return await asyncio.to_thread(
                lambda: document(request.headers, drawing_json(drawing, self._pack.zone), asked)
            )

    async def all(self, request: Request) -> Response:
        """Every district."""
        asked = self._understood(request)
        async with self._desk:
            overview = await self._history.overview(asked, asked.metrics[0])
            return await asyncio.to_thread(
                lambda: document(request.headers, overview_json(overview, self._pack.zone), asked)
            )

    async def table(self, request: Request) -> Response:
        """What is drawn, as CSV; everything is read before the first byte is sent, so that no table ends half-way."""
        asked = self._understood(request)
        language = language_of(request.headers, self._pack.languages)
        async with self._desk:
            drawings = [await self._history.drawing(asked, metric) for metric in asked.metrics]
        parts: Iterator[bytes] = pieces(drawings, self._pack, language)
        headers = {
            "Content-Disposition": f'attachment; filename="{file_name(self._pack.name, asked)}"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(iterate_in_threadpool(parts), 200, headers, "text/csv; charset=utf-8")

    async def sensors(self, request: Request) -> Response:
        """Sensors whose serial holds `q`."""
        text = request.query_params.get("q", "").strip()
        if len(text) > LETTERS:
            raise HistoryError("q", most=LETTERS)
        found = await self._history.find(text, FOUND) if text else ()
        return Response(sensors_json(found), 200, {"Cache-Control": "no-store"}, "application/json")

    def _understood(self, request: Request) -> HistoryQuestion:
        return understood(request.query_params, self._pack, self._history.clock())  # type: ignore[arg-type]

    def _told(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """`answer`, or in words why there is none."""

        async def told(request: Request) -> Response:
            try:
                return await answer(request)
            except HistoryError as error:
                return refusal(error.status, error.code, error.text)
            except StoreError as error:
                return refusal(503, error.trouble, database_detail(error))

        return told


def document(headers: Headers, data: bytes, asked: HistoryQuestion) -> Response:
    """The answer to a GET of JSON: 304 where the browser has it, gzipped where it may be."""
    figures = data[data.index(b",") :]  # behind the first key, `asked`: when it was asked changes nothing
    etag = f'W/"{hashlib.sha256(figures).hexdigest()[:32]}"'
    seconds = RUNNING_S if asked.running else PAST_S
    told = {"ETag": etag, "Cache-Control": f"private, max-age={seconds}", "Vary": "Accept-Encoding"}
    if etag in headers.get("if-none-match", ""):
        return Response(status_code=304, headers=told)
    if len(data) >= SMALL and "gzip" in headers.get("accept-encoding", ""):
        told["Content-Encoding"] = "gzip"
        data = gzip.compress(data, GZIP_LEVEL, mtime=0)
    return Response(data, 200, told, "application/json")


def refusal(status: int, code: str, text: Any) -> Response:
    """Why there is no answer."""
    return Response(
        encoded({"error": code, "text": text}), status, {"Cache-Control": "no-store"}, "application/json"
    )


def file_name(city: str, asked: HistoryQuestion) -> str:
    """E.g. `seoul-pm25-2026-11-17-2026-11-24.csv`."""
    parts = [city, *asked.metrics, f"{asked.start:%Y-%m-%d}", f"{asked.end:%Y-%m-%d}"]
    return "-".join(parts) + ".csv"
