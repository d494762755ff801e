"""The buckets that a span should have, and where there is nothing; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dashboard.archive import KnownGap, Level, Series
from dashboard.history_limits import instant

Times = NDArray[np.datetime64]

#: More than so many steps between two points are a gap.
GAP_STEPS = 1.5
#: What was measured is rolled up within a minute; after this, what is not there is missing and not late.
LATE = timedelta(minutes=30)
#: A known cause explains a gap when it covers this share of it.
EXPLAINS = 0.5


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of buckets, or a time between readings, in which a place has no value."""

    place: str
    start: np.datetime64
    end: np.datetime64
    #: kind of what ingest knows, None where it knows nothing
    cause: str | None


def buckets(level: Level, start: datetime, end: datetime, zone: ZoneInfo) -> Times:
    """Starts of the buckets from `start`, which begins one, up to `end`; none of raw readings."""
    if level is Level.RAW:
        return np.empty(0, "datetime64[us]")
    if level is not Level.DAY:
        return np.arange(instant(start), instant(end), np.timedelta64(level.step))
    day, days = start.astimezone(zone), []
    while day.astimezone(UTC) < end.astimezone(UTC):  # days of 23 to 25 hours: the city's clock counts
        days.append(instant(day))
        day += timedelta(days=1)
    return np.array(days, "datetime64[us]")


def expected(times: Times, level: Level, rolled: datetime, now: datetime) -> Times:
    """Of these buckets those that should be there by now: they ended, and there was time to roll them up."""
    return times[times + np.timedelta64(level.step) <= instant(max(min(rolled, now), now - LATE))]


def laid_out(series: Series, grid: Times) -> Series:
    """The series with a row for every bucket of `grid`, NaN where it has none."""
    times = np.union1d(grid, series.times)
    at = np.searchsorted(times, series.times)

    def spread(values: NDArray[np.generic], empty: float) -> NDArray[np.generic]:
        wide = np.full(len(times), empty, values.dtype)
        wide[at] = values
        return wide

    value, low, high = (spread(one, np.nan) for one in (series.value, series.low, series.high))
    n, sensors, flagged = (spread(one, 0) for one in (series.n, series.sensors, series.flagged))
    return Series(series.place, times, value, low, high, n, sensors, flagged)  # type: ignore[arg-type]


def empty_series(place: str) -> Series:
    """A place of which nothing is there."""
    floats, ints = np.empty(0, np.float32), np.empty(0, np.int32)
    times = np.empty(0, "datetime64[us]")
    return Series(place, times, floats, floats, floats, ints, ints, np.empty(0, bool))


def bucket_gaps(series: Series, grid: Times, level: Level) -> list[tuple[np.datetime64, np.datetime64]]:
    """Runs of buckets of `grid` without a value: from the first's start to the last's end."""
    there = series.times[np.isfinite(series.value)]
    missing = ~np.isin(grid, there)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    ends = np.append(grid[1:], grid[-1:] + np.timedelta64(level.step))
    return [(grid[first], ends[last - 1]) for first, last in edges.reshape(-1, 2)]


def reading_gaps(
    series: Series, start: datetime, end: datetime, now: datetime
) -> list[tuple[np.datetime64, np.datetime64]]:
    """Times between readings that are longer than 1.5 steps of the sensor's own pace, the span's ends included."""
    pace = np.timedelta64(Level.RAW.step)
    if len(series.times) > 2:  # noqa: PLR2004 — a median of fewer steps says nothing
        pace = max(pace, np.median(np.diff(series.times)))
    last = min(instant(end), instant(now) - 2 * pace)
    inside = series.times[series.times < last]
    points = np.concatenate([[instant(start)], inside, [max(last, instant(start))]])
    long = np.flatnonzero(np.diff(points) > GAP_STEPS * pace)
    return [(points[at], points[at + 1]) for at in long]


def explained(
    place: str, spans: Sequence[tuple[np.datetime64, np.datetime64]], known: Sequence[KnownGap], now: datetime
) -> list[Gap]:
    """Gaps with the cause that covers most of each, where one covers half of it."""
    causes = [(one.kind, instant(one.start), instant(one.end or now)) for one in known]
    return [Gap(place, start, end, _cause(start, end, causes)) for start, end in spans]


def _cause(
    start: np.datetime64, end: np.datetime64, causes: Sequence[tuple[str, np.datetime64, np.datetime64]]
) -> str | None:
    shares = [((min(end, until) - max(start, since)) / (end - start), kind) for kind, since, until in causes]
    share, kind = max(shares, default=(0.0, None), key=lambda one: one[0])
    return kind if share >= EXPLAINS else None
