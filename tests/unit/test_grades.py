"""Grades: limits, rounding, dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import PackError
from city.grades import Standard, load_standard, standard_keys
from city.metrics import load_catalogue

KOREA = load_standard("korea")
IN_FORCE = date(2018, 3, 27)
TODAY = date(2026, 11, 24)
KEYS = ["good", "moderate", "bad", "very-bad"]


def key_of(metric: str, value: float | None, on: date = TODAY) -> str | None:
    band = KOREA.grade(metric, value, on)
    return band.key if band else None


@pytest.mark.parametrize(
    ("metric", "lasts"),
    [
        ("pm25", (15, 35, 75)),
        ("pm10", (30, 80, 150)),
        ("pm25_corrected", (15, 35, 75)),
        ("pm10_corrected", (30, 80, 150)),
    ],
)
def test_limits(metric: str, lasts: tuple[int, int, int]) -> None:
    for index, last in enumerate(lasts):
        assert key_of(metric, last) == KEYS[index]
        assert key_of(metric, last + 0.49) == KEYS[index]
        assert key_of(metric, last + 0.5) == KEYS[index + 1]
        assert key_of(metric, last + 1) == KEYS[index + 1]
    assert key_of(metric, 0) == "good"
    assert key_of(metric, 5000) == "very-bad"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf"), -0.6, -98.0])
def test_no_grade_for_what_is_no_amount(value: float | None) -> None:
    assert key_of("pm25", value) is None


def test_a_little_below_zero_rounds_to_zero() -> None:
    assert key_of("pm25", -0.4) == "good"


@pytest.mark.parametrize("metric", ["temperature", "visitors", "no such metric"])
def test_no_grade_without_a_scale(metric: str) -> None:
    assert key_of(metric, 20) is None
    assert KOREA.bands(metric, TODAY) == ()


def test_the_day_the_standard_came_into_force() -> None:
    assert key_of("pm25", 20, date(2018, 3, 26)) is None
    assert key_of("pm25", 20, IN_FORCE) == "moderate"
    scale = KOREA.scale("pm10", IN_FORCE)
    assert scale is not None
    assert scale.since == IN_FORCE


def test_the_newest_scale_in_force_counts() -> None:
    old = KOREA.scales[0]
    strict = replace(old, since=date(2030, 1, 1), bands=(old.bands[0], replace(old.bands[1], lo=6.0)))
    standard = Standard("two", {"en": "Two"}, 0, (strict, old), KOREA.attention)
    before, after = (
        standard.grade("pm25", 10, date(2029, 12, 31)),
        standard.grade("pm25", 10, date(2030, 1, 1)),
    )
    assert (before and before.key, after and after.key) == ("good", "moderate")


@given(st.floats(min_value=-0.5, max_value=3000, width=32))
def test_rounds_half_up(value: float) -> None:
    expected = (Decimal(value) + Decimal("0.5")).to_integral_value("ROUND_FLOOR")
    assert KOREA.rounded(value) == expected
    if value > 0:
        assert expected == Decimal(value).to_integral_value(ROUND_HALF_UP)


def test_rounds_just_below_a_half_down() -> None:
    assert KOREA.rounded(0.49999999999999994) == 0


@given(st.sampled_from(KOREA.metrics), st.floats(0, 2000), st.floats(0, 2000))
def test_more_is_never_better(metric: str, one: float, other: float) -> None:
    less, more = (KOREA.grade(metric, value, TODAY) for value in sorted((one, other)))
    assert less is not None
    assert more is not None
    assert less.index <= more.index


@pytest.mark.parametrize("key", standard_keys())
def test_bands_follow_each_other_without_a_gap(key: str) -> None:
    standard = load_standard(key)
    step = 10.0**-standard.digits
    for scale in standard.scales:
        assert scale.bands[0].lo == 0
        assert scale.bands[-1].hi is None
        assert [band.hi for band in scale.bands[:-1]] == [
            pytest.approx(above.lo - step) for _, above in pairwise(scale.bands)
        ]
        assert [band.index for band in scale.bands] == list(range(len(scale.bands)))


@pytest.mark.parametrize("key", standard_keys())
def test_bars_rise_with_the_grade(key: str) -> None:
    for scale in load_standard(key).scales:
        bars = [band.bars for band in scale.bands]
        assert bars == sorted(set(bars))
        assert set(bars) <= {1, 2, 3, 4}


@pytest.mark.parametrize("key", standard_keys())
def test_standards_fit_the_catalogue(key: str) -> None:
    catalogue = load_catalogue()
    for scale in load_standard(key).scales:
        assert {catalogue[metric].unit for metric in scale.metrics} == {scale.unit}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ko", ["좋음", "보통", "나쁨", "매우나쁨"]),
        ("en", ["Good", "Moderate", "Bad", "Very bad"]),
        ("es", ["Bueno", "Moderado", "Malo", "Muy malo"]),
        ("fr", ["Good", "Moderate", "Bad", "Very bad"]),  # not spoken: English
    ],
)
def test_words(language: str, words: list[str]) -> None:
    assert [band.name(language) for band in KOREA.bands("pm25", TODAY)] == words


def test_an_unknown_standard_names_the_known_ones() -> None:
    with pytest.raises(PackError, match=r"no grade standard 'mars'; there is korea"):
        load_standard("mars")
