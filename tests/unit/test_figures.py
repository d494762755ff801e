"""District figures: each sensor once, n of N, stale, few, sums and directions; and where every sensor went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.metrics import load_catalogue
from dashboard.figures import STALE_S, Figure, Members, figures_of, left_out_of, status_of
from dashboard.packed import NEVER
from dashboard.window import WINDOW_US, Sums

CATALOGUE = load_catalogue()
NOW = 800_000_000_000_000
SECOND = 1_000_000


class City:
    """Sums of made-up sensors of one metric."""

    def __init__(self, metric: str, districts: int = 2) -> None:
        self.metric, self.districts = CATALOGUE[metric], districts
        self.rows: list[dict[str, object]] = []

    def sensor(self, district, *values, flagged=0, age_s=30, state="verified", sent=True, past=()) -> None:
        self.rows.append(locals())

    def sums(self) -> Sums:
        sums = Sums.empty(len(self.rows), 1)
        for at, row in enumerate(self.rows):
            values = np.array(row["values"], float)
            past = np.array(row["past"] or row["values"], float)
            sums.count[at], sums.heard[at] = len(values), len(values) + row["flagged"]
            sums.past_count[at] = len(past)
            if self.metric.aggregation == "vector":
                angle, angle_past = np.radians(values), np.radians(past)
                sums.total[at], sums.cosine[at] = np.sin(angle).sum(), np.cos(angle).sum()
                sums.past_total[at], sums.past_cosine[at] = np.sin(angle_past).sum(), np.cos(angle_past).sum()
            else:
                sums.total[at], sums.past_total[at] = values.sum(), past.sum()
            if len(past):
                sums.newest[at] = NOW - row["age_s"] * SECOND
            if len(values):
                sums.low[at], sums.high[at] = values.min(), values.max()
        return sums

    def members(self) -> Members:
        district = np.array([row["district"] for row in self.rows], np.int64)
        states = np.array([row["state"] for row in self.rows])
        sent = np.array([[row["sent"]] for row in self.rows], bool)
        return Members(
            district, states == "verified", states == "unverified", sent.reshape(len(self.rows), 1)
        )

    def figures(self) -> list[Figure]:
        return [row[0] for row in figures_of(self.sums(), self.members(), [self.metric], self.districts, NOW)]

    def left_out(self):
        figures = [[figure] for figure in self.figures()]
        return left_out_of(self.sums(), self.members(), figures)[0]


def test_each_sensor_counts_once_however_often_it_sends():
    city = City("pm25")
    city.sensor(0, 10, 10, 10, 10)
    city.sensor(0, 40)
    city.sensor(0, 40)
    figure, other, whole = city.figures()
    assert (figure.value, figure.n, figure.N, figure.status) == (30, 3, 3, "ok")
    assert (figure.low, figure.high, figure.at) == (10, 40, NOW - 30 * SECOND)
    assert (other.value, other.n, other.N, other.status, other.at) == (None, 0, 0, "none", NEVER)
    assert whole.value == 30


def test_the_city_is_the_mean_of_its_sensors_not_of_its_districts():
    city = City("pm25")
    for value in (10, 10, 10):
        city.sensor(0, value)
    city.sensor(1, 50)
    assert [figure.value for figure in city.figures()] == [10, 50, 20]


@pytest.mark.parametrize("state", ["unverified", "retired"])
def test_only_verified_sensors_count(state):
    city = City("pm25")
    city.sensor(0, 10)
    city.sensor(0, 1000, state=state)
    figure, _, whole = city.figures()
    assert (figure.value, figure.n, figure.N) == (10, 1, 1)
    assert (whole.value, whole.N) == (10, 1)


def test_a_sensor_in_no_district_is_in_no_figure():
    city = City("pm25")
    city.sensor(0, 10)
    city.sensor(-1, 1000)
    assert [figure.value for figure in city.figures()] == [10, None, 10]
    assert city.left_out().outside == 1


def test_who_never_sent_the_metric_is_not_missed_and_who_fell_silent_is():
    city = City("pm25")
    for value in (10, 20, 30):
        city.sensor(0, value)
    city.sensor(0, sent=False)
    city.sensor(0)
    figure = city.figures()[0]
    assert (figure.n, figure.N, figure.status) == (3, 4, "ok")


@pytest.mark.parametrize(
    ("n", "total", "status"),
    [
        (0, 0, "none"),
        (2, 2, "few"),
        (3, 3, "ok"),
        (3, 6, "ok"),
        (3, 7, "few"),
        (18, 37, "few"),
        (19, 37, "ok"),
    ],
)
def test_too_few_sensors_are_under_three_or_under_half(n, total, status):
    assert status_of(n, total, NOW, NOW) == status


def test_all_values_flagged_is_too_few_not_old():
    assert status_of(0, 3, NEVER, NOW) == "few"


@pytest.mark.parametrize(("age_s", "status"), [(STALE_S, "ok"), (STALE_S + 1, "stale")])
def test_a_figure_is_old_after_six_minutes_and_then_says_what_it_was(age_s, status):
    city = City("pm25")
    for value in (10, 20, 30):
        city.sensor(0, value, age_s=age_s)
    figure = city.figures()[0]
    assert figure.status == status
    assert (figure.value, figure.last) == ((20, None) if status == "ok" else (None, 20))
    assert figure.at == NOW - age_s * SECOND


def test_the_old_figure_is_of_the_hour_before_its_newest_value():
    city, hours = City("pm25"), WINDOW_US // SECOND
    city.sensor(0, past=(10, 20), age_s=5 * hours)
    city.sensor(0, past=(30,), age_s=5 * hours + 60)
    city.sensor(0, past=(1000,), age_s=7 * hours)  # had been silent for two hours then
    figure = city.figures()[0]
    assert (figure.status, figure.last, figure.n, figure.N) == ("stale", 22.5, 0, 3)


def test_a_sum_is_the_total_and_is_not_scaled_to_those_that_are_silent():
    city = City("visitors")
    city.sensor(0, 3, 4)
    city.sensor(0, 5)
    city.sensor(0)
    figure = city.figures()[0]
    assert (figure.value, figure.n, figure.N) == (12, 2, 3)


def test_directions_meet_as_vectors_and_have_no_smallest():
    city = City("wind_direction")
    for direction in (340, 350, 30):
        city.sensor(0, direction)
    figure = city.figures()[0]
    assert figure.value == pytest.approx(0, abs=0.5) or figure.value == pytest.approx(360, abs=0.5)
    assert (figure.low, figure.high) == (None, None)


def test_a_city_without_sensors_has_no_figures():
    assert [figure.status for figure in City("pm25").figures()] == ["none"] * 3


SENSORS = st.lists(
    st.tuples(
        st.integers(-1, 2),
        st.lists(st.floats(0, 500), max_size=3),
        st.integers(0, 2),
        st.sampled_from(["verified", "unverified", "retired"]),
    ),
    max_size=30,
)


@given(SENSORS)
def test_the_sums_close_and_the_figures_lie_between_their_values(sensors):
    city = City("pm25", districts=3)
    for district, values, flagged, state in sensors:
        city.sensor(district, *values, flagged=flagged, state=state)
    out, figures = city.left_out(), city.figures()
    assert out.total == out.counted + out.silent + out.flagged
    assert out.total == sum(figure.N for figure in figures[:-1]) == figures[-1].N
    assert out.counted == sum(figure.n for figure in figures[:-1]) == figures[-1].n
    assert out.few == sum(figure.n for figure in figures[:-1] if figure.status == "few")
    for figure in figures:
        if figure.value is not None:
            assert figure.low - 1e-3 <= figure.value <= figure.high + 1e-3
