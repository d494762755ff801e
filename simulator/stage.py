"""A scenario in one city, from one start: where its events lie, how they bend the field, whose devices fail when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import cos, log, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from city.errors import SettingsError
from simulator.chance import Float, Whole, key, keys, uniform
from simulator.city import SEED, SimSensor
from simulator.episode import Episode
from simulator.faultfile import kind_of, size_of
from simulator.field import Curve, Curves
from simulator.kinds import KINDS
from simulator.moment import span_ms
from simulator.plan import metrics_of
from simulator.scenario import CHOSEN, PM10, PM25, RATIO, Change, Event, Scenario, curve_of, is_logarithmic
from simulator.sites import DEGREE_KM

if TYPE_CHECKING:
    from city.pack import CityPack

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Act:
    """One event, with its place and time."""

    event: Event
    #: milliseconds of the epoch; behind a front, those of the first site and the last
    start_ms: int
    end_ms: int
    #: how strongly it is felt at each sensor, 0 to 1, float64[sensors]
    weight: Float = field(repr=False)
    #: milliseconds by which it comes later there, int64[sensors]
    delay_ms: Whole = field(repr=False)
    #: in words
    place: str

    @property
    def length_ms(self) -> int:
        """From its beginning to its end at one place."""
        return span_ms(self.event.lasts)

    def strength(self, rows: Whole, time_ms: Whole) -> Float:
        """How strongly it is felt at sensors `rows` at these times, 0 to 1 and smooth, float64[len(rows), n]."""
        since = time_ms[None, :] - self.start_ms - self.delay_ms[rows, None]
        rise, fall, lasts = (span_ms(text) for text in (self.event.rise, self.event.fall, self.event.lasts))
        shape = np.minimum(_step(since, rise), _step(lasts - since, fall))
        return np.asarray(self.weight[rows, None] * shape)


def _step(since: Whole, length: int) -> Float:
    """From 0 before to 1 after `length`, without a kink (Hermite)."""
    part = np.clip(since / max(length, 1), 0.0, 1.0)
    return np.asarray(part * part * (3 - 2 * part))


class Stage:
    """A scenario bound to a city's sensors and a start: an Influence on the field, and episodes of faults."""

    def __init__(
        self,
        scenario: Scenario,
        pack: CityPack,
        sensors: Sequence[SimSensor],
        start_ms: int,
        district: str | None = None,
    ) -> None:
        """`district` (code or name) is the one that events call `chosen`; SettingsError where there is none such."""
        self.scenario, self.start_ms = scenario, start_ms
        map_ = _Map(pack, sensors, district)
        #: code of the district that events call `chosen`
        self.district = map_.chosen
        self.acts = tuple(_act(event, map_, start_ms) for event in scenario.event)
        #: milliseconds of the epoch at which the last event is over everywhere
        self.end_ms = max(act.end_ms for act in self.acts)
        self.episodes = tuple(one for act in self.acts if act.event.fault for one in _episodes(act, sensors))

    def bend(self, rows: Whole, seconds: Whole, curves: Curves) -> Curves:
        """The curves of sites `rows` (int64[m]) at `seconds` (int64[n]) with all that happens then and there."""
        changed: dict[str, Curve] = {}
        time_ms = seconds * 1000
        for act in self.acts:
            if not len(time_ms) or time_ms[-1] < act.start_ms or time_ms[0] > act.end_ms:
                continue
            strength = act.strength(rows, time_ms)
            if not strength.any():
                continue
            for name, added, factor in _bends(act.event.change, strength):
                before = changed.get(name, getattr(curves, name))
                changed[name] = np.asarray(before * factor + added, np.float32)
        return replace(curves, **changed)


def _bends(changes: Mapping[str, Change], strength: Float) -> Iterator[tuple[str, Float, Float]]:
    """Curve, what is added to it and what it is multiplied by, for each thing that changes."""
    nothing, same = np.zeros(1), np.ones(1)
    for name, change in changes.items():
        factor = log(change.times or 1.0)
        if change.plus is not None:
            yield curve_of(name), change.plus * strength, same
        elif name == PM10:  # the field has the share of PM2.5 in it
            yield RATIO, -factor * strength, same
        elif is_logarithmic(name):
            yield f"log_{name}", factor * strength, same
        else:
            yield curve_of(name), nothing, np.exp(factor * strength)
        if name == PM25:
            yield RATIO, factor * strength, same  # PM10 stays as it is


