"""The documents of the History page's endpoints, encoded; pure. Times are epoch milliseconds, missing values null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from numpy.typing import NDArray

from dashboard.archive import Level, SensorName, Series
from dashboard.health import epoch_ms
from dashboard.history import Drawing, Overview
from dashboard.history_finding import finding
from dashboard.history_grid import Gap, Times, buckets, empty_series, laid_out
from dashboard.history_limits import over
from dashboard.history_panel import Panel, panel_of, rounded, shifted


def drawing_json(drawing: Drawing, zone: ZoneInfo) -> bytes:
    """The document of `/api/history`."""
    return encoded(panel_json(panel_of(drawing, zone), zone))


def panel_json(panel: Panel, zone: ZoneInfo) -> dict[str, Any]:
    """The same as plain values."""
    drawing, level = panel.drawing, panel.drawing.choice.level
    asked, kept = drawing.asked, drawing.kept
    return {
        "asked": epoch_ms(drawing.at),
        "unit": asked.unit,
        "metric": drawing.metric.key,
        "start": epoch_ms(drawing.start),
        "end": epoch_ms(asked.end),
        "level": level,
        "why": drawing.choice.why,
        "step_ms": int(level.step.total_seconds() * 1000),
        "points": len(panel.series[0]),
        "kept": {"raw": epoch_ms(kept.raw), "hours": epoch_ms(kept.hours)},
        "below_horizon": drawing.start < kept.hours,
        "imported": [],
        "series": [series_json(one, level) for one in panel.series],
        "before": _before(panel, zone),
        "gaps": [gap_json(gap) for gap in panel.gaps],
        "finding": finding(panel),
    }


def series_json(series: Series, level: Level, times: Times | None = None) -> dict[str, Any]:
    """One place, by columns."""
    columns = {
        "place": series.place,
        "t": milliseconds(series.times if times is None else times),
        "v": series.value,
        "lo": series.low,
        "hi": series.high,
        "n": series.n,
        "sensors": series.sensors,
    }
    return columns | ({"flagged": series.flagged} if level is Level.RAW else {})


def gap_json(gap: Gap) -> dict[str, Any]:
    """A gap."""
    start, end = milliseconds(np.array([gap.start, gap.end]))
    return {"place": gap.place, "from": int(start), "to": int(end), "cause": gap.cause}


def overview_json(overview: Overview, zone: ZoneInfo) -> bytes:
    """The document of `/api/history/all`."""
    level = overview.choice.level
    grid = buckets(level, overview.start, overview.end, zone)
    there = {one.place: one for one in overview.series}
    return encoded(
        {
            "start": epoch_ms(overview.start),
            "end": epoch_ms(overview.end),
            "level": level,
            "why": overview.choice.why,
            "step_ms": int(level.step.total_seconds() * 1000),
            "limit": overview.eras[-1].limit if overview.eras else None,
            "series": [
                _small(overview, there.get(one) or empty_series(one), grid) for one in overview.places
            ],
        }
    )


def _small(overview: Overview, series: Series, grid: Times) -> dict[str, Any]:
    bad = over(series.times, series.value, overview.eras)
    shown = rounded(laid_out(series, grid), overview.metric.decimals)
    hours = overview.exceeded.get(series.place)
    return {
        "place": series.place,
        "t": milliseconds(shown.times),
        "v": shown.value,
        "now": overview.newest.get(series.place),
        "over": hours.over if hours else 0,
        "of_hours": hours.of if hours else 0,
        "ticks": spans(series.times[bad], overview.choice.level),
    }


def spans(times: Times, level: Level) -> list[list[int]]:
    """Neighbouring buckets as [from, to], ms."""
    step = int(level.step.total_seconds() * 1000)
    found: list[list[int]] = []
    for start in milliseconds(times).tolist():
        if found and start - found[-1][1] < step / 2:  # a day may have 23 hours, or 25
            found[-1][1] = start + step
        else:
            found.append([start, start + step])
    return found


def sensors_json(found: Sequence[SensorName]) -> bytes:
    """The document of `/api/history/sensors`."""
    return encoded([{"serial": one.serial, "district": one.district, "state": one.state} for one in found])


def milliseconds(times: Times) -> NDArray[np.int64]:
    """Since the epoch."""
    return times.astype("datetime64[ms]").astype(np.int64)


def encoded(document: Any) -> bytes:
    """As JSON; NaN is null."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _before(panel: Panel, zone: ZoneInfo) -> dict[str, Any] | None:
    if panel.before is None:
        return None
    shift, level = panel.drawing.asked.shift, panel.drawing.choice.level
    times = shifted(panel.before.times, level, shift, zone)
    return {
        "shift_ms": int(shift.total_seconds() * 1000),
        "series": series_json(panel.before, level, times),
    }
