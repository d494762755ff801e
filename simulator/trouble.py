"""What goes wrong in a live run: a plan of faults and a scenario, told to the fleet, to the person and to the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np

from simulator.city import City
from simulator.distortion import DistortedCity
from simulator.fleet import Fleet
from simulator.outbox import Outbox, Parcel
from simulator.plan import Plan
from simulator.programme import Programme
from simulator.stage import Stage
from simulator.timetable import Due, readings
from simulator.truth import Truth

#: What is left of a message that was cut off.
_CUT = 0.5


class Trouble:
    """The faults of one live run."""

    def __init__(
        self,
        city: City,
        plan: Plan,
        truth: Truth,
        *,
        stage: Stage | None = None,
        to_the_end: bool = False,
        say: Callable[[str], None] = print,
        zone: ZoneInfo,
    ) -> None:
        """With `to_the_end` the run is over when the scenario is; `zone` is that of the times that `say` hears."""
        #: the city as its faulty instruments read it
        self.city = DistortedCity(city, plan)
        self.truth = truth
        self._outbox = Outbox(plan, self._reread, truth.note)
        self._away: set[int] = set()
        self._interval_ms = plan.interval_ms
        self._stage, self._to_the_end = stage, to_the_end
        self._programme = Programme(stage, truth, say, zone) if stage else None

    def send(self, fleet: Fleet, due: Sequence[Due], now_ms: int) -> None:
        """Let the fleet do with these readings, and with those kept back, what is to be done now."""
        self._connect(fleet, now_ms)
        for parcel in chain(self._outbox.ready(now_ms), self._outbox.put(due, now_ms)):
            _deliver(fleet, parcel)
        if self._programme:
            self._programme.go_on(due, now_ms)
        self.truth.tick()

    def is_over(self, now_ms: int) -> bool:
        """Whether the run ends with its scenario, and each sensor has measured once since that."""
        return (
            self._stage is not None and self._to_the_end and now_ms >= self._stage.end_ms + self._interval_ms
        )

    def close(self, now_ms: int) -> None:
        """The run ends."""
        self.truth.close_at(now_ms)

    def _connect(self, fleet: Fleet, now_ms: int) -> None:
        away = self._outbox.away(now_ms)
        for index in away - self._away:
            fleet.silence(index)
        for index in self._away - away:
            fleet.resume(index)
        self._away = away

    def _reread(self, sensor: int, times_ms: Sequence[int], interval_s: float) -> list[Due]:
        times = (np.array(times_ms) * 1000).astype("datetime64[us]")
        index = np.full(len(times), sensor)
        return list(readings(self.city, index, times, self.city.values(index, times, interval_s)))


def _deliver(fleet: Fleet, parcel: Parcel) -> None:
    if not parcel.alone:
        fleet.measure(parcel.source, parcel.time_ms, parcel.values)
        return
    body = fleet.devices[parcel.source].encode([(parcel.time_ms, parcel.values)])
    fleet.send_raw(parcel.sender, body[: int(len(body) * _CUT)] if parcel.cut else body)
