"""A simulated year beside Seoul's five: every figure within a tolerance that Seoul's own years give."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from city.pack import load_pack
from simulator.city import SEED, SimCity
from tests.unit.air_figures import daily, districts, figures, simulated
from tests.unit.seoul_years import YEARS
from tests.unit.tolerance import FIVE_YEARS, YEAR, Row, rows

#: The shipped city, and four others that were looked at once before the last small changes of constants.
SEEDS = (SEED, 51, 52, 53, 54)
CALENDAR = 2026
PAGE = Path(__file__).parents[2] / "docs" / "realism.md"
#: °C and % by month, January first.
TEMPERATURE = (-1.9, 0.7, 6.1, 12.6, 18.2, 22.7, 25.3, 26.1, 21.6, 15.0, 7.5, 0.2)
HUMIDITY = (56, 55, 55, 55, 60, 66, 76, 74, 66, 62, 60, 58)


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


def test_the_page_shows_the_table() -> None:
    """Each number within 2 % or a fifth of a spread: processors differ in the last digit."""
    page = PAGE.read_text(encoding="utf-8").partition("```\n")[2].partition("\n```")[0].splitlines()
    made = table(years()).strip().splitlines()
    assert [line[:46] for line in page] == [line[:46] for line in made]
    for written, new in zip(page[1:-1], made[1:-1], strict=True):
        shown, computed = ([float(number) for number in line[46:].split()] for line in (written, new))
        assert shown == pytest.approx(computed, rel=0.02, abs=0.2 * computed[1]), (
            f"{new}: run docs/realism.py"
        )


def test_a_years_weather_is_that_of_the_normals() -> None:
    """Normals 1991–2020 of Seoul (KMA); a month's mean may be 3 °C and 12 % off, as months are."""
    city = SimCity(load_pack("seoul"), 50)
    first = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) // 600
    knots = np.arange(first, first + 365 * 144, 6)
    true = city.curves(np.arange(50), knots)
    month = (knots * 600).astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
    celsius, dew = true.temperature.astype(float), true.dew_point.astype(float)
    percent = 100 * np.exp(17.625 * dew / (243.04 + dew) - 17.625 * celsius / (243.04 + celsius))
    means = [celsius[:, month == one].mean() for one in range(12)]
    assert means == pytest.approx(TEMPERATURE, abs=3)
    assert [percent[:, month == one].mean() for one in range(12)] == pytest.approx(HUMIDITY, abs=12)


def test_the_table_has_all_that_seoul_is_known_for() -> None:
    assert set(years()[0]) == set(YEARS)
