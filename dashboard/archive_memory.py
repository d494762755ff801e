"""The archive's twin in memory, for tests and for trying the page without servers: figures made of readings.

A district's figure is the mean of its sensors' means in the bucket, each sensor once; of a count the sum of all, of a
direction the angle of the mean of its sensors' mean vectors. Flagged values count nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import (
    HOURS_ROW,
    MAX_POINTS,
    ROW,
    Floats,
    Hours,
    Kept,
    Known,
    Level,
    Limit,
    Outage,
    Question,
    Series,
    bucket_start,
    buckets,
    hours_of,
    series_of,
    utc64,
)
from dashboard.packed import EPOCH
from dashboard.store import StoreError

Times = NDArray[np.datetime64]
#: Below it no direction is the mean: opposite ones cancel (the function `direction` of the database).
CANCELLED = 1e-9


@dataclass
class _Values:
    """One sensor's values of one metric, sorted by time."""

    times: Times = field(default_factory=lambda: np.empty(0, "M8[us]"))
    values: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    flagged: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def put(self, times: Times, values: Floats, flagged: NDArray[np.bool_]) -> None:
        """Take in values; a time that is there already is replaced."""
        kept = ~np.isin(self.times, times)
        self.times = np.concatenate([self.times[kept], times])
        order = np.argsort(self.times, kind="stable")
        self.times = self.times[order]
        self.values = np.concatenate([self.values[kept], values])[order]
        self.flagged = np.concatenate([self.flagged[kept], flagged])[order]


@dataclass(frozen=True)
class _Piece:
    """A sensor's figures by bucket of a span; of one length, NaN and 0 where there is nothing."""

    #: mean, or sum; of directions the mean of east and north
    value: NDArray[np.float64]
    north: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]
    #: whether any reading is there, flagged ones too: then the rollup has a row
    there: NDArray[np.bool_]


