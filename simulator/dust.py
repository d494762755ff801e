"""Dust storms: days on which the wind carries sand from the deserts, PM10 without PM2.5.

Their calendar needs no memory: each day of the epoch has a storm or none by a draw of its own, and an instant looks at
the few days before it. Figures are those of one station of the first city, 2018–2022, with its hours of PM10 of
100 µg/m³ and more of which less than 35 % was PM2.5: 28 storms in five years, none from June to September.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, uniform
from simulator.clock import months

_HOUR_S, _DAY_S = 3600, 86400
#: Storms a month, January first.
_STORMS = np.array([0.4, 0.3, 0.9, 1.4, 0.9, 0.0, 0.0, 0.0, 0.0, 0.5, 0.8, 0.4])
_MONTH_DAYS = 365.2425 / 12
#: The coarse dust that they bring at their height, µg/m³: median, s.d. of the logarithm, and the most (the largest
#: of those years had brought about 800).
_HEIGHT, _HEIGHT_SD, _HIGHEST = 120.0, 0.8, 900.0
#: Hours to the height (they come within 3 to 6), then hours to fall by e: median, s.d. of the logarithm.
_RISE_H, _FALL_H, _FALL_SD = 4.0, 8.0, 0.5
#: A storm is looked at for so many days after its own; the longest has fallen by e⁻³ then.
_DAYS = 4
#: PM2.5 for each µg/m³ of coarse dust (PM2.5 141 at PM10 962, 94 at 570, 56 at 380, less the fine dust of before).
_FINE = 0.10


@dataclass(frozen=True)
class Dust:
    """What storms bring to n instants, µg/m³, float64[n] each."""

    #: PM10 without its PM2.5
    coarse: Float
    fine: Float


class Storms:
    """The dust storms of one seed."""

    def __init__(self, seed: int, latitude: float) -> None:
        self._latitude = latitude
        self._keys = {name: key(seed, f"dust/{name}") for name in ("day", "hour", "height", "fall")}

    def city(self, seconds: Whole) -> Dust:
        """The dust over the city at `seconds` (UTC, int64[n]); exactly 0 where there is no storm."""
        coarse = np.zeros(len(seconds))
        for back in range(_DAYS + 1):  # the order of the sum is part of the result
            coarse += self._storm(seconds // _DAY_S - back, seconds)
        return Dust(coarse, _FINE * coarse)

    def _storm(self, day: Whole, seconds: Whole) -> Float:
        """What the storm of `day` brings at `seconds`."""
        days, at = np.unique(day, return_inverse=True)
        month = np.floor(months(days * _DAY_S, self._latitude)).astype(np.int64)
        blows = uniform(keys(self._keys["day"], days)) < _STORMS[month] / _MONTH_DAYS
        begin = (days + uniform(keys(self._keys["hour"], days))) * _DAY_S
        height = np.minimum(_HEIGHT * np.exp(_HEIGHT_SD * self._normal("height", days)), _HIGHEST) * blows
        fall = _FALL_H * np.exp(_FALL_SD * self._normal("fall", days))
        hours = (seconds - begin[at]) / _HOUR_S
        shape = np.where(hours < _RISE_H, hours / _RISE_H, np.exp(-(hours - _RISE_H) / fall[at]))
        return np.where(hours > 0, height[at] * shape, 0.0)

    def _normal(self, name: str, days: Whole) -> Float:
        return gaussian(keys(self._keys[name], days)).astype(np.float64)
