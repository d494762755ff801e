"""Many viewers of the live page: what a tick costs, how late it comes, and whether a slow query delays it.

    python benchmarks/viewers.py [--viewers 100] [--seconds 20] [--sensors 1100]

The server runs in a process of its own over the in-memory store; every 2 minutes' readings of the sensors are
spread over the seconds, as live. Half of the time somebody runs callbacks that wait 2 s for a database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

#: What Dash's renderer sends when the button of the slow page is pressed.
CALL = {
    "output": "out.children",
    "outputs": {"id": "out", "property": "children"},
    "inputs": [{"id": "in", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["in.n_clicks"],
}


def serve(port: int, sensors: int) -> None:
    """The dashboard, with readings coming in and a page whose callback takes 2 s."""
    import uvicorn
    from dash import Input, Output, html

    from city.pack import load_pack
    from dashboard import app
    from dashboard.main import Server, assemble
    from tests.made_up import made_up_city, values_of

    def register(application) -> None:
        @application.callback(Output("out", "children"), Input("in", "n_clicks"))
        async def slow(_clicks) -> str:
            await asyncio.sleep(2)
            return "done"

    page = SimpleNamespace(PATH="/slow", register=register, layout=lambda _: html.Div(id="out"))
    app.create_app.__defaults__ = ((*app.PAGES, page), None)
    pack, rng = load_pack("seoul"), random.Random(1)
    store = made_up_city(pack, sensors, datetime.now(UTC))
    application, board, _ = assemble(store, pack)
    config = uvicorn.Config(application, port=port, log_level="warning", timeout_graceful_shutdown=1)

    async def readings() -> None:
        number = 0
        while True:
            for _ in range(max(1, sensors // 120)):
                number = number % sensors + 1
                store.put(number, datetime.now(UTC), values_of(pack, number, rng))
            store.beat()
            await asyncio.sleep(1)

    async def both() -> None:
        task = asyncio.create_task(readings())
        await Server(config, *board.hubs).serve()
        task.cancel()

    asyncio.run(both())


async def view(port: int, lags: list[float], sizes: list[int], until: float) -> None:
    """One viewer; `lags` in ms from the snapshot's own time to its arrival here."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    writer.write(b"GET /api/stream HTTP/1.1\r\nHost: here\r\n\r\n")
    await writer.drain()
    await reader.readuntil(b"event: tick")  # what was there already
    while time.time() < until:
        line = await reader.readline()
        if line.startswith(b"data: ") and b'"seq"' in line[:100]:
            arrived = time.time() * 1000
            start = line.index(b'"now":') + 6
            lags.append(arrived - int(line[start : line.index(b",", start)]))
            sizes.append(len(line))
    writer.close()


async def press(client: httpx.AsyncClient, port: int, until: float) -> int:
    """Four people press the slow button again and again; how often it answered."""

    async def one() -> int:
        answered = 0
        while time.time() < until - 2:
            answer = await client.post(f"http://127.0.0.1:{port}/slow/_dash-update-component", json=CALL)
            answered += answer.status_code == 200
        return answered

    return sum(await asyncio.gather(*(one() for _ in range(4))))


def cpu_s(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, pid: int, viewers: int, seconds: float, slow: bool) -> dict[str, object]:
    """One round."""
    lags: list[float] = []
    sizes: list[int] = []
    async with httpx.AsyncClient() as client:  # made before: its certificates take 100 ms of our own loop
        before, until = cpu_s(pid), time.time() + seconds
        tasks = [view(port, lags, sizes, until) for _ in range(viewers)]
        pressing = press(client, port, until) if slow else asyncio.sleep(seconds, 0)
        *_, pressed = await asyncio.gather(*tasks, pressing)
    lags.sort()
    return {
        "viewers": viewers,
        "slow callbacks": pressed,
        "ticks received": len(lags),
        "tick, kB": round(statistics.mean(sizes) / 1000, 1) if sizes else None,
        "lag median, ms": round(lags[len(lags) // 2], 1) if lags else None,
        "lag p95, ms": round(lags[int(len(lags) * 0.95)], 1) if lags else None,
        "server, % of a core": round(100 * (cpu_s(pid) - before) / seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--sensors", type=int, default=1100)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.sensors)
        return
    from tests.servers.process import free_port, listening
    from tests.waiting import until

    port = free_port()
    command = [sys.executable, __file__, "--serve", str(port), "--sensors", str(given.sensors)]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: listening(port), "the dashboard", 60)
            for viewers, slow in ((0, False), (20, False), (20, True), (given.viewers, False)):
                print(
                    json.dumps(asyncio.run(measure(port, process.pid, viewers, given.seconds, slow))),
                    flush=True,
                )
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
