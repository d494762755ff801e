"""Temperature and humidity at a site: season, hour of the sun, passing weather, and what is warm or green about it.

Monthly means are the climate normals 1991–2020 of the first city's synoptic station (WMO 47108, Korea Meteorological
Administration), rounded; south of the equator the calendar turns by half a year. Spreads are assumptions made so that
a simulated year looks like that climate; they are no forecast of any other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Float, Whole, gaussian, key, keys, memory
from simulator.clock import Clock, turn
from simulator.kinds import column
from simulator.mesh import Mesh
from simulator.sites import Sites

_Real = TypeVar("_Real", np.float32, np.float64)

_HOUR_S = 3600
#: °C and % by month, January first.
_TEMPERATURE = np.array([-1.9, 0.7, 6.1, 12.6, 18.2, 22.7, 25.3, 26.1, 21.6, 15.0, 7.5, 0.2])
_HUMIDITY = np.array([56.0, 55.0, 55.0, 55.0, 60.0, 66.0, 76.0, 74.0, 66.0, 62.0, 60.0, 58.0])
#: Magnus over water, Alduchov and Eskridge (1996): factor and offset in °C.
_MAGNUS, _MAGNUS_C = 17.625, 243.04
#: Hour of the sun against the day's mean, lowest about sunrise, highest at 14–15 h; 1 is half the daily range.
_SUN = np.array(
    [-.52, -.62, -.71, -.80, -.88, -.95, -.93, -.72, -.40, -.05, .30, .60, .82, .95, 1.0, .96, .82, .62, .40, .20, .02, -.14, -.28, -.41]
)  # fmt: skip
#: Half the daily range, °C (normals: 8 to 9 °C between lowest and highest), and how much clouds change it.
_SWING, _CLOUDS, _CLOUDS_TAU_S = 4.2, 0.3, 30.0 * _HOUR_S
#: Passing weather: °C in winter and summer (s.d.), with a memory of about two days.
_WINTER_SD, _SUMMER_SD, _WEATHER_TAU_S = 3.8, 2.0, 48.0 * _HOUR_S
#: Dew point: °C by itself, and for each °C of passing weather (warm air is moist air).
_DEW_SD, _DEW_SHARE, _DEW_TAU_S = 3.0, 0.7, 40.0 * _HOUR_S
#: Air over a city seldom saturates: the dew point stays so many °C below the temperature (about 94 %); assumption.
_DEW_GAP = 1.0
#: Cloud cover (0 … 1) by month, January first, an assumption near the normals; how far passing clouds change it.
_COVER = np.array([0.36, 0.38, 0.44, 0.47, 0.50, 0.60, 0.72, 0.64, 0.54, 0.42, 0.43, 0.38])
_COVER_SD = 0.33
#: Rain falls from a cover beyond this in spells that last hours; assumptions that make about one hour in 14 wet.
_RAIN_COVER, _SPELL, _SPELL_TAU_S = 0.75, 0.5, 5.0 * _HOUR_S
#: How far rain brings the dew point to the temperature.
_WETTING = 0.7
#: Parts of the city, and single sites, °C (s.d.).
_PART_SD, _PART_TAU_S, _SITE_SD = 0.4, 6.0 * _HOUR_S, 0.4


def magnus(celsius: NDArray[_Real]) -> NDArray[_Real]:
    """The exponent of the vapour pressure over water at °C, of the same shape and precision."""
    return np.asarray(_MAGNUS * celsius / (_MAGNUS_C + celsius))


def _dew_point(celsius: Float, percent: Float) -> Float:
    vapour = np.log(percent / 100) + magnus(celsius)
    return np.asarray(_MAGNUS_C * vapour / (_MAGNUS - vapour))


_DEW_POINT = _dew_point(_TEMPERATURE, _HUMIDITY)


@dataclass(frozen=True)
class CityWeather:
    """What the whole city shares at n instants."""

    #: °C, float64[n]
    temperature: Float
    dew_point: Float
    #: how clear the sky is, standard normal
    clear: Float
    #: cover of clouds, 0 … 1
    cover: Float
    #: rain: 0 none … 1 steady
    rain: Float
    #: passing differences at the mesh points, float64[k, n]
    parts: Float


class Weather:
    """Temperature and dew point at the sites of one city."""

    def __init__(self, seed: int, sites: Sites, mesh: Mesh) -> None:
        self._mesh = mesh
        self._keys = {
            name: key(seed, f"weather/{name}") for name in ("mass", "clouds", "dew", "part", "spell")
        }
        lasting = _SITE_SD * gaussian(keys(key(seed, "weather/site"), np.arange(len(sites)))).astype(
            np.float64
        )
        self._site = lasting + column(lambda kind: kind.temperature)[sites.kind]

    def city(self, clock: Clock) -> CityWeather:
        """What the city shares at the clock's instants."""
        mass = self._mass(clock)
        clouds = memory(self._keys["clouds"], clock.seconds, _CLOUDS_TAU_S, 2 * _HOUR_S)[0]
        swing = _SWING * np.maximum(1 + _CLOUDS * clouds, 0.2)  # an overcast day keeps a fifth
        dew = memory(self._keys["dew"], clock.seconds, _DEW_TAU_S, 2 * _HOUR_S)[0]
        temperature = turn(_TEMPERATURE, clock.month) + mass + swing * turn(_SUN, clock.solar_hour)
        dew_point = turn(_DEW_POINT, clock.month) + _DEW_SHARE * mass + _DEW_SD * dew
        cover = np.clip(turn(_COVER, clock.month) - _COVER_SD * clouds, 0, 1)
        rain = self._rain(cover, clock.seconds)
        dew_point = np.minimum(dew_point, temperature - _DEW_GAP)
        return CityWeather(
            temperature=temperature,
            dew_point=dew_point + _WETTING * rain * (temperature - _DEW_GAP - dew_point),
            clear=clouds,
            cover=cover,
            rain=rain,
            parts=self._mesh.memory(self._keys["part"], clock.seconds, _PART_TAU_S, _HOUR_S),
        )

    def at(self, rows: Whole, city: CityWeather) -> Float:
        """°C at sites `rows`, float64[len(rows), n]; the dew point is the city's."""
        return city.temperature + _PART_SD * self._mesh.blend(rows, city.parts) + self._site[rows, None]

    def _rain(self, cover: Float, seconds: Whole) -> Float:
        spell = memory(self._keys["spell"], seconds, _SPELL_TAU_S, _HOUR_S)[0]
        wet = np.clip((cover - _RAIN_COVER) / (1 - _RAIN_COVER), 0, 1)
        return np.asarray(wet * np.clip(spell - _SPELL, 0, 1), np.float64)

    def _mass(self, clock: Clock) -> Float:
        summer = (turn(_TEMPERATURE, clock.month) - _TEMPERATURE.min()) / np.ptp(_TEMPERATURE)
        spread = _WINTER_SD + (_SUMMER_SD - _WINTER_SD) * summer
        process = memory(self._keys["mass"], clock.seconds, _WEATHER_TAU_S, 2 * _HOUR_S)[0]
        return np.asarray(spread * process)
