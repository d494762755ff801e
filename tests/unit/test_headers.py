"""Security headers and the refusal of other sites' requests, through plain ASGI."""

import asyncio

import pytest
from starlette.datastructures import Headers

from dashboard.headers import SecurityHeaders, content_policy, foreign


@pytest.mark.parametrize(
    ("method", "headers", "refused"),
    [
        ("GET", {"origin": "https://elsewhere.example", "host": "city:8050"}, False),
        ("POST", {"host": "city:8050"}, False),
        ("POST", {"host": "city:8050", "origin": "http://city:8050"}, False),
        ("POST", {"host": "city:8050", "origin": "http://city:8051"}, True),
        ("POST", {"host": "city:8050", "origin": "https://elsewhere.example"}, True),
        ("POST", {"host": "city:8050", "origin": "null"}, True),
        ("POST", {"host": "city:8050", "sec-fetch-site": "same-origin", "origin": "http://city:8050"}, False),
        ("POST", {"host": "inside:80", "sec-fetch-site": "same-origin", "origin": "https://city"}, False),
        ("POST", {"host": "city:8050", "sec-fetch-site": "cross-site"}, True),
        ("POST", {"host": "city:8050", "sec-fetch-site": "same-site"}, True),
        ("DELETE", {"host": "city:8050", "origin": "https://elsewhere.example"}, True),
    ],
)
def test_what_comes_from_another_site_changes_nothing(method, headers, refused):
    assert foreign(method, Headers(headers)) is refused


def test_scripts_are_ours_or_known_by_their_hash():
    policy = dict(part.split(" ", 1) for part in content_policy(["'sha256-abc='"]).split("; "))
    assert policy["default-src"] == policy["connect-src"] == "'self'"
    assert policy["script-src"] == "'self' 'sha256-abc='"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"


def answered(method: str, headers: dict[str, str]) -> tuple[int, Headers, list[bytes], bool]:
    """Status, headers and body frames of a streaming application behind the middleware; whether it was asked."""
    sent, asked = [], []

    async def application(scope, receive, send) -> None:
        asked.append(scope)
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
        )
        for frame in (b"one", b"two"):
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            assert sent[-1]["body"] == frame  # passed on at once, not gathered
        await send({"type": "http.response.body", "body": b""})

    async def send(message) -> None:
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": raw}
    asyncio.run(SecurityHeaders(application, lambda: content_policy([]))(scope, receive, send))
    return (
        sent[0]["status"],
        Headers(raw=sent[0]["headers"]),
        [message["body"] for message in sent[1:]],
        bool(asked),
    )


def test_headers_are_on_every_response_and_streams_pass_through():
    status, headers, frames, _ = answered("GET", {"host": "city"})
    assert (status, frames) == (200, [b"one", b"two", b""])
    assert headers["content-type"] == "text/plain"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in headers["content-security-policy"]


def test_a_refusal_carries_them_too_and_does_not_reach_the_application():
    status, headers, _, asked = answered("POST", {"host": "city", "origin": "https://elsewhere.example"})
    assert (status, asked) == (403, False)
    assert headers["x-content-type-options"] == "nosniff"
