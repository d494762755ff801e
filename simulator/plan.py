"""Which faults there are when: those that somebody asked for, and those that chance draws by rate.

What chance draws is a hash of (seed, kind, sensor, day), so the episodes of any span follow without the ones before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from math import exp, log

import numpy as np

from city.metrics import Catalogue, load_catalogue
from simulator.chance import Float, Keys, Whole, key, keys, uniform
from simulator.city import INTERVAL_MS, SEED, SimSensor
from simulator.episode import Episode
from simulator.faults import BY_KEY, FAULTS, FaultKind

#: Faults are drawn for each sensor and day (UTC); none lasts longer than one.
DAY_MS = 86_400_000
#: Drawn sizes are so many times the default.
_LEAST, _MOST = 0.5, 1.5
#: Days of drawn episodes that are remembered: a back-fill asks for the same ones for each of its blocks.
_REMEMBERED = 64
#: The partners of one day are drawn under this name in the place of a sensor.
_PAIRING = -1

#: Draws of one episode, each a hash of its own.
_HAPPENS, _START, _LASTS, _SIZE, _SIGN, _METRIC = range(6)


class Plan:
    """All faults of a city's sensors, at any time."""

    def __init__(
        self,
        sensors: Sequence[SimSensor],
        asked: Sequence[Episode] = (),
        rates: Mapping[str, float] | None = None,
        *,
        seed: int = SEED,
        speed: float = 1.0,
    ) -> None:
        """`rates` is kind → share of sensor-days that have it; at `speed` a day is as much shorter as intervals are."""
        self._sensors = tuple(sensors)
        self._asked = tuple(asked)
        self._rates = {kind: rate for kind, rate in (rates or {}).items() if rate > 0}
        self._keys = {kind.key: key(seed, f"fault/{kind.key}") for kind in FAULTS}
        self._interval_ms = round(INTERVAL_MS / speed)
        self._day_ms = self._interval_ms * (DAY_MS // INTERVAL_MS)
        self._speed = speed
        self._day = lru_cache(_REMEMBERED)(self._drawn_on)

    def __bool__(self) -> bool:
        """Whether there can be any fault at all."""
        return bool(self._asked or self._rates)

    @property
    def interval_ms(self) -> int:
        """How often a sensor measures."""
        return self._interval_ms

    def during(self, start_ms: int, end_ms: int) -> tuple[Episode, ...]:
        """The episodes that hold at some time of start ≤ t < end, in the order in which they take effect."""
        days = range(start_ms // self._day_ms - 1, (end_ms - 1) // self._day_ms + 1)
        drawn = (one for day in days for one in self._day(day))
        found = [one for one in (*self._asked, *drawn) if one.start_ms < end_ms and one.end_ms > start_ms]
        return tuple(sorted(found, key=lambda one: one.order))

    def _drawn_on(self, day: int) -> tuple[Episode, ...]:
        """The episodes that chance starts on that day."""
        drawn = (one for kind, rate in self._rates.items() for one in self._of_kind(BY_KEY[kind], rate, day))
        return tuple(one for one in drawn if not self._taken(one))

    def _taken(self, drawn: Episode) -> bool:
        """Whether somebody asked for something that rules this one out: nobody has two wrong serials at once."""
        if drawn.kind != "swapped":
            return False
        pair = {drawn.sensor, drawn.other}
        return any(
            one.kind == "swapped"
            and one.sensor in pair
            and one.start_ms < drawn.end_ms
            and one.end_ms > drawn.start_ms
            for one in self._asked
        )

    def _of_kind(self, kind: FaultKind, rate: float, day: int) -> Iterator[Episode]:
        if kind.key == "swapped":
            yield from self._swaps(kind, rate, day)
            return
        every = np.arange(len(self._sensors))
        happens = np.nonzero(uniform(self._draws(kind, every, day, _HAPPENS)) < rate)[0]
        start, end = self._spans(kind, happens, day)
        for place, sensor in enumerate(happens.tolist()):
            for metric in self._metrics(kind, sensor, day):
                size = self._size(kind, sensor, day, metric)
                yield Episode(sensor, kind.key, int(start[place]), int(end[place]), metric, size)

    def _spans(self, kind: FaultKind, sensors: Whole, day: int) -> tuple[Whole, Whole]:
        """Start and end in milliseconds; the logarithm of the length is even between the kind's bounds."""
        start = day * self._day_ms + self._draws_of(kind, sensors, day, _START) * self._day_ms
        shortest, longest = (span.total_seconds() * 1000 / self._speed for span in kind.lasts)
        lasts = shortest * (longest / shortest) ** self._draws_of(kind, sensors, day, _LASTS)
        return start.astype(np.int64), (start + lasts).astype(np.int64)

    def _swaps(self, kind: FaultKind, rate: float, day: int) -> Iterator[Episode]:
        """Pairs of sensors: each sensor is in one pair a day at most, and no swap outlasts its day."""
        every = np.arange(len(self._sensors))
        order = np.argsort(keys(keys(self._keys[kind.key], np.array([day])), every), kind="stable")
        pairs = order[: len(every) // 2 * 2].reshape(-1, 2)
        first = pairs[:, 0]
        happens = uniform(self._draws(kind, first, day, _HAPPENS)) < rate
        start, end = self._spans(kind, first, day)
        for place in np.nonzero(happens)[0].tolist():
            until = min(int(end[place]), (day + 1) * self._day_ms)
            span = whole_cycles(int(start[place]), until, self._interval_ms)
            one, other = pairs[place].tolist()
            yield Episode(one, kind.key, *span, other=other)
            yield Episode(other, kind.key, *span, other=one)

    def _metrics(self, kind: FaultKind, sensor: int, day: int) -> tuple[str, ...]:
        able = metrics_of(kind, self._sensors[sensor])
        if kind.hits != "one" or not able:
            return able
        drawn = float(self._draws_of(kind, np.array([sensor]), day, _METRIC)[0])
        return (able[int(drawn * len(able))],)

    def _size(self, kind: FaultKind, sensor: int, day: int, metric: str) -> float:
        middle = default_size(kind, metric)
        if kind.delays:
            middle /= self._speed
        which = np.array([sensor])
        drawn = _LEAST * exp(log(_MOST / _LEAST) * float(self._draws_of(kind, which, day, _SIZE)[0]))
        sign = -1 if kind.signed and self._draws_of(kind, which, day, _SIGN)[0] < 0.5 else 1  # noqa: PLR2004 a coin
        return float(f"{min(sign * drawn * middle, kind.most):.3g}")

    def _draws(self, kind: FaultKind, sensors: Whole, day: int, number: int) -> Keys:
        return keys(keys(keys(self._keys[kind.key], np.array([number])), np.array([day])), sensors)

    def _draws_of(self, kind: FaultKind, sensors: Whole, day: int, number: int) -> Float:
        return uniform(self._draws(kind, sensors, day, number))


def metrics_of(kind: FaultKind, sensor: SimSensor) -> tuple[str, ...]:
    """Metrics of the sensor that can have this fault, those it has an instrument for; one "" for the whole device."""
    if kind.hits == "device":
        return ("",)
    able = (one for one in sensor.metrics if one not in sensor.absent)
    return tuple(one for one in able if not kind.metrics or one in kind.metrics)


def default_size(kind: FaultKind, metric: str) -> float:
    """Size of a fault for which nobody says one, in what the kind says."""
    if not kind.share:
        return kind.default
    low, high = _catalogue()[metric].plausible
    return kind.share * (high - low)


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def whole_cycles(start_ms: int, end_ms: int, interval_ms: int) -> tuple[int, int]:
    """The span widened to whole intervals of the epoch: two serials change places between two readings of both."""
    return start_ms // interval_ms * interval_ms, -(-end_ms // interval_ms) * interval_ms
