"""Answers of the History page: what is asked is read from the archive at one level, and composed off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from city.grades import Standard
from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import (
    MAX_POINTS,
    Archive,
    Choice,
    Era,
    Exceeded,
    Kept,
    KnownGap,
    LeftOut,
    Level,
    Question,
    SensorName,
    Series,
    bucket_start,
    choose,
)
from dashboard.history_limits import eras_of
from dashboard.history_query import HistoryError, HistoryQuestion

#: Points of one of many small charts side by side.
SMALL_POINTS = 200
#: Flagged readings are counted over spans up to this: beyond, too many raw readings would have to be read.
COUNTED = timedelta(days=2)
#: A district's newest value may be this old to be called the one of now.
NOW = timedelta(minutes=30)


@dataclass(frozen=True)
class Drawing:
    """One metric's panel: all that is drawn, and what it was drawn from."""

    metric: Metric
    asked: HistoryQuestion
    #: start of the first bucket; `asked.end` ends the last
    start: datetime
    choice: Choice
    kept: Kept
    series: Sequence[Series]
    #: of the selected place, at the times at which it was measured; None where not asked for, or there is nothing
    before: Series | None
    #: first bucket of the compared span
    before_start: datetime
    gaps: Sequence[KnownGap]
    eras: Sequence[Era]
    exceeded: Exceeded | None
    #: sensors in service that send the metric, None for a sensor
    sensors: int | None
    left_out: LeftOut | None
    #: when it was read
    at: datetime


@dataclass(frozen=True)
class Overview:
    """One metric in every district."""

    metric: Metric
    #: codes of all districts in the city's order
    places: tuple[str, ...]
    start: datetime
    end: datetime
    choice: Choice
    series: Sequence[Series]
    #: the newest 10 minutes by district
    newest: Mapping[str, float]
    eras: Sequence[Era]
    exceeded: Mapping[str, Exceeded]


class History:
    """Asks the archive; holds nothing of any viewer."""

    def __init__(
        self, archive: Archive, pack: CityPack, standard: Standard, clock: Callable[[], datetime]
    ) -> None:
        self.pack, self.standard, self.clock = pack, standard, clock
        self.archive = archive

    async def drawing(self, asked: HistoryQuestion, metric: str) -> Drawing:
        """A panel; HistoryError for unknown sensors, StoreError where the database does not answer."""
        now, kept = self.clock(), await self.archive.kept()
        asked = await self._placed(asked, metric)
        choice, start, series = await self._series(asked, metric, kept)
        before_start = bucket_start(choice.level, start - asked.shift, self.pack.zone)
        eras = eras_of(self.standard, metric, start, asked.end, self.pack.zone)
        question = Question(asked.unit, asked.places[:1], metric, start, asked.end, choice.level)
        earlier = replace(question, start=before_start, end=asked.end - asked.shift)
        compared, gaps, exceeded, in_service, left_out = await asyncio.gather(
            self._compared(earlier, asked),
            self.archive.gaps(start, asked.end),
            self._exceeded(question, eras),
            self.archive.in_service(metric),
            self._left_out(question),
        )
        first = asked.places[0]
        return Drawing(
            self.pack.catalogue[metric], asked, start, choice, kept, series, compared, before_start, gaps, eras,
            exceeded.get(first), in_service.get(first) if asked.unit == "district" else None,
            left_out.get(first), now,
        )  # fmt: skip

    async def overview(self, asked: HistoryQuestion, metric: str) -> Overview:
        """Every district; the level is the finest of at most `SMALL_POINTS` points, or days."""
        kept, end = await self.archive.kept(), asked.end
        choice = choose("district", asked.start, end, kept, most=SMALL_POINTS)
        first = first_bucket(choice.level, asked, self.pack)
        codes = tuple(self.pack.by_code)
        eras = eras_of(self.standard, metric, first, end, self.pack.zone)
        question = Question("district", codes, metric, first, end, choice.level)
        series, newest, exceeded = await asyncio.gather(
            self.archive.ask(question), self._newest(codes, metric), self._exceeded(question, eras)
        )
        chosen = self.pack.catalogue[metric]
        return Overview(chosen, codes, first, end, choice, series, newest, eras, exceeded)

    async def find(self, text: str, most: int) -> Sequence[SensorName]:
        """Sensors for the search box."""
        return await self.archive.find(text, most)

    async def _placed(self, asked: HistoryQuestion, metric: str) -> HistoryQuestion:
        """The question with a place: the district that is worst now where nobody chose; unknown sensors are told."""
        if asked.unit == "sensor":
            there = {one.serial for one in await self.archive.known(asked.places)}
            for serial in asked.places:
                if serial not in there:
                    raise HistoryError("sensor", 404, given=serial[:40])
            return asked
        if asked.places:
            return asked
        codes = tuple(self.pack.by_code)
        newest = await self._newest(codes, metric) if metric in self.standard.metrics else {}
        return replace(asked, places=(max(newest, key=lambda code: newest[code], default=codes[0]),))

    async def _newest(self, codes: tuple[str, ...], metric: str) -> Mapping[str, float]:
        now = self.clock()
        question = Question("district", codes, metric, now - NOW, now, Level.TEN_MINUTES)
        newest = {}
        for series in await self.archive.ask(question):
            there = series.value[np.isfinite(series.value)]
            if len(there):
                newest[series.place] = float(there[-1])
        return newest

    async def _series(
        self, asked: HistoryQuestion, metric: str, kept: Kept
    ) -> tuple[Choice, datetime, Sequence[Series]]:
        """At the finest level that fits; readings that came faster than the network's pace are too many for raw."""
        most = MAX_POINTS - 1  # the first bucket begins before the span
        choice = choose(asked.unit, asked.start, asked.end, kept, most=most)
        while True:
            start = first_bucket(choice.level, asked, self.pack)
            question = Question(asked.unit, asked.places, metric, start, asked.end, choice.level)
            series = await self.archive.ask(question)
            if choice.level is not Level.RAW or max(map(len, series), default=0) <= MAX_POINTS:
                return choice, start, series
            coarser = choose(asked.unit, asked.start, asked.end, kept, Level.TEN_MINUTES, most)
            choice = Choice(coarser.level, "points")

    async def _compared(self, question: Question, asked: HistoryQuestion) -> Series | None:
        series = await self.archive.ask(question) if asked.before else ()
        return series[0] if series else None

    async def _exceeded(self, question: Question, eras: Sequence[Era]) -> Mapping[str, Exceeded]:
        return await self.archive.exceeded(replace(question, level=Level.HOUR), eras) if eras else {}

    async def _left_out(self, question: Question) -> Mapping[str, LeftOut]:
        short = question.end - question.start <= COUNTED
        return await self.archive.left_out(question) if short else {}


def first_bucket(level: Level, asked: HistoryQuestion, pack: CityPack) -> datetime:
    """The bucket that holds the start; of the last so many hours or days, which are so many buckets, the next one."""
    start = bucket_start(level, asked.start, pack.zone)
    if not asked.preset or level is Level.RAW or start == asked.start:
        return start
    # on the city's clock for days, in elapsed time for the rest
    after = start + level.step if level is Level.DAY else start.astimezone(UTC) + level.step
    return after.astimezone(pack.zone)
