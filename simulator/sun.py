"""The sun over a city: how high it stands, and how much light and ultraviolet reaches open ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.chance import Float
from simulator.clock import Clock

_DAY_S, _YEAR_S = 86400, 31556952
#: The earth's axis against its course, ° (Cooper 1969); the equation of time, minutes (Duffie and Beckman).
_TILT, _DAYS = 23.45, 365.2425
#: Clear sky, W/m² against the sine of the sun's height (Haurwitz 1945), and lumens a watt of daylight (Littlefair 1985).
_CLEAR, _AIR, _LUMEN = 1098.0, 0.057, 112.0
#: What clouds leave of it: 1 − 0.75 N^3.4 (Kasten and Czeplak 1980).
_CLOUD, _CLOUD_POWER = 0.75, 3.4
#: UV index of a clear sky: 12.5 μ^2.42 (Ω / 300)^−1.23 (Madronich 2007), for the 320 DU of ozone of 37° north.
_UV, _UV_POWER, _OZONE = 12.5, 2.42, (320 / 300) ** -1.23
#: Twilight: lux with the sun on the horizon, and decades lost for each degree below (3.4 lux at the end of the civil one).
_DUSK, _DUSK_DECADES = 400.0, 0.345
#: Lamps are lit between the horizon and so many degrees below it.
_LAMPS = 3.0


@dataclass(frozen=True)
class Daylight:
    """Light on open ground at n instants, float64[n] each."""

    #: illuminance, lux
    lux: Float
    #: UV index
    uv: Float
    #: share of the street lamps that are lit
    lamps: Float


def height(clock: Clock, latitude: float) -> Float:
    """The sine of the sun's height at the clock's instants, float64[n]."""
    day = (clock.seconds % _YEAR_S) / _DAY_S
    turn = 2 * np.pi * (day - 80) / _DAYS  # from the equinox of March on
    declination = np.radians(_TILT) * np.sin(turn)
    minutes = 9.87 * np.sin(2 * turn) - 7.53 * np.cos(turn) - 1.5 * np.sin(turn)
    hour = np.radians(15.0 * (clock.solar_hour - 12 + minutes / 60))
    place = np.radians(latitude)
    level = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(hour)
    return np.asarray(level, np.float64)


def daylight(sine: Float, cover: Float) -> Daylight:
    """Light for the sine of the sun's height and a cover of clouds (0 … 1)."""
    up = np.maximum(sine, 0.02)
    left = 1 - _CLOUD * cover**_CLOUD_POWER
    clear = np.where(sine > 0, _CLEAR * up * np.exp(-_AIR / up) * _LUMEN, 0.0)
    degrees = np.degrees(np.arcsin(sine))
    dusk = _DUSK * 10 ** (_DUSK_DECADES * np.minimum(degrees, 0))
    uv = _UV * _OZONE * np.maximum(sine, 0) ** _UV_POWER
    return Daylight(left * (clear + dusk), left * uv, np.clip(-degrees / _LAMPS, 0, 1))
