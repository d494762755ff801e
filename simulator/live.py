"""Live sensors: each measures every 2 minutes at its own moment and publishes as a device would.

With `speed` s they do so s times as often. Time itself does not run faster (a reading from the future would be
refused): each reading carries the real time at which it was measured, and people are counted over the shorter interval.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from city.errors import SettingsError
from city.settings import Settings, mqtt_address
from simulator import protocols
from simulator.city import INTERVAL_MS, City, SimCity, Times
from simulator.credentials import read_credentials
from simulator.device import KEPT, Device
from simulator.fleet import Fleet
from simulator.timetable import Due, Timetable, readings
from simulator.trouble import Trouble

if TYPE_CHECKING:
    from city.pack import CityPack

log = logging.getLogger(__name__)

#: What falls due within this time is sent together, s: five wake-ups a second cost less than one for each sensor.
TICK_S = 0.2
#: Faster, and an interval is shorter than a tick.
MAX_SPEED = INTERVAL_MS / 1000 / TICK_S
#: A longer gap before the start is the back-fill's business.
CATCH_UP = timedelta(hours=1)
#: Readings that all devices together keep while they cannot send, about 0.6 GB of six values each: with more than
#: 11,000 devices each keeps fewer than KEPT.
ALL_KEPT = 2_000_000
#: Time that the goodbyes may take, s: with a tick and an attempt to connect, a stop takes at most 2 s; with more than
#: 8,000 devices it takes longer, so many a second.
_FAREWELL_S, _FAREWELLS_A_SECOND = 0.8, 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """How the sensors send."""

    #: how much more often than in life
    speed: float = 1.0
    #: one connection each, or a few for all
    per_device: bool = False
    #: CSV of serial and password, for connections of their own; None: all use the settings' user
    credentials: Path | None = None
    #: module of `simulator.protocols`
    protocol: str = protocols.DEFAULT


def run(
    settings: Settings,
    pack: CityPack,
    options: Options,
    stop: Event | None = None,
    *,
    city: SimCity,
    newest: Times | None = None,
    trouble: Trouble | None = None,
) -> None:
    """Be all sensors of a simulated city until `stop` is set; SettingsError for what cannot be.

    With `newest` (the time of each sensor's last reading, NaT for none) each first sends what it measured since, as
    far as that is not before CATCH_UP. `trouble` is what goes wrong, and may end the run by itself.
    """
    stop = stop or Event()
    fleet = make_fleet(settings, pack, options, city)
    now_ms = now()
    read: City = trouble.city if trouble else city
    timetable = Timetable(read, now_ms, round(INTERVAL_MS / options.speed))
    _send(fleet, list(missed(read, newest, now_ms)), now_ms, trouble)
    log.info("%d simulated sensors send every %g s", len(city.sensors), INTERVAL_MS / 1000 / options.speed,
             extra={"event": "live"})  # fmt: skip
    while not (stop.is_set() or (trouble and trouble.is_over(now_ms))):
        now_ms = now()
        _send(fleet, timetable.due(now_ms), now_ms, trouble)
        fleet.serve(TICK_S)
    if trouble:
        trouble.close(now())
    fleet.farewell(max(_FAREWELL_S, len(city.sensors) / _FAREWELLS_A_SECOND))


def _send(fleet: Fleet, due: Sequence[Due], now_ms: int, trouble: Trouble | None) -> None:
    if trouble:
        trouble.send(fleet, due, now_ms)
        return
    for one in due:
        fleet.measure(one.sensor, one.time_ms, one.values)


def check(options: Options, city: SimCity) -> dict[str, str] | None:
    """Passwords of connections that devices have of their own, None for shared ones; SettingsError for what cannot be."""
    if not 0 < options.speed <= MAX_SPEED:
        raise SettingsError(
            f"a speed of {options.speed:g} is impossible; give one above 0 and up to {MAX_SPEED:g}"
        )
    protocols.load(options.protocol)
    if options.credentials and not options.per_device:
        raise SettingsError(
            "credentials go with `--connections per-device`; shared ones log in as SDOT_MQTT_URL says"
        )
    if options.credentials:
        return read_credentials(options.credentials, [sensor.serial for sensor in city.sensors])
    return {} if options.per_device else None


def make_fleet(settings: Settings, pack: CityPack, options: Options, city: SimCity) -> Fleet:
    """The city's devices with their connections; SettingsError as `check` says."""
    passwords = check(options, city)
    wire = protocols.load(options.protocol)(settings.topic_prefix, pack.zone)
    kept = min(KEPT, ALL_KEPT // max(1, len(city.sensors)))
    devices = [Device(sensor, wire, kept) for sensor in city.sensors]
    return Fleet(mqtt_address(settings.mqtt_url), devices, passwords=passwords)


def missed(city: City, newest: Times | None, now_ms: int) -> Iterator[Due]:
    """What each sensor measured after its `newest` reading (UTC) until now, at most CATCH_UP of it; nothing for NaT."""
    if newest is None or np.isnat(newest).all():
        return
    now = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=now_ms)
    first: datetime = np.nanmin(newest).astype("datetime64[ms]").item().replace(tzinfo=UTC)
    for index, times, values in city.history(max(first, now - CATCH_UP), now):
        after = times > newest[index]
        kept = {metric: column[after] for metric, column in values.items()}
        yield from readings(city, index[after].astype(np.int64), times[after], kept)


def now() -> int:
    """Milliseconds of the epoch."""
    return time.time_ns() // 1_000_000
