"""How far a simulated year may be from Seoul's: judged by how far Seoul's years are from each other.

The spread of a figure is the standard deviation of its five years. Five are few, so figures of one family (months,
hours, memory, Sundays) lend each other theirs: it counts at least the family's root mean square. No spread is below
half of what an instrument resolves, nor below the chance of 52 Sundays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from tests.unit.seoul_years import YEARS

#: A year may be off by so many spreads, the mean of five years by so many. Were the model perfect, a year would be
#: outside in 5 of 100 figures, five years in 2.4 of 100 (Student's t, 4 and 8 degrees of freedom): Seoul itself, in
#: 2018–2022 against another five years, would fail some. The simulated ones may fail none.
YEAR, FIVE_YEARS = 3.0, 1.75
#: Figures that lend each other their spread: relative ones (months grow with their level) and plain ones.
RELATIVE = r"^(\w+) month \d+$"
PLAIN = (
    r"^(\w+) hours \d+–\d+ against the mean$",
    r"^(\w+) autocorrelation \d+ h$",
    r"Sunday against the mean$",
    r"districts, \w+ correlation$",
)
#: What a station's instrument resolves.
RESOLUTION = {"pm25": 1.0, "pm10": 1.0, "no2": 0.001, "o3": 0.001, "co": 0.1}
IN_UNITS = r"^(pm25|pm10|no2|o3|co) (change in an hour )?[\d.]+ %$"
#: A day's mean has a spread of about 60 % about the year's; 52 Sundays, less what they share with the days beside them.
SUNDAY = 0.045


@dataclass(frozen=True)
class Row:
    """One figure, Seoul's and what it may be."""

    name: str
    #: mean of Seoul's five years, and the spread of one
    mean: float
    spread: float

    def off(self, value: float) -> float:
        """How many spreads a value is from Seoul's mean."""
        return (value - self.mean) / self.spread


@cache
def rows() -> tuple[Row, ...]:
    """All figures."""
    return tuple(Row(name, float(np.mean(years)), _spread(name)) for name, years in YEARS.items())


def _spread(name: str) -> float:
    spread = max(_own(name), _resolved(name), SUNDAY if "Sunday" in name else 0.0)
    if found := re.search(RELATIVE, name):
        family = [_own(other) / float(np.mean(YEARS[other])) for other in _like(RELATIVE, found[1])]
        return max(spread, float(np.mean(YEARS[name])) * _mean_square(family))
    for pattern in PLAIN:
        if found := re.search(pattern, name):
            metric = found[1] if found.groups() else ""
            return max(spread, _mean_square([_own(other) for other in _like(pattern, metric)]))
    return spread


def _own(name: str) -> float:
    return float(np.std(YEARS[name], ddof=1))


def _like(pattern: str, metric: str) -> list[str]:
    return [name for name in YEARS if re.search(pattern, name) and name.startswith(metric)]


def _mean_square(spreads: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(spreads))))


def _resolved(name: str) -> float:
    found = re.search(IN_UNITS, name)
    return RESOLUTION[found[1]] / 2 if found else 0.0
