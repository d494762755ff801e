"""Grades: the bands of a standard, their colours, and the date from which they hold."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from city.errors import PackError

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, Theme] = ("dark", "light")
SOURCE = Path(__file__).with_name("grades.toml")


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours of one band in one theme, `#RRGGBB`."""

    #: areas
    fill: str
    #: text on the fill
    label: str
    #: dots, small marks and coloured text on a panel
    ink: str


@dataclass(frozen=True, slots=True)
class Band:
    """One grade of one metric: rounded values from `lo` to `hi`, both included."""

    #: e.g. `very-bad`
    key: str
    #: language → word
    names: Mapping[str, str]
    #: place among the bands of its metric, from 0
    index: int
    #: lowest rounded value
    lo: float
    #: highest rounded value, None for the last band, which has no end
    hi: float | None
    #: second mark: how many of four rising bars are filled
    bars: int
    #: theme → colours
    colours: Mapping[Theme, Colours]

    def name(self, language: str) -> str:
        """The grade's word in `language`, else in English."""
        return self.names.get(language) or self.names["en"]


@dataclass(frozen=True, slots=True)
class Scale:
    """The bands of one or several metrics, from a date on until a later scale takes over."""

    #: metric keys
    metrics: tuple[str, ...]
    #: unit in which limits are given
    unit: str
    #: first day of force, in the city's time
    since: date
    #: best first
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Standard:
    """A standard: scales by metric and date, and how it rounds."""

    #: e.g. `korea`
    key: str
    #: language → name
    names: Mapping[str, str]
    #: digits after the point that a value is rounded to, half up, before it is graded
    digits: int
    #: newest first
    scales: tuple[Scale, ...]
    #: theme → colour of "a person is needed", which no grade may resemble
    attention: Mapping[Theme, str]

    def name(self, language: str) -> str:
        """The standard's name in `language`, else in English."""
        return self.names.get(language) or self.names["en"]

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Keys of the metrics that have grades."""
        return tuple(dict.fromkeys(key for scale in self.scales for key in scale.metrics))

    def scale(self, metric: str, on: date) -> Scale | None:
        """The scale of `metric` that holds on that day, None before the first and for other metrics."""
        return next((one for one in self.scales if metric in one.metrics and one.since <= on), None)

    def bands(self, metric: str, on: date) -> tuple[Band, ...]:
        """The bands of `metric` that hold on that day, best first; none where there is no scale."""
        scale = self.scale(metric, on)
        return scale.bands if scale else ()

    def rounded(self, value: float) -> float:
        """A finite value as the standard rounds: half up, to `digits`."""
        unit: float = 10.0**self.digits
        scaled = value * unit
        below = math.floor(scaled)
        return (below + (scaled - below >= 0.5)) / unit  # noqa: PLR2004 — the half of half up

    def grade(self, metric: str, value: float | None, on: date) -> Band | None:
        """The band of `value` on that day; None without a scale, without a finite value, below the first band."""
        bands = self.bands(metric, on)
        if not bands or value is None or not math.isfinite(value):
            return None
        rounded = self.rounded(value)
        return next((band for band in reversed(bands) if rounded >= band.lo), None)


@cache
def load_standard(key: str) -> Standard:
    """The standard of that key in `city/grades.toml`; PackError where there is none."""
    tables = _tables()
    if key not in tables["standard"]:
        raise PackError("grades", [f"no grade standard {key!r}; there is {', '.join(tables['standard'])}"])
    table = tables["standard"][key]
    scales = [_scale(each, table["grades"], table["digits"]) for each in table["scales"]]
    newest_first = sorted(scales, key=lambda scale: scale.since, reverse=True)
    return Standard(key, table["names"], table["digits"], tuple(newest_first), tables["attention"])


def standard_keys() -> tuple[str, ...]:
    """Keys of all standards."""
    return tuple(_tables()["standard"])


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def _scale(table: Mapping[str, Any], grades: Sequence[Mapping[str, Any]], digits: int) -> Scale:
    limits = table["limits"]
    step = 10.0**-digits
    lows = [0.0, *(round(limit + step, digits) for limit in limits)]
    highs = [*map(float, limits), None]
    bands = (_band(*row) for row in zip(range(len(grades)), grades, lows, highs, strict=True))
    return Scale(tuple(table["metrics"]), table["unit"], table["since"], tuple(bands))


def _band(index: int, grade: Mapping[str, Any], lo: float, hi: float | None) -> Band:
    colours = {theme: Colours(**grade[theme]) for theme in THEMES}
    return Band(grade["key"], grade["names"], index, lo, hi, grade["bars"], colours)
