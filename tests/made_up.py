"""A made-up city in the in-memory store, for tests; `python -m tests.made_up [port]` serves the page over it.

In `--play` mode its troubles come and go: a stale district, a thin one, flagged values, a lost broker.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime, timedelta

import shapely
import uvicorn
from shapely.geometry import shape

from city.pack import CityPack, load_pack
from dashboard.main import Server, assemble
from dashboard.memory import MemoryStore
from dashboard.store import SensorRow
from tests import made_up_books

KINDS = ("main_street", "residential_area", "parks", "traditional_markets", "public_facilities")
LEVEL = {"pm25": 30.0, "pm10": 52.0, "temperature": 11.0, "humidity": 44.0, "noise": 55.0, "visitors": 14.0}


def made_up_city(
    pack: CityPack, sensors: int, now: datetime, seed: int = 5, minutes: int = 60
) -> MemoryStore:
    """Verified sensors inside the districts, each with a reading every 2 minutes up to `now`."""
    store, rng = MemoryStore(pack), random.Random(seed)
    for number in range(1, sensors + 1):
        district = pack.districts[number % len(pack.districts)]
        longitude, latitude = _inside(district.geometry, rng)
        kind = KINDS[number % len(KINDS)]
        store.put_sensor(
            SensorRow(
                number, f"V02Q19{number:05d}", kind, "verified", district.code, latitude, longitude, now
            )
        )
        phase = timedelta(seconds=rng.uniform(0, 120))
        for step in range(minutes // 2):
            store.put(number, now - phase - timedelta(minutes=2 * step), values_of(pack, number, rng))
    store.beat()
    return store


def values_of(pack: CityPack, number: int, rng: random.Random) -> dict[str, float | None]:
    """One reading; districts differ, their sensors less."""
    place = number % len(pack.districts)
    keys = [key for key in pack.live if key in LEVEL and (key != "visitors" or number % 9 == 0)]
    return {key: round(LEVEL[key] * (0.5 + place / 25) * rng.uniform(0.95, 1.05), 2) for key in keys}


def _inside(geometry: object, rng: random.Random) -> tuple[float, float]:
    polygon = shape(geometry)
    west, south, east, north = polygon.bounds
    while True:
        point = shapely.Point(rng.uniform(west, east), rng.uniform(south, north))
        if polygon.contains(point):
            return point.x, point.y


async def play(store: MemoryStore, pack: CityPack, sensors: int) -> None:
    """Nine sensors a second send; one district falls silent, one is thin, a few values are flagged."""
    rng, number = random.Random(1), 0
    stale, thin = pack.districts[-1].code, pack.districts[3].code
    now = datetime.now(UTC)
    for serial, place in (("my-first", pack.districts[22]), ("V03Q2650017", pack.districts[15])):
        number += 1
        longitude, latitude = place.label
        store.put_sensor(
            SensorRow(9000 + number, serial, "", "unverified", place.code, latitude, longitude, now)
        )
        store.put(9000 + number, now, {"pm25": 12.5, "temperature": 20.1})
    while True:
        store.beat()
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        made_up_books.count(store, minute, sensors // 120)
        for _ in range(max(1, sensors // 120)):
            number = number % sensors + 1
            code = store.sensor(number).district
            if code != stale and not (code == thin and number > 30):
                flagged = ["pm25"] if number % 37 == 0 else []
                store.put(number, datetime.now(UTC), values_of(pack, number, rng), flagged)
        await asyncio.sleep(1)


def main(port: int, city: str, sensors: int) -> None:
    """Serve a made-up city until Ctrl-C; the scripts and styles are read anew at each start."""
    pack = load_pack(city)
    now = datetime.now(UTC)
    store = made_up_city(pack, sensors, now)
    made_up_books.fill(store, now)
    for number in range(1, sensors + 1):
        district = store.sensor(number).district
        if district == pack.districts[-1].code:
            store.age(number, timedelta(minutes=47))
        if district == pack.districts[3].code and number > 30:
            store.age(number, timedelta(hours=3))
    application, board, _ = assemble(store, pack)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1
    )

    async def both() -> None:
        playing = asyncio.create_task(play(store, pack, sensors))
        await Server(config, *board.hubs).serve()
        playing.cancel()

    asyncio.run(both())


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 8077, given[1] if len(given) > 1 else "seoul", 1100)
