"""The answer to a question for history: one level, its series, what its hours say, and the time before beside them.

The page and its CSV are made of the same `Answer`, so they cannot differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from city.grades import Standard
from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import (
    MAX_POINTS,
    USUAL_POINTS,
    Archive,
    Hours,
    Kept,
    Level,
    Limit,
    Outage,
    Question,
    Series,
    bucket_start,
    choose,
    utc64,
)
from dashboard.figures import FEW_SENSORS
from dashboard.hour_counts import HourCounts
from dashboard.inquiry import Inquiry, InquiryError

#: Later than any instant that is asked for; a time zone can still move it.
LATEST = date(9998, 1, 1)
#: Small multiples are some 90 px wide.
SMALL_POINTS = 200
#: Hours of more days are counted in parts: each is a query of its own, which has to end in time. All districts' hours of
#: three years are 0.5 GB on plain PostgreSQL.
PART = timedelta(days=183)
#: A sensor that sends at least every 10 minutes is in 6 of them an hour; half of that is seldom.
SELDOM = 3
#: The selected district where nobody chose is the worst of so long ago until now.
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """At which level, and between which instants, a question is answered."""

    level: Level
    #: why no finer one
    why: str
    #: the first bucket holds it; none begins at the second or later
    start: datetime
    end: datetime
    kept: Kept

    def back(self, by: timedelta) -> Plan:
        """The same so long before, on the city's clock."""
        return replace(self, start=self.start - by, end=self.end - by)


@dataclass(frozen=True)
class Shown:
    """One metric of all places asked for: a panel."""

    metric: Metric
    #: by place, an empty one where it has nothing in the span
    series: tuple[Series, ...]
    #: what the hours of the selected place say, and its time before; None for metrics without limits, and without it
    hours: Hours | None
    before: Series | None
    #: of the selected place: flagged values and those of unverified sensors; None where nobody can tell
    left_out: tuple[int, int] | None


@dataclass(frozen=True)
class Answer:
    """All that is drawn, and all that is in the CSV."""

    #: with its places, whoever chose them
    inquiry: Inquiry
    plan: Plan
    #: when it was asked
    asked: datetime
    shown: tuple[Shown, ...]
    outages: tuple[Outage, ...]


@dataclass(frozen=True)
class Everywhere:
    """One metric of all districts, and what their hours say."""

    inquiry: Inquiry
    metric: Metric
    plan: Plan
    asked: datetime
    series: tuple[Series, ...]
    #: None for metrics without limits
    hours: tuple[Hours | None, ...]


