"""Clocks of people, sun and year."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator.clock import Clock, by_day, clock, knees, turn


def at(zone: str, *when: int, latitude: float = 37.5, longitude: float = 0.0, country: str = "") -> Clock:
    moment = datetime(*when, tzinfo=ZoneInfo(zone))  # type: ignore[misc,arg-type]
    return clock(np.array([int(moment.timestamp())]), ZoneInfo(zone), latitude, longitude, country)


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Asia/Kathmandu", "America/Santiago", "UTC"])
def test_the_week_begins_on_monday_at_the_citys_midnight(zone: str) -> None:
    assert at(zone, 2026, 11, 23, 0, 0).week_hour[0] == 0
    assert at(zone, 2026, 11, 29, 23, 30).week_hour[0] == 167.5


def test_people_change_to_summer_time_and_the_sun_does_not() -> None:
    winter, summer = at("Europe/Madrid", 2026, 3, 28, 12, 0), at("Europe/Madrid", 2026, 3, 29, 12, 0)
    assert summer.week_hour[0] - winter.week_hour[0] == 24
    assert summer.solar_hour[0] - winter.solar_hour[0] == -1


def test_the_sun_is_a_quarter_of_a_day_earlier_90_degrees_to_the_east() -> None:
    assert at("UTC", 2026, 6, 1, 3, 0, longitude=90.0).solar_hour[0] == 9
    assert at("UTC", 2026, 6, 1, 3, 0, longitude=-90.0).solar_hour[0] == 21


def test_south_of_the_equator_the_year_is_turned_by_half() -> None:
    north, south = at("UTC", 2026, 1, 16, 12, 0), at("UTC", 2026, 1, 16, 12, 0, latitude=-33.0)
    assert north.month[0] == pytest.approx(0.5, abs=0.05)
    assert south.month[0] == pytest.approx(6.5, abs=0.05)


def test_turn_reads_a_ring_from_middle_to_middle() -> None:
    table = np.array([0.0, 10.0, 20.0])
    assert turn(table, np.array([0.5, 1.0, 2.5, 3.0, 0.0])).tolist() == [0.0, 5.0, 20.0, 10.0, 10.0]


def test_a_holiday_has_the_hours_of_a_sunday_where_the_country_is_known() -> None:
    hangul_day = (2026, 10, 9, 13, 30)  # a Friday
    assert at("Asia/Seoul", *hangul_day).week_hour[0] == 4 * 24 + 13.5
    assert at("Asia/Seoul", *hangul_day, country="KR").week_hour[0] == 6 * 24 + 13.5
    assert at("Asia/Seoul", *hangul_day, country="KR").feast[0] == 0
    assert at("Asia/Seoul", 2026, 9, 25, 0, 5, country="KR").feast[0] == 1
    assert at("Asia/Seoul", 2026, 9, 26, 23, 55, country="KR").feast[0] == 1
    assert at("Asia/Seoul", 2026, 9, 27, 0, 5, country="KR").feast[0] == 0


def test_a_table_of_days_changes_about_midnight_only() -> None:
    table = np.arange(7.0)
    assert by_day(table, np.array([0.5, 12.0, 23.5, 24.0, 24.5, 167.5])).tolist() == [0, 0, 0, 0.5, 1, 6]


def test_a_course_through_knees_has_the_means_it_was_made_for() -> None:
    means = np.array([1.0, 5.0, 2.0, 2.0, 7.0, 3.0])
    course = turn(knees(means), np.arange(6000) / 1000).reshape(6, 1000).mean(axis=1)
    assert course == pytest.approx(means, abs=0.01)
