"""The last 60 minutes of every sensor, as sums per sensor and metric; pure, no clock of its own.

A sensor's readings are read again when it sent something, its sums made anew then and when its oldest reading
leaves the window: so a tick costs what changed, not what is there.
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
#: So many readings of a sensor are read anew each time it sends: late and revised ones are among them. Of one
#: that sends faster only what is newer, and all of it once a minute.
READ_WHOLE = 200
READ_WHOLE_US = 60_000_000
#: Most readings kept of one sensor (also in the query): one that sends faster than every 0.9 s counts with these.
MOST_READINGS = 4000
#: A time that never comes.
FAR = np.iinfo(np.int64).max

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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
        shape = (sensors, metrics)
        return cls(
            count=np.zeros(shape, np.int64),
            heard=np.zeros(shape, np.int64),
            total=np.zeros(shape),
            cosine=np.zeros(shape),
            low=np.full(shape, np.inf),
            high=np.full(shape, -np.inf),
            newest=np.full(shape, NEVER, np.int64),
            past_count=np.zeros(shape, np.int64),
            past_total=np.zeros(shape),
            past_cosine=np.zeros(shape),
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
    heard: Bools
    #: when they were last read from the window's beginning, µs
    whole_us: int

    def after(self, since_us: int, newer: Block) -> Block:
        """Our readings up to `since_us` and then the newer ones."""
        kept = self.time <= since_us
        kept &= self.time > newer.time.max(initial=since_us) - WINDOW_US
        both = ((self.time, newer.time), (self.good, newer.good), (self.heard, newer.heard))
        time, good, heard = (np.concatenate([old[kept], new])[-MOST_READINGS:] for old, new in both)
        return Block(time, good, heard, newer.whole_us)


class Window:
    """All sensors' readings at hand. Rows are the caller's: 0, 1, 2 … in the order it gave them."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._type = readings_type(len(metrics))
        self._bits = np.array([metric.bit for metric in metrics], np.int64)
        #: columns of directions
        self._turning = [place for place, metric in enumerate(metrics) if metric.aggregation == "vector"]
        self._blocks: dict[int, Block] = {}
        #: per row, time of the oldest reading still counted; FAR where none is
        self._oldest = np.full(0, FAR, np.int64)
        self._sums = Sums.empty(0, len(metrics))

    def since(self, row: int, newest_us: int, now_us: int) -> int:
        """After which time a sensor has to be read, whose newest reading is of `newest_us`.

        The last hour, and of a sensor that fell silent before, its own last hour.
        """
        whole = min(newest_us, now_us) - WINDOW_US
        block = self._blocks.get(row)
        if block is None or len(block.time) <= READ_WHOLE or now_us - block.whole_us > READ_WHOLE_US:
            return whole
        last = int(block.time[-1])
        return last if newest_us > last > whole else whole

    def put(self, row: int, since_us: int, packed: bytes, now_us: int) -> None:
        """Take in the readings of a sensor after `since_us` (see `packed.readings_type`)."""
        self._grow(row + 1)
        raw, old = np.frombuffer(packed, self._type), self._blocks.get(row)
        values = raw["values"].astype(np.float64)
        flagged = (raw["flags"].astype(np.int64)[:, None] >> self._bits) & 1 == 1
        good, heard = np.where(flagged, np.nan, values), ~np.isnan(values)
        partly = old is not None and since_us == old.time.max(initial=NEVER)
        block = Block(raw["time"].astype(np.int64), good, heard, old.whole_us if old and partly else now_us)
        self._blocks[row] = old.after(since_us, block) if old and partly else block
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
        known = block.time <= now_us + AHEAD_US
        inside = known & (block.time > now_us - WINDOW_US)
        there = ~np.isnan(block.good) & known[:, None]
        sums.past_count[row], sums.past_total[row], sums.past_cosine[row] = self._added(block.good, there)
        sums.newest[row] = np.where(there, block.time[:, None], NEVER).max(0, initial=NEVER)
        good, there, heard = block.good[inside], there[inside], block.heard[inside]
        sums.count[row], sums.total[row], sums.cosine[row] = self._added(good, there)
        sums.heard[row] = heard.sum(0)
        sums.low[row] = np.where(there, good, np.inf).min(0, initial=np.inf)
        sums.high[row] = np.where(there, good, -np.inf).max(0, initial=-np.inf)
        self._oldest[row] = block.time[inside].min(initial=FAR)

    def _added(self, values: Floats, there: Bools) -> tuple[Ints, Floats, Floats]:
        total = np.where(there, values, 0.0).sum(0)
        cosine = np.zeros(len(total))
        for place in self._turning:
            angle = np.radians(values[there[:, place], place])
            total[place], cosine[place] = np.sin(angle).sum(), np.cos(angle).sum()
        return there.sum(0), total, cosine
