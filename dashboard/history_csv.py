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
from dashboard.archive import Series, Unit
from dashboard.history import Answer
from dashboard.history_document import grid_of, on_grid, rounded

#: `series`: shown, or so many weeks before; `time`: start of the bucket or instant of the reading, on the city's clock;
#: `value`: mean, sum or direction; `n`: values behind it; `sensors`: sensors behind a district's.
COLUMNS = (
    "series", "time", "level", "unit_of", "place", "metric", "unit", "figure", "value", "low", "high", "n", "sensors", "flagged",
)  # fmt: skip
FIGURES = {"mean": "mean", "sum": "sum", "vector": "mean direction"}


def history_csv(answer: Answer, pack: CityPack) -> bytes:
    """UTF-8 with a byte order mark, without which a spreadsheet takes µ for something else."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    now, earlier = (_Grid(answer, pack, weeks) for weeks in (0, answer.weeks))
    name = f"{answer.weeks} weeks before" if answer.weeks > 1 else "week before"
    for shown in answer.shown:
        for place, series in zip(answer.places, shown.series, strict=True):
            writer.writerows(now.lines("shown", shown.metric, place, series))
        if answer.weeks:
            writer.writerows(earlier.lines(name, shown.metric, answer.places[0], shown.before))
    return text.getvalue().encode("utf-8-sig")


class _Grid:
    """The buckets of an answer, with their times in words, made once for all its series."""

    def __init__(self, answer: Answer, pack: CityPack, weeks: int) -> None:
        self._level, self._zone = answer.plan.level.value, pack.zone
        self._grid = grid_of(answer.plan, pack, weeks)
        self._words = self._local(self._grid)

    def lines(
        self, name: str, metric: Metric, place: tuple[Unit, str], series: Series | None
    ) -> Iterator[tuple[object, ...]]:
        """A line a bucket, or a reading."""
        if series is None:
            return iter(())
        whole = on_grid(series, self._grid)
        words = self._words or self._local(whole.times)
        fixed = (name, self._level, *place, metric.key, metric.unit, FIGURES[metric.aggregation])
        numbers = [_numbers(rounded(metric, one)) for one in (whole.value, whole.low, whole.high)]
        counts = [one.astype(int).tolist() for one in (whole.n, whole.sensors, whole.flagged)]
        columns: list[Iterable[object]] = [
            repeat(fixed[0]),
            words,
            *map(repeat, fixed[1:]),
            *numbers,
            *counts,
        ]
        return zip(*columns, strict=False)  # as long as its times

    def _local(self, times: NDArray[np.datetime64]) -> list[str]:
        instants = times.astype("M8[us]").tolist()
        return [one.replace(tzinfo=UTC).astimezone(self._zone).isoformat() for one in instants]


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 NaN is not itself


def file_name(answer: Answer, pack: CityPack) -> str:
    """`history-pm25-2026-11-17-2026-11-24-hour.csv`."""
    days = (answer.plan.start, answer.plan.end)
    first, last = (day.astimezone(pack.zone).date().isoformat() for day in days)
    return f"history-{'-'.join(answer.inquiry.metrics)}-{first}-{last}-{answer.plan.level.value}.csv"
