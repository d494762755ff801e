"""History over HTTP: `/api/history` (JSON), `/api/history.csv`, `/api/history/sensors` (a search by serial).

All waiting is `await`, all packing happens in threads. What lies wholly below the horizon cannot change: it is kept here
and may be kept by browsers; everything else is asked anew, and a browser that has the same bytes is told so.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.history import Answer, History
from dashboard.history_csv import file_name, history_csv
from dashboard.history_document import history_json, ms
from dashboard.inquiry import InquiryError, inquiry_of
from dashboard.static import ASK, StaticFile, pack, respond
from dashboard.store import StoreError

JSON, CSV = "application/json", "text/csv; charset=utf-8"
#: Header: when the database was asked, ms of Unix time.
ASKED = "X-Sdot-Asked"
#: A day: what lies below the horizon stays as it is, but for a figure whose metric a new pack brings.
FIXED = "private, max-age=86400"
#: Answers below the horizon that are kept, some 100 kB each.
KEPT = 64
#: A file that is made at each question is compressed quickly (level 9 takes 6 times as long for 5 % less).
GZIP_LEVEL = 4
#: Sensors that a search names.
FOUND = 20
#: Characters of a search: a serial has no more.
LONGEST = 64

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A file, its name, when it was asked for (ms), and whether nothing can change it."""

    file: StaticFile
    name: str
    asked: int
    fixed: bool


def history_routes(history: History) -> list[Route]:
    """All routes, over `history`."""
    shelf: OrderedDict[tuple[str, str], _Made] = OrderedDict()

    async def made(request: Request, form: str) -> _Made:
        key = (form, str(request.url.query))
        if key in shelf:
            return shelf[key]
        brief = request.query_params.get("brief") == "1"
        inquiry = inquiry_of(request.query_params, history.pack, history.clock())
        answer = await history.answer(inquiry)
        found = await asyncio.to_thread(_pack, answer, history, form, brief)
        if found.fixed:
            shelf[key] = found
            if len(shelf) > KEPT:
                shelf.popitem(last=False)
        return found

    async def document(request: Request) -> Response:
        return _sent(request, await made(request, JSON))

    async def table(request: Request) -> Response:
        found = await made(request, CSV)
        response = _sent(request, found)
        response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
        return response

    async def search(request: Request) -> Response:
        part = request.query_params.get("q", "").strip()[:LONGEST]
        found = await history.archive.find(part, FOUND) if part else []
        return _json(
            {"sensors": [{"serial": s.serial, "state": s.state, "district": s.district} for s in found]}
        )

    return [
        Route("/api/history", _told(document)),
        Route("/api/history.csv", _told(table)),
        Route("/api/history/sensors", _told(search)),
    ]


def _sent(request: Request, made: _Made) -> Response:
    response = respond(request.headers, made.file, FIXED if made.fixed else ASK)
    response.headers[ASKED] = str(made.asked)  # not in the document: the same figures are the same bytes
    return response


def _pack(answer: Answer, history: History, form: str, brief: bool) -> _Made:
    if form == JSON:
        data = history_json(answer, history.pack, brief=brief)
    else:
        data = history_csv(answer, history.pack)
    plan = answer.plan
    fixed = answer.inquiry.preset is None and plan.end <= plan.kept.raw
    file = pack(data, form, GZIP_LEVEL)
    return _Made(file, file_name(answer, history.pack), ms(answer.asked), fixed)


def _told(handler: Handler) -> Handler:
    """What is wrong with a question is 400 and says so; a database that is away is 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except InquiryError as error:
            return _json({"error": error.code, "values": error.values, "say": str(error)}, 400)
        except StoreError as error:
            return _json({"error": f"database_{error.trouble}", "values": {"detail": error.detail}}, 503)

    return answer


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, {"Cache-Control": "no-store"}, JSON)
