"""A drawing as it is shown: series over all buckets of the span, gaps, the time before; pure. JSON and CSV are made of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.archive import Level, Series
from dashboard.history import Drawing
from dashboard.history_grid import (
    Gap,
    Times,
    bucket_gaps,
    buckets,
    empty_series,
    expected,
    explained,
    laid_out,
    reading_gaps,
)
from dashboard.history_limits import instant

#: Digits after the point beyond those on screen: so many that nothing shown is rounded twice.
MORE_DIGITS = 1


@dataclass(frozen=True)
class Panel:
    """What is drawn of one metric."""

    drawing: Drawing
    #: buckets that should be there by now
    grid: Times
    #: a series for each place asked for, a row for each bucket
    series: tuple[Series, ...]
    before_grid: Times
    #: at the times at which it was measured
    before: Series | None
    gaps: tuple[Gap, ...]


def panel_of(drawing: Drawing, zone: ZoneInfo) -> Panel:
    """The panel of a drawing."""
    asked, level = drawing.asked, drawing.choice.level
    grid = expected(buckets(level, drawing.start, asked.end, zone), level, drawing.kept.rolled, drawing.at)
    before_grid = buckets(level, drawing.before_start, asked.end - asked.shift, zone)
    there = {one.place: one for one in drawing.series}
    series, gaps = [], []
    for place in asked.places:
        one = there.get(place) or empty_series(place)
        missing = (
            reading_gaps(one, drawing.start, asked.end, drawing.at)
            if level is Level.RAW
            else bucket_gaps(one, grid, level)
        )
        gaps += explained(place, missing, drawing.gaps, drawing.at)
        # a reading that is missing has no time of its own: the line is broken behind the last one before it
        breaks = np.array([start + np.timedelta64(1, "ms") for start, _ in missing], "datetime64[us]")
        series.append(rounded(laid_out(one, breaks if level is Level.RAW else grid), drawing.metric.decimals))
    before = drawing.before and rounded(laid_out(drawing.before, before_grid), drawing.metric.decimals)
    return Panel(drawing, grid, tuple(series), before_grid, before, tuple(gaps))


def rounded(series: Series, decimals: int) -> Series:
    """Values with the digits that are told."""
    values = {
        name: np.round(getattr(series, name), decimals + MORE_DIGITS) for name in ("value", "low", "high")
    }
    kept = {one.name: getattr(series, one.name) for one in fields(Series)}
    return Series(**(kept | values))


def shifted(times: Times, level: Level, shift: timedelta, zone: ZoneInfo) -> Times:
    """Times of the compared span on the span's own axis; days stay midnights where clocks were put forward or back."""
    if level is not Level.DAY:
        return times + np.timedelta64(shift)
    moments = (one.astype("datetime64[us]").item() for one in times)
    return np.array(
        [instant(one.replace(tzinfo=UTC).astimezone(zone) + shift) for one in moments], "datetime64[us]"
    )
