"""Security headers on every response, and no POST from another origin; pure ASGI, so streams pass through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Methods that change nothing (RFC 9110, 9.2.1); all others have to come from our own pages.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def content_policy(script_hashes: Sequence[str]) -> str:
    """The Content-Security-Policy: our own origin only, inline scripts by hash (`'sha256-…'`, quoted).

    `style-src 'unsafe-inline'` because Plotly and AG Grid write style elements; `img-src blob:` because Plotly makes a
    chart's picture out of one, which only our own scripts can make.
    """
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *script_hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def fixed_headers(policy: str) -> dict[str, str]:
    """The headers that every response carries."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def foreign(method: str, headers: Headers) -> bool:
    """Whether a request would change something and was sent by another site's page.

    Browsers say so by `Sec-Fetch-Site`; where that is not sent (plain HTTP, old browsers) by an `Origin` whose
    host is not ours. Who sends neither is no browser, and carries nobody's cookies along.
    """
    if method in SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


class SecurityHeaders:
    """ASGI middleware; `policy` is asked at each response, since scripts are hashed after all callbacks."""

    def __init__(self, app: ASGIApp, policy: Callable[[], str]) -> None:
        self.app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse foreign requests, pass others on and add the headers to what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        added = [(k.lower().encode(), v.encode()) for k, v in fixed_headers(self._policy()).items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        if foreign(scope["method"], Headers(scope=scope)):
            refusal = PlainTextResponse("This request came from another site's page.\n", status_code=403)
            await refusal(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)
