"""What a faulty instrument makes of what it would have read: a function of values, sensor and instant.

Columns are changed as a whole, so live readings and a back-fill's are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import numpy as np

from simulator.chance import Float, Whole
from simulator.city import INTERVAL_MS, Block, City, Times
from simulator.episode import Episode, milliseconds, touched
from simulator.faults import BY_KEY, WRONG_UNITS
from simulator.fitted import DIGITS
from simulator.instrument import Values
from simulator.plan import Plan

#: Density of dry particles that the growth formula takes for granted, g/cm³ (Crilley et al. 2018).
_DENSITY = 1.65
#: Beyond this humidity the growth formula leaves what was measured with it (the same).
_DAMPEST = 0.95
#: Metrics that count: an instrument shows no fewer than none.
_COUNTS = ("visitors",)
#: Directions begin again after a full turn, °.
_DIRECTIONS, _TURN = ("wind_direction", "gust_direction"), 360.0
#: Digits after the point of what has no entry among the instruments' digits.
_DIGITS = 4


class Distortion:
    """The instruments' faults over one city."""

    def __init__(self, city: City, interval_ms: int) -> None:
        self._city = city
        self._interval_s = interval_ms / 1000
        self._held: dict[Episode, float] = {}

    def apply(
        self, episodes: Sequence[Episode], sensor: Whole, time_ms: Whole, values: dict[str, Values]
    ) -> dict[str, Values]:
        """The values of n readings with their faults, metric → float32[n]; `values` stays as it is.

        `episodes` come in the order in which they take effect; those that are none of an instrument are passed over.
        """
        hit = [one for one in episodes if one.metric in values and BY_KEY[one.kind].hits != "device"]
        result = dict(values)
        for episode, rows in touched(hit, sensor, time_ms):
            column = result[episode.metric].copy() if result[episode.metric] is values[episode.metric] else result[episode.metric]  # fmt: skip
            column[rows] = self._changed(episode, column[rows], time_ms[rows], values, rows)
            result[episode.metric] = column
        return result

    def _changed(
        self, episode: Episode, was: Values, time_ms: Whole, values: dict[str, Values], rows: Whole
    ) -> Values:
        exact = was.astype(np.float64)
        if episode.kind == "humidity_bias":
            exact = exact * growth(values["humidity"][rows].astype(np.float64), episode.size)
        elif episode.kind == "stuck":
            return np.where(np.isnan(was), was, np.float32(self._value_at_start(episode)))
        elif episode.kind == "unit":
            return _in_wrong_unit(episode.metric, exact)
        else:
            exact = exact + _ADDED[episode.kind](episode, time_ms)
        return _shown(episode.metric, exact)

    def _value_at_start(self, episode: Episode) -> float:
        if episode not in self._held:
            start = np.array([episode.start_ms * 1000], "datetime64[us]")
            read = self._city.values(np.array([episode.sensor]), start, self._interval_s)
            self._held[episode] = float(read[episode.metric][0])
        return self._held[episode]


class DistortedCity:
    """A city read through the faulty instruments of a plan."""

    def __init__(self, city: City, plan: Plan) -> None:
        self._city, self._plan = city, plan
        self._distortion = Distortion(city, plan.interval_ms)
        self.sensors = city.sensors

    def instants(self, cycles: Whole, interval_ms: int = INTERVAL_MS) -> Whole:
        """As without faults."""
        return self._city.instants(cycles, interval_ms)

    def values(self, index: Whole, times: Times, interval_s: float = INTERVAL_MS / 1000) -> dict[str, Values]:
        """What faulty sensors `index` read at `times`."""
        return self._distorted(index, times, self._city.values(index, times, interval_s))

    def history(self, start: datetime, end: datetime) -> Iterator[Block]:
        """All readings of a span; whether they were sent is not said here."""
        for sensor, times, values in self._city.history(start, end):
            yield sensor, times, self._distorted(sensor.astype(np.int64), times, values)

    def _distorted(self, index: Whole, times: Times, values: dict[str, Values]) -> dict[str, Values]:
        time_ms = milliseconds(times)
        if not len(time_ms):
            return values
        episodes = self._plan.during(int(time_ms.min()), int(time_ms.max()) + 1)
        return self._distortion.apply(episodes, index, time_ms, values)


def growth(percent: Float, kappa: float) -> Float:
    """How many times the dry reading an optical counter shows at that relative humidity (κ-Köhler theory)."""
    wet = np.clip(percent / 100, 0.0, _DAMPEST)
    return np.asarray(1 + kappa / _DENSITY * wet / (1 - wet))


#: Kind → what it adds to n readings, in the metric's unit.
_ADDED: dict[str, Callable[[Episode, Whole], Float]] = {
    "offset": lambda one, time_ms: np.full(len(time_ms), one.size),
    "spike": lambda one, time_ms: np.full(len(time_ms), one.size),
    "drift": lambda one, time_ms: one.size * (time_ms - one.start_ms) / (one.end_ms - one.start_ms),
}


def _shown(metric: str, exact: Float) -> Values:
    """As the instrument shows it, in its digits; no longer in its range."""
    rounded = np.round(exact % _TURN if metric in _DIRECTIONS else exact, DIGITS.get(metric, _DIGITS))
    return np.asarray(np.maximum(rounded, 0) if metric in _COUNTS else rounded, np.float32)


def _in_wrong_unit(metric: str, exact: Float) -> Values:
    unit = WRONG_UNITS[metric]
    return np.round(exact * unit.factor + unit.add, unit.digits).astype(np.float32)
