"""History over HTTP: `/api/history`, `/api/history/all`, `/api/history.csv`, and a search for sensors by serial.

All waiting is `await`, all packing happens in threads. What lies wholly below the horizon cannot change: it is kept
here, and may be kept by browsers. Everything else is asked anew, but for days, which many viewers share for a minute;
a browser that has the same bytes is told so.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from city.errors import SdotError
from city.reading import SERIAL
from dashboard.archive import Level
from dashboard.drawn import Drawn
from dashboard.history import Answer, Everywhere, History
from dashboard.history_csv import file_name, history_csv
from dashboard.history_document import everywhere_json, history_json, ms
from dashboard.inquiry import InquiryError, everywhere, inquiry_of
from dashboard.language import language_of
from dashboard.sentences import sentence
from dashboard.static import ASK, StaticFile, pack, respond
from dashboard.store import StoreError

JSON, CSV = "application/json", "text/csv; charset=utf-8"
#: Header: when the database was asked, ms of Unix time. Not in the document: the same figures are the same bytes.
ASKED = "X-Sdot-Asked"
#: A day: what lies below the horizon stays as it is, but for a metric that a new pack brings.
FIXED = "private, max-age=86400"
#: Seconds for which days are shared; late readings reach the rollups within a minute, too.
SHARED_S = 60.0
#: Answers that are kept, at most some 150 kB each.
KEPT = 64
#: A file that is made at each question is compressed quickly (level 9 takes 6 times as long for 5 % less).
GZIP_LEVEL = 4
#: Sensors that a search names, and characters that it takes: a serial has no more.
FOUND, LONGEST = 20, 64

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A file, when it was asked for (ms), until when it may be handed out again (monotonic), and whether for ever."""

    file: StaticFile
    asked: int
    until: float
    fixed: bool


class _Kept:
    """The newest answers by their address, each until its time; who asks while one is made waits for it."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, asyncio.Future[_Made | SdotError]] = OrderedDict()

    async def get(self, key: str, make: Callable[[], Awaitable[_Made]]) -> _Made:
        """The answer; InquiryError and StoreError as `make` raises them, to all who wait."""
        found = self._made.get(key)
        if found is None or (found.done() and _over(found)):
            found = self._made[key] = asyncio.ensure_future(_tried(make))
            self._made.move_to_end(key)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        made = await asyncio.shield(found)  # who leaves does not end it for the others
        if isinstance(made, SdotError):
            raise made
        return made


async def _tried(make: Callable[[], Awaitable[_Made]]) -> _Made | SdotError:
    """A refusal is an answer, too: nobody may be left to hear it when it comes."""
    try:
        return await make()
    except (InquiryError, StoreError) as error:
        return error


def _over(future: asyncio.Future[_Made | SdotError]) -> bool:
    """Whether it may not be handed out again."""
    if future.cancelled() or future.exception() is not None:
        return True
    made = future.result()
    return isinstance(made, SdotError) or made.until < time.monotonic()


class _Desk:
    """Takes questions and hands out files."""

    def __init__(self, history: History) -> None:
        self._history, self._pack = history, history.pack
        self._kept, self._drawn = _Kept(), Drawn()

    async def document(self, request: Request) -> Response:
        """`/api/history`: one metric of some places."""

        async def make() -> _Made:
            inquiry = inquiry_of(request.query_params, self._pack, self._history.clock())
            if len(inquiry.metrics) > 1:
                raise InquiryError("one_metric", given=len(inquiry.metrics))
            answer = await self._history.answer(inquiry)
            self._drawn.keep(answer)
            return await asyncio.to_thread(lambda: _made(history_json(answer, self._history), JSON, answer))

        return _sent(request, await self._kept.get(str(request.url), make))

    async def everybody(self, request: Request) -> Response:
        """`/api/history/all`: one metric of all districts."""

        async def make() -> _Made:
            inquiry = everywhere(request.query_params, self._pack, self._history.clock())
            answer = await self._history.everywhere(inquiry)
            return await asyncio.to_thread(
                lambda: _made(everywhere_json(answer, self._history), JSON, answer)
            )

        return _sent(request, await self._kept.get(str(request.url), make))

    async def table(self, request: Request) -> Response:
        """`/api/history.csv`: what the page's panels draw; of panels that were just `asked` for, the very same figures."""
        inquiry = inquiry_of(request.query_params, self._pack, self._history.clock())
        drawn = self._drawn.of(inquiry, request.query_params.getlist("asked"))
        answer = drawn or await self._history.answer(inquiry)
        language = language_of(request.headers, self._pack.languages)
        made = await asyncio.to_thread(lambda: _made(history_csv(answer, self._pack, language), CSV, answer))
        response = _sent(request, made)
        response.headers["Content-Disposition"] = f'attachment; filename="{file_name(answer, self._pack)}"'
        return response

    async def search(self, request: Request) -> Response:
        """`/api/history/sensors`: by a part of the serial."""
        part = request.query_params.get("q", "").strip()[:LONGEST]
        possible = SERIAL.fullmatch(part)  # else no serial holds it
        found = await self._history.archive.find(part, FOUND) if possible else []
        return _json([{"serial": one.serial, "district": one.district, "state": one.state} for one in found])


def history_routes(history: History) -> list[Route]:
    """All routes, over `history`."""
    desk = _Desk(history)
    return [
        Route("/api/history", _told(desk.document)),
        Route("/api/history/all", _told(desk.everybody)),
        Route("/api/history.csv", _told(desk.table)),
        Route("/api/history/sensors", _told(desk.search)),
    ]


def _made(data: bytes, form: str, answer: Answer | Everywhere) -> _Made:
    plan = answer.plan
    fixed = answer.inquiry.preset is None and plan.end <= plan.kept.raw
    until = time.monotonic() + SHARED_S if plan.level is Level.DAY else 0.0
    return _Made(pack(data, form, GZIP_LEVEL), ms(answer.asked), float("inf") if fixed else until, fixed)


def _sent(request: Request, made: _Made) -> Response:
    response = respond(request.headers, made.file, FIXED if made.fixed else ASK)
    response.headers[ASKED] = str(made.asked)
    return response


def _told(handler: Handler) -> Handler:
    """What is wrong with a question is 400 or 404 and says so; a database that is away is 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except InquiryError as error:
            return _json({"error": error.code, "text": error.texts}, error.status)
        except StoreError as error:
            text = sentence(f"database_{error.trouble}", seconds=error.detail, error=error.detail)
            return _json({"error": f"database_{error.trouble}", "text": text}, 503)

    return answer


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, {"Cache-Control": "no-store"}, JSON)
