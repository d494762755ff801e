"""A run of the simulated city: its sensors, their faults, a scenario, and that it is the only one of its database."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from city import db, logs
from city.errors import StackError
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from sdot.history import register
from sdot.running import find_settings
from simulator import live
from simulator.city import SimCity
from simulator.faultfile import load_faults
from simulator.moment import start_of
from simulator.plan import Plan
from simulator.programme import outline
from simulator.scenario import load_scenario, shipped
from simulator.stage import Stage
from simulator.trouble import Trouble
from simulator.truth import Truth, check_path

#: A simulator that was killed has its lock until the database sees its connection end.
_PATIENCE_S, _EVERY_S = 3.0, 0.25


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asks for beside how the sensors send."""

    #: data folder of the stack; None: as the settings say
    data: Path | None = None
    sensors: int = 1100
    #: a file of faults, or their rate
    faults: str | None = None
    #: file for the truth
    truth: Path | None = None
    #: name or file of a scenario
    scenario: str | None = None
    #: what its times, and the relative ones of a file of faults, count from: now, -2h, RFC 3339
    start: str = "now"
    #: the district that the scenario calls `chosen`
    district: str | None = None
    #: whether the run is over when the scenario is
    to_the_end: bool = False


def run(wanted: Wanted, options: live.Options) -> None:
    """Be the simulated sensors until Ctrl-C; SdotError for what cannot be, before anything is sent."""
    settings = find_settings(wanted.data)
    logs.set_up(settings.log_format)
    pack = load_pack(settings.city)
    city = SimCity(pack, wanted.sensors)
    live.check(options, city)
    check(wanted, pack, options.speed, city)
    with only_one(settings):
        newest = register(settings, pack, city)
        # the first reading takes a second, and the times of faults count from when sensors are ready
        city.values(np.zeros(1, np.int64), np.array([live.now()], "datetime64[ms]"))
        trouble, city = _trouble(wanted, options, pack, city)
        stop = threading.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
        live.run(settings, pack, options, stop, city=city, newest=newest, trouble=trouble)


def stage_of(wanted: Wanted, pack: CityPack, city: SimCity) -> Stage | None:
    """The scenario in this city; None where none is wanted."""
    if wanted.scenario is None:
        return None
    scenario = load_scenario(wanted.scenario)
    return Stage(scenario, pack, city.sensors, start_of(wanted.start, live.now()), wanted.district)


def check(wanted: Wanted, pack: CityPack, speed: float = 1.0, city: SimCity | None = None) -> None:
    """SdotError where faults, truth or scenario cannot be; nothing is started or written."""
    if wanted.truth is not None:
        check_path(wanted.truth)
    _planned(wanted, speed, pack, city or SimCity(pack, wanted.sensors))


def _planned(wanted: Wanted, speed: float, pack: CityPack, city: SimCity) -> tuple[Stage | None, Plan]:
    """The scenario and all faults."""
    stage = stage_of(wanted, pack, city)
    also = stage.episodes if stage else ()
    start_ms = start_of(wanted.start, live.now())
    return stage, load_faults(wanted.faults, city.sensors, start_ms, speed, also)


def _trouble(
    wanted: Wanted, options: live.Options, pack: CityPack, city: SimCity
) -> tuple[Trouble | None, SimCity]:
    """What goes wrong, and the city with it; None where all goes well."""
    stage, plan = _planned(wanted, options.speed, pack, city)
    if stage is None and not plan and wanted.truth is None:
        return None, city
    city = city.under(stage) if stage else city
    truth = Truth(wanted.truth, city.sensors, units(pack), live.now())
    trouble = Trouble(city, plan, truth, stage=stage, to_the_end=wanted.to_the_end, say=_say, zone=pack.zone)
    return trouble, city


def units(pack: CityPack) -> dict[str, str]:
    """Metric → unit."""
    return {metric.key: metric.unit for metric in pack.catalogue}


def _say(sentence: str) -> None:
    print(sentence, flush=True)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the database's lock of live simulators: two would send as the same sensors. StackError where one runs."""
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot simulate", bounded=False) as connection:
        until = time.monotonic() + _PATIENCE_S
        while not connection.execute(db.statement("simulator_lock")).fetchone()[0]:  # type: ignore[index]
            if time.monotonic() > until:
                raise StackError(
                    "another simulator sends as these sensors; stop it, start the stack with `sdot up --no-simulator`, "
                    "or let its simulator play the scenario: `sdot up --scenario NAME`"
                )
            time.sleep(_EVERY_S)
        yield


def described(wanted: Wanted) -> Iterator[str]:
    """Lines that tell the shipped scenarios, or the events of the one that is wanted."""
    if wanted.scenario is None:
        for name, scenario in shipped().items():
            yield f"{name}: {scenario.title}. {scenario.what}"
        return
    pack = load_pack(find_settings(wanted.data).city)
    stage = stage_of(wanted, pack, SimCity(pack, wanted.sensors))
    if stage is not None:
        yield f"{stage.scenario.title}. {stage.scenario.what}"
        yield from outline(stage)
