"""Which readings fall due when: each sensor at its moment of each cycle, computed in slices of a cycle."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from simulator.chance import Whole
from simulator.city import INTERVAL_MS, City, Times
from simulator.device import Numbers
from simulator.fitted import DIGITS
from simulator.instrument import Values
from simulator.jitter import sending_ms

#: Sensors of one slice: computed in about 10 ms, so that a large city neither hiccups nor fills the memory.
SLICE = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """One reading that has fallen due."""

    #: index of the sensor
    sensor: int
    #: when it was measured, milliseconds of the epoch
    time_ms: int
    #: in the order of the sensor's metrics
    values: Numbers


class Timetable:
    """The readings of all sensors from `now_ms` on, in the order in which they are sent."""

    def __init__(self, city: City, now_ms: int, interval_ms: int = INTERVAL_MS) -> None:
        self._city, self._interval_ms = city, interval_ms
        phases = city.instants(np.zeros(1, np.int64), interval_ms)[:, 0]
        order = np.argsort(phases, kind="stable")
        self._slices = np.array_split(order, max(1, ceil(len(order) / SLICE)))
        self._starts = [int(phases[part[0]]) if len(part) else 0 for part in self._slices]
        self._waiting: list[tuple[int, int, Due]] = []
        self._now_ms = now_ms
        self._begin(now_ms)

    def due(self, now_ms: int) -> list[Due]:
        """The readings whose time to be sent has come by `now_ms` since the last call, in order.

        After a gap of more than an interval (a machine that slept, a clock that was set) it goes on from now.
        """
        if abs(now_ms - self._now_ms) > self._interval_ms:
            self._begin(now_ms)
        self._now_ms = now_ms
        while self._next_ms <= now_ms:
            self._load()
        ready = []
        while self._waiting and self._waiting[0][0] <= now_ms:
            ready.append(heapq.heappop(self._waiting)[2])
        return ready

    def _begin(self, now_ms: int) -> None:
        self._waiting = []
        self._from_ms = self._now_ms = now_ms
        self._number = now_ms // self._interval_ms * len(self._slices)

    @property
    def _next_ms(self) -> int:
        """When the first sensor of the next slice measures."""
        cycle, part = divmod(self._number, len(self._slices))
        return cycle * self._interval_ms + self._starts[part]

    def _load(self) -> None:
        cycle, part = divmod(self._number, len(self._slices))
        self._number += 1
        index = self._slices[part]
        time_ms = self._city.instants(np.array([cycle]), self._interval_ms)[index, 0]
        index = index[time_ms >= self._from_ms]
        time_ms = time_ms[time_ms >= self._from_ms]
        if not len(index):
            return
        times = (time_ms * 1000).astype("datetime64[us]")
        values = self._city.values(index, times, self._interval_ms / 1000)
        leaving = sending_ms(index, time_ms, self._interval_ms).tolist()
        for send_ms, one in zip(leaving, readings(self._city, index, times, values), strict=True):
            heapq.heappush(self._waiting, (send_ms, one.sensor, one))


def readings(city: City, index: Whole, times: Times, values: dict[str, Values]) -> Iterator[Due]:
    """Rows of float32 as devices send them: whole numbers where the instrument gives such, decimals elsewhere."""
    columns = {metric: _numbers(values[metric], digits) for metric, digits in DIGITS.items()}
    time_ms = times.astype("datetime64[ms]").astype(np.int64).tolist()
    for place, sensor in enumerate(index.tolist()):
        metrics = city.sensors[sensor].metrics
        yield Due(sensor, time_ms[place], tuple(columns[metric][place] for metric in metrics))


def _numbers(values: Values, digits: int) -> Sequence[int | float]:
    if digits:
        decimals: list[float] = np.round(values.astype(np.float64), digits).tolist()
        return decimals
    shown = np.nan_to_num(values)
    whole: list[int] = shown.astype(np.int64).tolist()
    if np.array_equal(shown, whole):
        return whole
    # a wrong unit has decimals: those that lead back to the same float32
    return [
        number if number == value else float(str(value)) for number, value in zip(whole, shown, strict=True)
    ]
