"""The sun's height, daylight and ultraviolet of known days."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator.clock import clock
from simulator.sun import daylight, height

SEOUL = ZoneInfo("Asia/Seoul")


def sine(*when: int, latitude: float = 37.57, longitude: float = 126.98) -> np.ndarray:
    seconds = np.array([int(datetime(*when, tzinfo=SEOUL).timestamp())])  # type: ignore[misc,arg-type]
    return height(clock(seconds, SEOUL, latitude, longitude), latitude)


def degrees(*when: int) -> float:
    return float(np.degrees(np.arcsin(sine(*when)))[0])


def test_the_noon_sun_stands_as_high_as_the_season_says() -> None:
    # 90° − latitude ± 23.44°
    assert degrees(2026, 6, 21, 12, 34) == pytest.approx(75.9, abs=0.6)
    assert degrees(2026, 12, 22, 12, 30) == pytest.approx(29.0, abs=0.6)
    assert degrees(2026, 3, 20, 12, 39) == pytest.approx(52.4, abs=0.8)


def test_it_rises_and_sets_when_an_almanac_says() -> None:
    """Seoul, 1 May: sunrise 05:37, sunset 19:21 (upper edge, with refraction: 0.8° early)."""
    assert degrees(2026, 5, 1, 5, 37) == pytest.approx(-0.8, abs=0.7)
    assert degrees(2026, 5, 1, 19, 21) == pytest.approx(-0.8, abs=0.7)


def test_a_clear_noon_in_june_has_100_000_lux_and_an_index_of_10() -> None:
    light = daylight(sine(2026, 6, 21, 12, 34), np.zeros(1))
    assert light.lux[0] == pytest.approx(110_000, rel=0.1)
    assert light.uv[0] == pytest.approx(10.5, abs=1)
    assert light.lamps[0] == 0


def test_clouds_take_three_quarters_and_the_night_lights_the_lamps() -> None:
    noon = sine(2026, 6, 21, 12, 34)
    clear, covered = (daylight(noon, np.array([cover])).lux[0] for cover in (0.0, 1.0))
    assert covered == pytest.approx(clear / 4, rel=0.01)
    night = daylight(sine(2026, 6, 21, 0, 30), np.zeros(1))
    assert night.lux[0] < 0.1
    assert (night.uv[0], night.lamps[0]) == (0, 1)
