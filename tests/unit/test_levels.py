"""Parts of a long span, each within a local day or whole ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from maintain.levels import Marks

START = datetime(2026, 3, 1, 7, 20, tzinfo=UTC)
END = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone", ["Asia/Seoul", "America/New_York", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("hours", [1, 8, 24, 72])
def test_parts_end_where_days_do(zone: str, hours: int) -> None:
    marks, step = Marks(END, END, START, zone), timedelta(hours=hours)
    borders = [START]
    while borders[-1] < END:
        borders.append(marks.part_end(borders[-1], step))
    lengths = [end - start for start, end in pairwise(borders[1:])]
    assert max(lengths) <= step + timedelta(hours=1)  # a day may have 25
    assert all(marks.floor(instant) == instant for instant in borders[1:])
    begun = [day(instant, zone) for instant in borders[1:] if begins_day(instant, zone)]
    if hours > 24:
        assert len(begun) == len(borders) - 1
        return
    first, last = day(START, zone), day(borders[-1], zone)
    assert begun == [first + timedelta(days=k) for k in range(1, (last - first).days + 1)]
    assert len(lengths) <= (END - START) / step + 4


def day(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def begins_day(instant: datetime, zone: str) -> bool:
    """Some days begin at 01:00: clocks have just been put forward."""
    return day(instant, zone) != day(instant - timedelta(seconds=1), zone)


def test_the_buckets_of_an_instant() -> None:
    marks = Marks(END, END, START, "Asia/Kathmandu")  # 5:45 ahead
    assert marks.floor(START.replace(minute=29)) == START.replace(minute=25)
    assert marks.midnight(START).astimezone(UTC) == datetime(2026, 2, 28, 18, 15, tzinfo=UTC)