class MemoryArchive:
    """Holds what PostgreSQL would; the caller puts sensors and readings in."""

    def __init__(self, pack: CityPack) -> None:
        self._pack = pack
        self._known: dict[str, Known] = {}
        self._values: dict[tuple[str, str], _Values] = {}
        #: what the checkpoint says; the caller may move it
        self.keeps = Kept(EPOCH, EPOCH)
        #: what ingest noted; the caller may add
        self.noted: list[Outage] = []
        #: raised by every question, where there is one: the database is away
        self.trouble: StoreError | None = None

    def put_sensor(self, serial: str, district: str | None, state: str = "verified") -> None:
        """Register a sensor."""
        self._known[serial] = Known(serial, state, district)

    def put(
        self,
        serial: str,
        metric: str,
        times: Times,
        values: Sequence[float] | Floats,
        flagged: Sequence[bool] = (),
    ) -> None:
        """A sensor's values of one metric, each at its instant; those of another call's instants are revised."""
        numbers = np.asarray(values, np.float32)
        marks = np.asarray(flagged, np.bool_) if len(flagged) else np.zeros(len(numbers), np.bool_)
        one = self._values.setdefault((serial, metric), _Values())
        one.put(np.asarray(times, "M8[us]"), numbers, marks)

    async def kept(self) -> Kept:
        """See Archive."""
        self._answer()
        return self.keeps

    async def ask(self, question: Question) -> Sequence[Series]:
        """See Archive."""
        self._answer()
        return list(self._series(question))

    async def hours(self, question: Question, limits: Sequence[Limit]) -> Sequence[Hours]:
        """See Archive."""
        self._answer()
        by_day, zone = question.level is Level.DAY, self._pack.zone
        start = bucket_start(Level.DAY if by_day else Level.HOUR, question.start, zone)
        hourly = Question(question.unit, question.places, question.metric, start, question.end, Level.HOUR)
        days = buckets(Level.DAY, start, question.end, zone)
        return [_hours(one, limits, days if by_day else None) for one in self._series(hourly)]

    async def left_out(self, question: Question) -> tuple[int, int]:
        """See Archive."""
        self._answer()
        (place,) = question.places
        members = [one for one in self._known.values() if place in (one.serial, one.district)]
        start = utc64(bucket_start(question.level, question.start, self._pack.zone))
        flagged = unverified = 0
        for one in members:
            values = self._values.get((one.serial, question.metric), _Values())
            inside = (values.times >= start) & (values.times < utc64(question.end))
            flagged += int((values.flagged & inside).sum())
            unverified += int((~values.flagged & inside).sum()) * (one.state == "unverified")
        return flagged, unverified

    async def sensors(self, serials: Sequence[str]) -> Sequence[Known]:
        """See Archive."""
        self._answer()
        return [self._known[serial] for serial in sorted(set(serials)) if serial in self._known]

    async def find(self, part: str, most: int) -> Sequence[Known]:
        """See Archive."""
        self._answer()
        wanted = part.lower()
        found = [serial for serial in self._known if wanted in serial.lower()]
        found.sort(key=lambda serial: (not serial.lower().startswith(wanted), serial))
        return [self._known[serial] for serial in found[:most]]

    async def outages(self, start: datetime, end: datetime) -> Sequence[Outage]:
        """See Archive."""
        self._answer()
        found = [one for one in self.noted if one.start < end and (one.end is None or one.end > start)]
        return sorted(found, key=lambda one: one.start)

    async def close(self) -> None:
        """See Archive."""

    def _answer(self) -> None:
        if self.trouble:
            raise self.trouble

    def _series(self, question: Question) -> Iterator[Series]:
        of = self._sensor if question.unit == "sensor" else self._district
        for place in question.places:
            rows = self._raw(place, question) if question.level is Level.RAW else of(place, question)
            if len(rows):
                yield series_of(place, rows)

    def _raw(self, serial: str, question: Question) -> NDArray[np.void]:
        values = self._values.get((serial, question.metric), _Values())
        inside = (values.times >= utc64(question.start)) & (values.times < utc64(question.end))
        chosen = np.flatnonzero(inside)[: MAX_POINTS + 1]
        rows = np.zeros(len(chosen), list(ROW))
        rows["time"] = _micros(values.times[chosen])
        for name in ("value", "low", "high"):
            rows[name] = values.values[chosen]
        rows["n"], rows["sensors"], rows["flagged"] = 1, 1, values.flagged[chosen]
        return rows

    def _sensor(self, serial: str, question: Question) -> NDArray[np.void]:
        metric = self._pack.catalogue[question.metric]
        times = buckets(question.level, question.start, question.end, self._pack.zone)
        piece = self._piece(serial, question, times)
        value = _direction(piece.value, piece.north) if metric.aggregation == "vector" else piece.value
        return _rows(times, value, piece, np.ones(len(times), np.int32))

    def _district(self, code: str, question: Question) -> NDArray[np.void]:
        metric = self._pack.catalogue[question.metric]
        times = buckets(question.level, question.start, question.end, self._pack.zone)
        own = [one.serial for one in self._known.values() if one.district == code and one.state == "verified"]
        pieces = [self._piece(serial, question, times) for serial in own]
        if not pieces:
            return np.empty(0, list(ROW))
        whole = _together(pieces, metric)
        value = _direction(whole.value, whole.north) if metric.aggregation == "vector" else whole.value
        return _rows(times, value, whole, np.sum([piece.n > 0 for piece in pieces], axis=0, dtype=np.int32))

    def _piece(self, serial: str, question: Question, times: Times) -> _Piece:
        """One sensor's figures; a bucket that reaches beyond the span is whole."""
        values = self._values.get((serial, question.metric), _Values())
        last = bucket_end(question, times, self._pack)
        known = (values.times >= times[0]) & (values.times < last) if len(times) else np.zeros(0, np.bool_)
        place = np.searchsorted(times, values.times[known], side="right") - 1
        there = np.bincount(place, minlength=len(times)) > 0
        good, metric = ~values.flagged[known], self._pack.catalogue[question.metric]
        return _figures(values.values[known][good].astype(np.float64), place[good], there, metric)


