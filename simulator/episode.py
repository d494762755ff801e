"""One fault of one sensor, from when to when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Whole
from simulator.city import Times
from simulator.faults import RANK


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault of one sensor."""

    #: index of the sensor in the city
    sensor: int
    #: key of its kind (`simulator.faults`)
    kind: str
    #: milliseconds of the epoch; the end is not in it
    start_ms: int
    end_ms: int
    #: key of the metric, "" where the whole device has the fault
    metric: str = ""
    #: what its kind says it means
    size: float = 0.0
    #: index of the sensor it has changed serials with, -1: none
    other: int = -1

    def covers(self, time_ms: int) -> bool:
        """Whether it holds at that instant."""
        return self.start_ms <= time_ms < self.end_ms

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Sorts episodes into the order in which they take effect."""
        return RANK[self.kind], self.start_ms, self.sensor, self.metric


class Rows:
    """Finds the rows of sensors and spans among n readings in any order."""

    def __init__(self, sensor: Whole, time_ms: Whole) -> None:
        self._order = np.lexsort((time_ms, sensor))
        self._sensor, self._time_ms = sensor[self._order], time_ms[self._order]

    def of(self, episode: Episode) -> Whole:
        """Rows of the episode's sensor in its time, int64[k], in order of time."""
        first, last = np.searchsorted(self._sensor, [episode.sensor, episode.sensor + 1])
        times = self._time_ms[first:last]
        begin, end = np.searchsorted(times, [episode.start_ms, episode.end_ms])
        return self._order[first + begin : first + end]


def touched(
    episodes: Sequence[Episode], sensor: Whole, time_ms: Whole
) -> Iterator[tuple[Episode, NDArray[np.int64]]]:
    """Each episode that holds for some of n readings, and which of them, int64[k]."""
    rows = Rows(sensor, time_ms)
    for episode in episodes:
        found = rows.of(episode)
        if len(found):
            yield episode, found


def milliseconds(times: Times) -> Whole:
    """Milliseconds of the epoch, int64[n]."""
    return times.astype("datetime64[ms]").astype(np.int64)
