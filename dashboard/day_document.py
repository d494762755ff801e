"""The document of `/api/day`: 24 hours of every district, loaded once and played in the browser. Its names are a contract.

For each live metric: `v` values, `n` sensors behind each, `N` of how many there are now, and `s` a letter a step: a digit
is the grade, `o` a figure without one, `f` too few sensors, `-` nothing heard. Each is a list of districts in the pack's
order and behind them the city. The step k is the 60 minutes up to `first` + k × `step_s`; what rollups do not reach yet, at
either end, is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from city.grades import Standard
from city.metrics import Metric
from dashboard.changes import FEW, NOTHING, UNGRADED, changes_of
from dashboard.day import STEP_S, Buckets, Steps, enough, steps_of
from dashboard.day_store import ReturnRow
from dashboard.packed import instant, unix_ms
from dashboard.picture import View
from dashboard.window import WINDOW_S, Floats, Ints

#: Rollups keep computing this long behind what they call complete (`maintain.rollup.OPEN_FOR`): a step that ends there has
#: its readings, but for late ones.
OPEN_US = 600_000_000
WINDOW_US = WINDOW_S * 1_000_000
#: Changes that are sent, the newest.
CHANGES_MOST = 300


def day_json(
    view: View,
    buckets: Buckets,
    reach: tuple[int, int],
    standard: Standard,
    zone: ZoneInfo,
    returns: Sequence[ReturnRow],
    good: Mapping[int, Ints],
) -> bytes:
    """The document but for its version, so that an unchanged day is the same bytes; `reach`: see `known_steps`."""
    steps = cut(known_steps(steps_of(buckets, view.metrics), *reach), view.metrics)
    totals = np.array([[figure.N for figure in row] for row in view.figures], np.int64)
    states = [states_of(steps, at, metric, totals, standard, zone) for at, metric in enumerate(view.metrics)]
    changes = changes_of(view, steps, states, totals, returns, good)
    sent = [at for at, figure in enumerate(view.figures[-1]) if figure.N > 0 or steps.n[-1, :, at].any()]
    document = {
        "first": unix_ms(steps.first_us),
        "step_s": STEP_S,
        "steps": steps.n.shape[1],
        "window_s": WINDOW_S,
        "districts": list(view.roster.districts),
        "metrics": {
            view.metrics[at].key: metric_json(steps, at, view.metrics[at], totals, states[at]) for at in sent
        },
        "changes": [change.as_json() for change in changes[:CHANGES_MOST]],
        "changes_total": len(changes),
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def known_steps(steps: Steps, since_us: int, rolled_us: int) -> Steps:
    """Without the steps of which the rollups do not reach all yet, at either end: nothing may be said of them."""
    times = [steps.at_us(step) for step in range(steps.n.shape[1])]
    first = sum(at - WINDOW_US < since_us for at in times)
    known = slice(first, max(first, sum(at <= rolled_us + OPEN_US for at in times)))
    return Steps(steps.at_us(first), steps.value[:, known], steps.n[:, known], steps.heard[:, known])


def cut(steps: Steps, metrics: Sequence[Metric]) -> Steps:
    """Values cut to two digits more than are shown: what is graded is what is sent, and rounds to what is stored.

    Rounded instead, 35.497 would be sent as 35.5 and shown as 36.
    """
    unit = np.array([10.0 ** (metric.decimals + 2) for metric in metrics])
    return replace(steps, value=np.trunc(steps.value * unit) / unit)


def states_of(
    steps: Steps, at: int, metric: Metric, totals: Ints, standard: Standard, zone: ZoneInfo
) -> list[str]:
    """A letter a step, by district and then the city."""
    sufficient = enough(steps.n[:, :, at], totals[:, None, at])
    grades = grades_of(steps, at, metric, standard, zone)
    named = np.where(grades < 0, UNGRADED, grades.astype(str))
    letters = np.where(steps.heard[:, :, at], np.where(sufficient, named, FEW), NOTHING)
    return ["".join(row) for row in letters.tolist()]


def grades_of(steps: Steps, at: int, metric: Metric, standard: Standard, zone: ZoneInfo) -> Ints:
    """Index of each value's grade by the scale of its day, as `Standard.grade` gives it; −1 where there is none."""
    values = steps.value[:, :, at]
    grades = np.full(values.shape, -1, np.int64)
    days = [instant(steps.at_us(step)).astimezone(zone).date() for step in range(values.shape[1])]
    for day in set(days):
        columns = [place for place, one in enumerate(days) if one == day]
        bands = standard.bands(metric.key, day)
        if bands:
            found = (
                np.searchsorted(
                    [band.lo for band in bands], _rounded(values[:, columns], standard), side="right"
                )
                - 1
            )
            grades[:, columns] = np.where(np.isnan(values[:, columns]), -1, found)
    return grades


def _rounded(values: Floats, standard: Standard) -> Floats:
    """As `Standard.rounded`, of many."""
    unit = 10.0**standard.digits
    below = np.floor(values * unit)
    rounded: Floats = (below + (values * unit - below >= 0.5)) / unit  # noqa: PLR2004 — the half of half up
    return rounded


def metric_json(steps: Steps, at: int, metric: Metric, totals: Ints, states: Sequence[str]) -> dict[str, Any]:
    """One metric's lists; NaN goes out as null."""
    values = np.where(steps.heard[:, :, at], steps.value[:, :, at], np.nan)
    return {
        "v": np.round(values, metric.decimals + 2),
        "n": np.ascontiguousarray(steps.n[:, :, at]),
        "N": np.ascontiguousarray(totals[:, at]),
        "s": list(states),
    }
