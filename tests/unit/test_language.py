"""Which language a viewer reads, and how `?lang=` becomes a cookie."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from dashboard.language import COOKIE, LanguageCookie, accepted, choose, language_of

LANGUAGES = ("ko", "en", "es")


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", [""]),
        ("es-MX,es;q=0.9,en;q=0.8", ["es", "es", "en"]),
        ("en;q=0.2, ko;q=0.7", ["ko", "en"]),
        ("de, en;q=0", ["de"]),
        ("en;q=high, ko", ["ko"]),
    ],
)
def test_accept_language_is_read_by_weight(header, tags):
    assert accepted(header) == tags


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        ("en", "es", "en"),
        ("fr", "es", "es"),
        (None, "fr, de", "ko"),
        (None, "fr;q=0.9, EN-us;q=0.5", "en"),
        (None, "", "ko"),
    ],
)
def test_the_cookie_goes_before_the_browser_and_the_pack_is_last(cookie, header, language):
    assert choose(cookie, header, LANGUAGES) == language


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_header_ends_in_a_language_we_have(cookie, header):
    headers = Headers(
        raw=[
            (b"cookie", cookie.encode("utf-8", "replace")),
            (b"accept-language", header.encode("utf-8", "replace")),
        ]
    )
    assert language_of(headers, LANGUAGES) in LANGUAGES


def asked(path: str, query: str, method: str = "GET") -> tuple[int, Headers]:
    """Status and headers of a request; 200 where it reached the application."""
    sent = []

    async def application(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": []}
    asyncio.run(LanguageCookie(application, LANGUAGES)(scope, None, send))
    return sent[0]["status"], Headers(raw=sent[0]["headers"])


def test_a_wish_in_the_address_becomes_the_cookie_and_the_rest_of_the_address_stays():
    status, headers = asked("/", "metric=pm10&lang=en&district=jung-gu")
    assert (status, headers["location"]) == (303, "/?metric=pm10&district=jung-gu")
    assert headers["set-cookie"].startswith(f"{COOKIE}=en;")


def test_a_language_we_have_not_is_dropped_without_a_cookie():
    status, headers = asked("/", "lang=xx%0d%0aset-cookie:a=b")
    assert (status, headers["location"]) == (303, "/")
    assert "set-cookie" not in headers


def test_nobody_is_sent_to_another_host():
    _, headers = asked("//elsewhere.example/", "lang=en")
    assert headers["location"] == "/elsewhere.example/"


@pytest.mark.parametrize(
    ("path", "query", "method"),
    [("/", "", "GET"), ("/api/sensors", "lang=en", "GET"), ("/", "lang=en", "POST")],
)
def test_everything_else_passes(path, query, method):
    assert asked(path, query, method)[0] == 200
