"""The answer to a question for history: one level, its series, what its hours say, and the weeks before beside them.

The page and its CSV are made of the same `Answer`, so they cannot differ.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from city.grades import Standard
from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import (
    LEVELS,
    MAX_POINTS,
    USUAL_POINTS,
    Archive,
    Choice,
    Hours,
    Kept,
    Known,
    Level,
    Limit,
    Outage,
    Question,
    Series,
    Unit,
    bucket_start,
    choose,
)
from dashboard.inquiry import Inquiry, InquiryError

WEEK = timedelta(days=7)
UNITS: tuple[Unit, ...] = ("district", "sensor")
#: Later than any instant that is asked for; a time zone can still move it.
LATEST = date(9998, 1, 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """At which level, and between which instants, a question is answered."""

    level: Level
    #: why no finer one: see `archive.Why`, or `asked`
    why: str
    #: the next finer level, None where there is none
    finer: Level | None
    #: the first bucket holds it; none begins at the second or later
    start: datetime
    end: datetime
    kept: Kept

    @property
    def points(self) -> int:
        """So many a series, at the network's pace."""
        return math.ceil((self.end - self.start) / self.level.step)


@dataclass(frozen=True)
class Shown:
    """One metric of all places asked for: a panel."""

    metric: Metric
    #: a series a place, None where it has nothing in the span
    series: tuple[Series | None, ...]
    #: what its hours say, for all but directions
    hours: tuple[Hours | None, ...]
    #: the selected place whole weeks before
    before: Series | None
    hours_before: Hours | None
    #: the limit that counts as over, with the instant from which it holds; none without grades
    limits: tuple[Limit, ...]


@dataclass(frozen=True)
class Answer:
    """All that is drawn, and all that is in the CSV."""

    inquiry: Inquiry
    plan: Plan
    #: when it was asked
    asked: datetime
    #: (unit, code or serial): districts, then sensors
    places: tuple[tuple[Unit, str], ...]
    sensors: tuple[Known, ...]
    shown: tuple[Shown, ...]
    #: how many weeks the comparison lies back, 0 without
    weeks: int
    outages: tuple[Outage, ...]


class History:
    """Answers out of an archive."""

    def __init__(
        self, archive: Archive, pack: CityPack, standard: Standard, clock: Callable[[], datetime]
    ) -> None:
        self.archive, self.pack, self.clock = archive, pack, clock
        self._standard = standard

    async def answer(self, inquiry: Inquiry) -> Answer:
        """Everything about it. InquiryError where a sensor is unknown, StoreError where the database is away."""
        asked = self.clock()
        kept, known = await asyncio.gather(self.archive.kept(), self._known(inquiry.sensors))
        plan = plan_of(inquiry, kept, asked, self.pack)
        try:
            return await self._answer(inquiry, plan, asked, known)
        except _TooManyError:  # a sensor that sends faster than the network's pace
            coarser = plan_of(replace(inquiry, level=Level.TEN_MINUTES), kept, asked, self.pack)
            return await self._answer(inquiry, replace(coarser, why="points"), asked, known)

    async def _known(self, serials: tuple[str, ...]) -> tuple[Known, ...]:
        if not serials:
            return ()
        found = {one.serial: one for one in await self.archive.sensors(serials)}
        if unknown := [serial for serial in serials if serial not in found]:
            raise InquiryError("sensor", given=", ".join(unknown))
        return tuple(found[serial] for serial in serials)

    async def _answer(
        self, inquiry: Inquiry, plan: Plan, asked: datetime, known: tuple[Known, ...]
    ) -> Answer:
        weeks = math.ceil((plan.end - plan.start) / WEEK) if inquiry.compare else 0
        places: tuple[tuple[Unit, str], ...] = (
            *(("district", code) for code in inquiry.districts),
            *(("sensor", serial) for serial in inquiry.sensors),
        )
        panels = (self._shown(self.pack.catalogue[key], places, plan, weeks) for key in inquiry.metrics)
        outages, shown = await asyncio.gather(
            self.archive.outages(plan.start, plan.end), asyncio.gather(*panels)
        )
        return Answer(inquiry, plan, asked, places, known, tuple(shown), weeks, tuple(outages))

    async def _shown(
        self, metric: Metric, places: Sequence[tuple[Unit, str]], plan: Plan, weeks: int
    ) -> Shown:
        back = weeks * WEEK
        earlier = replace(plan, start=plan.start - back, end=plan.end - back)
        limits = limits_of(self._standard, metric.key, self.pack)
        first = places[:1] if weeks else ()
        series, hours, before, hours_before = await asyncio.gather(
            self._series(metric, places, plan),
            self._hours(metric, places, plan, limits),
            self._series(metric, first, earlier),
            self._hours(metric, first, earlier, limits),
        )
        before, hours_before = (*before, None), (*hours_before, None)
        return Shown(metric, series, hours, before[0], hours_before[0], limits)

    async def _series(
        self, metric: Metric, places: Sequence[tuple[Unit, str]], plan: Plan
    ) -> tuple[Series | None, ...]:
        answers = await asyncio.gather(*(self.archive.ask(one) for one in _questions(metric, places, plan)))
        found = {one.place: one for answer in answers for one in answer}
        if any(len(one) > MAX_POINTS for one in found.values()) and plan.level is Level.RAW:
            raise _TooManyError
        return tuple(found.get(place) for _, place in places)

    async def _hours(
        self, metric: Metric, places: Sequence[tuple[Unit, str]], plan: Plan, limits: Sequence[Limit]
    ) -> tuple[Hours | None, ...]:
        if metric.aggregation == "vector":
            return (None,) * len(places)
        questions = _questions(metric, places, plan)
        answers = await asyncio.gather(*(self.archive.hours(one, limits) for one in questions))
        found = {one.place: one for answer in answers for one in answer}
        return tuple(found.get(place) for _, place in places)


