"""The store on each engine and its twin in memory: the same rows in give the same rows out."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

import numpy as np
import pytest

from city.pack import load_pack
from dashboard.memory import MemoryStore
from dashboard.packed import VERSIONS
from dashboard.postgres import PgStore
from dashboard.store import SensorRow, Store
from tests.live_rows import LiveRows, now
from tests.servers.postgres import Database

PACK = load_pack("seoul")


class Twins:
    """The same rows, put into both."""

    def __init__(self, database: Database) -> None:
        self.rows, self.memory, self.url = (
            LiveRows(database),
            MemoryStore(PACK),
            database.url_as("sdot_dashboard"),
        )

    def register(self, serial: str, district: str | None, state: str = "verified") -> int:
        number = self.rows.register(serial, district, state)
        self.memory.put_sensor(SensorRow(number, serial, "", state, district, None, None, now()))
        return number

    def store(
        self, number: int, time: datetime, flagged: tuple[str, ...] = (), **values: float | None
    ) -> None:
        self.rows.store(number, time, flagged, **values)
        self.memory.put(number, time, values, flagged)

    def ask(self, question: Callable[[Store], Coroutine[None, None, object]]) -> tuple[object, object]:
        """Both answers."""

        async def both() -> tuple[object, object]:
            store = PgStore(self.url, PACK)
            try:
                return await question(store), await question(self.memory)
            finally:
                await store.close()

        return asyncio.run(both())


@pytest.fixture
def twins(database: Database) -> Twins:
    return Twins(database)


def test_newest_values_and_readings_are_packed_alike(twins):
    first, second = twins.register("one", "jongno-gu"), twins.register("two", None, "unverified")
    instant = now().replace(microsecond=123456)
    twins.store(first, instant, pm25=12.3, pm10=None, temperature=-4.5)
    twins.store(first, instant - timedelta(minutes=30), ("pm25",), pm25=3000.0, visitors=7)
    twins.store(second, instant - timedelta(minutes=90), ("noise", "humidity"), noise=200.0, humidity=-1.0)
    ids = [first, second]

    async def newest(store: Store):
        return np.sort(await store.latest(ids), order="sensor_id")

    async def readings(store: Store):
        since = instant - timedelta(minutes=60)
        return sorted(
            await store.readings(ids, [since, since - timedelta(hours=1)]), key=lambda row: row.sensor_id
        )

    real, twin = twins.ask(newest)
    assert real.tobytes() == twin.tobytes()
    assert real["sensor_id"].tolist() == ids
    real, twin = twins.ask(readings)
    assert real == twin
    assert [len(row.packed) > 0 for row in real] == [True, True]


def test_a_sensor_without_readings_in_the_span_has_an_empty_row(twins):
    number = twins.register("one", "jongno-gu")
    twins.store(number, now() - timedelta(hours=2), pm25=1)

    async def readings(store: Store):
        return list(await store.readings([number], [now() - timedelta(hours=1)]))

    real, twin = twins.ask(readings)
    assert real == twin
    assert real[0].packed == b""


def test_registry_and_counts_are_told_alike(twins):
    first = twins.register("one", "jongno-gu")
    second = twins.register("two", None, "unverified")
    twins.store(second, now(), pm25=1)
    twins.store(second, now() + timedelta(seconds=1), pm25=2)

    async def asked(store: Store):
        known = (await store.status()).registry_version
        sensors = await store.sensors(-1)
        facts = [(row.sensor_id, row.serial, row.state, row.district, row.latitude) for row in sensors]
        return facts, await store.sensors(known), await store.counts([first, second])

    real, twin = twins.ask(asked)
    assert real == twin


def test_a_version_moves_with_each_change_of_a_sensor_and_of_no_other(twins):
    first, second = twins.register("one", "jongno-gu"), twins.register("two", "jongno-gu")
    instant = now()
    for number in (first, second):
        twins.store(number, instant, pm25=1)

    async def versions(store: Store) -> dict[int, int]:
        found = np.frombuffer((await store.status()).versions, VERSIONS)
        return dict(zip(found["sensor_id"].tolist(), found["version"].tolist(), strict=True))

    before = twins.ask(versions)
    twins.store(first, instant - timedelta(minutes=10), pm25=5)  # late: its newest value stays
    for old, new in zip(before, twins.ask(versions), strict=True):
        assert old[first] != new[first]
        assert old[second] == new[second]
