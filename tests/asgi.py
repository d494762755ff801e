"""An HTTP client of an ASGI application, in process, without its lifespan."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp

#: Where the application believes to be.
ORIGIN = "http://city:8050"


class Client:
    """Asks one request at a time; keeps no cookies and follows no redirect."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The whole answer."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                return await client.request(method, path, **options)

        return asyncio.run(asked())

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The whole answer of a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """The whole answer of a POST."""
        return self.request("POST", path, **options)
