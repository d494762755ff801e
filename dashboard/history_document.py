"""Answers as the page gets them: columns of JSON, null where there is no figure; pure. Times are ms of Unix time.

Bucketed series have a row for each bucket of the span, so a gap is a row without a value. Raw readings have a row
each, and one without a value where more than `SILENCE` passed between two: no line crosses a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import Hours, Level, Outage, Series, bucket_start, buckets, utc64
from dashboard.figures import STALE_S
from dashboard.history import Answer, Everywhere, History, Plan, Shown, limit_shown

#: Digits beyond those a metric is shown with: what is drawn and what is in the CSV is rounded alike.
MORE_DIGITS = 2
#: Of longer series a tick of the small multiples stands for several days, of which half are over the limit.
TICKS = 200
#: Of a mean that is compared, at least that share of its buckets is there.
COMPARABLE = 0.5
#: Longer than that without a reading is a gap of raw readings; of a sensor that sends seldom, three of its own steps.
SILENCE, STEPS = np.timedelta64(STALE_S, "s"), 3
HOUR = np.timedelta64(1, "h")
Times = NDArray[np.datetime64]
Span = tuple[np.datetime64, np.datetime64]


def history_json(answer: Answer, history: History) -> bytes:
    """The document of `/api/history`, of the answer's first metric."""
    plan, shown = answer.plan, answer.shown[0]
    grid = grid_of(plan, history.pack)
    whole = [on_grid(series, grid) for series in shown.series]
    missing = [gaps_of(series, plan) for series in whole]
    document = {
        "unit": answer.inquiry.unit, "metric": shown.metric.key,
        "start": ms(bucket_start(plan.level, plan.start, history.pack.zone)), "end": ms(plan.end),
        "level": plan.level, "why": plan.why, "step_ms": _step_ms(plan), "points": len(grid) or len(whole[0]),
        "kept": {"raw": ms(plan.kept.raw), "hours": ms(plan.kept.hours)},
        "below_horizon": plan.start < plan.kept.hours, "imported": _imported(whole[0], plan),
        "series": [
            _series(shown.metric, _broken(series, gaps, plan))
            for series, gaps in zip(whole, missing, strict=True)
        ],
        "before": _before(answer, shown, history.pack),
        "gaps": [
            _gap(series.place, gap, answer.outages)
            for series, gaps in zip(whole, missing, strict=True)
            for gap in gaps
        ],
        "finding": _finding(answer, shown, whole[0], history),
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def everywhere_json(answer: Everywhere, history: History) -> bytes:
    """The document of `/api/history/all`."""
    plan, metric = answer.plan, answer.metric
    grid, limit = grid_of(plan, history.pack), limit_at(metric, plan, history)
    document = {
        "start": ms(plan.start), "end": ms(plan.end), "level": plan.level, "why": plan.why, "step_ms": _step_ms(plan),
        "limit": limit, "points": len(grid),
        "series": [
            _small(metric, on_grid(series, grid), hours, plan, limit)
            for series, hours in zip(answer.series, answer.hours, strict=True)
        ],
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def ms(instant: datetime) -> int:
    """Milliseconds of Unix time."""
    return round(instant.timestamp() * 1000)


def grid_of(plan: Plan, pack: CityPack) -> Times:
    """The buckets of a plan; of raw readings none."""
    return buckets(plan.level, plan.start, plan.end, pack.zone)


def limit_at(metric: Metric, plan: Plan, history: History) -> float | None:
    """What "over" means at the end of the span."""
    return limit_shown(history.standard, metric.key, plan.end.astimezone(history.pack.zone).date())


def rounded(metric: Metric, values: NDArray[Any]) -> NDArray[np.float64]:
    """As drawn and written."""
    return np.round(values.astype(np.float64), metric.decimals + MORE_DIGITS).astype(np.float64)


def on_grid(series: Series, grid: Times) -> Series:
    """The same with a row for each bucket: NaN and 0 where the archive has none. Raw readings stay as they are."""
    if not len(grid):
        return series
    place = np.searchsorted(grid, series.times)
    inside = place < len(grid)
    inside[inside] = grid[place[inside]] == series.times[inside]
    return _spread(series, grid, place[inside], inside)


def gaps_of(series: Series, plan: Plan) -> list[Span]:
    """Where a series on its grid has no value, or its sensor was silent, as spans by time."""
    start, end = utc64(plan.start), utc64(plan.end)
    if plan.level is Level.RAW:
        heard = [start, *series.times, end]
        patience = _silence(series.times)
        return [(one, two) for one, two in pairwise(heard) if two - one > patience]
    return _runs(series, np.isnan(series.value), end)


def _runs(series: Series, mask: NDArray[np.bool_], end: np.datetime64) -> list[Span]:
    """Where rows are in `mask`, as spans by time."""
    padded = np.concatenate([[0], mask.astype(np.int8), [0]])
    edges = np.append(series.times, end)
    begins, ends = (np.flatnonzero(np.diff(padded) == step) for step in (1, -1))
    return [(edges[one], edges[two]) for one, two in zip(begins, ends, strict=True)]


def _silence(times: Times) -> np.timedelta64:
    """How long a sensor with these readings may say nothing."""
    pace = np.median(np.diff(times)) if len(times) > STEPS else np.timedelta64(0, "us")
    return max(SILENCE, STEPS * pace)


def _imported(series: Series, plan: Plan) -> list[list[int]]:
    """Spans whose figures came out of a file below the horizon."""
    return [
        _unix(np.array(span, "M8[us]")).tolist() for span in _runs(series, series.imported, utc64(plan.end))
    ]


def _spread(series: Series, times: Times, place: NDArray[np.int64], inside: NDArray[np.bool_]) -> Series:
    def column(values: NDArray[Any], empty: float) -> NDArray[Any]:
        whole = np.full(len(times), empty, values.dtype)
        whole[place] = values[inside]
        return whole

    value, low, high = (column(one, np.nan) for one in (series.value, series.low, series.high))
    counts = (series.n, series.sensors, series.flagged, series.imported)
    return Series(series.place, times, value, low, high, *(column(one, 0) for one in counts))


def _broken(series: Series, gaps: Sequence[Span], plan: Plan) -> Series:
    """Raw readings with an empty row in each gap between two of them."""
    inner = [one for one, two in gaps if one in series.times and two in series.times]
    if plan.level is not Level.RAW or not inner:
        return series
    breaks = np.array(inner, "M8[us]") + np.timedelta64(1, "ms")
    times = np.sort(np.concatenate([series.times, breaks]))
    everything = np.ones(len(series), np.bool_)
    return _spread(series, times, np.searchsorted(times, series.times), everything)


def _series(metric: Metric, series: Series, by: timedelta = timedelta()) -> dict[str, Any]:
    times = _unix(series.times + np.timedelta64(by))
    value, low, high = (rounded(metric, one) for one in (series.value, series.low, series.high))
    columns = {
        "place": series.place, "t": times, "v": value, "lo": low, "hi": high, "n": series.n, "sensors": series.sensors,
    }  # fmt: skip
    return columns | ({"flagged": series.flagged} if series.flagged.any() else {})


def _before(answer: Answer, shown: Shown, pack: CityPack) -> dict[str, Any] | None:
    """The time before, its times moved onto the span."""
    if shown.before is None:
        return None
    shift = answer.inquiry.shift
    earlier = answer.plan.back(shift)
    whole = on_grid(shown.before, grid_of(earlier, pack))
    series = _series(shown.metric, _broken(whole, gaps_of(whole, earlier), earlier), shift)
    return {"shift_ms": round(shift.total_seconds() * 1000), "series": series}


def _gap(place: str, gap: Span, outages: Sequence[Outage]) -> dict[str, Any]:
    """With the trouble of ingest that covers most of it, where one does."""
    start, end = gap
    shared = {
        one.kind: min(end, utc64(one.end)) - max(start, utc64(one.start))
        if one.end
        else end - max(start, utc64(one.start))
        for one in outages
    }
    covering = {kind: span for kind, span in shared.items() if span > np.timedelta64(0, "us")}
    cause = max(covering, key=lambda kind: covering[kind], default=None)
    begin, finish = _unix(np.array([start, end], "M8[us]")).tolist()
    return {"place": place, "from": begin, "to": finish, "cause": cause}


def counted(series: Series) -> NDArray[np.bool_]:
    """Which rows have a value that counts."""
    return ~np.isnan(series.value) & ~series.flagged


def mean_of(metric: Metric, series: Series) -> float | None:
    """The mean of a series' figures, each once; of directions the angle of their mean vector."""
    values = series.value[counted(series)].astype(np.float64)
    if not len(values):
        return None
    if metric.aggregation != "vector":
        return round(float(values.mean()), metric.decimals + MORE_DIGITS)
    angle = np.degrees(np.arctan2(np.sin(np.radians(values)).mean(), np.cos(np.radians(values)).mean()))
    return round(float(angle % 360), metric.decimals + MORE_DIGITS)


def _finding(answer: Answer, shown: Shown, series: Series, history: History) -> dict[str, Any]:
    """What can be said of the selected place; `have` of `of` buckets, of raw readings those that count of all."""
    metric, plan, there = shown.metric, answer.plan, counted(series)
    sensors = series.sensors[there]
    flagged, unverified = shown.left_out or (None, None)
    before = shown.before and on_grid(shown.before, grid_of(plan.back(answer.inquiry.shift), history.pack))
    return {
        "place": series.place, "mean": mean_of(metric, series), "have": int(there.sum()), "of": len(series),
        "before_mean": mean_of(metric, before) if before and _comparable(before) else None,
        "before_have": int(counted(before).sum()) if before else None,
        "before_of": len(before) if before else None,
        "over": _over(shown.hours, limit_at(metric, plan, history)), "peak": _peak(metric, series),
        "sensors": [int(sensors.min()), int(sensors.max())] if len(sensors) else None,
        "flagged": flagged, "unverified": unverified,
    }  # fmt: skip


def _comparable(before: Series) -> bool:
    """Whether so much of it is there that a difference says something; the counts are told in any case."""
    return bool(counted(before).sum() >= COMPARABLE * len(before))


def _over(hours: Hours | None, limit: float | None) -> dict[str, Any] | None:
    if hours is None or limit is None:
        return None
    return {"limit": limit, "hours": int(hours.over.sum()), "of_hours": int(hours.hours.sum())}


def _peak(metric: Metric, series: Series) -> dict[str, Any] | None:
    """The highest figure; of directions none is."""
    there = np.flatnonzero(counted(series))
    if not len(there) or metric.aggregation == "vector":
        return None
    most = there[np.argmax(series.value[there])]
    at, value = _unix(series.times[most : most + 1]), rounded(metric, series.value[most : most + 1])
    return {"t": int(at[0]), "v": float(value[0]), "sensors": int(series.sensors[most]), "of": None}


def _small(
    metric: Metric, series: Series, hours: Hours | None, plan: Plan, limit: float | None
) -> dict[str, Any]:
    """`now` is the last bucket's figure; `ticks` are the hours over the limit, or days over it."""
    value = rounded(metric, series.value)
    last = value[-1] if len(value) and not np.isnan(value[-1]) else None
    told = hours if limit is not None else None
    return {
        "place": series.place, "t": _unix(series.times), "v": value, "now": None if last is None else float(last),
        "over": int(told.over.sum()) if told else None, "of_hours": int(hours.hours.sum()) if hours else None,
        "ticks": list(_ticks(told, plan, limit)) if told else [],
    }  # fmt: skip


def _ticks(hours: Hours, plan: Plan, limit: float | None) -> Iterator[list[int]]:
    """Spans, ms, of hours over the limit; of days, those whose hours' mean is over it. Neighbours are one."""
    if plan.level is not Level.DAY:
        return _runs_of(hours.times[hours.over > 0], HOUR)
    over = hours.total > hours.hours * np.float32(limit or 0)
    days = math.ceil((plan.end - plan.start) / plan.level.step / TICKS)
    step = days * np.timedelta64(1, "D")
    block = ((hours.times - utc64(plan.start)) // step).astype(int)
    most = np.bincount(block[block >= 0], over[block >= 0], (block.max(initial=-1) + 1))
    return _runs_of(utc64(plan.start) + np.flatnonzero(most * 2 >= days) * step, step)


def _runs_of(times: Times, step: np.timedelta64) -> Iterator[list[int]]:
    for run in np.split(times, np.flatnonzero(np.diff(times) > step) + 1):
        if len(run):
            yield [int(end) for end in _unix(np.array([run[0], run[-1] + step]))]


def _unix(times: Times) -> NDArray[np.int64]:
    return times.astype("M8[ms]").astype(np.int64)


def _step_ms(plan: Plan) -> int:
    return round(plan.level.step.total_seconds() * 1000)
