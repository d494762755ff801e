"""Hours of days are read once, and again only where a day's figure moved."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import numpy as np
import pytest

from city.pack import load_pack
from dashboard.archive import Level, Limit, Question, bucket_start, utc64
from dashboard.archive_memory import MemoryArchive
from dashboard.hour_counts import HourCounts, spans_of

PACK = load_pack("seoul")
NOW = bucket_start(Level.DAY, datetime(2026, 11, 24, 14, tzinfo=PACK.zone), PACK.zone)
START = NOW - timedelta(days=60)
LIMITS = (Limit(START - timedelta(days=1), NOW + timedelta(days=1), 35.5),)
DAY = np.timedelta64(1, "D")


class Watched(MemoryArchive):
    """Notes which days' hours it was asked for."""

    def __init__(self) -> None:
        super().__init__(PACK)
        self.asked: list[tuple[datetime, datetime]] = []

    async def hours(self, question, limits):
        self.asked.append((question.start, question.end))
        return await super().hours(question, limits)


@pytest.fixture
def archive() -> Watched:
    archive = Watched()
    for serial, district in (("m", "mapo-gu"), ("j", "jongno-gu")):
        archive.put_sensor(serial, district)
        times = utc64(START) + np.arange(60 * 24) * np.timedelta64(1, "h")
        archive.put(serial, "pm25", times, 20 + np.arange(60 * 24) % 31)
    return archive


def question(places=("mapo-gu", "jongno-gu"), days=60):
    return Question("district", places, "pm25", NOW - timedelta(days=days), NOW, Level.DAY)


def told(archive, counts, asked):
    """Hours as the counts have them, and as the archive tells them whole."""

    async def both():
        series = await archive.ask(asked)
        remembered = await counts.hours(asked, series, LIMITS)
        return remembered, await MemoryArchive.hours(archive, asked, LIMITS)

    remembered, whole = asyncio.run(both())
    for one in whole:
        for name, column in vars(one).items():
            if name != "place":
                np.testing.assert_array_equal(getattr(remembered[one.place], name), column)
    return remembered


def test_what_did_not_change_is_not_read_again(archive):
    counts = HourCounts(archive, lambda one: [one], PACK.zone)
    first = told(archive, counts, question())
    assert archive.asked == [(START, NOW)]
    assert first["mapo-gu"].over.sum() > 0
    archive.asked.clear()
    told(archive, counts, question(("jongno-gu",), 20))
    told(archive, counts, question())
    assert archive.asked == []


def test_a_late_reading_has_its_day_read_again(archive):
    counts = HourCounts(archive, lambda one: [one], PACK.zone)
    before = told(archive, counts, question())
    archive.asked.clear()
    for day in (7, 40):
        archive.put("m", "pm25", np.array([utc64(START) + day * DAY + np.timedelta64(90, "m")]), [400.0])
    after = told(archive, counts, question())
    days = [START + timedelta(days=day) for day in (7, 40)]
    assert archive.asked == [(day, day + timedelta(days=1)) for day in days]
    assert after["mapo-gu"].over.sum() >= before["mapo-gu"].over.sum()


def test_days_near_each_other_are_one_span_and_end_at_midnight_whatever_the_clocks_do():
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    days = [datetime(2026, 3, day, tzinfo=berlin) for day in (1, 14, 29)]  # the last has 23 hours
    far = datetime(2026, 10, 25, tzinfo=berlin)  # this one has 25
    found = spans_of(np.array([utc64(day) for day in (*days, far)]), berlin)
    assert found == [
        (days[0], datetime(2026, 3, 30, tzinfo=berlin)),
        (far, datetime(2026, 10, 26, tzinfo=berlin)),
    ]
