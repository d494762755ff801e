"""The metric catalogue: what can be measured, with units, ranges and names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, Literal

from city.errors import PackError

Aggregation = Literal["mean", "sum", "vector"]

#: `reading.flags` is a bigint whose sign bit stays free.
MAX_METRICS = 63
#: A column name of PostgreSQL is at most 63 bytes; rollups append up to eight (`_sensors`, `_flagged`).
KEY_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,47}")
#: Names that a metric cannot take: columns of our tables and keys of the wire contract.
RESERVED_KEYS = frozenset(
    {
        "time", "sensor_id", "district_id", "received_at", "changed_at", "replaced_at", "revision", "flags",
        "extra", "bucket", "sensor", "serial", "district", "lat", "lon", "model", "kind", "tableoid", "ctid",
        "xmin", "xmax", "cmin", "cmax",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity."""

    #: column and wire key, e.g. `pm25`
    key: str
    #: unit as shown where no translation is given
    unit: str
    #: outside it a value is stored and flagged, in `unit`
    plausible: tuple[float, float]
    #: outside it the reading is quarantined, in `unit`
    possible: tuple[float, float]
    #: how values of a bucket become one
    aggregation: Aggregation
    #: digits after the point on screen
    decimals: int
    #: place in `reading.flags`
    bit: int
    #: language → full name
    names: Mapping[str, str]
    #: language → name for a tab or a column head
    short: Mapping[str, str]
    #: language → unit, where it is a word
    units: Mapping[str, str]

    def name(self, language: str) -> str:
        """Full name in `language`, else in English, else the key."""
        return self.names.get(language) or self.names.get("en") or self.key

    def short_name(self, language: str) -> str:
        """Name for narrow places in `language`."""
        return self.short.get(language) or self.short.get("en") or self.name(language)

    def unit_in(self, language: str) -> str:
        """Unit as written in `language`."""
        return self.units.get(language) or self.unit


@dataclass(frozen=True)
class Catalogue:
    """All metrics of one city, in the order they were declared."""

    metrics: tuple[Metric, ...]

    @cached_property
    def by_key(self) -> dict[str, Metric]:
        """Key → metric."""
        return {metric.key: metric for metric in self.metrics}

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """All keys, in order."""
        return tuple(metric.key for metric in self.metrics)

    def __getitem__(self, key: str) -> Metric:
        return self.by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self.by_key

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.metrics)


def metric_from(key: str, table: Mapping[str, Any]) -> Metric:
    """A metric from its TOML table; ValueError or KeyError says what is wrong with it."""
    plausible, possible = _range(table, "plausible"), _range(table, "possible")
    if table["aggregation"] not in ("mean", "sum", "vector"):
        raise ValueError(f"aggregation is {table['aggregation']!r}; it is mean, sum or vector")
    names = dict(table["names"])
    return Metric(
        key=key,
        unit=str(table["unit"]),
        plausible=plausible,
        possible=possible,
        aggregation=table["aggregation"],
        decimals=int(table["decimals"]),
        bit=int(table["bit"]),
        names=names,
        short=dict(table.get("short", names)),
        units=dict(table.get("units", {})),
    )


def _range(table: Mapping[str, Any], name: str) -> tuple[float, float]:
    low, high = table[name]
    if not low < high:
        raise ValueError(f"{name} is [{low}, {high}]; the first has to be below the second")
    return float(low), float(high)


def metric_problems(metrics: Sequence[Metric]) -> list[str]:
    """What is wrong with these metrics together, a sentence each."""
    problems = [f"{len(metrics)} metrics; flags have room for {MAX_METRICS}"] * (len(metrics) > MAX_METRICS)
    seen_keys: set[str] = set()
    seen_bits: dict[int, str] = {}
    for metric in metrics:
        problems += _problems_of(metric, seen_keys, seen_bits)
        seen_keys.add(metric.key)
        seen_bits.setdefault(metric.bit, metric.key)
    return problems


def _problems_of(metric: Metric, seen_keys: set[str], seen_bits: Mapping[int, str]) -> Iterator[str]:
    key = metric.key
    if not KEY_PATTERN.fullmatch(key):
        yield f"metric key {key!r} is not lower-case letters, digits and _ (at most 48)"
    if key in RESERVED_KEYS:
        yield f"metric key {key!r} is the name of a fixed column; choose another"
    if key in seen_keys:
        yield f"metric {key!r} is declared twice; a pack cannot redefine a shipped one"
    if not 0 <= metric.bit < MAX_METRICS:
        yield f"metric {key!r} has bit {metric.bit}; bits are 0 to {MAX_METRICS - 1}"
    elif metric.bit in seen_bits:
        yield f"metric {key!r} has bit {metric.bit}, which is {seen_bits[metric.bit]!r}'s; take a free one"
    if not (metric.possible[0] <= metric.plausible[0] and metric.plausible[1] <= metric.possible[1]):
        yield f"metric {key!r}: the plausible range has to lie inside the possible one"


def shipped_metrics() -> tuple[Metric, ...]:
    """The metrics of `city/metrics.toml`."""
    tables = tomllib.loads(files("city").joinpath("metrics.toml").read_text(encoding="utf-8"))
    return tuple(metric_from(key, table) for key, table in tables.items())


def load_catalogue(extra: Sequence[Metric] = ()) -> Catalogue:
    """The shipped metrics and a pack's own; PackError where they clash."""
    metrics = (*shipped_metrics(), *extra)
    if problems := metric_problems(metrics):
        raise PackError("metrics", problems)
    return Catalogue(metrics)
