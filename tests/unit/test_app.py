"""The application's routes, documents and static files, asked in process."""

import base64
import gzip
import hashlib
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from dash import Input, Output, html

from city.grades import load_standard
from city.pack import load_pack
from dashboard.app import ASSETS, PAGES, create_app
from dashboard.board import Board
from dashboard.geometry import geometry_of
from dashboard.picture import Picture
from tests.asgi import Client

PACK = load_pack("seoul")
STANDARD = load_standard(PACK.standard)


def client_of(pages=PAGES) -> Client:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    board = Board(PACK, STANDARD, geometry_of(PACK), Picture(PACK).view(now))
    return Client(create_app(board, PACK, STANDARD, pages))


@pytest.fixture(scope="module")
def client() -> Client:
    return client_of()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ingest",
        "/ingest/_dash-layout",
        "/_dash-layout",
        "/_dash-dependencies",
        "/api/geometry",
        "/api/dots",
        "/healthz",
    ],
)
def test_what_there_is(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/wall", "/docs", "/redoc", "/openapi.json", "/_dash-ws-callback", "/assets/../app.py", "/assets/%2e%2e/app.py",
     "/assets/nothing.js", "/_dash-component-suites/dash/dash.py", "/_dash-component-suites/os/path.py",
     "/api/sensors?district=atlantis&metric=pm25"],
)  # fmt: skip
def test_everything_else_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_without_a_look_at_the_database_it_is_alive_and_not_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["away"] == ["snapshot"]


@pytest.mark.parametrize(
    ("cookie", "accept", "lang"), [("es", "en", "es"), (None, "en-GB,en;q=0.9", "en"), (None, "de", "ko")]
)
def test_the_document_and_the_layout_are_in_the_viewers_language(client, cookie, accept, lang):
    headers = {"accept-language": accept} | ({"cookie": f"sdot_lang={cookie}"} if cookie else {})
    document = client.get("/", headers=headers).text
    assert f'<html lang="{lang}"' in document
    assert f"<title>{PACK.title(lang)}</title>" in document
    assert f'"lang":"{lang}"' in client.get("/_dash-layout", headers=headers).text


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'), ("x", "")]
)
def test_the_theme_is_on_the_document_before_any_script_runs(client, cookie, theme):
    assert f'<html lang="ko"{theme}>' in client.get("/", headers={"cookie": f"sdot_theme={cookie}"}).text


def test_a_language_in_the_address_becomes_a_cookie(client):
    answer = client.get("/?lang=en&metric=pm10")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?metric=pm10")
    assert answer.headers["set-cookie"].startswith("sdot_lang=en;")


def test_each_inline_script_is_in_the_policy_by_its_hash(client):
    answer = client.get("/")
    scripts = re.findall(
        r"<script(?![^>]*(?:src=|application/json))[^>]*>(.*?)</script>", answer.text, re.DOTALL
    )
    assert scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_every_file_that_a_document_asks_for_is_ours_compressed_and_kept_for_ever(client):
    document = client.get("/").text
    links = re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css)[^"]*)"', document)
    assert any(link.startswith("/assets/") for link in links)
    assert any("dash_renderer" in link for link in links)
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert "immutable" in answer.headers["cache-control"]
        if len(answer.content) > 1000:
            assert answer.headers["content-encoding"] == "gzip"
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', document)


def test_a_file_is_the_same_with_and_without_compression_and_is_asked_for_once(client):
    name = next(path.name for path in sorted(ASSETS.glob("*.css")))
    zipped = client.get(f"/assets/{name}")
    plain = client.get(f"/assets/{name}", headers={"accept-encoding": "identity"})
    assert zipped.content == plain.content == (ASSETS / name).read_bytes()
    assert plain.headers["cache-control"] == "no-cache"
    assert client.get(f"/assets/{name}", headers={"if-none-match": plain.headers["etag"]}).status_code == 304


def test_the_geometry_is_sent_once(client):
    answer = client.get("/api/geometry")
    assert [one["code"] for one in answer.json()["districts"]] == [one.code for one in PACK.districts]
    assert client.get("/api/geometry", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(answer.content)) < 16_000


def test_another_sites_page_cannot_post(client):
    headers = {"origin": "https://elsewhere.example"}
    assert client.post("/_dash-update-component", json={}, headers=headers).status_code == 403


def page(path: str, name: str) -> SimpleNamespace:
    def register(app) -> None:
        @app.callback(Output(f"{name}-out", "children"), Input(f"{name}-in", "n_clicks"))
        async def said(clicks) -> str:
            return f"{name} {clicks}"

    def layout(config):
        return html.Div(
            [html.Button(id=f"{name}-in"), html.P(f"{name} in {config['lang']}", id=f"{name}-out")]
        )

    return SimpleNamespace(PATH=path, layout=layout, register=register)


def test_each_page_has_its_path_its_layout_and_its_callbacks():
    client = client_of((page("/", "live"), page("/history", "past")))
    document = client.get("/history", headers={"accept-language": "es"}).text
    assert r'"requests_pathname_prefix":"\u002fhistory\u002f"' in document
    assert 'src="/_dash-component-suites/' in document
    assert "past in ko" in client.get("/history/_dash-layout").text
    assert "live in ko" in client.get("/_dash-layout").text
    assert client.get("/other/_dash-layout").status_code == 404
    call = {
        "output": "past-out.children",
        "outputs": {"id": "past-out", "property": "children"},
        "inputs": [{"id": "past-in", "property": "n_clicks", "value": 3}],
        "changedPropIds": ["past-in.n_clicks"],
    }
    answer = client.post("/history/_dash-update-component", json=call)
    assert answer.json()["response"] == {"past-out": {"children": "past 3"}}


def test_two_applications_do_not_know_each_other():
    first, second = client_of((page("/", "one"),)), client_of((page("/", "two"),))
    assert "one in ko" in first.get("/_dash-layout").text
    assert "two in ko" in second.get("/_dash-layout").text
    assert "two-in" not in first.get("/_dash-dependencies").text


@pytest.mark.parametrize(("path", "folder"), [("/", "live"), ("/history", "history"), ("/ingest", "ingest")])
def test_a_page_loads_what_is_its_own_and_what_all_share(path, folder):
    """Asked first of a new application: Dash itself would serve it without any asset."""
    document = client_of().get(path).text
    files = re.findall(r'(?:src|href)="/assets/([^"?]+)', document)
    own = {file.relative_to(ASSETS).as_posix() for file in (ASSETS / folder).iterdir()}
    shared = {file.name for file in ASSETS.iterdir() if file.is_file()}
    assert len(files) == len(set(files))
    assert set(files) == own | shared
    assert document.index("assets/base.js") < document.index(f"assets/{folder}/{folder}.js")


def test_the_pages_know_of_each_other(client):
    for path in ("/_dash-layout", "/ingest/_dash-layout"):
        assert r'"pages":["\u002f","\u002fhistory","\u002fingest"]' in client.get(path).text


def test_a_page_carries_its_own_words_only(client):
    live, ingest = client.get("/_dash-layout").text, client.get("/ingest/_dash-layout").text
    assert "reason_text_number" in ingest
    assert "reason_text_number" not in live
    assert "panel_strip" not in ingest
