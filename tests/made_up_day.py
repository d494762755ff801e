"""A made-up document of `/api/day` for a stand-in: a front that arrives, and each kind of nothing."""

from __future__ import annotations

import math
from typing import Any

from dashboard.day import STEP_S, STEPS
from tests.stand_in import SENSORS, StandIn

STEP_MS = STEP_S * 1000
#: Steps at which the fourth district has too few sensors, at which nobody in the city was heard, and from which on the
#: last district is silent.
FEW = range(40, 60)
OUTAGE = range(80, 96)
SILENT_FROM = 120


def value(of: StandIn, metric: str, district: int, step: int) -> float:
    """A district's level, which a front doubles from the middle of the day on, west before east."""
    front = 1 / (1 + math.exp(-(step - 70 - 2 * (district % 7)) / 6))
    return round(of.level(metric, district) * (0.5 + front), 2)


def letter(of: StandIn, metric: str, district: int, step: int) -> str:
    """State of a district at a step."""
    if step in OUTAGE or (district == len(of.codes) - 1 and step >= SILENT_FROM):
        return "-"
    if district == 3 and step in FEW:
        return "f"
    band = of.standard.grade(metric, value(of, metric, district, step), of.today)
    return "o" if band is None else str(band.index)


def made_up_day(of: StandIn) -> dict[str, Any]:
    """The document, whose last step ended within the last 10 minutes; some changes of each kind."""
    last = of.city["now"] // STEP_MS * STEP_MS
    districts = range(len(of.codes))
    metrics = {}
    for metric in of.pack.live:
        states = ["".join(letter(of, metric, one, step) for step in range(STEPS)) for one in districts]
        values = [
            [value(of, metric, one, step) if state != "-" else None for step, state in enumerate(states[one])]
            for one in districts
        ]
        city = [_mean([row[step] for row in values]) for step in range(STEPS)]
        bands = [of.standard.grade(metric, one, of.today) if one is not None else None for one in city]
        whole = "".join(
            "-" if one is None else str(band.index) if band else "o"
            for one, band in zip(city, bands, strict=True)
        )
        n = [[2 if state == "f" else 0 if state == "-" else SENSORS for state in row] for row in states]
        n.append([sum(row[step] for row in n) for step in range(STEPS)])
        metrics[metric] = {"v": [*values, city], "n": n, "N": [SENSORS] * len(states) + [SENSORS * len(states)], "s": [*states, whole]}  # fmt: skip
    first = last - (STEPS - 1) * STEP_MS
    changes = _changes(of, first)
    return {
        "first": first, "step_s": STEP_S, "steps": STEPS, "window_s": 3600, "districts": of.codes,
        "metrics": metrics, "changes": changes, "changes_total": len(changes),
    }  # fmt: skip


def show(of: StandIn) -> dict[str, Any]:
    """Let the stand-in serve it, and tell of it with the next tick."""
    of.whole_day = made_up_day(of)
    of.city["day_version"] = of.city.get("day_version", 0) + 1
    of.tick()
    return of.whole_day


def _mean(values: list[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return round(sum(known) / len(known), 2) if known else None


def _changes(of: StandIn, first: int) -> list[dict[str, Any]]:
    def at(step: int) -> int:
        return first + step * STEP_MS

    codes = of.codes
    found: list[dict[str, Any]] = [
        {"at": at(140), "kind": "flagged", "ds": [codes[1]], "m": "noise", "v1": 162.0, "count": 1, "serials": ["V02Q1901007"]},
        {"at": at(SILENT_FROM), "kind": "lost", "ds": [codes[-1]], "m": "pm25", "v0": 30.2, "g0": 1, "n": 0, "N": SENSORS, "why": "nothing"},
        {"at": at(SILENT_FROM) - 60_000, "kind": "silent", "ds": [codes[-1]], "count": SENSORS, "serials": ["V02Q1924000", "V02Q1924001", "V02Q1924002"]},
        {"at": at(96), "kind": "back", "ds": codes, "m": "pm25"},
        {"at": at(80), "kind": "lost", "ds": codes, "m": "pm25", "why": "nothing"},
        {"at": at(75), "kind": "grade", "ds": [codes[4]], "m": "pm25", "v0": 35.4, "v1": 35.6, "g0": 1, "g1": 2, "n": 42, "N": SENSORS},
        {"at": at(74), "kind": "grade", "ds": [codes[5]], "m": "pm10", "v0": 80.2, "v1": 80.7, "g0": 1, "g1": 2, "n": 42, "N": SENSORS},
        {"at": at(60), "kind": "back", "ds": [codes[3]], "m": "pm25", "v1": 18.0, "g1": 1, "n": SENSORS, "N": SENSORS},
        {"at": at(50), "kind": "returned", "ds": [codes[6]], "count": 1, "serials": ["V02Q1906001"], "since": at(30)},
        {"at": at(40), "kind": "lost", "ds": [codes[3]], "m": "pm25", "v0": 17.0, "g0": 1, "n": 2, "N": SENSORS, "why": "few"},
        {"at": at(20), "kind": "new", "ds": [codes[8]], "count": 1, "serials": ["my-first"]},
    ]  # fmt: skip
    return found
