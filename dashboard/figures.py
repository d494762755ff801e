"""District figures: from sums per sensor to one figure a district and metric; pure.

A figure is the mean of its sensors' means, each sensor once, with n of N; only verified sensors count, and of
their values the unflagged ones. A sum is the total and never scaled. A direction is a vector mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from city.metrics import Metric
from dashboard.packed import NEVER
from dashboard.window import WINDOW_US, Bools, Floats, Ints, Sums

#: Seconds after which a figure is old: three reports of a sensor that sends every 2 minutes (S-DoT) were missed.
STALE_S = 360
#: Under so many sensors, or under this share of those it has, a district gets no grade (DESIGN, "grade").
FEW_SENSORS = 3
FEW_SHARE = 0.5

Numbers = TypeVar("Numbers", Ints, Floats)
Status = Literal["ok", "stale", "few", "none"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one group of sensors."""

    #: mean or sum over the window; None where nothing counts or it is stale
    value: float | None
    #: sensors with an unflagged value in the window, of those that ever sent the metric
    n: int
    N: int
    #: time of the newest unflagged value, µs; NEVER where nobody sent one
    at: int
    status: Status
    #: smallest and largest value behind it
    low: float | None
    high: float | None
    #: the figure as it was when the newest value came, where it is stale
    last: float | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Where a city's sensors of one metric went: total = counted + silent + flagged."""

    #: verified sensors in a district that ever sent the metric
    total: int
    counted: int
    #: no value in the window
    silent: int
    #: values, but flagged ones only
    flagged: int
    #: of the counted, those in a district with too few of them for a grade
    few: int
    #: beside the total: unverified sensors, and verified ones in no district, that sent the metric
    unverified: int
    outside: int


@dataclass(frozen=True)
class Members:
    """Which sensors stand behind which figures, a row each."""

    #: index of the district, −1 where it has none
    district: Ints
    verified: Bools
    unverified: Bools
    #: sensors × metrics: whether it ever sent the metric
    sent: Bools

    @property
    def counting(self) -> Bools:
        """Verified sensors in a district."""
        return self.verified & (self.district >= 0)


class Groups:
    """Adds up sensors by district; group 0 … D−1 are the districts, D is the city."""

    def __init__(self, members: Members, districts: int) -> None:
        rows = np.flatnonzero(members.counting)
        order = rows[np.argsort(members.district[rows], kind="stable")]
        self.rows, self.districts = order, districts
        self._starts = np.searchsorted(members.district[order], np.arange(districts))
        self._sizes = np.bincount(members.district[order], minlength=districts)

    def reduce(self, ufunc: np.ufunc, values: Numbers, empty: float) -> Numbers:
        """`ufunc` over the sensors of each group: (districts + 1) × metrics; `empty` where it has none."""
        chosen = values[self.rows]
        result = np.full((self.districts + 1, values.shape[1]), empty, values.dtype)
        filled = self._sizes > 0
        if filled.any():
            result[:-1][filled] = ufunc.reduceat(chosen, self._starts[filled], axis=0)
            result[-1] = ufunc.reduce(chosen, axis=0)
        return result


def figures_of(
    sums: Sums, members: Members, metrics: Sequence[Metric], districts: int, now_us: int
) -> list[list[Figure]]:
    """Figures by group (the districts, then the city) and metric, at `now_us`."""
    groups = Groups(members, districts)
    n = groups.reduce(np.add, (sums.count > 0).astype(np.int64), 0)
    total = groups.reduce(np.add, members.sent.astype(np.int64), 0)
    newest = groups.reduce(np.maximum, sums.newest, NEVER)
    now = group_values(groups, metrics, sums.count, sums.total, sums.cosine)
    past = _past_values(groups, metrics, sums, members, newest)
    turning = np.array([metric.aggregation == "vector" for metric in metrics])  # no direction is the smallest
    low = np.where(turning, np.nan, groups.reduce(np.minimum, sums.low, np.inf))
    high = np.where(turning, np.nan, groups.reduce(np.maximum, sums.high, -np.inf))
    return [
        [
            _figure(
                now[at], past[at], (int(n[at]), int(total[at])), int(newest[at]), (low[at], high[at]), now_us
            )
            for at in ((group, place) for place in range(len(metrics)))
        ]
        for group in range(districts + 1)
    ]


def group_values(
    groups: Groups, metrics: Sequence[Metric], count: Ints, total: Floats, cosine: Floats
) -> Floats:
    """Values by group and metric, NaN where nothing counts."""
    there = count > 0
    share = np.divide(1.0, count, where=there, out=np.zeros(count.shape))
    n = groups.reduce(np.add, there.astype(np.int64), 0)
    sine = groups.reduce(np.add, total * share, 0.0)
    mean = np.divide(sine, n, where=n > 0, out=np.full(n.shape, np.nan))
    added = np.where(n > 0, groups.reduce(np.add, total, 0.0), np.nan)
    angle = np.degrees(np.arctan2(sine, groups.reduce(np.add, cosine * share, 0.0))) % 360
    kinds = np.array([metric.aggregation for metric in metrics])
    return np.where(kinds == "sum", added, np.where(kinds == "vector", np.where(n > 0, angle, np.nan), mean))


def _past_values(
    groups: Groups, metrics: Sequence[Metric], sums: Sums, members: Members, newest: Ints
) -> Floats:
    """The figures as they were when each group's newest value came."""

    def of(newest_of_group: Ints) -> Floats:
        since = np.maximum(newest_of_group, NEVER + WINDOW_US) - WINDOW_US
        count = np.where(sums.newest > since, sums.past_count, 0)
        return group_values(groups, metrics, count, np.where(count > 0, sums.past_total, 0), sums.past_cosine)

    by_district = of(newest[members.district])  # −1, no district, takes the city's, and counts nowhere
    return np.concatenate([by_district[:-1], of(newest[-1])[-1:]])


def _figure(
    value: float, past: float, n_of: tuple[int, int], newest: int, spread: tuple[float, float], now_us: int
) -> Figure:
    status = status_of(*n_of, newest, now_us)
    shown = _number(value) if status != "stale" else None
    low, high = (_number(end) for end in spread) if shown is not None else (None, None)
    return Figure(shown, *n_of, newest, status, low, high, _number(past) if status == "stale" else None)


def status_of(n: int, total: int, newest: int, now_us: int) -> Status:
    """What may be said of a figure with `n` of `total` sensors whose newest value came at `newest`, µs."""
    if total == 0:
        return "none"
    if newest != NEVER and now_us - newest > STALE_S * 1_000_000:
        return "stale"
    return "few" if n < FEW_SENSORS or n < total * FEW_SHARE else "ok"


def _number(value: float) -> float | None:
    """Four digits after the point: the same double is graded here and shown by the page."""
    return round(float(value), 4) if np.isfinite(value) else None


def left_out_of(sums: Sums, members: Members, figures: Sequence[Sequence[Figure]]) -> list[LeftOut]:
    """Per metric, where the city's sensors went."""
    inside = members.counting[:, None] & members.sent
    counted, heard = sums.count > 0, sums.heard > 0
    few = np.array([[figure.status == "few" for figure in row] for row in figures[:-1]], bool)
    thin = few[members.district] if len(few) else np.zeros(inside.shape, bool)
    terms = (
        inside,
        inside & counted,
        inside & ~heard,
        inside & heard & ~counted,
        inside & counted & thin,
        members.unverified[:, None] & members.sent,
        (members.verified & (members.district < 0))[:, None] & members.sent,
    )
    columns = np.stack([term.sum(0) for term in terms], axis=1)
    return [LeftOut(*map(int, row)) for row in columns]
