"""The stream under uvicorn: pushed once to all, never stopped by a slow query, ended by SIGTERM."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from dash import Input, Output, html

from city.pack import load_pack
from dashboard import app as module
from dashboard.memory import MemoryStore
from dashboard.postgres import PgStore
from tests.live_rows import LiveRows, now
from tests.made_up import made_up_city
from tests.servers.process import Process, free_port
from tests.serving import serving
from tests.viewer import parsed
from tests.waiting import until

PACK = load_pack("seoul")
VIEWERS = 20


@contextlib.asynccontextmanager
async def stream(client: httpx.AsyncClient, url: str) -> AsyncIterator[AsyncIterator[tuple[str, dict]]]:
    """Events of one viewer."""
    async with client.stream("GET", f"{url}/api/stream", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict]]:
    buffer = b""
    async for received in answer.aiter_raw():
        buffer += received
        *frames, buffer = buffer.split(b"\n\n")
        for frame in frames:
            event, data = parsed(frame + b"\n\n")
            if event:
                yield event, data


@contextlib.asynccontextmanager
async def browserless() -> AsyncIterator[httpx.AsyncClient]:
    """A client with room for many streams."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None)) as client:
        yield client


def test_who_comes_gets_the_newest_snapshot_at_once_and_each_one_after():
    store = made_up_city(PACK, 50, datetime.now(UTC))

    async def scenario(url: str) -> None:
        async with browserless() as client, stream(client, url) as events:
            event, first = await anext(events)
            assert event == "tick"
            assert first["city"]["pm25"]["N"] == 50
            store.put(1, datetime.now(UTC), {"pm25": 1000})
            _, second = await anext(events)
            assert second["seq"] > first["seq"]
            assert second["city"]["pm25"]["hi"] == 1000
            assert second["boot"] == first["boot"]

    with serving(store, PACK) as running:
        asyncio.run(scenario(running.url))


def test_all_viewers_get_the_same_bytes():
    store = MemoryStore(PACK)
    store.beat()

    async def scenario(url: str) -> None:
        async with browserless() as client, contextlib.AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(stream(client, url)) for _ in range(VIEWERS)]
            ticks = [await anext(events) for events in streams]
            assert all(tick[1]["boot"] == ticks[0][1]["boot"] for tick in ticks)
            # nothing happens: what comes next is the same snapshot for everybody
            later = [await anext(events) for events in streams]
            assert all(tick == later[0] for tick in later)

    with serving(store, PACK) as running:
        asyncio.run(scenario(running.url))


def test_a_viewer_who_left_is_forgotten():
    store = MemoryStore(PACK)
    store.beat()

    async def scenario(url: str, hub) -> None:
        async with browserless() as client:
            async with stream(client, url) as events:
                await anext(events)
                await asyncio.to_thread(until, lambda: hub.viewers == 1, "the viewer")
            await asyncio.to_thread(until, lambda: hub.viewers == 0, "nobody")

    with serving(store, PACK) as running:
        asyncio.run(scenario(running.url, running.board.hub))


def test_the_streams_end_when_the_server_does():
    store = MemoryStore(PACK)

    async def scenario(running) -> None:
        async with browserless() as client, stream(client, running.url) as events:
            await anext(events)
            running.server.should_exit = True
            async for _ in events:  # ends by itself, with a whole last frame
                pass

    with serving(store, PACK) as running:
        asyncio.run(scenario(running))


@pytest.fixture
def slow_page(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A page whose callback asks the database for two things that take 2 s each."""
    page = SimpleNamespace(PATH="/slow", store=None)

    def register(app) -> None:
        @app.callback(Output("out", "children"), Input("in", "n_clicks"))
        async def slow(_clicks) -> str:
            for _ in range(2):
                await page.store._rows("SELECT pg_sleep(1.9)")
            return "done"

    page.register, page.layout = register, lambda _config: html.Div([html.Button(id="in"), html.P(id="out")])
    _, *others = module.create_app.__defaults__
    monkeypatch.setattr(module.create_app, "__defaults__", ((*module.PAGES, page), *others))
    return page


def test_a_slow_query_of_one_viewer_stops_nobody_else(embedded_database, slow_page):
    """Each viewer gets what is committed while it runs, before it ends."""
    url = embedded_database.url_as("sdot_dashboard")
    rows, store, slow_page.store = (
        LiveRows(embedded_database),
        PgStore(url, PACK),
        PgStore(url, PACK, connections=2),
    )
    rows.beat()
    sensor_id = rows.register("s", "jongno-gu")
    call = {
        "output": "out.children",
        "outputs": {"id": "out", "property": "children"},
        "inputs": [{"id": "in", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["in.n_clicks"],
    }

    async def seen(events, value: float) -> None:
        async for _, data in events:
            if data.get("city", {}).get("pm25", {}).get("hi") == value:
                return
        raise AssertionError("the stream ended")

    async def scenario(url: str) -> None:
        async with browserless() as client, contextlib.AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(stream(client, url)) for _ in range(VIEWERS)]
            slow = asyncio.create_task(
                client.post(f"{url}/slow/_dash-update-component", json=call, timeout=20)
            )
            await asyncio.sleep(0)
            await asyncio.to_thread(rows.store, sensor_id, now(), pm25=77)
            await asyncio.gather(*(seen(events, 77) for events in streams))
            assert not slow.done()
            assert (await slow).json()["response"] == {"out": {"children": "done"}}

    with serving(store, PACK) as running:
        asyncio.run(scenario(running.url))
        asyncio.run_coroutine_threadsafe(slow_page.store.close(), running.loop).result(5)


def test_sigterm_ends_the_process_with_its_streams_in_good_order(embedded_database, tmp_path):
    port = free_port()
    program = "from city.settings import load_settings; from dashboard.main import run; run(load_settings())"
    environment = {
        "SDOT_READ_DATABASE_URL": embedded_database.url_as("sdot_dashboard"), "SDOT_HTTP_PORT": str(port),
    }  # fmt: skip
    process = Process(
        [sys.executable, "-c", program], tmp_path / "log", env=os.environ | environment, cwd=Path.cwd()
    )
    process.until_listening(port)

    async def scenario() -> None:
        async with browserless() as client, stream(client, f"http://127.0.0.1:{port}") as events:
            await anext(events)
            process.send(signal.SIGTERM)
            async for _ in events:
                pass

    try:
        asyncio.run(scenario())
        assert process.wait(10) == 0, process.log_text()
    finally:
        process.stop(signal.SIGKILL)
