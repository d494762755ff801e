"""Live sensors: each measures every 2 minutes at its own moment and publishes as a device would.

With `speed` s they do so s times as often. Time itself does not run faster (a reading from the future would be
refused): each reading carries the real time at which it is sent, and people are counted over the shorter interval.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from city.errors import SettingsError
from city.settings import Settings, mqtt_address
from simulator.chance import Whole
from simulator.city import INTERVAL_MS, SimCity, Times
from simulator.device import Device, Numbers
from simulator.fitted import DIGITS
from simulator.fleet import Fleet
from simulator.instrument import Values

if TYPE_CHECKING:
    from city.pack import CityPack

log = logging.getLogger(__name__)

#: What falls due within this time is sent together, s: five wake-ups a second cost less than one for each sensor.
TICK_S = 0.2
#: Faster, and an interval is shorter than a tick.
MAX_SPEED = INTERVAL_MS / 1000 / TICK_S
#: A longer gap before the start is the back-fill's business.
CATCH_UP = timedelta(hours=1)
#: Time that the goodbyes may take, s: with a tick and an attempt to connect, a stop takes at most 2 s.
_FAREWELL_S = 0.8


@dataclass(frozen=True, slots=True)
class Due:
    """One reading that has fallen due."""

    #: index of the sensor
    sensor: int
    #: milliseconds of the epoch
    time_ms: int
    #: in the order of the sensor's metrics
    values: Numbers


class Timetable:
    """Which readings fall due when: cycle after cycle, each computed at once, each sensor at its moment."""

    def __init__(self, city: SimCity, now_ms: int, interval_ms: int = INTERVAL_MS) -> None:
        self._city = city
        self._interval_ms = interval_ms
        self._cycle = now_ms // interval_ms
        self._due = deque(one for one in self._computed() if one.time_ms >= now_ms)

    def due(self, now_ms: int) -> list[Due]:
        """The readings that have fallen due by `now_ms` since the last call, in order.

        After a gap of more than a cycle (a machine that slept, a clock that was set) it goes on from now.
        """
        cycle = now_ms // self._interval_ms
        if abs(cycle - self._cycle) > 1:
            self._go_to(cycle)
        ready = self._taken(now_ms)
        if cycle > self._cycle:
            self._go_to(cycle)
            ready += self._taken(now_ms)
        return ready

    def _go_to(self, cycle: int) -> None:
        self._cycle = cycle
        self._due = deque(self._computed())

    def _taken(self, now_ms: int) -> list[Due]:
        ready = []
        while self._due and self._due[0].time_ms <= now_ms:
            ready.append(self._due.popleft())
        return ready

    def _computed(self) -> Iterator[Due]:
        time_ms = self._city.instants(np.array([self._cycle]), self._interval_ms)[:, 0]
        order = np.argsort(time_ms, kind="stable")
        times = (time_ms[order] * 1000).astype("datetime64[us]")
        return readings(self._city, order, times, self._city.values(order, times, self._interval_ms / 1000))


def readings(city: SimCity, index: Whole, times: Times, values: dict[str, Values]) -> Iterator[Due]:
    """Rows of float32 as devices send them: whole numbers where the instrument gives such, decimals elsewhere."""
    columns = {metric: _numbers(values[metric], digits) for metric, digits in DIGITS.items()}
    time_ms = times.astype("datetime64[ms]").astype(np.int64).tolist()
    for place, sensor in enumerate(index.tolist()):
        metrics = city.sensors[sensor].metrics
        yield Due(sensor, time_ms[place], tuple(columns[metric][place] for metric in metrics))


def _numbers(values: Values, digits: int) -> list[int] | list[float]:
    if digits:
        decimals: list[float] = np.round(values.astype(np.float64), digits).tolist()
        return decimals
    whole: list[int] = np.nan_to_num(values).astype(np.int64).tolist()
    return whole


def run(
    settings: Settings,
    pack: CityPack,
    speed: float = 1.0,
    stop: Event | None = None,
    *,
    since: datetime | None = None,
    city: SimCity | None = None,
) -> None:
    """Be all sensors of the pack's simulated city until `stop` is set; SettingsError for an impossible speed.

    With `since` (the end of a back-fill, at most CATCH_UP ago) each sensor first sends what it measured from then on.
    """
    if not 0 < speed <= MAX_SPEED:
        raise SettingsError(f"a speed of {speed:g} is impossible; give one above 0 and up to {MAX_SPEED:g}")
    stop = stop or Event()
    city = city or SimCity(pack)
    devices = [Device(sensor, settings.topic_prefix, pack.zone) for sensor in city.sensors]
    fleet = Fleet(mqtt_address(settings.mqtt_url), devices)
    now_ms = _now_ms()
    timetable = Timetable(city, now_ms, round(INTERVAL_MS / speed))
    for one in missed(city, since, now_ms):
        fleet.measure(one.sensor, one.time_ms, one.values)
    log.info(
        "%d simulated sensors send every %g s",
        len(devices),
        INTERVAL_MS / 1000 / speed,
        extra={"event": "live"},
    )
    while not stop.is_set():
        for one in timetable.due(_now_ms()):
            fleet.measure(one.sensor, one.time_ms, one.values)
        fleet.serve(TICK_S)
    fleet.farewell(_FAREWELL_S)


def missed(city: SimCity, since: datetime | None, now_ms: int) -> Iterator[Due]:
    """What all sensors measured from `since` until now, at most CATCH_UP of it; nothing where `since` is None."""
    if since is None:
        return
    now = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=now_ms)
    for index, times, values in city.history(max(since, now - CATCH_UP), now):
        yield from readings(city, index.astype(np.int64), times, values)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
