"""History as the pages ask for it: series of districts or sensors at the one level that a chart can show.

`archive_postgres.PgArchive` answers, `MemoryArchive` is its twin. Levels are never mixed within an answer, and the
answer says which one it is and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

#: A chart of 1,000 px shows no more than two points a pixel.
MAX_POINTS = 2000
#: What a chart shows unless its viewer asks for a finer level: a day of 2 minutes, a month of hours.
USUAL_POINTS = 720

Unit = Literal["district", "sensor"]
Floats = NDArray[np.float32]


class Level(StrEnum):
    """How finely time is divided."""

    RAW = "raw"
    TEN_MINUTES = "10min"
    HOUR = "hour"
    DAY = "day"

    @property
    def step(self) -> timedelta:
        """Between two points; of raw readings the pace of the network (2 minutes)."""
        return _STEPS[self]


_STEPS = {
    Level.RAW: timedelta(minutes=2),
    Level.TEN_MINUTES: timedelta(minutes=10),
    Level.HOUR: timedelta(hours=1),
    Level.DAY: timedelta(days=1),
}
#: From the finest: what there is of each.
LEVELS: Mapping[Unit, tuple[Level, ...]] = {
    "district": (Level.TEN_MINUTES, Level.HOUR, Level.DAY),
    "sensor": (Level.RAW, Level.TEN_MINUTES, Level.HOUR, Level.DAY),
}

#: Why not a finer level: there is none; it would be more points than a chart shows; it is not kept so long; sensors send
#: too seldom for it.
Why = Literal["finest", "points", "kept", "pace"]


@dataclass(frozen=True, slots=True)
class Kept:
    """From when on there is what."""

    #: raw readings, and 10 minutes of sensors
    raw: datetime
    #: hours, and 10 minutes of districts
    hours: datetime
    #: the first day of which there is anything; None: of none
    first: datetime | None = None

    def since(self, unit: Unit, level: Level) -> datetime | None:
        """From when on a level is kept; None: for ever (a sensor's days are made of its hours)."""
        if level is Level.RAW or (level is Level.TEN_MINUTES and unit == "sensor"):
            return self.raw
        return None if level is Level.DAY and unit == "district" else self.hours


@dataclass(frozen=True, slots=True)
class Choice:
    """The level of an answer and why no finer one."""

    level: Level
    why: Why


def choose(
    unit: Unit,
    start: datetime,
    end: datetime,
    kept: Kept,
    coarsest: Level = Level.RAW,
    most: int = MAX_POINTS,
) -> Choice:
    """The finest level, not finer than `coarsest`, that has at most `most` points and reaches back to `start`.

    A span that no level covers in so many points is shown by the coarsest there is.
    """
    why: Why = "finest"
    for level in LEVELS[unit]:
        since = kept.since(unit, level)
        if level.step < coarsest.step:
            continue
        if (end - start) / level.step > most:
            why = "points"
        elif since is not None and start < since:
            why = "kept"
        else:
            return Choice(level, why)
    return Choice(LEVELS[unit][-1], why)


def bucket_start(level: Level, instant: datetime, zone: ZoneInfo) -> datetime:
    """The start of the instant's bucket on the city's clock, so that a span's first bucket is whole."""
    local = instant.astimezone(zone)
    if level is Level.DAY:
        return local.replace(hour=0, minute=0, second=0, microsecond=0)
    if level is Level.RAW:
        return instant
    minute = 0 if level is Level.HOUR else local.minute // 10 * 10
    return local.replace(minute=minute, second=0, microsecond=0)


def buckets(level: Level, start: datetime, end: datetime, zone: ZoneInfo) -> NDArray[np.datetime64]:
    """Starts of all buckets of a span, datetime64[us], UTC, whether or not anything is in them; of raw, none."""
    first = bucket_start(level, start, zone)
    if level is Level.RAW:
        return np.empty(0, "M8[us]")
    if level is not Level.DAY:
        count = max(0, -((first - end) // level.step))
        return utc64(first) + np.arange(count) * np.timedelta64(level.step)
    days = (end.astimezone(zone).date() - first.date()).days + 1
    midnights = [
        first + timedelta(days=day) for day in range(days)
    ]  # on the city's clock: 23 to 25 hours apart
    return np.array([utc64(day) for day in midnights if day < end], "M8[us]")


def utc64(instant: datetime) -> np.datetime64:
    """An aware instant as numpy has it, µs."""
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")


@dataclass(frozen=True, slots=True)
class Question:
    """What a chart shows: one metric of places of one unit over a span."""

    unit: Unit
    #: codes of districts, or serials of sensors
    places: tuple[str, ...]
    metric: str
    #: the bucket that holds it is the first of the answer
    start: datetime
    #: none begins here or later
    end: datetime
    level: Level


@dataclass(frozen=True)
class Series:
    """One place's values by time, of one length; NaN where a bucket has no value that counts."""

    place: str
    #: start of each bucket, or instant of each reading, datetime64[us], UTC, rising
    times: NDArray[np.datetime64]
    #: the metric's figure: mean, for a count the sum, for a direction its angle, float32
    value: Floats
    #: least and most of the values behind it
    low: Floats
    high: Floats
    #: values behind it, int32
    n: NDArray[np.int32]
    #: sensors behind a district's figure, int32; 1 for a sensor
    sensors: NDArray[np.int32]
    #: raw readings only: stored and left out of every figure
    flagged: NDArray[np.bool_]
    #: hours and days only: out of a file (`sdot import --rollups`), not computed here
    imported: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def empty(cls, place: str) -> Series:
        """Of a place without anything in the span."""
        return series_of(place, np.empty(0, list(ROW)))


@dataclass(frozen=True, slots=True)
class Limit:
    """From what value on an hour counts as over, while a scale of the standard holds."""

    #: first and last instant at which it holds
    since: datetime
    until: datetime
    #: lowest value that the standard rounds into the grade
    low: float


@dataclass(frozen=True)
class Hours:
    """What one place's hourly figures say, by buckets of an hour or a day; of one length."""

    place: str
    #: start of each bucket, datetime64[us], UTC, rising
    times: NDArray[np.datetime64]
    #: hours with a figure, and of these those over the limit, int32
    hours: NDArray[np.int32]
    over: NDArray[np.int32]
    #: sum and highest of the hourly figures, float32
    total: Floats
    high: Floats

    @classmethod
    def joined(cls, place: str, parts: Sequence[Hours]) -> Hours:
        """Of several spans, one after another; empty without any."""
        if not parts:
            return hours_of(place, np.empty(0, list(HOURS_ROW)))
        columns = ("times", "hours", "over", "total", "high")
        return cls(place, *(np.concatenate([getattr(one, name) for one in parts]) for name in columns))


@dataclass(frozen=True, slots=True)
class Known:
    """A registered sensor, as a search finds it."""

    serial: str
    #: unverified, verified or retired
    state: str
    #: code of its district, None outside all
    district: str | None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which ingest could not take or store what came."""

    #: as `gap.kind`
    kind: str
    slot: int
    start: datetime
    #: None: it lasts
    end: datetime | None


#: Fields of a row of an answer, as the queries give them.
ROW: Sequence[tuple[str, str]] = (
    ("place", ">i4"), ("time", ">i8"), ("value", ">f4"), ("low", ">f4"), ("high", ">f4"), ("n", ">i4"),
    ("sensors", ">i4"), ("flagged", "?"), ("imported", "?"),
)  # fmt: skip
#: The same of `hours`.
HOURS_ROW: Sequence[tuple[str, str]] = (
    ("place", ">i4"), ("time", ">i8"), ("hours", ">i4"), ("over", ">i4"), ("total", ">f4"), ("high", ">f4"),
)  # fmt: skip
#: Such rows: a structured array, or an array a field.
Rows = NDArray[Any] | Mapping[str, NDArray[Any]]
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")


def series_of(place: str, rows: Rows) -> Series:
    """A place's rows (fields of ROW, sorted by time) as columns."""
    times = _EPOCH + rows["time"].astype("timedelta64[us]")
    value, low, high = (np.ascontiguousarray(rows[name], np.float32) for name in ("value", "low", "high"))
    n, sensors = (np.ascontiguousarray(rows[name], np.int32) for name in ("n", "sensors"))
    flagged, imported = (np.ascontiguousarray(rows[name], np.bool_) for name in ("flagged", "imported"))
    return Series(place, times, value, low, high, n, sensors, flagged, imported)


def hours_of(place: str, rows: Rows) -> Hours:
    """A place's rows (fields of HOURS_ROW, sorted by time) as columns."""
    times = _EPOCH + rows["time"].astype("timedelta64[us]")
    hours, over = (np.ascontiguousarray(rows[name], np.int32) for name in ("hours", "over"))
    total, high = (np.ascontiguousarray(rows[name], np.float32) for name in ("total", "high"))
    return Hours(place, times, hours, over, total, high)


class Archive(Protocol):
    """The reads of the pages that show history. Each raises StoreError where the database does not answer in time."""

    async def kept(self) -> Kept:
        """From when on there is what."""

    async def ask(self, question: Question) -> Sequence[Series]:
        """A series for each place that has one, in the order of the question."""

    async def hours(self, question: Question, limits: Sequence[Limit]) -> Sequence[Hours]:
        """What hourly figures say, by hours (by days where `question.level` is the day); not for directions."""

    async def left_out(self, question: Question) -> tuple[int, int]:
        """Of the question's one place: flagged values, and values of its unverified sensors; in no figure."""

    async def sensors(self, serials: Sequence[str]) -> Sequence[Known]:
        """Of these serials those that are registered."""

    async def find(self, part: str, most: int) -> Sequence[Known]:
        """Sensors whose serial holds `part`, capitals or not; those first that begin with it."""

    async def outages(self, start: datetime, end: datetime) -> Sequence[Outage]:
        """What ingest noted of its own troubles that reach into a span, by their beginning."""

    async def close(self) -> None:
        """Give up all connections."""
