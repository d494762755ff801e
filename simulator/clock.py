"""What the clocks and the calendar of a city say at instants given in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from simulator.chance import Float, Whole
from simulator.feasts import holidays

_HOUR_S, _DAY_S, _WEEK_S = 3600, 86400, 604800
#: 1970-01-05 was the first Monday of the epoch.
_MONDAY_S = 4 * _DAY_S
#: From Monday 00:00 to Sunday 00:00.
_SUNDAY_S = 6 * _DAY_S
#: A mean Gregorian year, seconds.
_YEAR_S = 31556952
#: No zone changes its clocks within a quarter of an hour of UTC (tz database).
_QUARTER_S = 900
#: The sun crosses a degree of longitude in 240 s.
_DEGREE_S = 240


@dataclass(frozen=True)
class Clock:
    """The same n instants on the clocks of people, sun and year; people change to summer time, the sun does not."""

    #: Seconds of the epoch, UTC, int64[n].
    seconds: Whole
    #: Hours since Monday 00:00 on the city's clocks, [0, 168); on a holiday those of a Sunday.
    week_hour: Float
    #: Hours since solar midnight, [0, 24).
    solar_hour: Float
    #: Months since the start of the year, [0, 12); south of the equator half a year on.
    month: Float
    #: 1 in the days of a great feast, else 0.
    feast: Float


def clock(seconds: Whole, zone: ZoneInfo, latitude: float, longitude: float, country: str = "") -> Clock:
    """Read the clocks at `seconds` (int64[n], UTC) in a city of that zone and centre, with its country's holidays."""
    local = seconds + _offsets(seconds, zone)
    free, feast = holidays(country, local // _DAY_S)
    week = np.where(free, _SUNDAY_S + local % _DAY_S, (local - _MONDAY_S) % _WEEK_S)
    solar = (seconds + round(longitude * _DEGREE_S)) % _DAY_S
    return Clock(
        seconds, week / _HOUR_S, solar / _HOUR_S, months(seconds, latitude), feast.astype(np.float64)
    )


def months(seconds: Whole, latitude: float) -> Float:
    """Months since the start of the year at `seconds`, [0, 12); south of the equator half a year on."""
    season = (seconds + (_YEAR_S // 2 if latitude < 0 else 0)) % _YEAR_S
    return season.astype(np.float64) * (12 / _YEAR_S)


def _offsets(seconds: Whole, zone: ZoneInfo) -> Whole:
    quarters, back = np.unique(seconds // _QUARTER_S, return_inverse=True)
    return np.array([_offset(int(quarter) * _QUARTER_S, zone) for quarter in quarters], np.int64)[back]


def _offset(second: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def turn(table: Float, place: Float) -> Float:
    """`table` as a closed ring of means, read at `place` (in its own steps), straight between the steps' middles."""
    middle = place - 0.5
    left = np.floor(middle)
    at = left.astype(np.int64) % len(table)
    before = table[at]
    return np.asarray(before + (table[(at + 1) % len(table)] - before) * (middle - left), np.float64)


def knees(means: Float) -> Float:
    """The table whose course in `turn` has these means over its steps: a ring's straight lines cut off peaks and dips."""
    steps = np.eye(len(means))
    share = 0.75 * steps + 0.125 * (np.roll(steps, 1, axis=1) + np.roll(steps, -1, axis=1))
    return np.asarray(np.linalg.solve(share, means).round(4), np.float64)


def by_day(table: Float, week_hour: Float) -> Float:
    """`table` of seven days, Monday first, read at hours of the week; it changes in the hour about midnight."""
    return turn(np.repeat(table, 24), week_hour)
