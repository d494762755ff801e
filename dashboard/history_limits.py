"""From which value on an hour counts as bad, by the standard in force at that hour; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from city.grades import Scale, Standard
from dashboard.archive import Era

#: Index of the first band that is bad: "bad" of Korea's four grades (`assets/history/scale.js` draws the same).
BAD = 2


def eras_of(
    standard: Standard, metric: str, start: datetime, end: datetime, zone: ZoneInfo
) -> tuple[Era, ...]:
    """The parts of a span that the standard grades, oldest first; none for a metric without grades."""
    eras, until = [], end
    for scale in standard.scales:
        if metric not in scale.metrics or len(scale.bands) <= BAD:
            continue
        since = datetime(scale.since.year, scale.since.month, scale.since.day, tzinfo=zone)
        if since < until:
            eras.append(_era(scale, standard.digits, max(since, start), until))
        until = min(until, since)
        if until <= start:
            break
    return tuple(reversed(eras))


def _era(scale: Scale, digits: int, start: datetime, end: datetime) -> Era:
    bad = scale.bands[BAD]
    half: float = 0.5 * 10.0**-digits  # values are rounded half up before they are graded
    return Era(start, end, scale.bands[BAD - 1].hi or 0.0, bad.lo - half)


def over(
    times: NDArray[np.datetime64], values: NDArray[np.float32], eras: Sequence[Era]
) -> NDArray[np.bool_]:
    """Which values are over the limit of their time."""
    bad = np.zeros(len(times), bool)
    for era in eras:
        inside = (times >= instant(era.start)) & (times < instant(era.end))
        bad |= inside & (values >= np.float32(era.least))
    return bad


def instant(moment: datetime) -> np.datetime64:
    """A moment as numpy counts it, µs in UTC."""
    return np.datetime64(round(moment.timestamp() * 1e6), "us")
