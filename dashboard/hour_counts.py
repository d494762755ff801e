"""What the hours of districts' days say, read once: a day is read again only when its daily figure is another one.

The hours of three years of all districts are 660,000 wide rows, their days 27,000. A day's figure, its number of values,
least and most move whenever one of its hours does, so the days that were read are asked what changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dashboard.archive import Archive, Hours, Level, Limit, Question, Series, bucket_start

#: A day as it was, and what its hours said then.
DAY = np.dtype(
    [
        ("day", "M8[us]"), ("n", "i4"), ("value", "f4"), ("low", "f4"), ("most", "f4"),
        ("hours", "i4"), ("over", "i4"), ("total", "f4"), ("high", "f4"),
    ]
)  # fmt: skip
#: Fewer days between two changed ones are read along.
APART = np.timedelta64(15, "D")
Days = NDArray[np.void]


class HourCounts:
    """Remembers the days of all districts by metric: 44 bytes each, some 5 MB for four metrics and three years."""

    def __init__(
        self, archive: Archive, parts: Callable[[Question], Sequence[Question]], zone: ZoneInfo
    ) -> None:
        self._archive, self._parts, self._zone = archive, parts, zone
        self._read: dict[tuple[str, str], Days] = {}

    async def hours(
        self, question: Question, series: Sequence[Series], limits: Sequence[Limit]
    ) -> dict[str, Hours]:
        """By place, for a question of days and the series that just answered it."""
        known = {one.place: self._known(question.metric, one) for one in series}
        changed = {one.place: _changed(one, known[one.place]) for one in series}
        await self._read_again(question, [one.times[changed[one.place]] for one in series], limits, known)
        for place, days in known.items():
            self._remember(question.metric, place, days)
        return {
            place: Hours(place, days["day"], days["hours"], days["over"], days["total"], days["high"])
            for place, days in known.items()
        }

    def _known(self, metric: str, series: Series) -> Days:
        """The days of a series, with what was read of them; NaN as value where nothing was."""
        days = np.zeros(len(series), DAY)
        days["day"], days["n"] = series.times, -1
        old = self._read.get((metric, series.place), np.empty(0, DAY))
        _, here, there = np.intersect1d(series.times, old["day"], assume_unique=True, return_indices=True)
        days[here] = old[there]
        return days

    def _remember(self, metric: str, place: str, days: Days) -> None:
        old = self._read.get((metric, place), np.empty(0, DAY))
        kept = old[~np.isin(old["day"], days["day"])]
        self._read[metric, place] = np.sort(np.concatenate([kept, days]), order="day")

    async def _read_again(
        self, question: Question, times: Sequence[NDArray[np.datetime64]], limits: Sequence[Limit], known: dict[str, Days]
    ) -> None:  # fmt: skip
        asked = [
            part
            for start, end in spans_of(np.unique(np.concatenate([*times, np.empty(0, "M8[us]")])), self._zone)
            for part in self._parts(replace(question, start=start, end=end))
        ]
        answers = await asyncio.gather(*(self._archive.hours(part, limits) for part in asked))
        for answer in answers:
            for one in answer:
                _put(known[one.place], one)


def spans_of(days: NDArray[np.datetime64], zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Spans that hold these days, sorted, from midnight to midnight of the city's clock."""
    breaks = np.flatnonzero(np.diff(days) > APART) + 1
    runs = [run for run in np.split(days, breaks) if len(run)]
    # a day has 23 to 25 hours: 26 later it is the next one
    return [
        (_aware(run[0]), bucket_start(Level.DAY, _aware(run[-1]) + timedelta(hours=26), zone)) for run in runs
    ]


def _aware(instant: np.datetime64) -> datetime:
    return instant.astype("M8[us]").item().replace(tzinfo=UTC)  # type: ignore[no-any-return]


def _changed(series: Series, days: Days) -> NDArray[np.bool_]:
    """Which days are not as they were; their new figures stand in `days` from here on."""
    same: NDArray[np.bool_] = days["n"] == series.n
    for name, column in (("value", series.value), ("low", series.low), ("most", series.high)):
        same &= (days[name] == column) | (np.isnan(days[name]) & np.isnan(column))
        days[name] = column
    days["n"] = series.n
    return ~same


def _put(days: Days, hours: Hours) -> None:
    _, here, there = np.intersect1d(days["day"], hours.times, assume_unique=True, return_indices=True)
    for name in ("hours", "over", "total", "high"):
        days[name][here] = getattr(hours, name)[there]
