"""The document of `/api/day`: 24 hours of every district, loaded once and played in the browser. Its names are a contract.

For each live metric: `v` values, `n` sensors behind each, `N` of how many there are now, and `s` a letter a step: a digit
is the grade, `o` a figure without one, `f` too few sensors, `-` nothing heard. Each is a list of districts in the pack's
order and behind them the city. The step k is the 60 minutes up to `first` + k × `step_s`; those after `rolled` are not known.
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
from dashboard.changes import FEW, NOTHING, UNGRADED, changes_of, number
from dashboard.day import STEP_S, Buckets, Steps, enough, steps_of
from dashboard.day_store import ReturnRow
from dashboard.packed import instant, unix_ms
from dashboard.picture import View
from dashboard.window import WINDOW_S, Ints

#: Rollups keep computing this long behind what they call complete (`maintain.rollup.OPEN_FOR`): a step that ends there has
#: its readings, but for late ones.
OPEN_US = 600_000_000
#: Changes that are sent, the newest.
CHANGES_MOST = 300


def day_json(
    view: View,
    buckets: Buckets,
    rolled_us: int,
    standard: Standard,
    zone: ZoneInfo,
    returns: Sequence[ReturnRow],
    good: Mapping[int, Ints],
) -> bytes:
    """The document but for its version, so that an unchanged day is the same bytes."""
    steps = cut(known_steps(steps_of(buckets, view.metrics), rolled_us), view.metrics)
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
    return orjson.dumps(document)


def known_steps(steps: Steps, rolled_us: int) -> Steps:
    """Without the steps that the rollups do not reach yet: nothing may be said of them."""
    count = steps.n.shape[1]
    known = sum(steps.at_us(step) <= rolled_us + OPEN_US for step in range(count))
    return Steps(steps.first_us, steps.value[:, :known], steps.n[:, :known], steps.heard[:, :known])


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
    days = [instant(steps.at_us(step)).astimezone(zone).date() for step in range(steps.n.shape[1])]
    sufficient = enough(steps.n[:, :, at], totals[:, None, at])

    def state(group: int, step: int) -> str:
        if not steps.heard[group, step, at]:
            return NOTHING
        if not sufficient[group, step]:
            return FEW
        band = standard.grade(metric.key, number(steps.value[group, step, at]), days[step])
        return UNGRADED if band is None else str(band.index)

    return ["".join(state(group, step) for step in range(len(days))) for group in range(len(totals))]


def metric_json(steps: Steps, at: int, metric: Metric, totals: Ints, states: Sequence[str]) -> dict[str, Any]:
    """One metric's lists."""
    values = np.round(steps.value[:, :, at], metric.decimals + 2).tolist()
    return {
        "v": [
            [_cell(value, letter) for value, letter in zip(row, state, strict=True)]
            for row, state in zip(values, states, strict=True)
        ],
        "n": steps.n[:, :, at].tolist(),
        "N": totals[:, at].tolist(),
        "s": list(states),
    }


def _cell(value: float, letter: str) -> float | int | None:
    """A value, 12.0 as 12; None where nothing was heard."""
    if letter == NOTHING or not np.isfinite(value):
        return None
    return int(value) if value == int(value) else value
