"""The last 60 minutes of every sensor, as sums per sensor and metric; pure, no clock of its own.

A sensor's readings are replaced whole when it sent something, its sums made anew then and when its oldest
reading leaves the window: so a tick costs what changed, not what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from city.metrics import Metric
from dashboard.packed import NEVER, readings_type

#: Seconds over which Live averages, as the grades' standard is read here (DESIGN, "grade").
WINDOW_S = 3600
WINDOW_US = WINDOW_S * 1_000_000
#: A device's clock may run ahead by 5 minutes (ingest's limit); what is later than that belongs to another day.
AHEAD_US = 300_000_000
#: A time that never comes.
FAR = np.iinfo(np.int64).max

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sums:
    """Per sensor (row) and metric (column); what flags leave out is in `heard` only."""

    #: values in the window, unflagged
    count: Ints
    #: values in the window, flagged ones too
    heard: Ints
    #: their sum; of a direction, the sum of its sines
    total: Floats
    #: of a direction, the sum of its cosines; else 0
    cosine: Floats
    #: smallest and largest; +inf and -inf where there is none
    low: Floats
    high: Floats
    #: time of the newest unflagged value, µs; NEVER where none is at hand
    newest: Ints
    #: count, sum and cosines of all readings at hand: a silent sensor's last hour
    past_count: Ints
    past_total: Floats
    past_cosine: Floats

    @classmethod
    def empty(cls, sensors: int, metrics: int) -> Sums:
        """Sums of nothing."""
        kinds = {"count": 0, "heard": 0, "past_count": 0, "newest": NEVER, "low": np.inf, "high": -np.inf}
        integers = ("count", "heard", "newest", "past_count")
        return cls(
            **{
                field.name: np.full(
                    (sensors, metrics), kinds.get(field.name, 0.0), np.int64 if field.name in integers else np.float64
                )
                for field in fields(cls)
            }
        )

    def head(self, sensors: int) -> Sums:
        """An independent copy of the first rows."""
        return Sums(**{field.name: getattr(self, field.name)[:sensors].copy() for field in fields(self)})

    def grown(self, sensors: int) -> Sums:
        """The same rows and empty ones behind them, `sensors` in all."""
        more = Sums.empty(sensors - len(self.count), self.count.shape[1])
        return Sums(
            **{f.name: np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class Block:
    """The readings of one sensor, by time."""

    time: Ints
    #: values unflagged (NaN: none), flagged ones as NaN; readings × metrics
    good: Floats
    #: whether there was a value at all
    heard: npt.NDArray[np.bool_]


class Window:
    """All sensors' readings at hand. Rows are the caller's: 0, 1, 2 … in the order it gave them."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._type = readings_type(len(metrics))
        self._bits = np.array([metric.bit for metric in metrics], np.int64)
        self._vector = np.array([metric.aggregation == "vector" for metric in metrics])
        self._blocks: dict[int, Block] = {}
        #: per row, time of the oldest reading still counted; FAR where none is
        self._oldest = np.full(0, FAR, np.int64)
        self._sums = Sums.empty(0, len(metrics))

    def put(self, row: int, packed: bytes, now_us: int) -> None:
        """Replace the readings of a sensor by `packed` (see `packed.readings_type`)."""
        self._grow(row + 1)
        raw = np.frombuffer(packed, self._type)
        values = raw["values"].astype(np.float64)
        flagged = (raw["flags"].astype(np.int64)[:, None] >> self._bits) & 1 == 1
        heard = ~np.isnan(values)
        self._blocks[row] = Block(raw["time"].astype(np.int64), np.where(flagged, np.nan, values), heard)
        self._sum(row, now_us)

    def roll(self, now_us: int) -> None:
        """Leave out what is older than the window at `now_us`."""
        for row in np.flatnonzero(self._oldest <= now_us - WINDOW_US):
            self._sum(int(row), now_us)

    def sums(self, sensors: int) -> Sums:
        """The sums of the first `sensors` rows as they are now; a copy, which nothing changes."""
        self._grow(sensors)
        return self._sums.head(sensors)

    def _grow(self, sensors: int) -> None:
        if sensors > len(self._oldest):
            more = max(sensors, 2 * len(self._oldest))
            self._sums = self._sums.grown(more)
            self._oldest = np.concatenate([self._oldest, np.full(more - len(self._oldest), FAR, np.int64)])

    def _sum(self, row: int, now_us: int) -> None:
        block, sums = self._blocks[row], self._sums
        inside = (block.time > now_us - WINDOW_US) & (block.time <= now_us + AHEAD_US)
        within = np.where(inside[:, None], block.good, np.nan)
        sums.count[row], sums.total[row], sums.cosine[row] = self._added(within)
        sums.past_count[row], sums.past_total[row], sums.past_cosine[row] = self._added(block.good)
        sums.heard[row] = (block.heard & inside[:, None]).sum(0)
        sums.low[row] = np.where(np.isnan(within), np.inf, within).min(0, initial=np.inf)
        sums.high[row] = np.where(np.isnan(within), -np.inf, within).max(0, initial=-np.inf)
        there = ~np.isnan(block.good)
        sums.newest[row] = np.where(there, block.time[:, None], NEVER).max(0, initial=NEVER)
        self._oldest[row] = block.time[inside].min(initial=FAR)

    def _added(self, values: Floats) -> tuple[Ints, Floats, Floats]:
        there = ~np.isnan(values)
        filled = np.where(there, values, 0.0)
        angle = np.where(self._vector, np.radians(filled), 0.0)
        total = np.where(self._vector, np.sin(angle) * there, filled).sum(0)
        cosine = np.where(self._vector, np.cos(angle) * there, 0.0).sum(0)
        return there.sum(0), total, cosine
