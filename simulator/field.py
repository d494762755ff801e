"""The city-wide field: what is true at every site, before any instrument looks at it.

Curves are computed at knots ten minutes apart and are straight between them, so that one reading and a week of them
take the same two knots. Everything below follows from the seed and the instant alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.air import Air, CityAir
from simulator.chance import Float, Whole
from simulator.clock import Clock, clock
from simulator.gases import CityGases, Gases
from simulator.light import Light
from simulator.mesh import Mesh
from simulator.people import People
from simulator.sites import Sites
from simulator.sun import Daylight, daylight, height
from simulator.weather import CityWeather, Weather
from simulator.wind import CityWind, Wind

#: Between two knots, s; the fastest process of the field has a step of as much.
KNOT_S = 600

Curve = NDArray[np.float32]


@dataclass(frozen=True)
class CityField:
    """What the whole city shares at n knots."""

    #: numbers of the knots (seconds of the epoch / KNOT_S), int64[n], rising
    knots: Whole
    clock: Clock
    air: CityAir
    gases: CityGases
    weather: CityWeather
    wind: CityWind
    daylight: Daylight
    #: dB against the day's level, float64[n]
    sound: Float
    #: people in 10 minutes by kind of site, float64[kinds, n]
    people: Float


@dataclass(frozen=True)
class Curves:
    """What is true at m sites and n knots, float32[m, n] each."""

    #: logarithm of PM2.5 in µg/m³
    log_pm25: Curve
    #: logarithm of PM2.5 / PM10
    log_ratio: Curve
    #: °C
    temperature: Curve
    dew_point: Curve
    #: dB
    noise: Curve
    #: people expected in 10 minutes
    people: Curve
    #: wind, m/s towards east and north
    wind_east: Curve
    wind_north: Curve
    #: lux at the sensor
    light: Curve
    #: UV index as instruments of that kind show it
    uv: Curve
    #: °C that a black globe is warmer than the air
    globe: Curve
    #: logarithms of gases in ppm
    log_no2: Curve
    log_o3: Curve
    log_co: Curve
    log_so2: Curve
    log_nh3: Curve
    log_h2s: Curve


class Influence(Protocol):
    """Something that happens in the city beside its usual course: a fire, a street closed, a feast."""

    def bend(self, rows: Whole, seconds: Whole, curves: Curves) -> Curves:
        """The curves of sites `rows` (int64[m]) at `seconds` (UTC, int64[n], a knot each) with it; a pure function.

        It may give back what it was given, and never changes the arrays of `curves`.
        """
        ...


class Field:
    """All that happens at the sites of one city, under one seed."""

    def __init__(
        self,
        seed: int,
        sites: Sites,
        zone: ZoneInfo,
        country: str = "",
        *,
        influence: Influence | None = None,
    ) -> None:
        mesh = Mesh(sites)
        self._zone, self._country = zone, country
        self._influence = influence
        self._centre = float(sites.latitude.mean()), float(sites.longitude.mean())
        self._air = Air(seed, sites, mesh)
        self._gases = Gases(seed, sites, mesh)
        self._weather = Weather(seed, sites, mesh)
        self._wind = Wind(seed, sites)
        self._light = Light(seed, sites)
        self._people = People(seed, sites)

    def under(self, influence: Influence) -> Field:
        """The same field with an influence on it."""
        other = copy(self)
        other._influence = influence  # noqa: SLF001 of our own kind
        return other

    def city(self, knots: Whole) -> CityField:
        """What the city shares at these knots (int64[n], rising, none twice); the part worth keeping for a period."""
        read = clock(knots * KNOT_S, self._zone, *self._centre, self._country)
        air, weather = self._air.city(read), self._weather.city(read)
        sound, people = self._people.city(read)
        return CityField(
            knots=knots,
            clock=read,
            air=air,
            gases=self._gases.city(read, air.regional, weather.clear),
            weather=weather,
            wind=self._wind.city(read),
            daylight=daylight(height(read, self._centre[0]), weather.cover),
            sound=sound,
            people=people,
        )

    def at(self, rows: Whole, city: CityField) -> Curves:
        """The curves of sites `rows` (int64[m])."""
        usual = Curves(**{name: _curve(values) for name, values in self._usual(rows, city)})
        if self._influence is None:
            return usual
        return self._influence.bend(rows, city.clock.seconds, usual)

    def _usual(self, rows: Whole, city: CityField) -> Iterator[tuple[str, Float]]:
        seconds, weather = city.clock.seconds, city.weather
        yield from zip(("log_pm25", "log_ratio"), self._air.at(rows, city.air), strict=True)
        temperature = self._weather.at(rows, weather)
        yield "temperature", temperature
        yield "dew_point", np.broadcast_to(weather.dew_point, temperature.shape)
        yield "noise", self._people.sound(rows, city.sound, seconds)
        yield "people", self._people.footfall(rows, city.people, temperature, weather.rain, seconds)
        east, north = self._wind.at(rows, city.wind, seconds)
        yield from (("wind_east", east), ("wind_north", north))
        light = self._light.at(rows, city.daylight, np.hypot(east, north), seconds)
        yield from (("light", light.lux), ("uv", light.uv), ("globe", light.globe))
        yield from ((f"log_{gas}", values) for gas, values in self._gases.at(rows, city.gases).items())


def _curve(values: Float) -> Curve:
    return np.ascontiguousarray(values, np.float32)
