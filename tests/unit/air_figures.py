"""What a year of hourly air is told by: quantiles, memory, hours, months, grades, advisories, districts.

The same functions made the figures of Seoul's five years in `facts_of_seoul.py`, so like is compared with like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from simulator.city import SimCity
from simulator.field import KNOT_S

Hours = NDArray[np.float64]
#: Seoul keeps one offset all year.
OFFSET_S = 9 * 3600
QUANTILES = (1, 5, 25, 50, 75, 95, 99, 99.9)
LAGS_H = (1, 3, 6, 12, 24, 48, 168)
CHANGES = (50, 90, 99, 99.9)
GRADES = ("good", "moderate", "bad", "very bad")
#: Upper ends of Korea's first three grades, µg/m³; advisory and warning: 2 h at or over the first, lifted under the second.
EDGES = {"pm25": (15, 35, 75), "pm10": (30, 80, 150)}
ADVISORY = {"pm25": (75, 35), "pm10": (150, 100)}
WARNING = {"pm25": (150, 75), "pm10": (300, 150)}
GASES = ("no2", "o3", "co")
#: An hour's mean is taken of its knots at 10, 30 and 50 minutes.
EVERY = 2
#: Scatter of an hour of a beta gauge, µg/m³ (makers state a detection limit of 4.8, twice the s.d.; stations average
#: better than that).
BETA = 0.5


@dataclass(frozen=True)
class Air:
    """A year of one station or several, hours of the local calendar from 1 January 0 h on."""

    #: first hour, seconds of the epoch
    start_s: int
    #: pm25 and pm10 in µg/m³, gases in ppm, as stations report them; float64[stations, hours]
    values: dict[str, Hours]

    @property
    def local_s(self) -> NDArray[np.int64]:
        """Local seconds of each hour's beginning."""
        return self.start_s + OFFSET_S + 3600 * np.arange(self.values["pm25"].shape[1])

    @property
    def month(self) -> NDArray[np.int64]:
        """January is 0."""
        return self.local_s.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12