def bucket_end(question: Question, times: Times, pack: CityPack) -> np.datetime64:
    """End of the last of these buckets: where the next one begins, also beyond the span."""
    one_more = buckets(question.level, question.start, question.end + 2 * question.level.step, pack.zone)
    return one_more[len(times)]  # type: ignore[no-any-return]


def _figures(
    values: NDArray[np.float64], place: NDArray[np.int64], there: NDArray[np.bool_], metric: Metric
) -> _Piece:
    count, vector = len(there), metric.aggregation == "vector"
    n = np.bincount(place, minlength=count)
    east = np.sin(np.radians(values)) if vector else values
    total = np.bincount(place, east, count)
    north = np.bincount(place, np.cos(np.radians(values)), count) if vector else np.zeros(count)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, place, values)
    np.maximum.at(high, place, values)
    none = (n == 0) | vector
    share = np.where(n > 0, 1 if metric.aggregation == "sum" else n, np.nan)
    return _Piece(
        total / share, north / share, np.where(none, np.nan, low), np.where(none, np.nan, high), n, there
    )


def _together(pieces: Sequence[_Piece], metric: Metric) -> _Piece:
    """Sensors' figures as their district's: each sensor once."""
    value, north = (np.stack([getattr(one, name) for one in pieces]) for name in ("value", "north"))
    sensors = (~np.isnan(value)).sum(0)
    share = np.where(sensors > 0, 1 if metric.aggregation == "sum" else sensors, np.nan)
    low = np.fmin.reduce([one.low for one in pieces])
    high = np.fmax.reduce([one.high for one in pieces])
    n = np.sum([one.n for one in pieces], axis=0)
    there = np.any([one.there for one in pieces], axis=0)
    return _Piece(np.nansum(value, 0) / share, np.nansum(north, 0) / share, low, high, n, there)


def _direction(east: NDArray[np.float64], north: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = np.degrees(np.arctan2(east, north)) % 360
    return np.where(np.abs(east) + np.abs(north) > CANCELLED, angle, np.nan)


def _rows(
    times: Times, value: NDArray[np.float64], piece: _Piece, sensors: NDArray[np.int32]
) -> NDArray[np.void]:
    rows = np.zeros(len(times), list(ROW))
    rows["time"], rows["value"], rows["low"], rows["high"] = _micros(times), value, piece.low, piece.high
    rows["n"], rows["sensors"] = piece.n, sensors
    return rows[piece.there]


def _micros(times: Times) -> NDArray[np.int64]:
    return (times - utc64(EPOCH)).astype(np.int64)


def _hours(one: Series, limits: Sequence[Limit], days: Times | None) -> Hours:
    """By its hours, or by days."""
    low = np.full(len(one), np.nan)
    for limit in limits:
        low[(one.times >= utc64(limit.since)) & (one.times < utc64(limit.until))] = limit.low
    there, over = ~np.isnan(one.value), one.value >= low
    place = np.arange(len(one)) if days is None else np.searchsorted(days, one.times, side="right") - 1
    kept, place = np.unique(place, return_inverse=True)
    rows = np.zeros(len(kept), list(HOURS_ROW))
    rows["time"] = _micros(one.times if days is None else days[kept])
    rows["hours"], rows["over"] = np.bincount(place, there), np.bincount(place, over)
    total = np.bincount(place, np.where(there, one.value, 0))
    high = np.full(len(kept), -np.inf)
    np.maximum.at(high, place, np.where(there, one.value, -np.inf))
    rows["total"] = np.where(rows["hours"] > 0, total, np.nan)
    rows["high"] = np.where(rows["hours"] > 0, high, np.nan)
    return hours_of(one.place, rows)


def made_of(pack: CityPack, sensors: Mapping[str, str]) -> MemoryArchive:
    """An archive with these verified sensors: serial → district."""
    archive = MemoryArchive(pack)
    for serial, district in sensors.items():
        archive.put_sensor(serial, district)
    return archive
