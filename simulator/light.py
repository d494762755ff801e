"""Light at a site: the sun between houses and leaves, lamps at night, and what both do to a black globe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, ripple
from simulator.kinds import column
from simulator.sites import Sites
from simulator.sun import Daylight

_HOUR_S = 3600
#: What reaches a sensor below its pole's roof of the light of the open sky: median, s.d. of the logarithm, the most.
#: Chosen so that hourly means of all sites on 2020-05-01 fall near 5, 1,297 and 9,079 lux (quartiles) and
#: 50,200 (the most), as of 845 public sensors.
_SKY, _SKY_SD, _SKY_MOST = 0.14, 0.75, 0.5
#: Ultraviolet comes from all of the sky: less of it is lost in the shade.
_UV_POWER = 0.75
#: What an instrument reads in the dark (0.2 on most of those sensors).
_UV_DARK = 0.2
#: Light of the lamps at night, lux: median and s.d. of the logarithm (a quarter of all hours of that day under 5.1).
_LAMP, _LAMP_SD = 3.3, 1.0
#: Leaves and clouds that pass, s.d. of the logarithm for an hour.
_PASSING_SD = 0.35
#: A black globe in full light (100,000 lux) and still air is so many °C warmer than the air, by so much less for each
#: m/s; at night it loses heat to the sky. Assumptions.
_GLOBE, _GLOBE_WIND, _GLOBE_NIGHT, _FULL_LUX = 20.0, 0.25, -1.0, 1e5


@dataclass(frozen=True)
class SiteLight:
    """Light at m sites and n instants, float64[m, n] each."""

    #: lux
    lux: Float
    #: UV index as instruments of that kind show it
    uv: Float
    #: °C that a black globe is warmer than the air
    globe: Float


class Light:
    """Light at the sites of one city."""

    def __init__(self, seed: int, sites: Sites) -> None:
        every = np.arange(len(sites))
        self._key = key(seed, "light/passing")
        kinds = column(lambda kind: kind.sky)[sites.kind]
        open_sky = np.exp(_SKY_SD * gaussian(keys(key(seed, "light/sky"), every)).astype(np.float64))
        self._sky = _SKY * kinds * open_sky
        self._lamp = _LAMP * np.exp(_LAMP_SD * gaussian(keys(key(seed, "light/lamp"), every)).astype(float))

    def at(self, rows: Whole, city: Daylight, speed: Float, seconds: Whole) -> SiteLight:
        """Light at sites `rows` where the wind has `speed` (m/s, float64[len(rows), n])."""
        passing = np.exp(_PASSING_SD * ripple(keys(self._key, rows), seconds, _HOUR_S))
        sky = np.minimum(self._sky[rows, None] * passing, _SKY_MOST)
        lux = sky * city.lux + self._lamp[rows, None] * city.lamps
        uv = _UV_DARK + sky**_UV_POWER * city.uv
        warm = _GLOBE * np.minimum(lux / _FULL_LUX, 1.0) ** 0.7 / (1 + _GLOBE_WIND * speed)
        return SiteLight(lux, uv, warm + _GLOBE_NIGHT * city.lamps)
