"""What changed in the last 24 hours, each with the value that caused it; pure.

Districts change with a step (`day.Steps`): another grade, a figure lost, a figure back. Sensors fall silent, send
again, are left out, or are new. What befell many at once is told once, with their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from city.metrics import Metric
from dashboard.day import STEP_US, Steps
from dashboard.day_store import SILENCE, ReturnRow
from dashboard.listing import status_of
from dashboard.packed import NEVER, micros, unix_ms
from dashboard.picture import View
from dashboard.window import Ints

#: Of a step: graded is a digit, else a figure without a grade, too few sensors, nothing heard.
UNGRADED, FEW, NOTHING = "o", "f", "-"
#: Serials that are named of a group.
NAMED = 3
#: So many districts that lose or get back their figures at once are told in one line.
TOGETHER = 3
_DAY_US = 24 * 3600 * 1_000_000
_SILENCE_US = int(SILENCE.total_seconds()) * 1_000_000

Kind = Literal["grade", "lost", "back", "silent", "returned", "flagged", "new"]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the list."""

    #: when, µs
    at_us: int
    kind: Kind
    #: codes of the districts; none: of no district
    districts: tuple[str, ...]
    #: key of the metric; None: of all that a sensor sends
    metric: str | None = None
    #: value and grade before and after; None where there is none
    before: float | None = None
    after: float | None = None
    grade_before: int | None = None
    grade_after: int | None = None
    #: sensors behind the value, of so many
    n: int | None = None
    total: int | None = None
    #: `few` or `nothing`: why a figure was lost
    why: str | None = None
    #: sensors that changed: how many, and the first of their serials
    count: int = 0
    serials: tuple[str, ...] = ()
    #: since when a sensor that came back was silent, µs; None: longer than the list reaches
    since_us: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What the page reads; what is not known is left out."""
        numbers = {"v0": self.before, "v1": self.after, "g0": self.grade_before, "g1": self.grade_after}
        rest = {"n": self.n, "N": self.total, "why": self.why, "m": self.metric, "count": self.count or None}
        since = None if self.since_us is None else unix_ms(self.since_us)
        known = {**numbers, **rest, "since": since, "serials": list(self.serials) or None}
        head = {"at": unix_ms(self.at_us), "kind": self.kind, "ds": list(self.districts)}
        return head | {key: value for key, value in known.items() if value is not None}


def changes_of(
    view: View,
    steps: Steps,
    states: Sequence[Sequence[str]],
    totals: Ints,
    returns: Sequence[ReturnRow],
    good: Mapping[int, Ints],
) -> list[Change]:
    """All changes, the newest first; `states` by metric and district, a letter a step."""
    of_sensors = [*silent(view), *returned(view, returns), *flagged(view, good), *new(view)]
    of_districts = district_changes(view, steps, states, totals)
    found = [*of_districts, *of_sensors]
    oldest = view.now_us - _DAY_US
    return sorted(
        (one for one in found if one.at_us > oldest), key=lambda one: (-one.at_us, one.kind, one.districts)
    )


def district_changes(view: View, steps: Steps, states: Sequence[Sequence[str]], totals: Ints) -> list[Change]:
    """Grades that changed, figures that were lost or came back."""
    found: list[Change] = []
    for at, metric in enumerate(view.metrics):
        for district, code in enumerate(view.roster.districts):
            found += _of_one(code, at, metric, steps, states[at][district], district, totals)
    return _together(found)


def _of_one(
    code: str, at: int, metric: Metric, steps: Steps, states: str, district: int, totals: Ints
) -> Iterable[Change]:
    for step in range(1, len(states)):
        old, new_state = states[step - 1], states[step]
        if old == new_state or (_void(old) and _void(new_state)):
            continue
        before, after = (_value(steps, district, one, at, states) for one in (step - 1, step))
        n, total = int(steps.n[district, step, at]), int(totals[district, at])
        kind: Kind = "lost" if _void(new_state) else "back" if _void(old) else "grade"
        yield Change(
            at_us=steps.at_us(step), kind=kind, districts=(code,), metric=metric.key,
            before=None if kind == "back" else before, after=None if kind == "lost" else after,
            grade_before=None if kind == "back" else _grade(old), grade_after=None if kind == "lost" else _grade(new_state),
            n=n, total=max(n, total), why=_why(new_state) if kind == "lost" else None,
        )  # fmt: skip


def _void(state: str) -> bool:
    return state in (FEW, NOTHING)


def _grade(state: str) -> int | None:
    return int(state) if state.isdigit() else None


def _why(state: str) -> str:
    return "few" if state == FEW else "nothing"


def _value(steps: Steps, district: int, step: int, metric: int, states: str) -> float | None:
    return None if states[step] == NOTHING else number(steps.value[district, step, metric])


def number(value: float) -> float | None:
    """As `figures` gives it: the same double is graded and shown."""
    return round(float(value), 4) if np.isfinite(value) else None


def _together(found: Sequence[Change]) -> list[Change]:
    """Many districts that lost, or got back, a metric's figure at once, in one line."""
    singles = [one for one in found if one.kind == "grade"]
    groups = grouped(
        (one for one in found if one.kind != "grade"), lambda one: (one.at_us, one.kind, one.metric, one.why)
    )
    for (at_us, kind, metric, why), members in groups.items():
        if len(members) < TOGETHER:
            singles += members
        else:
            codes = tuple(one.districts[0] for one in members)
            singles.append(Change(at_us, kind, codes, metric, why=why))
    return singles


