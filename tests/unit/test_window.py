"""The last hour of every sensor: what is counted, what flags and age leave out, and what is read again."""

import numpy as np
import pytest

from city.metrics import load_catalogue
from dashboard.packed import NEVER, readings_type
from dashboard.window import AHEAD_US, MOST_READINGS, READ_WHOLE, READ_WHOLE_US, WINDOW_US, Window

CATALOGUE = load_catalogue()
METRICS = [CATALOGUE[key] for key in ("pm25", "temperature", "wind_direction", "visitors")]
PM25, TEMPERATURE, DIRECTION, VISITORS = range(4)
NAN = float("nan")
NOW = 800_000_000_000_000
MINUTE = 60_000_000


def packed(*readings: tuple[int, tuple[float, ...], tuple[str, ...]]) -> bytes:
    """(minutes ago, values, flagged metrics) of each reading, oldest first."""
    rows = np.zeros(len(readings), readings_type(len(METRICS)))
    for row, (minutes, values, flagged) in zip(rows, readings, strict=True):
        row["time"] = NOW - round(minutes * MINUTE)
        row["values"] = values
        row["flags"] = sum(1 << CATALOGUE[key].bit for key in flagged)
    return rows.tobytes()


def reading(minutes, pm25=NAN, temperature=NAN, direction=NAN, visitors=NAN, flagged=()):
    return minutes, (pm25, temperature, direction, visitors), flagged


def window_of(*readings) -> Window:
    window = Window(METRICS)
    window.put(0, NEVER, packed(*readings), NOW)
    return window


def test_values_of_the_last_hour_are_added_up_by_metric():
    sums = window_of(reading(90, pm25=100), reading(59, pm25=10), reading(1, pm25=30, temperature=-5)).sums(1)
    assert sums.count[0].tolist() == [2, 1, 0, 0]
    assert sums.total[0, PM25] == 40
    assert (sums.low[0, PM25], sums.high[0, PM25]) == (10, 30)
    assert sums.total[0, TEMPERATURE] == -5
    assert sums.newest[0].tolist() == [NOW - MINUTE, NOW - MINUTE, NEVER, NEVER]


def test_a_flagged_value_is_heard_and_not_counted_and_leaves_the_others_of_its_reading_alone():
    sums = window_of(reading(3, pm25=10), reading(1, pm25=9999, temperature=20, flagged=("pm25",))).sums(1)
    assert (sums.count[0, PM25], sums.heard[0, PM25], sums.high[0, PM25]) == (1, 2, 10)
    assert sums.count[0, TEMPERATURE] == 1
    assert sums.newest[0, PM25] == NOW - 3 * MINUTE


def test_a_null_is_no_value():
    sums = window_of(reading(1)).sums(1)
    assert sums.heard[0].tolist() == [0, 0, 0, 0]
    assert sums.newest[0].tolist() == [NEVER] * 4


def test_the_hour_is_open_at_its_beginning_and_a_little_ahead_of_now():
    exactly, inside = reading(60, pm25=1), reading(59.9, pm25=2)
    ahead, beyond = reading(-AHEAD_US / MINUTE, pm25=4), reading(-AHEAD_US / MINUTE - 0.1, pm25=8)
    assert window_of(exactly, inside, ahead, beyond).sums(1).total[0, PM25] == 6


def test_values_leave_the_window_when_time_passes_and_stay_for_the_record():
    window = window_of(reading(50, pm25=10), reading(20, pm25=30))
    window.roll(NOW + 15 * MINUTE)
    assert window.sums(1).total[0, PM25] == 30
    window.roll(NOW + 45 * MINUTE)
    sums = window.sums(1)
    assert (sums.count[0, PM25], sums.past_count[0, PM25], sums.past_total[0, PM25]) == (0, 2, 40)
    assert sums.low[0, PM25] == np.inf


def test_directions_are_added_as_vectors():
    sums = window_of(reading(2, direction=350), reading(1, direction=10)).sums(1)
    angle = np.degrees(np.arctan2(sums.total[0, DIRECTION], sums.cosine[0, DIRECTION]))
    assert angle == pytest.approx(0, abs=1e-9)
    assert sums.cosine[0, PM25] == 0


def test_a_sum_that_was_handed_out_never_changes():
    window = window_of(reading(1, pm25=10))
    before = window.sums(1)
    window.put(0, NEVER, packed(reading(1, pm25=50)), NOW)
    assert (before.total[0, PM25], window.sums(1).total[0, PM25]) == (10, 50)


def test_sensors_without_a_reading_have_empty_rows():
    window = Window(METRICS)
    window.put(2, NEVER, packed(reading(1, pm25=10)), NOW)
    assert window.sums(5).count[:, PM25].tolist() == [0, 0, 1, 0, 0]


def test_a_sensor_is_read_from_the_beginning_of_its_own_last_hour():
    window = Window(METRICS)
    assert window.since(0, NOW, NOW) == NOW - WINDOW_US
    assert window.since(0, NOW - 600 * MINUTE, NOW) == NOW - 660 * MINUTE
    assert window.since(0, NOW + MINUTE, NOW) == NOW - WINDOW_US  # a clock that runs ahead


def test_a_fast_sensor_is_read_on_from_its_newest_reading_and_whole_once_a_minute():
    window = window_of(*(reading(50 - step / 10, pm25=1) for step in range(READ_WHOLE + 1)))
    newest = NOW - round(30 * MINUTE)
    assert window.since(0, newest + 1, NOW) == newest
    assert window.since(0, newest, NOW) == newest - WINDOW_US  # nothing newer: something late or revised came
    assert window.since(0, newest + 1, NOW + READ_WHOLE_US + 1) == newest + 1 - WINDOW_US
    window.put(0, newest, packed(reading(1, pm25=9)), NOW)
    sums = window.sums(1)
    assert (sums.count[0, PM25], sums.total[0, PM25]) == (READ_WHOLE + 2, READ_WHOLE + 10)


def test_no_more_readings_are_kept_than_a_query_brings():
    window = window_of(*(reading(50 - step / 1000, pm25=1) for step in range(MOST_READINGS)))
    window.put(0, NOW - round((50 - (MOST_READINGS - 1) / 1000) * MINUTE), packed(reading(1, pm25=5)), NOW)
    sums = window.sums(1)
    assert (sums.count[0, PM25], sums.total[0, PM25]) == (MOST_READINGS, MOST_READINGS + 4)
