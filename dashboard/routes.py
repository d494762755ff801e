"""The plain HTTP routes beside the pages: stream, geometry, sensors, dots, the day, health."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard.static import ASK, StaticFile, pack, respond
from dashboard.stream import Hub, serve_stream

JSON = "application/json"


class Source(Protocol):
    """What the routes show: the reader, or a test's stand-in."""

    #: who follows the Live page, and the Ingest page
    hub: Hub
    books: Hub

    def geometry(self) -> dict[str, Any]:
        """The document of `/api/geometry`."""

    def sensors(self, district: str | None, metric: str) -> dict[str, Any] | None:
        """The document of `/api/sensors`; None where district or metric is unknown."""

    def dots(self) -> dict[str, Any]:
        """The document of `/api/dots`; its `version` is that of `dots_version`."""

    @property
    def dots_version(self) -> int:
        """Moves when a sensor comes, moves or goes."""

    @property
    def day(self) -> StaticFile | None:
        """The document of `/api/day`; None before there is one."""

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether the page shows live values, and the document of `/readyz`."""


def routes_of(source: Source) -> list[Route]:
    """All routes, over `source`."""
    geometry = pack(orjson.dumps(source.geometry()), JSON)
    packed_dots: dict[int, StaticFile] = {}

    async def shapes(request: Request) -> Response:
        return respond(request.headers, geometry, ASK)

    async def sensors(request: Request) -> Response:
        asked = request.query_params
        document = await asyncio.to_thread(source.sensors, asked.get("district"), asked.get("metric", ""))
        return _json(document) if document else _json({"error": "no such district or metric"}, 404)

    async def dots(request: Request) -> Response:
        file = packed_dots.get(version := source.dots_version)
        if file is None:
            file = await asyncio.to_thread(lambda: pack(orjson.dumps(source.dots()), JSON))
            packed_dots.clear()
            packed_dots[version] = file
        return respond(request.headers, file, ASK)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    async def readyz(_request: Request) -> Response:
        ready, document = source.ready()
        return _json(document, 200 if ready else 503)

    return [
        _stream("/api/stream", source.hub),
        _stream("/api/stream/ingest", source.books),
        Route("/api/geometry", shapes),
        Route("/api/sensors", sensors),
        Route("/api/dots", dots),
        _day(source),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]


def _day(source: Source) -> Route:
    async def day(request: Request) -> Response:
        file = source.day
        return _json({"error": "not read yet"}, 503) if file is None else respond(request.headers, file, ASK)

    return Route("/api/day", day)


def _stream(path: str, hub: Hub) -> Route:
    async def stream(request: Request) -> Response:
        return await serve_stream(request, hub)

    return Route(path, stream)


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, {"Cache-Control": "no-store"}, JSON)
