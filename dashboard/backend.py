"""Dash on FastAPI without what we do not use: websocket, catch-all route, API documents, its own static files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dash import _validate
from dash.backends._fastapi import FastAPIDashServer, reset_current_request, set_current_request
from dash.exceptions import DependencyException, InvalidResourceError
from dash.fingerprint import check_fingerprint
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.static import ASK, FOREVER, Shelf, package_reader, serve_shelf

if TYPE_CHECKING:
    from dash import Dash


#: Key of an ASGI scope: path of the page that a request belongs to.
PAGE = "sdot.page"


class PagePaths:
    """ASGI middleware: `/history/_dash-layout` is Dash's `/_dash-layout`, asked by the page at `/history`.

    Dash's renderer says in none of its requests which page it draws; the prefix that we give it does.
    """

    def __init__(self, app: ASGIApp, pages: Sequence[str]) -> None:
        self.app = app
        self._prefixes = tuple((path, path.rstrip("/") + "/_dash-") for path in pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the page, and drop its path."""
        if scope["type"] == "http":
            for path, prefix in self._prefixes:
                if scope["path"] == path:
                    scope = {**scope, PAGE: path}
                elif scope["path"].startswith(prefix):
                    scope = {**scope, PAGE: path, "path": "/_dash-" + scope["path"].removeprefix(prefix)}
        await self.app(scope, receive, send)


class Backend(FastAPIDashServer):  # type: ignore[misc]
    """Dash's FastAPI backend, narrowed."""

    #: One endpoint less, and a renderer that does not look for it.
    websocket_capability = False

    def __init__(self, server: FastAPI) -> None:
        super().__init__(server)
        self._shelves: dict[str, Shelf] = {}

    @staticmethod
    def create_app(name: str = "dashboard", config: dict[str, Any] | None = None) -> FastAPI:  # noqa: ARG004
        """A FastAPI application without /docs, /redoc and /openapi.json."""
        return FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def register_assets_blueprint(
        self, blueprint_name: str, assets_url_path: str, assets_folder: str
    ) -> None:
        """Nothing: our assets are served by `app`, compressed ahead."""

    def setup_index(self, dash_app: Dash) -> None:
        """Nothing: each page has a route of its own, see `add_page`."""

    def _setup_catchall(self) -> None:
        """Nothing: an unknown path is 404."""

    def add_page(self, dash_app: Dash, path: str) -> None:
        """Serve Dash's index document at `path`."""

        async def page(request: Request) -> Response:
            token = set_current_request(request)
            try:
                dash_app._setup_server()  # noqa: SLF001 once; Dash itself does so for no path but /
                return HTMLResponse(dash_app.index(), headers={"Cache-Control": "no-store"})
            finally:
                reset_current_request(token)

        self.server.add_route(path, page, methods=["GET"])

    def setup_component_suites(self, dash_app: Dash) -> None:
        """The packages' browser files, compressed once."""

        async def suite(request: Request) -> Response:
            package, fingerprinted = request.path_params["package"], request.path_params["path"]
            name, immutable = check_fingerprint(fingerprinted)
            try:
                _validate.validate_js_path(dash_app.registered_paths, package, name)
            except (DependencyException, InvalidResourceError):
                return Response("Not Found", status_code=404)
            shelf = self._shelves.setdefault(package, Shelf(package_reader(package)))
            return await serve_shelf(request, shelf, name, FOREVER if immutable else ASK)

        self.server.add_route("/_dash-component-suites/{package}/{path:path}", suite, methods=["GET"])
