"""Long tables: rows of one metric each, put together as readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Pivoted:
    """Readings put together out of rows."""

    #: row that each reading begins with
    first: Column
    #: place of the metric → float32, NaN where a row says so, or none is there
    values: dict[int, Column]
    #: place of the metric → whether the reading has a row of it
    carried: dict[int, Column]


def pivoted(keys: Sequence[Column], metrics: Column, values: Column) -> Pivoted:
    """Rows of equal `keys` are one reading; a metric that comes again there begins another. All columns of one length."""
    again = _times_before((*keys, metrics))
    group, first = _grouped((*keys, again))
    found: dict[int, Column] = {}
    carried: dict[int, Column] = {}
    for metric in np.unique(metrics).tolist():
        rows = np.flatnonzero(metrics == metric)
        carried[metric] = np.zeros(len(first), dtype=bool)
        found[metric] = np.full(len(first), np.nan, dtype=np.float32)
        carried[metric][group[rows]] = True
        found[metric][group[rows]] = values[rows]
    return Pivoted(first, found, carried)


def _times_before(keys: Sequence[Column]) -> Column:
    """How often the keys of each row came before it."""
    order, begins = _sorted(keys)
    count = np.arange(len(order))
    before = np.empty(len(order), dtype=np.int64)
    before[order] = count - np.maximum.accumulate(np.where(begins, count, 0))
    return before


def _grouped(keys: Sequence[Column]) -> tuple[Column, Column]:
    """(group of each row, first row of each group), groups in the order of their first rows."""
    order, begins = _sorted(keys)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(begins) - 1
    first = order[begins]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[group], np.sort(first)


def _sorted(keys: Sequence[Column]) -> tuple[Column, Column]:
    """(rows by their keys, equal ones as they came; whether a row there has other keys than the one before)."""
    order = np.lexsort(tuple(reversed(keys)))
    begins = np.ones(len(order), dtype=bool)
    if len(order):
        same = [key[order][1:] == key[order][:-1] for key in keys]
        begins[1:] = ~np.logical_and.reduce(same)
    return order, begins
