"""What panels draw, as a table: the points of the JSON, those without a value left out; pure.

UTF-8 with a byte order mark, for the spreadsheets that take a file without one for something else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np

from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import Level, Series
from dashboard.history import Drawing
from dashboard.history_panel import Panel, panel_of

COLUMNS = (
    "time",
    "place",
    "name",
    "metric",
    "unit",
    "level",
    "value",
    "low",
    "high",
    "n",
    "sensors",
    "flagged",
    "span",
)
BOM = "\ufeff"
#: Rows that are written at a time.
PIECE = 5000


def pieces(drawings: Sequence[Drawing], pack: CityPack, language: str) -> Iterator[bytes]:
    """The table, a piece at a time."""
    yield BOM.encode() + _written([COLUMNS])
    rows: list[Sequence[object]] = []
    for drawing in drawings:
        for row in panel_rows(panel_of(drawing, pack.zone), pack, language):
            rows.append(row)
            if len(rows) == PIECE:
                yield _written(rows)
                rows = []
    if rows:
        yield _written(rows)


def panel_rows(panel: Panel, pack: CityPack, language: str) -> Iterator[Sequence[object]]:
    """A row for each point; those of the time before bear the times at which they were measured."""
    metric, level = panel.drawing.metric, panel.drawing.choice.level
    spans = [(one, "asked") for one in panel.series] + ([(panel.before, "before")] if panel.before else [])
    for series, span in spans:
        district = pack.by_code.get(series.place) if panel.drawing.asked.unit == "district" else None
        head = (
            series.place, district.name(language) if district else series.place,
            metric.key, metric.unit_in(language), level.value,
        )  # fmt: skip
        for time, *figures in _points(series, metric, level, pack.zone):
            yield time, *head, *figures, span


def _points(series: Series, metric: Metric, level: Level, zone: ZoneInfo) -> Iterator[tuple[object, ...]]:
    raw = level is Level.RAW
    columns = (
        series.times.astype("datetime64[ms]").tolist(), series.value, series.low, series.high,
        series.n.tolist(), series.sensors.tolist(), series.flagged.tolist(),
    )  # fmt: skip
    for time, value, low, high, n, sensors, flagged in zip(*columns, strict=True):
        if np.isfinite(value):
            local = time.replace(tzinfo=UTC).astimezone(zone)
            ends = ("", "") if metric.aggregation == "vector" else (low, high)
            yield (
                local.isoformat(timespec="milliseconds" if local.microsecond else "seconds"),
                value, *ends, n, sensors, str(flagged).lower() if raw else "",
            )  # fmt: skip


def _written(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