def simulated(city: SimCity, year: int, kind: str = "residential_area") -> Air:
    """A year as a reference instrument in each district would report it: hourly means, rounded.

    One site of that kind in each district, since stations stand away from roads.
    """
    start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) - OFFSET_S
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp()) - OFFSET_S
    first = {
        one.district: place for place, one in reversed(list(enumerate(city.sensors))) if one.kind == kind
    }
    knots = np.arange(start // KNOT_S + 1, end // KNOT_S, EVERY)
    true = city.curves(np.array(sorted(first.values())), knots)
    noise = np.random.default_rng(year).normal(0, BETA, (2, len(first), (end - start) // 3600))
    pm25 = _hourly(true.log_pm25) + noise[0]
    pm10 = _hourly(true.log_pm25 - true.log_ratio) + noise[1]
    gases = {gas: _hourly(getattr(true, f"log_{gas}")) for gas in GASES}
    return Air(start, {"pm25": np.rint(pm25).clip(1), "pm10": np.rint(pm10).clip(1)} | {
        gas: np.round(values, 1 if gas == "co" else 3).clip(0.001) for gas, values in gases.items()
    })  # fmt: skip


def _hourly(logs: NDArray[np.float32]) -> Hours:
    return np.exp(logs.astype(np.float64)).reshape(len(logs), -1, 3600 // KNOT_S // EVERY).mean(axis=2)


def figures(air: Air) -> dict[str, float]:
    """Every figure of the year, by name; of several stations the mean of their figures."""
    found = dict(_particles(air, "pm25")) | dict(_particles(air, "pm10")) | dict(_together(air))
    for gas in GASES:
        found |= dict(_gas(air, gas))
    return found


def _particles(air: Air, metric: str) -> Iterator[tuple[str, float]]:
    hours = air.values[metric]
    logs = np.log(hours)
    yield f"{metric} mean", float(hours.mean())
    yield f"{metric} s.d. of the logarithm", float(logs.std(axis=1).mean())
    for quantile in QUANTILES:
        yield f"{metric} {quantile} %", float(np.percentile(hours, quantile, axis=1).mean())
    yield from _memory(metric, logs)
    change = np.abs(np.diff(hours, axis=1))
    for quantile in CHANGES:
        yield (
            f"{metric} change in an hour {quantile} %",
            float(np.percentile(change, quantile, axis=1).mean()),
        )
    grade = np.searchsorted(np.array(EDGES[metric]), hours)
    for number, name in enumerate(GRADES):
        yield f"{metric} hours {name}, %", float(100 * (grade == number).mean())
    yield from _calendar(air, metric)
    for name, limits in (("advisories", ADVISORY[metric]), ("warnings", WARNING[metric])):
        lengths = [episodes(row, *limits) for row in hours]
        yield f"{metric} {name}", float(np.mean([len(each) for each in lengths]))
        if name == "advisories":
            yield f"{metric} hours of advisories", float(np.mean([sum(each) for each in lengths]))


def _memory(metric: str, logs: Hours, lags: tuple[int, ...] = LAGS_H) -> Iterator[tuple[str, float]]:
    for lag in lags:
        like = [np.corrcoef(row[lag:], row[:-lag])[0, 1] for row in logs]
        yield f"{metric} autocorrelation {lag} h", float(np.mean(like))


def _calendar(air: Air, metric: str) -> Iterator[tuple[str, float]]:
    for number, mean in enumerate(by_month(air, metric)):
        yield f"{metric} month {number + 1}", mean
    hours = by_hour(air, metric)
    for start in range(0, 24, 3):
        yield f"{metric} hours {start}–{start + 2} against the mean", float(hours[start : start + 3].mean())
    yield f"{metric} Sunday against the mean", float(by_day(air, metric)[6])


def by_month(air: Air, metric: str) -> list[float]:
    """Monthly means, January first."""
    return [float(air.values[metric][:, air.month == month].mean()) for month in range(12)]


def by_hour(air: Air, metric: str) -> Hours:
    """Means by hour of day against the mean of all, float64[24]."""
    hours = air.values[metric]
    return hours.reshape(len(hours), -1, 24).mean(axis=(0, 1)) / hours.mean()


def by_day(air: Air, metric: str) -> Hours:
    """Means by day of the week against the mean of all, Monday first, float64[7]."""
    day = (air.local_s // 86400 + 3) % 7  # 1970-01-01 was a Thursday
    hours = air.values[metric]
    return np.array([hours[:, day == one].mean() for one in range(7)]) / hours.mean()


def _together(air: Air) -> Iterator[tuple[str, float]]:
    pm25, pm10 = air.values["pm25"], air.values["pm10"]
    for quantile in (5, 25, 50, 75, 95):
        yield f"pm25/pm10 {quantile} %", float(np.percentile(pm25 / pm10, quantile, axis=1).mean())
    like = [np.corrcoef(np.log(one), np.log(two))[0, 1] for one, two in zip(pm25, pm10, strict=True)]
    yield "pm25 with pm10, correlation of logarithms", float(np.mean(like))


def _gas(air: Air, gas: str) -> Iterator[tuple[str, float]]:
    hours = air.values[gas]
    yield f"{gas} mean", float(hours.mean())
    for quantile in (5, 50, 95, 99):
        yield f"{gas} {quantile} %", float(np.percentile(hours, quantile, axis=1).mean())
    yield from _memory(gas, np.log(hours), (1, 6, 24))
    yield from _calendar(air, gas)
    logs = np.log(air.values["pm25"]), np.log(hours)
    like = [np.corrcoef(one, two)[0, 1] for one, two in zip(*logs, strict=True)]
    yield f"{gas} with pm25, correlation of logarithms", float(np.mean(like))


def districts(daily: dict[str, Hours]) -> dict[str, float]:
    """How districts (rows) agree, from daily means by metric, float64[districts, days]."""
    found = {}
    for metric, means in daily.items():
        logs = np.log(means)
        like = np.ma.corrcoef(np.ma.masked_invalid(logs)).filled()[np.triu_indices(len(logs), 1)]
        for name, value in zip(("least", "median", "most"), np.percentile(like, (0, 50, 100)), strict=True):
            found[f"{metric} districts, {name} correlation"] = float(value)
        apart = logs - np.nanmean(logs, axis=0)
        lasting = np.nanmean(apart, axis=1)
        passing = apart - lasting[:, None]
        found[f"{metric} districts, lasting s.d."] = float(lasting.std(ddof=1))
        found[f"{metric} districts, passing s.d."] = float(np.sqrt(np.nanmean(passing**2)))
    return found


def daily(air: Air, metric: str) -> Hours:
    """Daily means, float64[stations, days]."""
    hours = air.values[metric]
    return hours.reshape(len(hours), -1, 24).mean(axis=2)


def episodes(hours: Hours, begin: float, end: float) -> list[int]:
    """Lengths in hours of the advisories of one station: from 2 h at or over `begin` until it is under `end`."""
    lengths, since, over = [], -1, 0
    for place, value in enumerate(hours):
        over = over + 1 if value >= begin else 0
        if since < 0 and over >= 2:
            since = place
        elif since >= 0 and value < end:
            lengths.append(place - since)
            since = -1
    return lengths + ([len(hours) - since] if since >= 0 else [])