def grouped(items: Iterable[Item], key: Callable[[Item], Any]) -> dict[Any, list[Item]]:
    """Items by key, in the order in which they came."""
    found: dict[Any, list[Item]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found


def silent(view: View) -> list[Change]:
    """Sensors that have not been heard for an hour, by district and the 10 minutes of their last word."""
    newest = view.latest.time[: len(view.roster.sensors)].max(axis=1, initial=NEVER)
    there = view.roster.verified & (newest != NEVER) & (newest <= view.now_us - _SILENCE_US)
    rows = [int(row) for row in np.flatnonzero(there & (newest > view.now_us - _DAY_US))]
    found = grouped(rows, lambda row: (_code(view, row), int(newest[row]) // STEP_US))
    return [
        Change(max(int(newest[row]) for row in group), "silent", district, **_who(view, group))
        for (district, _), group in found.items()
    ]


def returned(view: View, returns: Sequence[ReturnRow]) -> list[Change]:
    """Sensors that sent again after an hour or more, by district and when."""
    rows = view.roster.rows
    known = [one for one in returns if one.sensor_id in rows and not _is_new(view, rows[one.sensor_id], one)]
    found = grouped(known, lambda one: (_code(view, rows[one.sensor_id]), one.bucket, one.before))
    return [
        Change(
            micros(bucket), "returned", district, **_who(view, [rows[one.sensor_id] for one in group]),
            since_us=None if before is None else micros(before) + STEP_US,
        )
        for (district, bucket, before), group in found.items()
    ]  # fmt: skip


def _is_new(view: View, row: int, one: ReturnRow) -> bool:
    """Its first word in the span is the first it ever said."""
    return one.before is None and micros(view.roster.sensors[row].registered_at) + STEP_US >= micros(
        one.bucket
    )


def flagged(view: View, good: Mapping[int, Ints]) -> list[Change]:
    """Sensors whose values of a metric are all left out now, from their last good ones on."""
    found = []
    for row, column in left_out(view):
        sensor, metric = view.roster.sensors[row], view.metrics[column]
        last = good.get(sensor.sensor_id)
        if last is None or last[column] == NEVER:
            continue
        shown = number(view.latest.value[row, view.columns[column]])
        at_us = int(last[column]) + STEP_US
        found.append(Change(at_us, "flagged", _code(view, row), metric.key, after=shown, **_who(view, [row])))
    return found


def left_out(view: View) -> list[tuple[int, int]]:
    """Verified sensors and live metrics of which every value of the last hour is flagged."""
    sums = view.sums
    rows, columns = np.nonzero((sums.heard > 0) & (sums.count == 0) & view.roster.verified[:, None])
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if status_of(view, row, column) == "flagged"]


def new(view: View) -> list[Change]:
    """Sensors that were heard or added for the first time, by district and when."""
    since = view.now_us - _DAY_US
    sensors = view.roster.sensors
    rows = [
        row
        for row, sensor in enumerate(sensors)
        if sensor.state != "retired" and micros(sensor.registered_at) > since
    ]
    found = grouped(rows, lambda row: micros(sensors[row].registered_at) // STEP_US)
    result = []
    for group in found.values():
        districts = {_code(view, row) for row in group}
        one = districts.pop() if len(districts) == 1 else ()
        result.append(
            Change(max(micros(sensors[row].registered_at) for row in group), "new", one, **_who(view, group))
        )
    return result


def _code(view: View, row: int) -> tuple[str, ...]:
    place = int(view.roster.district[row])
    return () if place < 0 else (view.roster.districts[place],)


def _who(view: View, rows: Sequence[int]) -> dict[str, Any]:
    names = sorted(view.roster.sensors[row].serial for row in rows)
    return {"count": len(rows), "serials": tuple(names[:NAMED])}
