"""The sensors of a district as the panel lists them, from memory; the document of `/api/sensors`.

For each sensor `v` is what enters the district's figure (its mean, sum or vector mean over the window, null
where nothing does), `shown` what it said last, flagged or not, and `at` when.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from city.metrics import Metric
from dashboard.figures import STALE_S
from dashboard.geometry import Projection
from dashboard.packed import NEVER
from dashboard.picture import View
from dashboard.sentences import sentence
from dashboard.snapshot import place_of, values_json
from dashboard.store import SensorRow
from dashboard.window import WINDOW_S

Status = Literal["ok", "stale", "silent", "flagged", "unverified", "none"]


def sensors_json(
    view: View, district: str | None, key: str, projection: Projection
) -> list[dict[str, Any]] | None:
    """Sensors of a district (all sensors for None), retired ones left out; None where either name is unknown."""
    column = next((at for at, metric in enumerate(view.metrics) if metric.key == key), None)
    if column is None or (district is not None and district not in view.roster.districts):
        return None
    return [
        sensor_json(view, place, column, projection)
        for place, sensor in enumerate(view.roster.sensors)
        if sensor.state != "retired" and district in (None, sensor.district)
    ]


def sensor_json(view: View, place: int, column: int, projection: Projection) -> dict[str, Any]:
    """One sensor; `place` is its row, `column` the metric's among the live ones."""
    sensor, metric = view.roster.sensors[place], view.metrics[column]
    said = values_json(view, place)
    value, at, _flagged = said.get(metric.key, [None, None, False])
    status = status_of(view, place, column)
    x, y = place_of(sensor, projection)
    return {
        "serial": sensor.serial,
        "kind": sensor.kind,
        "state": sensor.state,
        "x": x,
        "y": y,
        "v": own_value(view, place, column),
        "shown": value,
        "at": at,
        "status": status,
        "why": why(status, sensor, metric, value),
        "values": said,
    }


def own_value(view: View, place: int, column: int) -> float | None:
    """A sensor's own figure over the window."""
    count, total = view.sums.count[place, column], float(view.sums.total[place, column])
    if count == 0:
        return None
    match view.metrics[column].aggregation:
        case "sum":
            return round(total, 4)
        case "vector":
            return round(float(np.degrees(np.arctan2(total, view.sums.cosine[place, column])) % 360), 4)
        case _:
            return round(total / int(count), 4)


def status_of(view: View, place: int, column: int) -> Status:
    """What became of a sensor's values of one metric."""
    sums, newest = view.sums, view.sums.newest[place, column]
    if newest == NEVER and view.latest.time[place, view.columns[column]] == NEVER:
        return "none"
    if view.roster.sensors[place].state == "unverified":
        return "unverified"
    if sums.heard[place, column] == 0:
        return "silent"
    if sums.count[place, column] == 0:
        return "flagged"
    return "stale" if view.now_us - newest > STALE_S * 1_000_000 else "ok"


def why(status: Status, sensor: SensorRow, metric: Metric, value: float | None) -> dict[str, str] | None:
    """Why a sensor's value does not count, or is not to be trusted, in every language."""
    match status:
        case "ok":
            return None
        case "flagged":
            return _why_flagged(metric, value)
        case "unverified":
            return sentence("why_unverified", serial=sensor.serial)
        case "silent":
            return sentence("why_silent", min=WINDOW_S // 60)
        case "stale":
            return sentence("why_stale", min=STALE_S // 60)
        case _:
            return sentence("why_none")


def _why_flagged(metric: Metric, value: float | None) -> dict[str, str]:
    low, high = metric.plausible
    if value is None or low <= value <= high:
        return sentence("why_flagged")
    return sentence("why_range", v=f"{value:g}", unit=metric.unit, low=f"{low:g}", high=f"{high:g}")