class History:
    """Answers out of an archive."""

    def __init__(
        self, archive: Archive, pack: CityPack, standard: Standard, clock: Callable[[], datetime]
    ) -> None:
        self.archive, self.pack, self.clock, self.standard = archive, pack, clock, standard
        self._counts = HourCounts(archive, self._parts, pack.zone)

    async def answer(self, inquiry: Inquiry) -> Answer:
        """Everything about it. InquiryError where a sensor is unknown, StoreError where the database is away."""
        asked = self.clock()
        kept, places = await asyncio.gather(self.archive.kept(), self._places(inquiry, asked))
        inquiry = replace(inquiry, places=places)
        plan = await self._paced(inquiry, plan_of(inquiry, kept, asked, self.pack), asked)
        try:
            return await self._answer(inquiry, plan, asked)
        except _TooManyError:  # a sensor that sends faster than the network's pace
            coarser = plan_of(replace(inquiry, level=Level.TEN_MINUTES), kept, asked, self.pack)
            return await self._answer(inquiry, replace(coarser, why="points"), asked)

    async def everywhere(self, inquiry: Inquiry) -> Everywhere:
        """One metric of many places, small."""
        asked, metric = self.clock(), self.pack.catalogue[inquiry.metrics[0]]
        plan = plan_of(inquiry, await self.archive.kept(), asked, self.pack, SMALL_POINTS)
        plan = await self._paced(inquiry, plan, asked)
        question = _question(inquiry, metric, plan)
        series = await self._series(question)
        hours = await self._counted(question, series)
        return Everywhere(inquiry, metric, plan, asked, series, hours)

    async def _places(self, inquiry: Inquiry, now: datetime) -> tuple[str, ...]:
        """Those asked for; none: the district with the highest figure of late (as Live has figures), else the first."""
        if inquiry.unit == "sensor":
            found = {one.serial for one in await self.archive.sensors(inquiry.places)}
            if unknown := [serial for serial in inquiry.places if serial not in found]:
                raise InquiryError("sensor", given=", ".join(unknown))
        if inquiry.places:
            return inquiry.places
        codes = tuple(district.code for district in self.pack.districts)
        lately = Question("district", codes, self.pack.headline, now - LATELY, now, Level.TEN_MINUTES)
        last = {
            one.place: one.value[~np.isnan(one.value) & (one.sensors >= FEW_SENSORS)]
            for one in await self.archive.ask(lately)
        }
        known = {place: float(values[-1]) for place, values in last.items() if len(values)}
        return (max(known, key=lambda place: known[place]) if known else codes[0],)

    async def _paced(self, inquiry: Inquiry, plan: Plan, asked: datetime) -> Plan:
        """Hours instead of 10 minutes, where most sensors send more seldom: each 10 minutes would be of others."""
        if plan.level is not Level.TEN_MINUTES or inquiry.level is not None:
            return plan
        question = _question(inquiry, self.pack.catalogue[inquiry.metrics[0]], plan)
        # The hour that runs has not all of its 10 minutes, nor has the first one, in which sensors may have begun.
        whole = bucket_start(Level.HOUR, question.end, self.pack.zone)
        fine, coarse = await asyncio.gather(
            self.archive.ask(replace(question, end=whole)),
            self.archive.ask(replace(question, end=whole, level=Level.HOUR)),
        )
        begun = min((one.times[0] for one in coarse if len(one)), default=utc64(whole))
        first = begun + np.timedelta64(1, "h")
        tens, hours = (
            sum(int(one.sensors[one.times >= first].sum()) for one in found) for found in (fine, coarse)
        )
        if tens >= SELDOM * hours:
            return plan
        hourly = plan_of(replace(inquiry, level=Level.HOUR), plan.kept, asked, self.pack)
        return replace(hourly, why="pace")

    async def _answer(self, inquiry: Inquiry, plan: Plan, asked: datetime) -> Answer:
        panels = (self._shown(inquiry, self.pack.catalogue[key], plan) for key in inquiry.metrics)
        outages, shown = await asyncio.gather(
            self.archive.outages(plan.start, plan.end), asyncio.gather(*panels)
        )
        return Answer(inquiry, plan, asked, tuple(shown), tuple(outages))

    async def _shown(self, inquiry: Inquiry, metric: Metric, plan: Plan) -> Shown:
        question = _question(inquiry, metric, plan)
        selected = replace(question, places=question.places[:1])
        series, hours, before, left_out = await asyncio.gather(
            self._series(question),
            self._counted(selected),
            self._before(inquiry, selected, plan),
            self._left_out(selected, plan),
        )
        return Shown(metric, series, hours[0], before, left_out)

    async def _before(self, inquiry: Inquiry, selected: Question, plan: Plan) -> Series | None:
        if not inquiry.before:
            return None
        earlier = plan.back(inquiry.shift)
        (found,) = await self._series(replace(selected, start=earlier.start, end=earlier.end))
        return found

    async def _left_out(self, selected: Question, plan: Plan) -> tuple[int, int] | None:
        """Below the horizon the flags are gone with the readings."""
        return await self.archive.left_out(selected) if plan.start >= plan.kept.raw else None

    async def _series(self, question: Question) -> tuple[Series, ...]:
        found = {one.place: one for one in await self.archive.ask(question)}
        if question.level is Level.RAW and any(len(one) > MAX_POINTS for one in found.values()):
            raise _TooManyError
        return tuple(found.get(place) or Series.empty(place) for place in question.places)

    async def _counted(
        self, question: Question, series: Sequence[Series] | None = None
    ) -> tuple[Hours | None, ...]:
        """What the hours say of the limits of their time, None without limits; `series` answer the question, if at hand."""
        limits = limits_of(self.standard, question.metric, self.pack)
        if not limits:
            return (None,) * len(question.places)
        if question.level is Level.DAY and question.unit == "district":
            days = series or await self._series(question)
            counted = await self._counts.hours(question, days, limits)
        else:
            counted = await self._hours(question, limits)
        return tuple(counted[place] for place in question.places)

    async def _hours(self, question: Question, limits: Sequence[Limit]) -> dict[str, Hours]:
        parts = await asyncio.gather(*(self.archive.hours(one, limits) for one in self._parts(question)))
        found = [one for part in parts for one in part]
        return {
            place: Hours.joined(place, [one for one in found if one.place == place])
            for place in question.places
        }

    def _parts(self, question: Question) -> list[Question]:
        """The same question, half a year at a time, cut at the city's midnights."""
        ends = [question.start]
        while ends[-1] < question.end:
            ends.append(min(bucket_start(Level.DAY, ends[-1] + PART, self.pack.zone), question.end))
        return [replace(question, start=ends[i], end=ends[i + 1]) for i in range(len(ends) - 1)]


class _TooManyError(Exception):
    """More raw readings than a chart shows."""


def _question(inquiry: Inquiry, metric: Metric, plan: Plan) -> Question:
    return Question(inquiry.unit, inquiry.places, metric.key, plan.start, plan.end, plan.level)


def plan_of(inquiry: Inquiry, kept: Kept, now: datetime, pack: CityPack, most: int = USUAL_POINTS) -> Plan:
    """The finest level that fits the chart and is kept so far back; the one that is wished, if it can be had."""
    now = now.replace(microsecond=0)  # so that an address can name a preset's ends
    start, end = (now - inquiry.span, now) if inquiry.preset else (inquiry.start, inquiry.end)
    if inquiry.level is None:
        choice = choose(inquiry.unit, start, end, kept, most=most)
    else:
        choice = choose(inquiry.unit, start, end, kept, inquiry.level, MAX_POINTS)
    if inquiry.preset:
        start, end = _whole(inquiry, choice.level, now, pack)
    return Plan(choice.level, choice.why, start, end, kept)


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
    half = 0.5 * 10.0**-standard.digits  # what the standard rounds up to it, counts
    return tuple(
        Limit(starts[at], starts[at + 1], scale.bands[len(scale.bands) // 2].lo - half)
        for at, scale in enumerate(scales)
    )


def limit_shown(standard: Standard, key: str, on: date) -> float | None:
    """The highest value of the better half on that day, as a sentence says it ("over 35"); None without grades."""
    bands = standard.bands(key, on)
    return bands[len(bands) // 2 - 1].hi if bands else None


def midnight(day: date, pack: CityPack) -> datetime:
    """The day's beginning on the city's clock."""
    return datetime.combine(day, time(), pack.zone)
