"""The faulty past: a city's history as its sensors would have sent it, with what was done to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Whole, key, keys, uniform
from simulator.city import INTERVAL_MS, SEED, Block, SimCity, Times
from simulator.distortion import Distortion
from simulator.episode import Episode, Rows, milliseconds, touched
from simulator.faults import BY_KEY
from simulator.instrument import Values
from simulator.plan import Plan, whole_cycles

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
#: Kinds whose readings never come.
GONE = ("dropout", "silence")


@dataclass(frozen=True)
class Met:
    """Readings that an episode has met, those that are missing for it included."""

    episode: Episode
    #: index of the sensor under whose serial they are
    stored: int
    #: when they were measured, datetime64[us][k], UTC
    times: Times


#: A block of history, and what its faults have met.
Faulty = tuple[Block, list[Met]]


class FaultyPast:
    """The history of a city under a plan of faults; those kinds that have no past are left out."""

    def __init__(
        self, city: SimCity, plan: Plan, seed: int = SEED, *, step_s: int = INTERVAL_MS // 1000
    ) -> None:
        """`step_s` between two readings of a sensor; with faults it has to be that of live sensors."""
        self._city, self._plan, self._step_s = city, plan, step_s
        self._distortion = Distortion(city, INTERVAL_MS)
        self._missing = Missing(seed)

    def history(self, start: datetime, end: datetime) -> Iterator[Faulty]:
        """Blocks as `SimCity.history` gives them, each with what its faults have met."""
        span_ms = milliseconds_of(start), milliseconds_of(end)
        planned = self._plan.during(span_ms[0] - INTERVAL_MS, span_ms[1] + INTERVAL_MS)
        episodes = [one for one in planned if BY_KEY[one.kind].past]
        # whole cycles: of two sensors that have changed serials, one may measure before the span begins
        begin, until = whole_cycles(*span_ms, self._step_s * 1000)
        for block in self._city.history(_EPOCH + begin * _MS, _EPOCH + until * _MS, self._step_s):
            yield self._faulty(block, episodes, span_ms)

    def _faulty(self, block: Block, episodes: Sequence[Episode], span_ms: tuple[int, int]) -> Faulty:
        sensor, times, values = block
        source, times, values = self._exchanged(sensor.astype(np.int64), times, values, episodes)
        time_ms = milliseconds(times)
        values = self._distortion.apply(episodes, source, time_ms, values)
        within = (time_ms >= span_ms[0]) & (time_ms < span_ms[1])
        kept = within & ~self._missing.among(episodes, source, time_ms)
        met = list(self._met(episodes, source, times, within, kept))
        return (sensor[kept], times[kept], {metric: column[kept] for metric, column in values.items()}), met

    def _exchanged(
        self, sensor: Whole, times: Times, values: dict[str, Values], episodes: Sequence[Episode]
    ) -> tuple[Whole, Times, dict[str, Values]]:
        """Who measured what is under a sensor's serial, when, and what."""
        source = sensor.copy()
        for one in (one for one in episodes if one.kind == "swapped"):
            rows = Rows(sensor, milliseconds(times)).of(replace(one, sensor=one.other, other=one.sensor))
            source[rows] = one.sensor
        rows = np.nonzero(source != sensor)[0]
        if not len(rows):
            return source, times, values
        times, values = times.copy(), {metric: column.copy() for metric, column in values.items()}
        cycles = milliseconds(times[rows]) // INTERVAL_MS
        times[rows] = ((cycles * INTERVAL_MS + self._city.phase_ms[source[rows]]) * 1000).astype(
            "datetime64[us]"
        )
        for metric, column in self._city.values(source[rows], times[rows]).items():
            values[metric][rows] = column
        return source, times, values

    def _met(
        self,
        episodes: Sequence[Episode],
        source: Whole,
        times: Times,
        within: NDArray[np.bool_],
        kept: NDArray[np.bool_],
    ) -> Iterator[Met]:
        time_ms = milliseconds(times)
        for episode, rows in touched(episodes, source, time_ms):
            if episode.kind in GONE:
                here = rows[within[rows] & self._missing.of(episode, time_ms[rows])]
            else:
                here = rows[kept[rows]]
            if len(here):
                stored = episode.other if episode.kind == "swapped" else episode.sensor
                yield Met(episode, stored, times[here])


class Missing:
    """Which readings a device never sends."""

    def __init__(self, seed: int) -> None:
        self._key = key(seed, "fault/dropout/which")

    def among(self, episodes: Sequence[Episode], sensor: Whole, time_ms: Whole) -> NDArray[np.bool_]:
        """Which of n readings are missing, bool[n]."""
        missing = np.zeros(len(sensor), np.bool_)
        for episode, rows in touched([one for one in episodes if one.kind in GONE], sensor, time_ms):
            missing[rows] |= self.of(episode, time_ms[rows])
        return missing

    def of(self, episode: Episode, time_ms: Whole) -> NDArray[np.bool_]:
        """Which readings of the episode's sensor at these times are missing, bool[k]."""
        share = episode.size if episode.kind == "dropout" else 1.0
        return uniform(keys(keys(self._key, np.array([episode.sensor])), time_ms)) < share


def milliseconds_of(when: datetime) -> int:
    """Milliseconds of the epoch, of a time with a zone."""
    # readings fall on whole milliseconds: the next one for a bound between two
    return -((_EPOCH - when) // _MS)
