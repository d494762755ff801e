"""Dust storms: rare, in their months, without memory, and gone again."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.dust import Storms

HOUR_S = 3600
#: Twenty years of hours from 2010 on.
HOURS = 1_262_304_000 + np.arange(20 * 8766) * HOUR_S


def storms(coarse: np.ndarray, height: float = 30.0) -> np.ndarray:
    """Hours at which a storm rises over `height`."""
    over = coarse > height
    return np.flatnonzero(over[1:] & ~over[:-1])


def test_storms_come_in_spring_and_november_and_never_in_summer() -> None:
    coarse = Storms(3, 37.5).city(HOURS).coarse
    month = HOURS.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
    begun = np.bincount(month[storms(coarse)], minlength=12)
    assert 70 < begun.sum() < 140  # 28 in five years, not all of them this high
    assert begun[2:5].sum() > begun.sum() / 2
    assert begun[6:9].sum() == 0  # one of the last of May may still fall


def test_most_hours_have_none_at_all() -> None:
    dust = Storms(3, 37.5).city(HOURS)
    assert (dust.coarse == 0).mean() > 0.8
    assert dust.coarse.max() > 300
    assert dust.fine == pytest.approx(0.1 * dust.coarse)


def test_an_instant_alone_has_the_dust_it_has_among_many() -> None:
    dust = Storms(3, 37.5).city(HOURS).coarse
    some = np.flatnonzero(dust)[:40:7]
    alone = [Storms(3, 37.5).city(HOURS[[place]]).coarse[0] for place in some]
    assert alone == dust[some].tolist()


def test_south_of_the_equator_the_calendar_is_turned_by_half() -> None:
    coarse = Storms(3, -33.0).city(HOURS).coarse
    month = HOURS.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
    begun = np.bincount(month[storms(coarse)], minlength=12)
    assert begun[0:3].sum() == 0
    assert begun[8:11].sum() > begun.sum() / 3
