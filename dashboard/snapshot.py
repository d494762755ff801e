"""One tick of the live page: the JSON that every viewer gets, made once. The names are the page's contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from city.grades import Standard
from dashboard.figures import Figure, LeftOut
from dashboard.geometry import Projection
from dashboard.health import Health, epoch_ms
from dashboard.packed import NEVER, instant, unix_ms
from dashboard.picture import View
from dashboard.store import SensorRow
from dashboard.window import WINDOW_S, WINDOW_US

#: Most unverified sensors that are listed one by one; `sensors.unverified` counts them all.
ATTENTION_MOST = 100


def snapshot_json(
    view: View, standard: Standard, zone: ZoneInfo, projection: Projection, head: dict[str, Any]
) -> bytes:
    """The snapshot; `head` is what the reader adds: boot, seq, dots_version and health."""
    today = instant(view.now_us).astimezone(zone).date()
    sent = [place for place, figure in enumerate(view.figures[-1]) if figure.N > 0]

    def row(figures: Sequence[Figure]) -> dict[str, Any]:
        keys = {view.metrics[place].key: figures[place] for place in sent}
        return {
            key: figure_json(figure, grade_of(standard, key, figure, today)) for key, figure in keys.items()
        }

    districts = zip(view.roster.districts, view.figures[:-1], strict=True)
    document = {
        **head,
        "now": unix_ms(view.now_us),
        "data_at": newest_ms(view),
        "window_s": WINDOW_S,
        "sensors": sensor_counts(view),
        "city": row(view.figures[-1]),
        "districts": {code: row(figures) for code, figures in districts},
        "left_out": {metric.key: left_out_json(view.left_out[at]) for at, metric in enumerate(view.metrics)},
        "attention": [
            attention_json(view, sensor, projection) for sensor in view.roster.waiting[:ATTENTION_MOST]
        ],
    }
    return orjson.dumps(document)


def beat_json(now_ms: int, boot: str, health: Health) -> bytes:
    """What goes out when there is nothing new to say."""
    return orjson.dumps({"now": now_ms, "boot": boot, "health": health.as_json()})


def grade_of(standard: Standard, key: str, figure: Figure, today: date) -> int | None:
    """Index of the grade; none for a figure that is stale, or has too few sensors."""
    band = standard.grade(key, figure.value, today) if figure.status == "ok" else None
    return band.index if band else None


def figure_json(figure: Figure, grade: int | None) -> dict[str, Any]:
    """A figure as the page reads it."""
    return {
        "v": figure.value,
        "n": figure.n,
        "N": figure.N,
        "at": unix_ms(figure.at),
        "g": grade,
        "s": figure.status,
        "lo": figure.low,
        "hi": figure.high,
        "last": figure.last,
    }


def left_out_json(out: LeftOut) -> dict[str, int]:
    """Where a metric's sensors went: total = in + silent + flagged; the rest stands beside the sum."""
    return {
        "total": out.total,
        "in": out.counted,
        "silent": out.silent,
        "flagged": out.flagged,
        "few": out.few,
        "unverified": out.unverified,
        "outside": out.outside,
    }


def newest_ms(view: View) -> int | None:
    """Time of the newest value of any sensor that is not retired."""
    there = view.roster.verified | view.roster.unverified
    times = view.latest.time[: len(there)][there]
    return unix_ms(times.max()) if times.size else None


def sensor_counts(view: View) -> dict[str, int]:
    """How many sensors there are; live are those heard within the window."""
    verified, unverified = view.roster.verified, view.roster.unverified
    newest = view.latest.time[: len(verified)].max(axis=1, initial=NEVER)
    live = (verified | unverified) & (newest > view.now_us - WINDOW_US)
    return {
        "total": int(verified.sum() + unverified.sum()),
        "live": int(live.sum()),
        "verified": int(verified.sum()),
        "unverified": int(unverified.sum()),
        "retired": len(verified) - int(verified.sum() + unverified.sum()),
    }


def attention_json(view: View, sensor: SensorRow, projection: Projection) -> dict[str, Any]:
    """A sensor that waits for a person."""
    place = view.roster.rows[sensor.sensor_id]
    counts = view.counts.get(sensor.sensor_id)
    last = view.latest.time[place].max(initial=NEVER)
    x, y = place_of(sensor, projection)
    return {
        "kind": "unverified",
        "serial": sensor.serial,
        "district": sensor.district,
        "x": x,
        "y": y,
        "first_at": epoch_ms(sensor.registered_at.astimezone(UTC)),
        "last_at": unix_ms(last),
        "messages": counts.messages if counts else 0,
        "quarantined": counts.quarantined if counts else 0,
        "values": values_json(view, place),
    }


def place_of(sensor: SensorRow, projection: Projection) -> tuple[float | None, float | None]:
    """Where a sensor is drawn; nowhere if nobody said."""
    if sensor.latitude is None or sensor.longitude is None:
        return None, None
    return projection.xy(sensor.latitude, sensor.longitude)


def values_json(view: View, place: int) -> dict[str, list[Any]]:
    """Newest values of one sensor: metric → value, time, flagged."""
    times, values, flagged = view.latest.time[place], view.latest.value[place], view.latest.flagged[place]
    found = np.flatnonzero((times != NEVER) & ~np.isnan(values)).tolist()
    return {
        view.catalogue[at].key: [round(float(values[at]), 4), unix_ms(times[at]), bool(flagged[at])]
        for at in found
    }
