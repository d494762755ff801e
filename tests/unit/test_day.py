"""The last 24 hours: six buckets make a step, each kind of metric by its own rule, and what is not known is not said."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.grades import load_standard
from city.metrics import load_catalogue
from city.pack import load_pack
from dashboard.day import (
    BUCKETS,
    STEP_US,
    STEPS,
    WIDE,
    Buckets,
    Steps,
    bucket_type,
    enough,
    packed_order,
    steps_of,
)
from dashboard.day_document import OPEN_US, day_json, grades_of, known_steps, states_of
from dashboard.packed import NEVER, instant
from dashboard.picture import Picture

CATALOGUE = load_catalogue()
METRICS = [CATALOGUE[key] for key in ("pm25", "wind_direction", "visitors")]
START = 800_000_000_000_000 // STEP_US * STEP_US
SEOUL = ZoneInfo("Asia/Seoul")


def packed(
    *rows: tuple[int, tuple[float, float, int], tuple[float, float, int], tuple[float, float, int]],
) -> bytes:
    """Rows of (bucket, PM2.5, direction, visitors) as the database packs them: means, sums, directions."""
    made = np.zeros(len(rows), bucket_type(3))
    for row, (bucket, pm25, wind, visitors) in zip(made, rows, strict=True):
        row["time"] = START + bucket * STEP_US
        for column, cell in enumerate((pm25, visitors, wind)):
            row["cells"][column] = cell
    return made.tobytes()


def filled(*values: tuple[int, float, int], district: str = "a") -> Buckets:
    """Buckets of one district: (bucket, PM2.5, sensors)."""
    rows = packed(*((at, (value, 0, n), (np.nan, np.nan, 0), (np.nan, 0, 0)) for at, value, n in values))
    return Buckets.empty(START, 2, 3).with_rows({district: rows}, ("a", "b"), METRICS, START)


def test_packed_rows_come_by_kind() -> None:
    assert packed_order(METRICS) == [0, 2, 1]


def test_a_step_is_the_mean_of_its_sixty_minutes_weighted_by_sensors() -> None:
    steps = steps_of(filled((0, 10.0, 4), (5, 40.0, 2), (6, 40.0, 2)), METRICS)
    assert steps.value.shape == (3, STEPS, 3)
    assert steps.at_us(0) == START + WIDE * STEP_US
    assert steps.value[0, 0, 0] == pytest.approx((4 * 10 + 2 * 40) / 6)
    assert steps.value[0, 1, 0] == pytest.approx(40)  # the first bucket is over an hour old
    assert steps.n[0, :3, 0].tolist() == [4, 2, 2]
    assert steps.heard[0, :3, 0].tolist() == [True, True, False]
    assert np.isnan(steps.value[1, :, 0]).all()


def test_the_city_counts_each_sensor_once() -> None:
    rows = {
        code: packed((5, (value, 0, n), (np.nan, np.nan, 0), (np.nan, 0, 0)))
        for code, value, n in (("a", 10.0, 9), ("b", 40.0, 1))
    }
    steps = steps_of(Buckets.empty(START, 2, 3).with_rows(rows, ("a", "b"), METRICS, START), METRICS)
    assert steps.value[-1, 0, 0] == pytest.approx(13)
    assert steps.n[-1, 0, 0] == 10


def test_counts_add_up_and_directions_turn_through_north() -> None:
    def east(angle: float) -> float:
        return float(np.sin(np.radians(angle)))

    def north(angle: float) -> float:
        return float(np.cos(np.radians(angle)))

    rows = packed(
        (4, (1, 0, 1), (east(350), north(350), 2), (30, 0, 5)), (5, (1, 0, 1), (east(20), north(20), 2), (12, 0, 4)),
    )  # fmt: skip
    steps = steps_of(Buckets.empty(START, 1, 3).with_rows({"a": rows}, ("a",), METRICS, START), METRICS)
    assert steps.value[0, 0, 1] == pytest.approx(5)
    assert steps.value[0, 0, 2] == 42


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.floats(0, 500, width=32), st.integers(1, 60)),
        max_size=12,
        unique_by=lambda one: one[0],
    )
)
def test_a_step_lies_between_its_buckets(rows: list[tuple[int, float, int]]) -> None:
    steps = steps_of(filled(*rows), METRICS)
    for step in range(16):
        inside = [value for at, value, _ in rows if step <= at < step + WIDE]
        value = steps.value[0, step, 0]
        assert np.isnan(value) if not inside else min(inside) - 1e-6 <= value <= max(inside) + 1e-6


def test_later_rows_replace_only_what_was_asked_for() -> None:
    old = filled((0, 10.0, 3), (5, 20.0, 3))
    rows = packed((6, (30.0, 0, 3), (np.nan, np.nan, 0), (np.nan, 0, 0)))
    new = old.with_rows({"a": rows}, ("a", "b"), METRICS, START + 5 * STEP_US)
    assert new.a[0, [0, 5, 6], 0].tolist() == [10, 0, 30]  # bucket 5 was flagged away
    assert old.a[0, [5, 6], 0].tolist() == [20, 0]


def test_time_moves_the_buckets_and_a_long_sleep_empties_them() -> None:
    old = filled((3, 10.0, 3))
    assert old.moved(START) is old
    assert old.moved(START + 2 * STEP_US).a[0, 1, 0] == 10
    assert not old.moved(START + BUCKETS * STEP_US).sensors.any()
    assert not old.moved(START - STEP_US).sensors.any()


def test_grades_need_enough_sensors_that_are_still_heard() -> None:
    steps = steps_of(
        filled(*((at, 40.0, n) for at, n in enumerate((5, 5, 5, 5, 5, 5, 2, 2, 2, 2, 2, 2, 2)))), METRICS
    )
    totals = np.array([[5, 0, 0], [0, 0, 0], [5, 0, 0]])
    states = states_of(steps, 0, METRICS[0], totals, load_standard("korea"), SEOUL)
    assert states[0][:9] == "222222ff-"
    assert set(states[1]) == {"-"}
    assert enough(np.array([5]), np.array([11])).tolist() == [False]
    assert enough(np.array([20]), np.array([11])).tolist() == [True]  # some were retired since


@given(st.lists(st.floats(-50, 400, width=32), min_size=1, max_size=30))
def test_grades_are_those_that_the_standard_gives_one_by_one(values: list[float]) -> None:
    shape = (1, len(values), 1)
    steps = Steps(START, np.array(values).reshape(shape), np.full(shape, 9), np.ones(shape, bool))
    standard = load_standard("korea")
    on = instant(START).astimezone(SEOUL).date()
    bands = [standard.grade("pm25", value, on) for value in values]
    assert grades_of(steps, 0, METRICS[0], standard, SEOUL)[0].tolist() == [
        band.index if band else -1 for band in bands
    ]


def test_what_the_rollups_do_not_reach_is_not_said() -> None:
    steps = steps_of(filled((5, 10.0, 3)), METRICS)
    rolled = steps.at_us(99) - OPEN_US
    assert known_steps(steps, NEVER, rolled).n.shape[1] == 100
    assert known_steps(steps, NEVER, rolled - 1).value.shape[1] == 99
    # an hour that a back-fill has not left: it begins where the back-fill ends
    since = steps.at_us(40) - 3_600_000_000
    assert known_steps(steps, since, rolled).first_us == steps.at_us(40)
    assert known_steps(steps, since, rolled).n.shape[1] == 60
    assert known_steps(steps, since + 1, rolled).first_us == steps.at_us(41)
    assert known_steps(steps, rolled + OPEN_US, rolled).n.shape[1] == 0


def test_the_document_rounds_no_value_into_another_grade() -> None:
    pack = load_pack("seoul")
    view = Picture(pack).view(instant(START + BUCKETS * STEP_US))
    codes, metrics = view.roster.districts, view.metrics
    row = np.zeros(1, bucket_type(len(metrics)))
    row["time"], row["cells"][0, 0] = START + 5 * STEP_US, (35.4962, 0, 5)
    buckets = Buckets.empty(START, len(codes), len(metrics)).with_rows(
        {codes[0]: row.tobytes()}, codes, metrics, START
    )
    document = orjson.loads(
        day_json(view, buckets, (NEVER, START + BUCKETS * STEP_US), load_standard("korea"), SEOUL, (), {})
    )
    pm25 = document["metrics"]["pm25"]
    assert pm25["v"][0][0] == 35.49  # shown as 35, which is what is stored, and graded so
    assert pm25["s"][0][0] == "1"
    assert pm25["v"][1][0] is None
    assert list(document["metrics"]) == ["pm25"]
    assert document["steps"] == STEPS
