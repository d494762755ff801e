"""Particles in the air of a site: PM2.5 and its share of PM10.

Unless said otherwise, constants are those of the official stations of the first city, 2018–2022: daily means by
district (Open Data Plaza, OA-2218) and the hours of one place, Korea Open Government License type 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, memory, ripple
from simulator.clock import Clock, turn
from simulator.kinds import column
from simulator.mesh import Mesh
from simulator.sites import Sites

_HOUR_S = 3600
#: Quantiles of the hours, as standard normal places (0.1 % or less, 1, 5, 25, 50, 75, 95, 99, 99.9 %, beyond).
_NORMAL = (-3.5, -2.326, -1.645, -0.674, 0.0, 0.674, 1.645, 2.326, 3.090, 4.0)
#: PM2.5 there, µg/m³; the ends continue the slope (156 was the most in five years).
_PM25 = np.log([1.2, 2.0, 4.0, 11.0, 17.0, 27.0, 51.0, 82.0, 126.0, 190.0])
#: PM2.5 / PM10 there.
_RATIO = np.log([0.109, 0.183, 0.308, 0.500, 0.611, 0.706, 0.818, 0.882, 0.930, 0.950])
#: Standard deviation of the logarithm of hourly PM2.5, and its monthly means against the year, January first.
_LOG_SD = 0.77
_MONTHS = np.array([0.386, 0.401, 0.346, 0.046, -0.024, -0.067, -0.218, -0.305, -0.718, -0.303, 0.185, 0.271])
#: Autocorrelation .97 .90 .82 .67 .51 .28 at 1, 3, 6, 12, 24, 48 h, less the season's share, falls by e in 25 h.
_EPISODE_TAU_S = 25.0 * _HOUR_S
#: A district's passing difference from the city: s.d. of the logarithm of daily means 0.198, lag-1 correlation .57,
#: which for a process of exponential memory means τ = 27 h and 0.228 for the instant.
_PASSING_SD, _PASSING_TAU_S = 0.228, 27.0 * _HOUR_S
#: Lasting difference between districts, s.d. of the logarithm.
_DISTRICT_SD = 0.064
#: What is left of the variance for the whole city: all, less season and passing difference.
_EPISODE_SD = float(np.sqrt(_LOG_SD**2 - _MONTHS.var() - _PASSING_SD**2))
#: Correlation of log(PM2.5 / PM10) with log(PM2.5); its own memory (.89 .80 .69 .52 .42 at 1, 3, 6, 12, 24 h).
_RATIO_SHARE, _RATIO_TAU_S = 0.44, 25.0 * _HOUR_S
#: Hour of day against the mean, 0–1 h first, smoothed over three hours.
_PM25_HOURS = np.log(
    [.98, .97, .96, .95, .94, .94, .94, .94, .95, .98, 1.02, 1.04, 1.04, 1.05, 1.04, 1.02, 1.01, 1.02, 1.05, 1.07, 1.07, 1.04, 1.01, .99]
)  # fmt: skip
_PM10_HOURS = np.log(
    [.95, .94, .92, .91, .90, .90, .92, .95, .99, 1.03, 1.07, 1.08, 1.07, 1.07, 1.07, 1.06, 1.05, 1.04, 1.04, 1.05, 1.04, 1.01, .99, .97]
)  # fmt: skip
#: PM10 by day of week against the mean, Monday first (Sunday rests; PM2.5 shows no week).
_PM10_DAYS = np.log([0.969, 1.0, 1.015, 1.021, 1.041, 1.021, 0.938])
#: What is about one site alone, s.d. of the logarithm for an hour and for ten minutes: assumptions, small beside
#: the district's so that neighbours agree.
_HOURLY_SD, _TEN_MINUTE_SD = 0.06, 0.04
_TEN_MINUTES_S = 600


@dataclass(frozen=True)
class CityAir:
    """What the whole city shares at n instants."""

    #: season and episodes as a standard normal place, before the district's own part, float64[n]
    episode: Float
    #: the same for the ratio's own part
    ratio: Float
    #: logarithms of hour and week for PM2.5 and PM10
    pm25_hours: Float
    pm10_hours: Float
    #: passing differences at the mesh points, float64[k, n]
    passing: Float
    seconds: Whole


class Air:
    """PM2.5 and PM10 at the sites of one city."""

    def __init__(self, seed: int, sites: Sites, mesh: Mesh) -> None:
        self._mesh = mesh
        self._keys = {
            name: key(seed, f"air/{name}") for name in ("episode", "ratio", "passing", "hour", "minute")
        }
        lasting = _DISTRICT_SD * gaussian(keys(key(seed, "air/district"), sites.district)).astype(np.float64)
        self._pm25 = lasting + column(lambda kind: kind.pm25)[sites.kind]
        self._ratio = column(lambda kind: kind.pm25 - kind.pm10)[sites.kind]

    def city(self, clock: Clock) -> CityAir:
        """What the city shares at the clock's instants."""
        seconds = clock.seconds
        episode = memory(self._keys["episode"], seconds, _EPISODE_TAU_S, _HOUR_S)[0]
        return CityAir(
            episode=(turn(_MONTHS, clock.month) + _EPISODE_SD * episode) / _LOG_SD,
            ratio=memory(self._keys["ratio"], seconds, _RATIO_TAU_S, _HOUR_S)[0],
            pm25_hours=turn(_PM25_HOURS, clock.week_hour % 24),
            pm10_hours=turn(_PM10_HOURS, clock.week_hour % 24) + turn(_PM10_DAYS, clock.week_hour / 24),
            passing=self._mesh.memory(self._keys["passing"], seconds, _PASSING_TAU_S, 2 * _HOUR_S),
            seconds=seconds,
        )

    def at(self, rows: Whole, city: CityAir) -> tuple[Float, Float]:
        """Logarithms of PM2.5 (µg/m³) and of PM2.5 / PM10 at sites `rows`, float64[len(rows), n] each."""
        place = city.episode + (_PASSING_SD / _LOG_SD) * self._mesh.blend(rows, city.passing)
        ratio_place = _RATIO_SHARE * place + np.sqrt(1 - _RATIO_SHARE**2) * city.ratio
        pm25 = np.interp(place, _NORMAL, _PM25) + city.pm25_hours + self._local(rows, city.seconds)
        ratio = np.interp(ratio_place, _NORMAL, _RATIO) + (city.pm25_hours - city.pm10_hours)
        return pm25 + self._pm25[rows, None], ratio + self._ratio[rows, None]

    def _local(self, rows: Whole, seconds: Whole) -> Float:
        hourly = ripple(keys(self._keys["hour"], rows), seconds, _HOUR_S)
        return _HOURLY_SD * hourly + _TEN_MINUTE_SD * ripple(
            keys(self._keys["minute"], rows), seconds, _TEN_MINUTES_S
        )
