"""Holidays and great feasts of a country."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from city.errors import PackError
from simulator.feasts import holidays

EPOCH = date(1970, 1, 1)


def days(*when: tuple[int, int, int]) -> np.ndarray:
    return np.array([(date(*one) - EPOCH).days for one in when])


def test_koreas_holidays_are_known_and_its_feasts_are_the_two_great_ones() -> None:
    asked = days((2026, 1, 1), (2026, 2, 16), (2026, 2, 17), (2026, 9, 25), (2026, 10, 9), (2026, 11, 24))
    free, feast = holidays("KR", asked)
    assert free.tolist() == [True, True, True, True, True, False]
    assert feast.tolist() == [False, True, True, True, False, False]


def test_lunar_new_year_moves() -> None:
    _, feast = holidays("KR", days((2024, 2, 10), (2025, 1, 29), (2024, 1, 29), (2025, 2, 10)))
    assert feast.tolist() == [True, True, False, False]


def test_without_a_country_no_day_is_free() -> None:
    free, feast = holidays("", days((2026, 1, 1), (2026, 2, 17)))
    assert not free.any()
    assert not feast.any()


def test_an_unknown_country_is_refused_in_words() -> None:
    with pytest.raises(PackError, match="QQ"):
        holidays("QQ", days((2026, 1, 1)))
