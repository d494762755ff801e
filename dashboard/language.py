"""Which language a viewer reads: `?lang=` turned into a cookie, then the cookie, then the browser's wish."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "sdot_lang"
#: Seconds in a year; a choice of language is no secret and need not be asked again.
COOKIE_AGE_S = 365 * 86400


def accepted(header: str) -> list[str]:
    """Languages of an Accept-Language header by falling weight (RFC 9110, 12.5.4), primary tags only."""
    wishes = [_wish(part) for part in header.split(",")]
    wanted = [wish for wish in wishes if wish[1] > 0]
    return [tag for tag, _ in sorted(wanted, key=lambda wish: -wish[1])]


def _wish(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    try:
        q = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
    except ValueError:
        q = 0.0
    return tag.strip().partition("-")[0].lower(), q


def choose(cookie: str | None, header: str, languages: Sequence[str]) -> str:
    """The language of a page: the cookie's, else the first accepted one we have, else the pack's first."""
    if cookie in languages:
        return str(cookie)
    return next((tag for tag in accepted(header) if tag in languages), languages[0])


def language_of(headers: Headers, languages: Sequence[str]) -> str:
    """`choose`, from a request's headers."""
    cookies = cookie_parser(headers.get("cookie", ""))
    return choose(cookies.get(COOKIE), headers.get("accept-language", ""), languages)


class LanguageCookie:
    """ASGI middleware: `GET /page?lang=en&x=1` becomes the cookie and a redirect to `/page?x=1`.

    Dash asks for a page's layout in a request of its own that does not carry the query.
    """

    def __init__(self, app: ASGIApp, languages: Sequence[str]) -> None:
        self.app = app
        self._languages = tuple(languages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect where a page is asked for with `lang`; pass everything else on."""
        query = _query(scope)
        if "lang" not in dict(query) or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        response = RedirectResponse(_without_language(scope, query), status_code=303)
        wished = dict(query)["lang"].lower()
        if wished in self._languages:
            response.set_cookie(
                COOKIE, wished, max_age=COOKIE_AGE_S, samesite="lax"
            )  # the page changes it, too
        await response(scope, receive, send)


def _query(scope: Scope) -> list[tuple[str, str]]:
    if scope["type"] != "http" or scope["path"].startswith("/api/"):
        return []
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _without_language(scope: Scope, query: list[tuple[str, str]]) -> str:
    rest = urlencode([(key, value) for key, value in query if key != "lang"])
    path: str = "/" + scope["path"].lstrip("/")  # never //elsewhere.example, which a browser takes for a host
    return path + (f"?{rest}" if rest else "")
