"""What faulty devices do with the readings that fall due: which never leave, which leave later, twice, or in ruins.

Pure but for its queue: the clock is handed in, and what comes out says what the fleet has to do.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from simulator.chance import key, keys, uniform
from simulator.city import SEED
from simulator.device import Numbers
from simulator.episode import Episode
from simulator.past import GONE, Missing
from simulator.plan import Plan
from simulator.timetable import Due

#: Sensor, instants in milliseconds, and over how many seconds people are counted → readings.
Reread = Callable[[int, Sequence[int], float], Sequence[Due]]
#: Episode, instant of the last reading that it met, and how many it met.
Note = Callable[[Episode, int, int], None]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One reading on its way out of a device."""

    #: index of the device that measured and writes the message
    source: int
    #: index of the device on whose topic it goes
    sender: int
    #: what its message tells as the time, milliseconds of the epoch
    time_ms: int
    values: Numbers
    #: whether it is a message by itself, outside of the device's backlog
    alone: bool = False
    #: whether the message is cut off
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """A parcel, and what the truth is told once it leaves."""

    parcel: Parcel
    to_note: tuple[tuple[Episode, int], ...] = ()


class Outbox:
    """Readings of all devices between measuring and sending, with the faults of a plan."""

    def __init__(self, plan: Plan, reread: Reread, note: Note, seed: int = SEED) -> None:
        self._plan, self._reread, self._note = plan, reread, note
        self._missing = Missing(seed)
        self._keys = {kind: key(seed, f"fault/{kind}/which") for kind in ("out_of_order", "broken_json")}
        self._later: list[tuple[int, int, Leaving]] = []
        self._number = 0

    def put(self, due: Sequence[Due], now_ms: int) -> Iterator[Parcel]:
        """Take readings that have fallen due; those that leave now come out, the others wait for `ready`."""
        if not due:
            return
        active = self._active(min(one.time_ms for one in due), max(one.time_ms for one in due))
        for one in due:
            met = [episode for episode in active.get(one.sensor, ()) if episode.covers(one.time_ms)]
            if not met:
                yield _plain(one)
                continue
            for at_ms, leaving in self._leaving(one, met):
                if at_ms <= now_ms:
                    yield self._told(leaving)
                else:
                    self._number += 1  # what is late by as much keeps its order
                    heapq.heappush(self._later, (at_ms, self._number, leaving))

    def ready(self, now_ms: int) -> Iterator[Parcel]:
        """What has waited long enough."""
        while self._later and self._later[0][0] <= now_ms:
            yield self._told(heapq.heappop(self._later)[2])

    def away(self, now_ms: int) -> set[int]:
        """Devices (of the serial that their connection has) that are off the network now."""
        active = self._active(now_ms, now_ms)
        return {
            _sender(sensor, met)
            for sensor, met in active.items()
            if any(one.kind in ("silence", "burst") for one in met)
        }

    def _active(self, first_ms: int, last_ms: int) -> Mapping[int, list[Episode]]:
        found: dict[int, list[Episode]] = {}
        for one in self._plan.during(first_ms, last_ms + 1):
            found.setdefault(one.sensor, []).append(one)
        return found

    def _leaving(self, due: Due, met: Sequence[Episode]) -> Iterator[tuple[int, Leaving]]:
        gone = [one for one in met if one.kind in GONE and self._is_missing(one, due.time_ms)]
        for one in gone:
            self._note(one, due.time_ms, 1)
        if gone:
            return
        by_kind = {one.kind: one for one in met}
        readings = self._readings(due, by_kind)
        to_note = tuple((one, due.time_ms) for one in met if self._meets(one, due))
        for reading in readings:
            parcel = replace(_plain(reading), sender=_sender(due.sensor, met), alone=len(readings) > 1)
            parcel = self._changed(parcel, due.time_ms, by_kind)
            at_ms = reading.time_ms + self._delay_ms(reading, by_kind)
            yield at_ms, Leaving(parcel, to_note)
            for _ in range(_more("duplicate", by_kind)):
                yield at_ms, Leaving(replace(parcel, alone=True))

    def _readings(self, due: Due, met: Mapping[str, Episode]) -> list[Due]:
        """The reading, and before it those of a flood, spread evenly over the time since the last."""
        more = _more("flood", met) - 1
        if more < 1:
            return [due]
        gap_ms = self._plan.interval_ms / (more + 1)
        times = [due.time_ms - round(gap_ms * place) for place in range(more, 0, -1)]
        return [*self._reread(due.sensor, times, gap_ms / 1000), due]

    def _meets(self, episode: Episode, due: Due) -> bool:
        if episode.kind == "broken_json":
            return self._draw("broken_json", due.sensor, due.time_ms) < episode.size
        return episode.kind not in GONE

    def _told(self, leaving: Leaving) -> Parcel:
        for episode, time_ms in leaving.to_note:
            self._note(episode, time_ms, 1)
        return leaving.parcel

    def _changed(self, parcel: Parcel, time_ms: int, met: Mapping[str, Episode]) -> Parcel:
        """With the device's wrong clock, under a wrong serial, cut off."""
        if skew := met.get("clock_skew"):
            parcel = replace(parcel, time_ms=parcel.time_ms + round(skew.size * 1000))
        if reset := met.get("clock_reset"):
            parcel = replace(parcel, time_ms=max(0, time_ms - reset.start_ms))
        broken = met.get("broken_json")
        cut = broken is not None and self._draw("broken_json", parcel.source, time_ms) < broken.size
        return replace(parcel, cut=cut, alone=parcel.alone or cut or parcel.sender != parcel.source)

    def _delay_ms(self, due: Due, met: Mapping[str, Episode]) -> int:
        late, disorder = met.get("late"), met.get("out_of_order")
        seconds = late.size if late else 0.0
        if disorder:
            seconds += disorder.size * self._draw("out_of_order", due.sensor, due.time_ms)
        return round(seconds * 1000)

    def _is_missing(self, episode: Episode, time_ms: int) -> bool:
        return bool(self._missing.of(episode, np.array([time_ms]))[0])

    def _draw(self, kind: str, sensor: int, time_ms: int) -> float:
        return float(uniform(keys(keys(self._keys[kind], np.array([sensor])), np.array([time_ms])))[0])


def _plain(due: Due) -> Parcel:
    return Parcel(due.sensor, due.sensor, due.time_ms, due.values)


def _sender(sensor: int, met: Sequence[Episode]) -> int:
    """Whose serial the sensor's device has now."""
    return next((one.other for one in met if one.kind == "swapped"), sensor)


def _more(kind: str, met: Mapping[str, Episode]) -> int:
    return max(1, round(met[kind].size)) if kind in met else 0
