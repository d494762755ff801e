"""What a chart shows as CSV: a line a point, with level, unit and what stands behind it; empty where nothing is drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import Series
from dashboard.history import Answer, Plan
from dashboard.history_document import Times, grid_of, on_grid, rounded

#: `series`: shown, or before; `time`: start of the bucket or instant of the reading, on the city's clock; `value`: mean,
#: sum or direction, as `figure` says; `n`: values behind it; `sensors`: sensors behind a district's.
COLUMNS = (
    "series", "time", "place", "name", "metric", "unit", "figure", "level", "value", "low", "high", "n", "sensors", "flagged",
)  # fmt: skip
FIGURES = {"mean": "mean", "sum": "sum", "vector": "mean direction"}


def history_csv(answer: Answer, pack: CityPack, language: str) -> bytes:
    """UTF-8 with a byte order mark, without which a spreadsheet takes µ for something else; districts' names in `language`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    now = _Grid(answer.plan, pack, language)
    earlier = _Grid(answer.plan.back(answer.inquiry.shift), pack, language) if answer.inquiry.before else None
    for shown in answer.shown:
        for series in shown.series:
            writer.writerows(now.lines("shown", shown.metric, series))
        if earlier and shown.before is not None:
            writer.writerows(earlier.lines("before", shown.metric, shown.before))
    return text.getvalue().encode("utf-8-sig")


class _Grid:
    """The buckets of an answer, with their times in words, made once for all its series."""

    def __init__(self, plan: Plan, pack: CityPack, language: str) -> None:
        self._level, self._zone = plan.level.value, pack.zone
        self._grid = grid_of(plan, pack)
        self._words = self._local(self._grid)
        self._names = {district.code: district.name(language) for district in pack.districts}

    def lines(self, kind: str, metric: Metric, series: Series) -> Iterator[tuple[object, ...]]:
        """A line a bucket, or a reading."""
        whole = on_grid(series, self._grid)
        name = self._names.get(series.place, series.place)
        fixed = (series.place, name, metric.key, metric.unit, FIGURES[metric.aggregation], self._level)
        numbers = [_numbers(rounded(metric, one)) for one in (whole.value, whole.low, whole.high)]
        counts = [one.astype(int).tolist() for one in (whole.n, whole.sensors, whole.flagged)]
        columns: list[Iterable[object]] = [
            repeat(kind), self._words or self._local(whole.times), *map(repeat, fixed), *numbers, *counts,
        ]  # fmt: skip
        return zip(*columns, strict=False)  # as long as its times

    def _local(self, times: Times) -> list[str]:
        instants = times.astype("M8[us]").tolist()
        return [one.replace(tzinfo=UTC).astimezone(self._zone).isoformat() for one in instants]


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 NaN is not itself


def file_name(answer: Answer, pack: CityPack) -> str:
    """`history-pm25-2026-11-17-2026-11-24-hour.csv`."""
    days = (answer.plan.start, answer.plan.end)
    first, last = (day.astimezone(pack.zone).date().isoformat() for day in days)
    return f"history-{'-'.join(answer.inquiry.metrics)}-{first}-{last}-{answer.plan.level.value}.csv"
