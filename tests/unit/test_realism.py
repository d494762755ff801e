"""A simulated year beside Seoul's five: every figure within a tolerance that Seoul's own years give."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from city.pack import load_pack
from simulator.city import SEED, SimCity
from tests.unit.air_figures import daily, districts, figures, simulated
from tests.unit.seoul_years import YEARS
from tests.unit.tolerance import FIVE_YEARS, YEAR, Row, rows

#: The shipped city, and four others that were looked at only when all constants stood.
SEEDS = (SEED, 51, 52, 53, 54)
CALENDAR = 2026


@cache
def years() -> list[dict[str, float]]:
    """The figures of a simulated year of each seed."""
    return [_year(seed) for seed in SEEDS]


def _year(seed: int) -> dict[str, float]:
    air = simulated(SimCity(load_pack("seoul"), seed=seed), CALENDAR)
    return figures(air) | districts({metric: daily(air, metric) for metric in ("pm25", "pm10", "no2")})


def test_a_year_and_five_are_like_seouls(capsys: pytest.CaptureFixture[str]) -> None:
    found = years()
    with capsys.disabled():
        print(table(found))
    outside = [row.name for row in rows() if not _within(row, found)]
    assert outside == []


def _within(row: Row, found: list[dict[str, float]]) -> bool:
    values = [year[row.name] for year in found]
    return abs(row.off(values[0])) <= YEAR and abs(row.off(float(np.mean(values)))) <= FIVE_YEARS


def table(found: list[dict[str, float]]) -> str:
    """Seoul's mean, the spread of its years, the simulated year and the mean of five, and how far they are off."""
    heads = ("figure", "Seoul", "spread", "a year", "off", "five", "off")
    lines = ["", "{:<46}{:>10}{:>9}{:>10}{:>7}{:>10}{:>7}".format(*heads)]
    for row in rows():
        values = [year[row.name] for year in found]
        five = float(np.mean(values))
        mark = "" if _within(row, found) else "  <- outside"
        lines.append(
            f"{row.name:<46}{row.mean:>10.4g}{row.spread:>9.2g}{values[0]:>10.4g}{row.off(values[0]):>7.2f}"
            f"{five:>10.4g}{row.off(five):>7.2f}{mark}"
        )
    return "\n".join([*lines, f"off: in spreads; allowed {YEAR:g} for a year, {FIVE_YEARS:g} for five"])


def test_the_table_has_all_that_seoul_is_known_for() -> None:
    assert set(years()[0]) == set(YEARS)
