"""What a panel says in figures: mean, how much is there, the time before, hours over the limit, the peak; pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from city.metrics import Metric
from dashboard.archive import Level, Series
from dashboard.history import Drawing
from dashboard.history_grid import Times
from dashboard.history_panel import Panel

#: Below it directions cancel each other, as in `direction()` of the schema.
CALM = 1e-9


def finding(panel: Panel) -> dict[str, Any] | None:
    """Of the selected place, out of what is drawn; hours over the limit out of hours. None where nothing is there."""
    drawing, selected = panel.drawing, counting(panel.series[0])
    if not len(selected):
        return None
    have, of = _have(selected, panel.series[0], panel.grid, drawing)
    left_out = drawing.left_out
    return {
        "place": selected.place,
        "mean": mean(drawing.metric, selected.value),
        "have": have,
        "of": of,
        **_compared(panel),
        "over": _over(drawing),
        "peak": _peak(drawing, selected),
        "sensors": [int(selected.sensors.min()), int(selected.sensors.max())],
        "flagged": left_out.flagged if left_out else None,
        "unverified": left_out.unverified if left_out else None,
    }


def mean(metric: Metric, values: NDArray[np.float32]) -> float | None:
    """Of the points' figures, each once; of directions the angle of their mean vector, None where they cancel."""
    exact = values.astype(np.float64)
    if metric.aggregation != "vector":
        return float(exact.mean())
    east, north = np.sin(np.radians(exact)).mean(), np.cos(np.radians(exact)).mean()
    if abs(east) + abs(north) <= CALM:
        return None
    return float(np.degrees(np.arctan2(east, north)) % 360)


def counting(series: Series) -> Series:
    """The points with a value that counts."""
    kept = np.isfinite(series.value) & ~series.flagged
    columns = (getattr(series, name)[kept] for name in Series.__dataclass_fields__ if name != "place")
    return Series(series.place, *columns)


def _have(chosen: Series, drawn: Series, grid: Times, drawing: Drawing) -> tuple[int, int]:
    """Points that count, of those that should be there: every bucket by now, or the readings that came."""
    if drawing.choice.level is Level.RAW:
        return len(chosen), int(np.isfinite(drawn.value).sum())
    return len(chosen), len(np.union1d(grid, chosen.times))


def _compared(panel: Panel) -> dict[str, Any]:
    if panel.before is None:
        return {"before_mean": None, "before_have": None, "before_of": None}
    chosen = counting(panel.before)
    have, of = _have(chosen, panel.before, panel.before_grid, panel.drawing)
    value = mean(panel.drawing.metric, chosen.value) if len(chosen) else None
    return {"before_mean": value, "before_have": have, "before_of": of}


def _over(drawing: Drawing) -> dict[str, Any] | None:
    if not drawing.eras:
        return None
    hours = drawing.exceeded
    return {
        "limit": drawing.eras[-1].limit,
        "hours": hours.over if hours else 0,
        "of_hours": hours.of if hours else 0,
    }


def _peak(drawing: Drawing, series: Series) -> dict[str, Any] | None:
    """The highest point; a direction has none."""
    if drawing.metric.aggregation == "vector":
        return None
    at = int(np.argmax(series.value))
    return {
        "t": int(series.times[at].astype("datetime64[ms]").astype(np.int64)),
        "v": float(series.value[at]),
        "sensors": int(series.sensors[at]),
        "of": drawing.sensors,
    }
