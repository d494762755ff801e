"""The archive in the database and its twin in memory give the same answers to everything the History page asks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from dashboard.archive import LEVELS, Archive, Era, KnownGap, Level, Question
from dashboard.archive_memory import MemoryArchive
from dashboard.archive_postgres import PgArchive
from maintain.rollup import Refresher
from tests.inlet import Inlet, message, seoul
from tests.servers.postgres import Database

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
START = END - timedelta(days=2)
#: Serial → district and state; a value in seven of each is flagged.
SENSORS = {
    "a": ("mapo-gu", "verified"), "b": ("mapo-gu", "verified"), "c": ("jongno-gu", "verified"),
    "d": ("jongno-gu", "unverified"),
}  # fmt: skip
METRICS = ("pm25", "visitors", "wind_direction")
GAPS = (
    KnownGap("database_away", START + timedelta(hours=1), START + timedelta(hours=2)),
    KnownGap("broker_away", END - timedelta(hours=1), None),
)


def readings(serial: str) -> list[tuple[datetime, dict[str, float], list[str]]]:
    """What the sensor said every 12 minutes."""
    shift = ord(serial)
    return [
        (
            START + timedelta(minutes=12 * k, seconds=shift),
            {
                "pm25": 1600 if k % 7 == 3 else (k + shift) % 60,
                "wind_direction": 350 if (k + shift) % 2 else 20,
                "visitors": (k + shift) % 5,
            },
            ["pm25"] if k % 7 == 3 else [],
        )
        for k in range(240)
        if not 100 < k < 130
    ]


def stored(database: Database) -> Archive:
    """All of it, come in over ingest and rolled up."""
    for state in ("verified", "unverified"):
        with Inlet(database, register=state) as inlet:  # type: ignore[arg-type]
            for serial, (district, own) in SENSORS.items():
                if own == state:
                    told = [{"time": t, "district": district, **values} for t, values, _ in readings(serial)]
                    inlet.write(*(message(serial, body) for body in told))
    with database.connect() as owner:
        owner.cursor().executemany(
            "INSERT INTO gap (kind, slot, writer, began_at, ended_at, lossy, detail) VALUES (%s, 0, 'w', %s, %s, false, '')",
            [(gap.kind, gap.start, gap.end) for gap in GAPS],
        )
        refresher = Refresher(owner, seoul().catalogue)
        while refresher.refresh().more:
            pass
    return PgArchive(database.url_as("sdot_dashboard"), seoul())


def remembered() -> Archive:
    """The same in memory."""
    archive = MemoryArchive(seoul())
    for serial, (district, state) in SENSORS.items():
        archive.put_sensor(serial, district, state)
        for time, values, flagged in readings(serial):
            archive.put(serial, time, values, flagged)
    archive.known_gaps = list(GAPS)
    return archive


def test_both_archives_answer_alike(embedded_database: Database) -> None:
    """One database for all questions: filling it takes longer than asking."""

    async def compare() -> None:
        real, twin = stored(embedded_database), remembered()
        try:
            for unit, levels in LEVELS.items():
                for level in levels:
                    for metric in METRICS:
                        await same_series(real, twin, unit, level, metric)
                await same_counts(real, twin, unit)
            await same_names(real, twin)
            kept = await real.kept()
            assert kept.rolled > END
            assert kept.hours <= START
        finally:
            await real.close()

    asyncio.run(compare())


async def same_series(real: Archive, twin: Archive, unit: Any, level: Level, metric: str) -> None:
    places = ("mapo-gu", "jongno-gu", "gangnam-gu") if unit == "district" else ("d", "a", "nobody")
    question = Question(unit, places, metric, START + timedelta(minutes=35), END, level)
    found, wanted = await real.ask(question), await twin.ask(question)
    assert [one.place for one in found] == [one.place for one in wanted] == list(places[:2])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.times, other.times)
        for column in ("value", "low", "high", "n", "sensors", "flagged"):
            np.testing.assert_allclose(
                getattr(one, column),
                getattr(other, column),
                rtol=1e-4,
                err_msg=f"{unit} {level} {metric} {column}",
            )


async def same_counts(real: Archive, twin: Archive, unit: Any) -> None:
    places = ("mapo-gu", "jongno-gu") if unit == "district" else ("a", "d")
    question = Question(unit, places, "pm25", START, END, Level.HOUR)
    middle = START + timedelta(days=1)
    eras = (Era(START - timedelta(days=9), middle, 35, 35.5), Era(middle, END, 25, 25.5))
    exceeded = await real.exceeded(question, eras)
    assert exceeded == await twin.exceeded(question, eras)
    assert all(0 < one.over < one.of for one in exceeded.values())
    left_out = await real.left_out(question)
    assert left_out == await twin.left_out(question)
    assert left_out[places[0]].flagged > 0


async def same_names(real: Archive, twin: Archive) -> None:
    in_service = {"mapo-gu": 2, "jongno-gu": 1}
    assert await real.in_service("pm25") == await twin.in_service("pm25") == in_service
    assert await real.in_service("o3") == await twin.in_service("o3") == {}
    for span in ((START, END), (START + timedelta(hours=3), START + timedelta(hours=4))):
        assert await real.gaps(*span) == await twin.gaps(*span)
    assert await real.gaps(START, END) == list(GAPS)
    for text in ("", "A", "zz"):
        assert await real.find(text, 3) == await twin.find(text, 3)
    assert await real.known(["d", "nobody"]) == await twin.known(["d", "nobody"])


@pytest.mark.parametrize("text", ["%", "_", "\\", "'; --"])
def test_a_search_takes_every_letter_as_itself(embedded_database: Database, text: str) -> None:
    async def look() -> None:
        archive = PgArchive(embedded_database.url_as("sdot_dashboard"), seoul())
        try:
            assert await archive.find(text, 20) == []
        finally:
            await archive.close()

    with Inlet(embedded_database) as inlet:
        inlet.send("a", {"pm25": 1})
    asyncio.run(look())
