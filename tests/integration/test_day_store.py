"""The last 24 hours on each engine and its twin in memory: the same readings give the same answers, by index only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from city.pack import load_pack
from dashboard import day_postgres
from dashboard.day import bucket_type
from dashboard.day_store import SILENCE, DayStore
from dashboard.memory import MemoryStore
from dashboard.packed import NEVER, micros
from dashboard.postgres import PgStore
from dashboard.store import SensorRow
from maintain.rollup import Refresher
from tests.inlet import Inlet, message
from tests.servers.postgres import Database

PACK = load_pack("seoul")
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
START = END - timedelta(hours=6)
#: Two sensors in one district, one beside, one unverified.
PLACES = {"a": "mapo-gu", "b": "mapo-gu", "c": "jongno-gu"}


def body(serial: str, k: int) -> dict[str, Any]:
    """The k-th reading of a sensor, each 5 minutes; one PM2.5 in seven is flagged."""
    dust = 1600 if k % 7 == 3 else 20 + 10 * (serial == "b") + k % 9
    return {"pm25": dust, "visitors": k % 5, "temperature": -3.5 - k / 10}


def silent(serial: str, k: int) -> bool:
    """`b` says nothing for two hours, `c` nothing in the first hour and a half."""
    return (serial == "b" and 24 <= k < 48) or (serial == "c" and k < 18)


@pytest.fixture
def twins(database: Database) -> tuple[Database, MemoryStore]:
    memory = MemoryStore(PACK)
    with Inlet(database) as inlet, database.connect() as owner:
        for serial, district in PLACES.items():
            times = {k: START + timedelta(minutes=5 * k) for k in range(72) if not silent(serial, k)}
            inlet.write(
                *(
                    message(serial, {"time": at.isoformat(), "district": district, **body(serial, k)})
                    for k, at in times.items()
                )
            )
            number = int(str(database.value("SELECT sensor_id FROM sensor WHERE serial = %s", serial)))
            memory.put_sensor(SensorRow(number, serial, "", "verified", district, None, None, START))
            for k, at in times.items():
                memory.put(number, at, body(serial, k), ["pm25"] if k % 7 == 3 else [])
        refresher = Refresher(owner, PACK.catalogue)
        while refresher.refresh().more:
            pass
    return database, memory


def both(
    twins: tuple[Database, MemoryStore], ask: Callable[[DayStore], Coroutine[None, None, Any]]
) -> tuple[Any, Any]:
    async def asked() -> tuple[Any, Any]:
        store = PgStore(twins[0].url_as("sdot_dashboard"), PACK)
        try:
            return await ask(store), await ask(twins[1])
        finally:
            await store.close()

    return asyncio.run(asked())


def test_buckets_are_packed_alike(twins: tuple[Database, MemoryStore]) -> None:
    async def buckets(store: DayStore) -> dict[str, np.ndarray[Any, Any]]:
        rows = await store.day_buckets(START + timedelta(hours=1), END)
        return {row.district: np.frombuffer(row.packed, bucket_type(len(PACK.live))) for row in rows}

    real, twin = both(twins, buckets)
    assert set(real) == set(twin) == set(PLACES.values())
    for district, rows in real.items():
        assert rows["time"].tolist() == twin[district]["time"].tolist()
        assert rows["cells"]["sensors"].tolist() == twin[district]["cells"]["sensors"].tolist()
        for name in ("a", "b"):
            np.testing.assert_allclose(
                rows["cells"][name], twin[district]["cells"][name], rtol=1e-6, equal_nan=True
            )
    assert len(real["mapo-gu"]) == 30
    assert real["mapo-gu"]["time"][0] == micros(START + timedelta(hours=1))
    assert real["mapo-gu"]["cells"]["sensors"][:, 0].max() == 2


@pytest.mark.parametrize("sensors_at_once", [1, 5000])
def test_silences_that_ended_are_told_alike(
    twins: tuple[Database, MemoryStore], monkeypatch: pytest.MonkeyPatch, sensors_at_once: int
) -> None:
    monkeypatch.setattr(day_postgres, "SLICE", sensors_at_once)

    async def returns(store: DayStore) -> tuple[list[Any], datetime]:
        return list(await store.day_returns(START, END)), (await store.day_reach(START)).to

    (real, rolled), (twin, _) = both(twins, returns)
    assert real == twin
    assert END <= rolled <= datetime.now(UTC)
    late, first = real
    assert late.bucket - late.before == timedelta(hours=2, minutes=10)
    assert late.bucket == START + timedelta(hours=4)
    assert first.before is None
    assert first.bucket == START + SILENCE + timedelta(minutes=30)


def test_when_values_were_last_good_is_told_alike(twins: tuple[Database, MemoryStore]) -> None:
    number = int(str(twins[0].value("SELECT sensor_id FROM sensor WHERE serial = 'a'")))

    async def good(store: DayStore) -> list[list[int]]:
        rows = await store.day_good([number], START)
        return [np.frombuffer(row.packed, ">i8").tolist() for row in rows]

    real, twin = both(twins, good)
    assert real == twin
    [times] = real
    assert times[PACK.live.index("pm25")] == micros(END - timedelta(minutes=10))
    assert times[PACK.live.index("noise")] == NEVER


def test_no_question_of_the_day_scans_a_series(embedded_database: Database) -> None:
    with embedded_database.connect() as conn:
        conn.execute("SET enable_seqscan = on")
        conn.execute(
            "INSERT INTO district_10min (district_id, bucket, pm25_mean, pm25_sensors) "
            "SELECT d, b, 20, 3 FROM generate_series(1, 25) AS d, generate_series(now() - interval '6 days', now(), interval '10 minutes') AS b"
        )
        conn.execute("ANALYZE")
        store = PgStore(embedded_database.url, PACK)
        plan = "\n".join(row[0] for row in conn.execute("EXPLAIN " + store._buckets, (START, END)))  # type: ignore[arg-type]
    assert "Seq Scan on district_10min" not in plan, plan
