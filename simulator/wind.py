"""Wind over a city and at its sites, as a vector so that directions can be averaged.

Assumptions, chosen so that a year has the mean of the first city's synoptic station (2.3 m/s, WMO 47108, Korea
Meteorological Administration, normals 1991–2020): from the west and north-west in winter, from the south in summer,
with a breeze from the sea on afternoons and more of it in spring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, memory, ripple
from simulator.clock import Clock, turn
from simulator.kinds import column
from simulator.sites import Sites

_HOUR_S = 3600
#: m/s towards east and north by month, January first.
_EAST = np.array([0.9, 0.9, 1.0, 0.9, 0.8, 0.5, 0.5, 0.3, 0.1, 0.4, 0.7, 0.9])
_NORTH = np.array([-0.6, -0.5, -0.3, 0.0, 0.2, 0.3, 0.5, 0.2, -0.3, -0.4, -0.4, -0.6])
#: Passing weather: m/s (s.d.) each way, and its memory; spring is windier.
_PASSING_SD, _PASSING_TAU_S = 1.35, 20.0 * _HOUR_S
_SPRING = np.array([1.0, 1.05, 1.15, 1.15, 1.05, 0.95, 0.95, 0.9, 0.85, 0.9, 0.95, 1.0])
#: The breeze, m/s towards east at its height, and its course over the hours of the sun.
_BREEZE = np.array([0.0, 0.2, 0.6, 0.9, 1.0, 1.0, 0.7, 0.7, 0.7, 0.5, 0.2, 0.0])
_BREEZE_HOURS = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .1, .3, .55, .8, 1, 1, .9, .7, .5, .3, .2, .1, .05, 0])  # fmt: skip
#: Nights are calm, afternoons windy: against the day.
_HOURS = np.array([.80, .78, .77, .76, .75, .75, .76, .80, .88, .97, 1.06, 1.15, 1.24, 1.30, 1.34, 1.34, 1.30, 1.22, 1.12, 1.03, .96, .90, .86, .83])  # fmt: skip
#: Site: how much it shelters (s.d. of the logarithm), how streets turn the wind (s.d., rad), ten minutes (s.d.).
_SHELTER_SD, _TURN_SD, _SWAY = 0.25, 0.5, 0.25


@dataclass(frozen=True)
class CityWind:
    """Wind over the roofs at n instants, m/s towards east and north, float64[n] each."""

    east: Float
    north: Float


class Wind:
    """Wind at the sites of one city."""

    def __init__(self, seed: int, sites: Sites) -> None:
        every = np.arange(len(sites))
        self._keys = {name: key(seed, f"wind/{name}") for name in ("east", "north", "sway")}
        lasting = _SHELTER_SD * gaussian(keys(key(seed, "wind/shelter"), every)).astype(np.float64)
        angle = _TURN_SD * gaussian(keys(key(seed, "wind/turn"), every)).astype(np.float64)
        exposed = np.exp(lasting) * column(lambda kind: kind.wind)[sites.kind]
        self._along, self._across = exposed * np.cos(angle), exposed * np.sin(angle)

    def city(self, clock: Clock) -> CityWind:
        """Wind over the roofs at the clock's instants."""
        passing = _PASSING_SD * turn(_SPRING, clock.month)
        breeze = turn(_BREEZE, clock.month) * turn(_BREEZE_HOURS, clock.solar_hour)
        hours = turn(_HOURS, clock.solar_hour)
        east = turn(_EAST, clock.month) + passing * self._passing("east", clock.seconds)
        north = turn(_NORTH, clock.month) + passing * self._passing("north", clock.seconds)
        return CityWind(hours * east + breeze, hours * north)

    def at(self, rows: Whole, city: CityWind, seconds: Whole) -> tuple[Float, Float]:
        """m/s towards east and north at sites `rows`, float64[len(rows), n] each."""
        sway = 1 + _SWAY * ripple(keys(self._keys["sway"], rows), seconds, _HOUR_S)
        along, across = self._along[rows, None] * sway, self._across[rows, None] * sway
        return along * city.east - across * city.north, along * city.north + across * city.east

    def _passing(self, name: str, seconds: Whole) -> Float:
        passing: Float = memory(self._keys[name], seconds, _PASSING_TAU_S, 2 * _HOUR_S)[0]
        return passing
