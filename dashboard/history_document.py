"""An answer as the page gets it: columns of JSON by the buckets of one grid, null where there is no figure; pure.

Times are ms of Unix time. `series[metric][place]` has `value`, `low`, `high`, `n`, `sensors` by the grid; raw readings
have `times` of their own and `flagged`. A place without anything in the span is null.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import Hours, Level, Series, bucket_start, buckets, utc64
from dashboard.history import WEEK, Answer, Plan, Shown

#: Digits beyond those a metric is shown with: what is drawn and what is in the CSV is rounded alike.
MORE_DIGITS = 2
HOUR = np.timedelta64(1, "h")


def history_json(answer: Answer, pack: CityPack, *, brief: bool = False) -> bytes:
    """The document of `/api/history`; `brief`: values alone, as the small multiples need them."""
    plan, back = answer.plan, answer.weeks * WEEK
    grid = grid_of(plan, pack)
    earlier = grid_of(plan, pack, answer.weeks)
    document = {
        "from": ms(bucket_start(plan.level, plan.start, pack.zone)), "to": ms(plan.end),
        "preset": answer.inquiry.preset, "level": plan.level, "why": plan.why, "finer": plan.finer,
        "finer_points": _finer_points(plan), "points": len(grid) or plan.points, "step": _step_ms(plan),
        "kept": {"raw": ms(plan.kept.raw), "hours": ms(plan.kept.hours)},
        "first": ms(plan.kept.first) if plan.kept.first else None,
        "times": _unix(grid), "places": [_place(answer, at) for at in range(len(answer.places))],
        "metrics": [one.metric.key for one in answer.shown],
        "series": [[_series(one, s, grid, brief=brief) for s in one.series] for one in answer.shown],
        "hours": [[_hours(one, h, plan, pack) for h in one.hours] for one in answer.shown],
        "before": {
            "weeks": answer.weeks, "from": ms(plan.start - back), "to": ms(plan.end - back),
            "series": [_series(one, one.before, earlier, brief=True) for one in answer.shown],
            "hours": [_hours(one, one.hours_before, plan, pack) for one in answer.shown],
        } if answer.weeks else None,
        "outages": [
            {"kind": one.kind, "slot": one.slot, "from": ms(one.start), "to": ms(one.end) if one.end else None}
            for one in answer.outages
        ],
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def ms(instant: datetime) -> int:
    """Milliseconds of Unix time."""
    return round(instant.timestamp() * 1000)


def grid_of(plan: Plan, pack: CityPack, weeks: int = 0) -> NDArray[np.datetime64]:
    """The buckets of a plan, or of the same so many weeks before; of raw readings none."""
    back = weeks * WEEK
    return buckets(plan.level, plan.start - back, plan.end - back, pack.zone)


def rounded(metric: Metric, values: NDArray[Any]) -> NDArray[np.float64]:
    """As drawn and written."""
    return np.round(values.astype(np.float64), metric.decimals + MORE_DIGITS).astype(np.float64)


def on_grid(series: Series, grid: NDArray[np.datetime64]) -> Series:
    """The same with a row for each bucket: NaN and 0 where the archive has none. Raw readings stay as they are."""
    if not len(grid):
        return series
    place = np.searchsorted(grid, series.times)
    inside = place < len(grid)
    inside[inside] = grid[place[inside]] == series.times[inside]

    def spread(values: NDArray[Any], empty: float) -> NDArray[Any]:
        whole = np.full(len(grid), empty, values.dtype)
        whole[place[inside]] = values[inside]
        return whole

    value, low, high = (spread(one, np.nan) for one in (series.value, series.low, series.high))
    n, sensors, flagged = (spread(one, 0) for one in (series.n, series.sensors, series.flagged))
    return Series(series.place, grid, value, low, high, n, sensors, flagged)


def _unix(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return times.astype("M8[ms]").astype(np.int64)


def _step_ms(plan: Plan) -> int:
    return round(plan.level.step.total_seconds() * 1000)


def _finer_points(plan: Plan) -> int | None:
    return None if plan.finer is None else round((plan.end - plan.start) / plan.finer.step)


def _place(answer: Answer, at: int) -> dict[str, Any]:
    unit, name = answer.places[at]
    if unit == "district":
        return {"unit": unit, "code": name}
    known = next(one for one in answer.sensors if one.serial == name)
    return {"unit": unit, "serial": name, "state": known.state, "district": known.district}


def _series(
    shown: Shown, series: Series | None, grid: NDArray[np.datetime64], *, brief: bool
) -> dict[str, Any] | None:
    if series is None or not len(series):
        return None
    whole = on_grid(series, grid)
    columns: dict[str, Any] = {"value": rounded(shown.metric, whole.value)}
    if not brief:
        columns |= {name: rounded(shown.metric, getattr(whole, name)) for name in ("low", "high")}
        columns |= {"n": whole.n, "sensors": whole.sensors}
    if not len(grid):
        columns |= {"times": _unix(series.times), "flagged": series.flagged}
    return columns


def _hours(shown: Shown, hours: Hours | None, plan: Plan, pack: CityPack) -> dict[str, Any] | None:
    """How many hours of how many, and what they say; the mean of the hourly figures, each hour once."""
    if shown.metric.aggregation == "vector":
        return None
    of = hours_between(plan, pack)
    if hours is None or not hours.hours.sum():
        return {
            "of": of,
            "with": 0,
            "over": 0,
            "mean": None,
            "total": None,
            "high": None,
            "high_at": None,
            "over_at": [],
        }
    total, count = float(np.nansum(hours.total.astype(np.float64))), int(hours.hours.sum())
    most = int(np.nanargmax(hours.high))
    digits = shown.metric.decimals + MORE_DIGITS
    return {
        "of": of, "with": count, "over": int(hours.over.sum()), "mean": round(total / count, digits),
        "total": round(total, digits), "high": round(float(hours.high[most]), digits),
        "high_at": int(_unix(hours.times[most : most + 1])[0]), "over_at": _unix(hours.times[hours.over > 0]),
    }  # fmt: skip


def hours_between(plan: Plan, pack: CityPack) -> int:
    """Hours that begin inside the span."""
    start = bucket_start(Level.DAY if plan.level is Level.DAY else Level.HOUR, plan.start, pack.zone)
    return int(np.ceil((utc64(plan.end) - utc64(start)) / HOUR))