class _Map:
    """The city as events see it."""

    def __init__(self, pack: CityPack, sensors: Sequence[SimSensor], district: str | None) -> None:
        self._pack = pack
        self.sensors = sensors
        self.latitude = np.array([one.latitude for one in sensors])
        self.longitude = np.array([one.longitude for one in sensors])
        self.district = np.array([one.district for one in sensors])
        self.kind = np.array([one.kind for one in sensors])
        self.chosen = self.code(district) if district else self._busiest()

    def code(self, text: str) -> str:
        """Code of a district named in any way; `chosen` is the chosen one."""
        if text == CHOSEN:
            return self.chosen
        found = self._pack.district_named(text)
        if found is None:
            known = ", ".join(one.code for one in self._pack.districts)
            raise SettingsError(f"there is no district {text!r}; there are {known}")
        return found

    def _busiest(self) -> str:
        """The district where most sensors count people; of equals the one with more sensors, then the first."""

        def busy(code: str) -> tuple[int, int]:
            there = [one for one in self.sensors if one.district == code]
            return sum("visitors" in one.metrics for one in there), len(there)

        return max((one.code for one in self._pack.districts), key=busy)

    def centre(self, around: str | tuple[float, float]) -> tuple[float, float]:
        """Latitude and longitude of a place that an event names."""
        if not isinstance(around, str):
            return around
        longitude, latitude = self._pack.by_code[self.code(around)].label
        return latitude, longitude

    def km(self, latitude: float, longitude: float) -> tuple[Float, Float]:
        """East and north of a place, of each sensor, km."""
        narrow = DEGREE_KM * cos(radians(latitude))
        return (self.longitude - longitude) * narrow, (self.latitude - latitude) * DEGREE_KM


def _act(event: Event, map_: _Map, start_ms: int) -> Act:
    weight = _weight(event, map_)
    if event.fault:
        # drawn by the time: two events at the same time share out the devices between them
        drawn = uniform(keys(key(SEED, f"scenario/{event.at}/{event.lasts}"), np.arange(len(weight))))
        weight = weight * ((drawn >= event.part[0]) & (drawn < event.part[1]))
    delay = _delays(event, map_)
    begin = start_ms + span_ms(event.at[1:])
    end = begin + span_ms(event.lasts) + int(delay.max(initial=0))
    return Act(event, begin, end, weight, delay, _place(event, map_))


def _weight(event: Event, map_: _Map) -> Float:
    weight = np.ones(len(map_.sensors))
    if event.around is not None and event.radius_km is not None:
        distance = np.hypot(*map_.km(*map_.centre(event.around)))
        weight = np.square(np.maximum(1 - np.square(distance / event.radius_km), 0.0))  # smooth to nothing
    if event.district is not None:
        weight = weight * (map_.district == map_.code(event.district))
    if event.kinds:
        weight = weight * np.isin(map_.kind, _known(event.kinds))
    return weight


def _place(event: Event, map_: _Map) -> str:
    """Where it is, in words."""
    words = [] if event.district is None else [map_.code(event.district)]
    if event.around is not None:
        around = event.around
        middle = map_.code(around) if isinstance(around, str) else f"{around[0]:g} {around[1]:g}"
        words.append(f"{event.radius_km:g} km around {middle}")
    return "; ".join([*words, *event.kinds]) or "the whole city"


def _known(kinds: Sequence[str]) -> list[str]:
    there = [kind.key for kind in KINDS]
    for kind in kinds:
        if kind not in there:
            raise SettingsError(f"there is no kind of site {kind!r}; there are {', '.join(there)}")
    return list(kinds)


def _delays(event: Event, map_: _Map) -> Whole:
    """When a front comes to each sensor after it has come to the first, milliseconds."""
    if event.front is None or not map_.sensors:
        return np.zeros(len(map_.sensors), np.int64)
    east, north = map_.km(float(map_.latitude.mean()), float(map_.longitude.mean()))
    towards = radians(event.front.degrees)
    way = -(east * sin(towards) + north * cos(towards))
    hours: Float = (way - way.min()) / event.front.km_per_h
    return (hours * _HOUR_MS).astype(np.int64)


def _episodes(act: Act, sensors: Sequence[SimSensor]) -> Iterator[Episode]:
    kind = kind_of(act.event.fault or "")
    hit: NDArray[np.int64] = np.nonzero(act.weight > 0)[0]
    for sensor in hit.tolist():
        able = metrics_of(kind, sensors[sensor])
        for metric in able if act.event.metric is None else {act.event.metric} & set(able):
            begin = act.start_ms + int(act.delay_ms[sensor])
            end = begin + span_ms(act.event.lasts)
            yield Episode(sensor, kind.key, begin, end, metric, size_of(kind, metric, act.event.size))
