"""Particles in the air of a site: PM2.5 and its share of PM10.

Unless said otherwise, constants are those of the official stations of the first city, 2018–2022: daily means by
district (Open Data Plaza, OA-2218) and the hours of one place, Korea Open Government License type 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, memory, ripple
from simulator.clock import Clock, by_day, knees, turn
from simulator.dust import Dust, Storms
from simulator.kinds import column
from simulator.mesh import Mesh
from simulator.sites import Sites

_HOUR_S = 3600
#: Quantiles of the hours, as standard normal places (0.1 % or less, 1, 5, 25, 50, 75, 95, 99, 99.9 %, beyond).
_NORMAL = (-3.5, -2.326, -1.645, -0.674, 0.0, 0.674, 1.645, 2.326, 3.090, 4.0)
#: PM2.5 there, µg/m³; the ends continue the slope (156 was the most in five years).
_PM25 = np.log([1.2, 2.0, 4.0, 11.0, 17.0, 27.0, 51.0, 82.0, 126.0, 190.0])
#: PM2.5 / PM10 there, away from dust storms.
_RATIO = np.log([0.140, 0.222, 0.333, 0.500, 0.615, 0.707, 0.818, 0.882, 0.930, 0.950])
#: Its logarithm by month where the level of PM2.5 does not explain it, January first; s.d. of the logarithm.
_RATIO_MONTHS = np.array([-0.01, 0.01, -0.04, -0.09, -0.06, 0.10, 0.18, 0.13, 0.02, -0.05, -0.05, 0.01])
_RATIO_SD = 0.30
#: Standard deviation of the logarithm of hourly PM2.5, and its monthly means against the year, January first.
_LOG_SD = 0.77
_MONTHS = np.array([0.386, 0.401, 0.346, 0.046, -0.024, -0.067, -0.218, -0.305, -0.718, -0.303, 0.185, 0.271])
#: Autocorrelation .97 .90 .82 .67 .51 .28 at 1, 3, 6, 12, 24, 48 h, less the season's share, falls by e in 25 h.
_EPISODE_TAU_S = 25.0 * _HOUR_S
#: A district's passing difference from the city: s.d. of the logarithm of daily means 0.198, lag-1 correlation .57,
#: which for a process of exponential memory means τ = 27 h and 0.228 for the instant.
_PASSING_SD, _PASSING_TAU_S = 0.228, 27.0 * _HOUR_S
#: Difference between districts that lasts a year, s.d. of the logarithm (0.078 to 0.110 in each of the five).
_DISTRICT_SD = 0.085
#: What is left of the variance for the whole city: all, less season and passing difference.
_EPISODE_SD = float(np.sqrt(_LOG_SD**2 - _MONTHS.var() - _PASSING_SD**2))
#: Correlation of log(PM2.5 / PM10) with log(PM2.5) away from storms; its memory (.89 .80 .69 .52 .42 at 1, 3, 6, 12,
#: 24 h with them).
_RATIO_SHARE, _RATIO_TAU_S = 0.50, 28.0 * _HOUR_S
_RATIO_OWN = float(np.sqrt(1 - _RATIO_SHARE**2 - (_RATIO_MONTHS / _RATIO_SD).var()))
#: Hour of day against the mean, 0–1 h first, smoothed over three hours.
_PM25_HOURS = np.log(
    [.981, .984, .970, .977, .965, .973, .964, .980, .984, 1.022, 1.032, 1.051, 1.033, 1.032, 1.008, 1.002, .982, .993, 1.001, 1.027, 1.023, 1.021, .999, .999]
)  # fmt: skip
_PM10_HOURS = np.log(
    [.960, .956, .937, .938, .926, .933, .935, .967, .996, 1.044, 1.061, 1.072, 1.054, 1.052, 1.039, 1.041, 1.025, 1.025, 1.018, 1.028, 1.016, 1.009, .986, .982]
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
    #: the episodes alone, standard normal
    regional: Float
    #: passing differences at the mesh points, float64[k, n]
    passing: Float
    dust: Dust
    seconds: Whole


class Air:
    """PM2.5 and PM10 at the sites of one city."""

    def __init__(self, seed: int, sites: Sites, mesh: Mesh) -> None:
        self._mesh = mesh
        self._storms = Storms(seed, float(sites.latitude.mean()))
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
            episode=(turn(knees(_MONTHS), clock.month) + _EPISODE_SD * episode) / _LOG_SD,
            ratio=turn(knees(_RATIO_MONTHS), clock.month) / _RATIO_SD
            + _RATIO_OWN * memory(self._keys["ratio"], seconds, _RATIO_TAU_S, _HOUR_S)[0],
            pm25_hours=turn(_PM25_HOURS, clock.week_hour % 24),
            pm10_hours=turn(_PM10_HOURS, clock.week_hour % 24) + by_day(_PM10_DAYS, clock.week_hour),
            regional=episode,
            passing=self._mesh.memory(self._keys["passing"], seconds, _PASSING_TAU_S, 2 * _HOUR_S),
            dust=self._storms.city(seconds),
            seconds=seconds,
        )

    def at(self, rows: Whole, city: CityAir) -> tuple[Float, Float]:
        """Logarithms of PM2.5 (µg/m³) and of PM2.5 / PM10 at sites `rows`, float64[len(rows), n] each."""
        place = city.episode + (_PASSING_SD / _LOG_SD) * self._mesh.blend(rows, city.passing)
        ratio_place = _RATIO_SHARE * place + city.ratio
        pm25 = np.interp(place, _NORMAL, _PM25) + city.pm25_hours + self._local(rows, city.seconds)
        ratio = np.interp(ratio_place, _NORMAL, _RATIO) + (city.pm25_hours - city.pm10_hours)
        return _dusty(pm25 + self._pm25[rows, None], ratio + self._ratio[rows, None], city.dust)

    def _local(self, rows: Whole, seconds: Whole) -> Float:
        hourly = ripple(keys(self._keys["hour"], rows), seconds, _HOUR_S)
        return _HOURLY_SD * hourly + _TEN_MINUTE_SD * ripple(
            keys(self._keys["minute"], rows), seconds, _TEN_MINUTES_S
        )


def _dusty(log_pm25: Float, log_ratio: Float, dust: Dust) -> tuple[Float, Float]:
    """The same with the dust of storms in the air, where there is any."""
    some = np.flatnonzero(dust.coarse)
    if len(some):
        pm25 = np.exp(log_pm25[:, some])
        pm10 = pm25 * np.exp(-log_ratio[:, some]) + dust.coarse[some] + dust.fine[some]
        log_pm25[:, some] = np.log(pm25 + dust.fine[some])
        log_ratio[:, some] = log_pm25[:, some] - np.log(pm10)
    return log_pm25, log_ratio
