"""The dashboard's ASGI application: Dash's pages, our routes, static files, headers and languages.

Each page is a module with `PATH`, `layout(config)` and `register(app)`. A page's document carries its theme
(cookie `sdot_theme`: dark or light) and language on `<html>`, so that nothing flashes before the scripts run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Protocol

from dash import Dash
from dash._utils import to_json
from dash.backends._fastapi import get_current_request
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from city.grades import Standard
from city.pack import CityPack
from dashboard.backend import PAGE, Backend, PagePaths
from dashboard.config import page_config
from dashboard.headers import SecurityHeaders, content_policy
from dashboard.history import History
from dashboard.history_routes import history_routes
from dashboard.language import LanguageCookie, language_of
from dashboard.pages import history, ingest, live
from dashboard.routes import Source, routes_of
from dashboard.static import ASK, FOREVER, Shelf, folder_reader, respond, serve_shelf
from dashboard.static import pack as pack_file

ASSETS = Path(__file__).parent / "assets"
THEME_COOKIE = "sdot_theme"
THEMES = ("dark", "light")

#: Scripts that Dash would have every page load.
UNUSED = ("/deps/polyfill@", "/dash_table/bundle\\.")

DOCUMENT = """<!DOCTYPE html>
<html lang="{lang}"{theme}>
<head>
{metas}
<title>{title}</title>
{favicon}
{css}
</head>
<body>
{app_entry}
<footer>{config}{scripts}{renderer}</footer>
</body>
</html>
"""


class Page(Protocol):
    """A page module."""

    PATH: str

    def layout(self, config: dict[str, Any]) -> Any:
        """The page's components; `config` is `page_config`."""

    def register(self, app: Dash) -> None:
        """Register the page's callbacks on this application."""


#: Every page there is; a path without one is 404.
PAGES: tuple[Page, ...] = (live, history, ingest)


class Application(Dash):  # type: ignore[misc]
    """One Dash instance over our backend; holds no state of any viewer."""

    def __init__(
        self, pack: CityPack, standard: Standard, pages: Sequence[Page], data_option: str = ""
    ) -> None:
        self._pack, self._standard, self._data_option = pack, standard, data_option
        self._pages = {page.PATH: page for page in pages}
        super().__init__(
            "dashboard",
            backend=Backend,
            assets_folder=str(ASSETS),
            update_title=None,
            add_log_handler=False,
            suppress_callback_exceptions=True,  # else each document carries its whole layout a second time
        )
        self.layout = self._layout_of_request
        for page in pages:
            page.register(self)
            self.backend.add_page(self, page.PATH)

    def language(self) -> str:
        """The language of the request being answered."""
        return language_of(get_current_request().headers, self._pack.languages)

    def interpolate_index(self, **parts: str) -> str:
        """The document around a page."""
        lang = self.language()
        theme = get_current_request().cookies.get(THEME_COOKIE)
        folder = page_folder(get_current_request().scope.get(PAGE, "/"))
        parts |= {
            "title": escape(self._pack.title(lang)),
            "favicon": _icon(),
            "scripts": _needed(parts["scripts"], folder),
            "css": _own(parts["css"], folder),
        }
        return DOCUMENT.format(lang=lang, theme=f' data-theme="{theme}"' if theme in THEMES else "", **parts)

    async def serve_layout(self) -> Response:
        """The components of the page that asks, made and compressed away from the event loop."""
        layout = await asyncio.to_thread(
            lambda: pack_file(to_json(self.get_layout()).encode(), "application/json")
        )
        return respond(get_current_request().headers, layout, "no-store")

    def _config(self) -> dict[str, Any]:
        """The renderer asks below its page's own path, so that we know which layout it wants, and asks nobody else."""
        path = get_current_request().scope.get(PAGE, "/")
        asks = {
            "requests_pathname_prefix": path.rstrip("/") + "/",
            "disable_version_check": True,
            "dash_version_url": "",
        }
        return {**super()._config(), **asks}

    def _layout_of_request(self) -> Any:
        page = self._pages[get_current_request().scope.get(PAGE, "/")]
        today = datetime.now(self._pack.zone).date()
        config = page_config(self._pack, self._standard, self.language(), today, self._data_option)
        return page.layout({**config, "pages": list(self._pages)})


def _icon() -> str:
    """Our icon; an empty one where there is none, or the browser asks for /favicon.ico."""
    name = "favicon.svg"
    href = f"/assets/{name}" if (ASSETS / name).exists() else "data:,"
    return f'<link rel="icon" href="{href}">'


def page_folder(path: str) -> str:
    """The folder in `assets` with what only the page at `path` loads."""
    return path.strip("/") or "live"


def _needed(scripts: str, folder: str) -> str:
    """The scripts of a page without those that only old browsers and Dash's own table need (43 kB)."""
    return _own(re.sub(rf'<script src="[^"]*({"|".join(UNUSED)})[^"]*"></script>\n?', "", scripts), folder)


def _own(tags: str, folder: str) -> str:
    """Of the tags that load assets, those of all pages and of this page's folder."""
    other = rf'/assets/(?!{re.escape(folder)}/)[^"/]+/'
    return re.sub(rf'<(script|link)[^>]* (src|href)="{other}[^"]*"[^>]*>(</script>)?\n?', "", tags)


def create_app(
    source: Source,
    pack: CityPack,
    standard: Standard,
    pages: Sequence[Page] = PAGES,
    running: Callable[[], AbstractAsyncContextManager[None]] | None = None,
    data_option: str = "",
    history: History | None = None,
) -> FastAPI:
    """The application that shows `source`; `running()` is entered while it serves (the reader's loop).

    `history`: what answers the History page; without it there is none.

    `data_option` goes into the commands that the pages propose (`city.folder`).
    """
    application = Application(pack, standard, pages, data_option)
    policy = content_policy(application.csp_hashes())
    server: FastAPI = application.server
    server.router.routes.extend(routes_of(source))
    if history is not None:
        server.router.routes.extend(history_routes(history))
    server.add_route("/assets/{path:path}", _assets())
    server.add_middleware(PagePaths, pages=[page.PATH for page in pages])
    server.add_middleware(LanguageCookie, languages=pack.languages)
    server.add_middleware(SecurityHeaders, policy=lambda: policy)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if running is None:
            yield
        else:
            async with running():
                yield

    server.router.lifespan_context = lifespan
    return server


def _assets() -> Callable[[Request], Any]:
    shelf = Shelf(folder_reader(ASSETS))

    async def asset(request: Request) -> Response:
        cache = FOREVER if "m" in request.query_params else ASK
        return await serve_shelf(request, shelf, request.path_params["path"], cache)

    return asset
