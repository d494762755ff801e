"""Which days of a city's country are holidays, and which of them are great feasts."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from city.errors import PackError
from simulator.chance import Whole

#: So many holidays in a row are a great feast, when people travel and shops close: in the first city Lunar New Year
#: and Chuseok, three days each and the days given for those that fell on a Sunday.
_FEAST_DAYS = 3
_EPOCH = date(1970, 1, 1).toordinal()


def holidays(country: str, days: Whole) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of `days` (days of the epoch on the city's calendar, int64[n]) are holidays, and which great feasts.

    `country` is an ISO 3166 code, "" where nothing is known; PackError for one whose holidays are not known.
    """
    if not country or not len(days):
        none = np.zeros(len(days), np.bool_)
        return none, none
    different, back = np.unique(days, return_inverse=True)
    found = np.array([_of_day(country, int(day)) for day in different])[back]
    return found[:, 0], found[:, 1]


def _of_day(country: str, day: int) -> tuple[bool, bool]:
    free, feasts = _of_year(country, date.fromordinal(_EPOCH + day).year)
    return day in free, day in feasts


@lru_cache(maxsize=64)
def _of_year(country: str, year: int) -> tuple[frozenset[int], frozenset[int]]:
    import holidays as calendar  # half a second, and only a simulator with a country needs it

    try:
        named = calendar.country_holidays(country, years=year)
    except NotImplementedError:
        raise PackError(country, ["is no country whose holidays are known; write for example KR"]) from None
    free = sorted(day.toordinal() - _EPOCH for day in named)
    runs = np.split(np.array(free), np.flatnonzero(np.diff(free) > 1) + 1)
    return frozenset(free), frozenset(int(day) for run in runs if len(run) >= _FEAST_DAYS for day in run)
