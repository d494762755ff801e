"""Cells as numbers."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from city.cells import CellRule, numbers

RULE = CellRule(("", "-", "NA", "nan", "-999"), filler="x")


def read(*cells: str, rule: CellRule = RULE) -> list[float | str | None]:
    """Each cell's number, None where nothing was measured, "bad" where it is no number."""
    found, bad = numbers(pa.array(cells, pa.string()), rule)
    return ["bad" if b else None if math.isnan(n) else n for n, b in zip(found, bad, strict=True)]


def test_numbers_as_they_are_written() -> None:
    assert read("0083", "-0.5", "+3", "1e3", ".5", "5.") == [83, -0.5, 3, 1000, 0.5, 5]


def test_missing_markers_and_fillers() -> None:
    assert read("1", "", "-", "NA", "nan", "-999", "xxxx", "x") == [1, *[None] * 7]
    assert read("1", "") == [1, None]


@pytest.mark.parametrize(
    "cell", ["hot", "1,5", "0x1F", "1_000", "inf", "-inf", "NaN", "1 2", "--", "1e", "xx1"]
)
def test_what_is_no_number(cell: str) -> None:
    assert read("1", cell, "") == [1, "bad", None]


def test_spaces_around_a_number() -> None:
    assert read(" 12 ", "\t-", "x ") == [12, None, None]


def test_a_decimal_comma() -> None:
    assert read("12,5", "3", "1.5,2", rule=CellRule(("",), decimal=",")) == [12.5, 3, "bad"]


def test_a_marker_that_is_a_number() -> None:
    assert read("0", "00", "1", rule=CellRule(("0",))) == [None, 0, 1]


def test_nothing_at_all() -> None:
    assert read() == []
