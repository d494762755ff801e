"""The archive on every engine: each question answers what the tables hold, by the key and never by a scan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from dashboard.archive import LEVELS, Level, Question, Series
from dashboard.archive_postgres import PgArchive, packed, question_sql
from dashboard.store import StoreError
from maintain.rollup import Refresher
from tests.inlet import Inlet, message, seoul
from tests.servers.postgres import Database

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
START = END - timedelta(days=3)
#: Of three sensors in two districts, each 2 minutes; one value in seven flagged, direction and count by one sensor.
PLACES = {"a": "mapo-gu", "b": "mapo-gu", "c": "jongno-gu"}


def fill(database: Database) -> None:
    with Inlet(database) as inlet, database.connect() as owner:
        for serial, district in PLACES.items():
            bodies = [
                {
                    "time": (START + timedelta(minutes=6 * k)).isoformat(), "district": district,
                    "pm25": 1600 if k % 7 == 3 else k % 60, "wind_direction": 350 if k % 2 else 20, "visitors": k % 5,
                }
                for k in range(720)
            ]  # fmt: skip
            inlet.write(*(message(serial, body) for body in bodies))
        refresher = Refresher(owner, seoul().catalogue)
        while refresher.refresh().more:
            pass


def answers(database: Database, *questions: Question) -> list[Sequence[Series]]:
    async def ask() -> list[Sequence[Series]]:
        archive = PgArchive(database.url_as("sdot_dashboard"), seoul())
        try:
            return [await archive.ask(question) for question in questions]
        finally:
            await archive.close()

    return asyncio.run(ask())


def question(unit: Any, level: Level, metric: str = "pm25", *places: str) -> Question:
    chosen = places or (("mapo-gu", "jongno-gu") if unit == "district" else ("c", "a"))
    return Question(unit, chosen, metric, START, END, level)


def test_each_level_answers_with_its_rows(database: Database) -> None:
    fill(database)
    asked = [question(unit, level) for unit, levels in LEVELS.items() for level in levels]
    found = dict(zip([(one.unit, one.level) for one in asked], answers(database, *asked), strict=True))
    for one in asked:
        assert [series.place for series in found[one.unit, one.level]] == list(one.places)
    raw = found["sensor", Level.RAW][0]
    assert len(raw) == 720
    assert raw.value[:3].tolist() == [0, 1, 2]
    assert raw.flagged.sum() == sum(k % 7 == 3 for k in range(720))
    assert raw.times[0] == np.datetime64(START.replace(tzinfo=None), "us")
    good = np.array([k % 60 for k in range(720) if k % 7 != 3])
    for level in (Level.TEN_MINUTES, Level.HOUR, Level.DAY):
        sensor, district = found["sensor", level][0], found["district", level][1]
        assert district.n.sum() == sensor.n.sum() == len(good)
        assert np.nansum(sensor.value * sensor.n) == pytest.approx(good.sum(), rel=1e-5)
        np.testing.assert_allclose(district.value, sensor.value, rtol=1e-6)  # one sensor stands there
        assert set(district.sensors.tolist()) <= {0, 1}
        assert np.nanmax(district.high) == good.max()
    assert set(found["district", Level.HOUR][0].sensors.tolist()) == {2}


def test_counts_are_summed_and_directions_averaged_as_vectors(database: Database) -> None:
    fill(database)
    day = question("district", Level.DAY, "visitors", "jongno-gu")
    wind = question("sensor", Level.HOUR, "wind_direction", "c")
    nobody = question("sensor", Level.HOUR, "pm25", "nobody")
    (visitors,), (direction,), none = answers(database, day, wind, nobody)
    assert visitors.value.sum() == sum(k % 5 for k in range(720))
    assert np.all((np.abs(direction.value - 5) < 1.1) | np.isnan(direction.value))
    assert np.isnan(direction.low).all()
    assert none == []


def test_a_database_that_is_away_is_told(database: Database) -> None:
    async def ask() -> None:
        archive = PgArchive("postgresql://nobody@127.0.0.1:9/nowhere", seoul())
        try:
            await archive.ask(question("district", Level.HOUR))
        finally:
            await archive.close()

    with pytest.raises(StoreError):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("unit", "level"), [(unit, level) for unit, levels in LEVELS.items() for level in levels]
)
def test_no_question_scans_a_series(embedded_database: Database, unit: Any, level: Level) -> None:
    """Enough rows that a scan would cost more, and statistics that say so."""
    fill(embedded_database)
    query = packed(unit, question_sql(unit, level, seoul().catalogue["pm25"]))
    given = {
        "places": ["jongno-gu", "s1"], "start": START, "end": START + timedelta(hours=2), "zone": "Asia/Seoul", "most": 2001,
    }  # fmt: skip
    with embedded_database.connect() as conn:
        conn.execute("ANALYZE")
        plan = "\n".join(row[0] for row in conn.execute("EXPLAIN " + query, given))  # type: ignore[arg-type]
    for series in ("reading", "sensor_10min", "sensor_hour"):
        assert f"Seq Scan on {series}_" not in plan, plan
