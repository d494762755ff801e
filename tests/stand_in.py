"""A stand-in for the dashboard's reader: a made-up city whose ticks the test makes, served by uvicorn in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from typing import Any

import orjson
import uvicorn
from starlette.routing import Route

from city.grades import load_standard
from city.pack import CityPack
from dashboard.app import create_app
from dashboard.geometry import geometry_of
from dashboard.static import StaticFile, pack
from dashboard.stream import Hub
from tests.waiting import until

#: metric → the city's level and how far districts differ
LEVELS = {"pm25": (8, 42), "pm10": (20, 62), "temperature": (9, 5), "humidity": (38, 12), "noise": (49, 11)}
LEVELS |= {"visitors": (180, 700), "radon": (20, 60)}
SENSORS = 44  # verified sensors of a district


class StandIn:
    """A `Source` that shows what it is told. `city` is the next snapshot; change it, then `tick()`."""

    def __init__(self, pack: CityPack) -> None:
        self.pack, self.standard = pack, load_standard(pack.standard)
        self.shapes = geometry_of(pack)
        self.hub, self.books = Hub(), Hub()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.url = ""
        self.listed: dict[str, list[dict[str, Any]]] = {}
        self.points = [
            [*self.inside(code, i), f"V02Q19{place:02d}{i:03d}", place]
            for place, code in enumerate(self.codes)
            for i in range(SENSORS)
        ]
        self.city: dict[str, Any] = {}
        #: the document of `/api/day`; none: not read yet
        self.whole_day: dict[str, Any] = {}
        self.reset()

    @property
    def codes(self) -> list[str]:
        return [district.code for district in self.pack.districts]

    def inside(self, code: str, i: int) -> list[float]:
        """A place near the middle of a district, in the map's own units."""
        longitude, latitude = self.pack.by_code[code].label
        x, y = self.shapes.projection.xy(latitude, longitude)
        return [round(float(x) + i % 7 * 2 - 6, 1), round(float(y) + i // 7 * 2 - 6, 1)]

    # what a Source answers

    def geometry(self) -> dict[str, Any]:
        return self.shapes.document

    def sensors(self, district: str | None, metric: str) -> dict[str, Any] | None:
        listed = self.listed.get(district or "") or [
            self.sensor(district or "", metric, i) for i in range(SENSORS)
        ]
        return {"seq": self.city["seq"], "sensors": listed}

    @property
    def dots_version(self) -> int:
        return int(self.city["dots_version"])

    def dots(self) -> dict[str, Any]:
        return {"version": self.city["dots_version"], "dots": self.points}

    @property
    def day(self) -> StaticFile | None:
        return pack(orjson.dumps(self.whole_day), "application/json") if self.whole_day else None

    def ready(self) -> tuple[bool, dict[str, Any]]:
        return True, {}

    # what it shows

    def sensor(self, district: str, metric: str, i: int = 0, **changes: Any) -> dict[str, Any]:
        """One sensor of `/api/sensors`."""
        x, y = self.inside(district, i)
        value = self.level(metric, self.codes.index(district)) * (0.9 + i % 9 / 40)
        at = self.city["now"] - 1000 * i
        serial = f"V02Q19{self.codes.index(district):02d}{i:03d}"
        one = {"serial": serial, "kind": "residential_area", "state": "verified", "x": x, "y": y, "v": value}
        return one | {"shown": value, "at": at, "status": "ok", "why": None, "values": {}} | changes

    def level(self, metric: str, place: int) -> float:
        low, span = LEVELS[metric]
        return low + span * ((place * 7) % 25) / 25

    def figure(
        self, metric: str, value: float | None, n: int = SENSORS, of: int = SENSORS, **changes: Any
    ) -> dict[str, Any]:
        """A Figure of the snapshot; without a value it is stale, its last word 47 minutes old."""
        now = self.city["now"]
        band = self.standard.grade(metric, value, self.today)
        common = {"v": value, "n": n, "N": of, "at": now - 3000, "g": band.index if band else None, "s": "ok"}
        if value is None:
            common |= {"s": "stale", "at": now - 47 * 60_000, "n": 0}
        elif n < 3 or 2 * n < of:
            common |= {"s": "few", "g": None}
        spread = {"lo": value and value * 0.8, "hi": value and value * 1.2, "last": value or 16.0}
        return common | spread | changes

    @property
    def today(self) -> Any:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.city["now"] / 1000, UTC).date()

    def reset(self) -> None:
        """The usual city: everything up, one district stale, one thin, nobody new."""
        now = int(time.time() * 1000)
        self.listed, self.whole_day = {}, {}
        self.city = {
            "boot": "b1",
            "seq": 0,
            "now": now,
            "data_at": now - 2000,
            "window_s": 3600,
            "dots_version": 1,
        }
        self.city |= {"attention": [], "health": self.health(), "city": {}, "districts": {}, "left_out": {}}
        total = SENSORS * len(self.codes)
        self.city["sensors"] = {
            "total": total,
            "live": total,
            "verified": total,
            "unverified": 0,
            "retired": 0,
        }
        for code in self.codes:
            self.city["districts"][code] = {
                m: self.figure(m, self.level(m, self.codes.index(code))) for m in self.pack.live
            }
        for metric in self.pack.live:
            self.city["city"][metric] = self.figure(metric, sum(LEVELS[metric]) / 2, total - 96, total)
            self.city["left_out"][metric] = {"total": total, "in": total - 96, "silent": 67, "flagged": 29}

    def usual_gaps(self) -> None:
        """One stale district (the last), one with too few sensors (the fourth)."""
        for metric in self.pack.live:
            self.set(self.codes[-1], metric, None)
            self.set(self.codes[3], metric, 21.0, n=2)

    def set(self, code: str, metric: str, value: float | None, **changes: Any) -> None:
        """Change one district's figure."""
        self.city["districts"][code][metric] = self.figure(metric, value, **changes)

    def health(self, **down: int) -> dict[str, Any]:
        """All parts up but those named, down since so many ms before now."""
        now = int(time.time() * 1000)
        parts = {
            name: {"ok": name not in down, "since": now - down.get(name, 60_000), "detail": {}}
            for name in ("database", "broker", "ingest", "slots")
        }
        return {"ok": not down, "parts": parts}

    def newcomer(self, serial: str, district: str | None, placed: bool) -> None:
        """An unverified sensor that has just sent its first message."""
        now = self.city["now"]
        x, y = self.inside(district, 24) if placed and district else (None, None)
        entry = {
            "kind": "unverified",
            "serial": serial,
            "district": district,
            "x": x,
            "y": y,
            "first_at": now - 2000,
        }
        entry |= {
            "last_at": now - 1000,
            "messages": 6,
            "quarantined": 2,
            "values": {"pm25": [12.5, now, False]},
        }
        self.city["attention"].append(entry)
        self.city["sensors"]["unverified"] += 1

    # how it tells

    def tick(self) -> int:
        """Give the city as it is now to every viewer; its number."""
        self.city["seq"] += 1
        self.city["now"] = int(time.time() * 1000)
        self.call(self.hub.tick, orjson.dumps(copy.deepcopy(self.city)))
        return int(self.city["seq"])

    def call(self, function: Any, *args: Any) -> None:
        """Run in the server's thread."""
        assert self.loop is not None

        async def run() -> None:
            function(*args)

        self.wait(run())

    def wait(self, work: Coroutine[Any, Any, Any]) -> None:
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.loop = asyncio.get_running_loop()
        yield
        self.hub.close()
        self.books.close()


@contextlib.contextmanager
def serving(stand_in: StandIn, data_option: str = "", routes: Sequence[Route] = ()) -> Iterator[StandIn]:
    """The page over `stand_in`, on a free port of the loopback; its address is `stand_in.url`.

    `routes` stand before the application's own.
    """
    app = create_app(
        stand_in, stand_in.pack, stand_in.standard, running=stand_in.running, data_option=data_option
    )
    app.router.routes[:0] = routes
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        stand_in.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: server.started, "the page's server")
            yield stand_in
        finally:
            stand_in.call(stand_in.hub.close)
            server.should_exit = True
            thread.join(10)