class _TooManyError(Exception):
    """More raw readings than a chart shows."""


def _questions(metric: Metric, places: Sequence[tuple[Unit, str]], plan: Plan) -> list[Question]:
    by_unit = {unit: tuple(place for kind, place in places if kind == unit) for unit in UNITS}
    return [
        Question(unit, chosen, metric.key, plan.start, plan.end, plan.level)
        for unit, chosen in by_unit.items()
        if chosen
    ]


def plan_of(inquiry: Inquiry, kept: Kept, now: datetime, pack: CityPack) -> Plan:
    """One level for all series: the finest that each of their units has, fits the chart, and is kept so far back."""
    units: list[Unit] = [unit for unit in UNITS if getattr(inquiry, f"{unit}s")]
    start, end = (now - inquiry.span, now) if inquiry.preset else (inquiry.start, inquiry.end)
    most = MAX_POINTS if inquiry.level else USUAL_POINTS
    wished = inquiry.level or Level.RAW
    choices = [choose(unit, start, end, kept, wished, most) for unit in units]
    choice = max(choices, key=lambda one: one.level.step)
    finer = _finer(choice, units)
    why = "asked" if choice.level is inquiry.level and finer and choice.why == "finest" else choice.why
    if inquiry.preset:
        start, end = _whole(inquiry, choice.level, now, pack)
    return Plan(choice.level, why, finer, start, end, kept)


def _finer(choice: Choice, units: Sequence[Unit]) -> Level | None:
    """The next finer level that all these units have."""
    shared = [level for level in Level if all(level in LEVELS[unit] for unit in units)]
    below = [level for level in shared if level.step < choice.level.step]
    return max(below, key=lambda level: level.step, default=None)


def _whole(inquiry: Inquiry, level: Level, now: datetime, pack: CityPack) -> tuple[datetime, datetime]:
    """A preset's span of whole buckets, the last of which is over; days on the city's clock."""
    end = bucket_start(level, now, pack.zone).astimezone(pack.zone)
    if level is Level.DAY:
        return end - inquiry.span, end  # local arithmetic: from midnight to midnight
    return (end.astimezone(UTC) - inquiry.span).astimezone(pack.zone), end


def limits_of(standard: Standard, key: str, pack: CityPack) -> tuple[Limit, ...]:
    """From which value on an hour counts as over: the first grade of the worse half, scale by scale."""
    scales = sorted((one for one in standard.scales if key in one.metrics), key=lambda one: one.since)
    starts = [midnight(scale.since, pack) for scale in scales] + [midnight(LATEST, pack)]
    return tuple(
        Limit(starts[at], starts[at + 1], lowest(standard, scale.bands[len(scale.bands) // 2].lo))
        for at, scale in enumerate(scales)
    )


def lowest(standard: Standard, rounded: float) -> float:
    """The lowest value that the standard rounds, half up, to `rounded`."""
    return rounded - 0.5 * 10.0**-standard.digits


def midnight(day: date, pack: CityPack) -> datetime:
    """The day's beginning on the city's clock."""
    return datetime.combine(day, time(), pack.zone)


def history_config(pack: CityPack, standard: Standard) -> dict[str, Any]:
    """What the page has to know of all metrics and of the standard's scales, with their dates."""
    return {
        "metrics": [metric_choice(metric, standard, pack) for metric in pack.catalogue],
        "headline": pack.headline,
    }


def metric_choice(metric: Metric, standard: Standard, pack: CityPack) -> dict[str, Any]:
    """One metric with its scales: `since` in ms, the end of each band but the last, and the limit that is counted."""
    scales = sorted((one for one in standard.scales if metric.key in one.metrics), key=lambda one: one.since)
    return {
        "key": metric.key, "names": dict(metric.names), "short": dict(metric.short), "unit": metric.unit,
        "units": dict(metric.units), "decimals": metric.decimals, "aggregation": metric.aggregation,
        "scales": [
            {
                "since": round(midnight(one.since, pack).timestamp() * 1000), "date": one.since.isoformat(),
                "highs": [band.hi for band in one.bands[:-1]],
                "lows": [lowest(standard, band.lo) for band in one.bands[1:]],
                "bad": len(one.bands) // 2,
            }
            for one in scales
        ],
    }  # fmt: skip
