"""The last 24 hours of all districts in steps of 10 minutes, each the 60 minutes before it; pure.

Out of the districts' rollups (`district_10min`). Six buckets make a step, weighted by the sensors behind each, so that
a step is the mean that Live shows at its instant, and the grades' averaging time is kept. Its n is the most sensors
that stood behind one of its buckets: of sensors that send less often than every 10 minutes that is too few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from city.metrics import Metric
from dashboard.figures import FEW_SENSORS, FEW_SHARE
from dashboard.window import WINDOW_S, Bools, Floats, Ints

STEP_S = 600
STEP_US = STEP_S * 1_000_000
#: Buckets in a step: as long as Live averages.
WIDE = WINDOW_S // STEP_S
#: From 24 hours ago to now, both included.
STEPS = 24 * 3600 // STEP_S + 1
#: Buckets that they are made of.
BUCKETS = STEPS + WIDE - 1
#: How long they reach back from the end of the last.
SPAN = timedelta(seconds=BUCKETS * STEP_S)

#: One metric of a bucket as the database packs it.
_CELL = np.dtype([("a", ">f4"), ("b", ">f4"), ("sensors", ">i4")])


def bucket_type(metrics: int) -> np.dtype[np.void]:
    """A row of `day_buckets`: start of the bucket (µs, see `packed`), and a cell a metric in the order of `packed_order`."""
    return np.dtype([("time", ">i8"), ("cells", _CELL, (metrics,))])


def packed_order(metrics: Sequence[Metric]) -> list[int]:
    """Places of the metrics in the order of a packed row: means, sums, directions."""
    kinds = ("mean", "sum", "vector")
    return [at for kind in kinds for at, metric in enumerate(metrics) if metric.aggregation == kind]


@dataclass(frozen=True)
class Buckets:
    """Districts × buckets × metrics."""

    #: start of the first, µs
    start_us: int
    #: mean, or sum, or east; 0 where there is none
    a: Floats
    #: north of a direction, else 0
    b: Floats
    #: sensors behind it
    sensors: Ints

    @classmethod
    def empty(cls, start_us: int, districts: int, metrics: int) -> Buckets:
        """Nothing known."""
        shape = (districts, BUCKETS, metrics)
        return cls(start_us, np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))

    def same(self, other: Buckets) -> bool:
        """Whether both say the same."""
        pairs = ((self.a, other.a), (self.b, other.b), (self.sensors, other.sensors))
        return self.start_us == other.start_us and all(np.array_equal(one, two) for one, two in pairs)

    def moved(self, start_us: int) -> Buckets:
        """The same span of time seen from a later start; what is new is empty."""
        by = (start_us - self.start_us) // STEP_US
        if by == 0:
            return self
        fresh = Buckets.empty(start_us, len(self.a), self.a.shape[2])
        if 0 < by < BUCKETS:
            for old, new in ((self.a, fresh.a), (self.b, fresh.b), (self.sensors, fresh.sensors)):
                new[:, :-by] = old[:, by:]
        return fresh

    def with_rows(
        self, rows: Mapping[str, bytes], codes: Sequence[str], metrics: Sequence[Metric], since_us: int
    ) -> Buckets:
        """All buckets from `since_us` on replaced by these rows, `packed` by district."""
        a, b, sensors = self.a.copy(), self.b.copy(), self.sensors.copy()
        first = max(0, (since_us - self.start_us) // STEP_US)
        for one in (a, b, sensors):
            one[:, first:] = 0
        order = packed_order(metrics)
        for district, code in enumerate(codes):
            raw = np.frombuffer(rows.get(code, b""), bucket_type(len(metrics)))
            place = (raw["time"].astype(np.int64) - self.start_us) // STEP_US
            inside = (place >= first) & (place < BUCKETS)
            cells, to = raw["cells"][inside], place[inside]
            for column, metric in enumerate(order):
                a[district, to, metric] = np.nan_to_num(cells["a"][:, column])
                b[district, to, metric] = np.nan_to_num(cells["b"][:, column])
                sensors[district, to, metric] = cells["sensors"][:, column]
        return Buckets(self.start_us, a, b, sensors)


@dataclass(frozen=True)
class Steps:
    """Districts and then the city × steps × metrics."""

    #: instant of the first, µs: the end of its 60 minutes
    first_us: int
    #: NaN where there is none
    value: Floats
    #: sensors behind it
    n: Ints
    #: whether anything was heard in the last 10 minutes before it
    heard: Bools

    def at_us(self, step: int) -> int:
        """Instant of a step."""
        return self.first_us + step * STEP_US


def steps_of(buckets: Buckets, metrics: Sequence[Metric]) -> Steps:
    """Each step's 60 minutes."""
    total = np.array([metric.aggregation == "sum" for metric in metrics])
    turning = np.array([metric.aggregation == "vector" for metric in metrics])
    there = np.where(buckets.sensors > 0, buckets.sensors, 0)
    weight = np.where(total, there > 0, there)
    parts = [_with_city(_rolled(part)) for part in (buckets.a * weight, buckets.b * weight, weight)]
    east, north, weights = parts
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weights > 0, east / weights, np.nan)
    angle = np.where(weights > 0, np.degrees(np.arctan2(east, north)) % 360, np.nan)
    value = np.where(total, np.where(weights > 0, east, np.nan), np.where(turning, angle, mean))
    n = _with_city(np.lib.stride_tricks.sliding_window_view(there, WIDE, axis=1).max(axis=-1))
    heard = _with_city(there[:, WIDE - 1 :] > 0) > 0
    return Steps(buckets.start_us + WIDE * STEP_US, value, n.astype(np.int64), heard)


def _rolled(part: npt.NDArray[np.generic]) -> Floats:
    windows = np.lib.stride_tricks.sliding_window_view(part.astype(np.float64), WIDE, axis=1)
    summed: Floats = windows.sum(axis=-1)
    return summed


def _with_city(part: npt.NDArray[np.generic]) -> Floats:
    """The districts, and behind them their sum."""
    numbers = part.astype(np.float64)
    whole: Floats = np.concatenate([numbers, numbers.sum(axis=0, keepdims=True)])
    return whole


def enough(n: Ints, total: Ints) -> Bools:
    """Whether so many sensors of so many may have a grade; `total` is what the district has now."""
    sufficient: Bools = (n >= FEW_SENSORS) & (n >= np.maximum(total, n) * FEW_SHARE)
    return sufficient
