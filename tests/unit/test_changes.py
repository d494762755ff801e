"""What changed: grades of districts, figures lost and back, and sensors, each with the value that caused it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from city.pack import load_pack
from dashboard.changes import Change, changes_of, district_changes, flagged, left_out, new, returned, silent
from dashboard.day import STEP_US, Steps
from dashboard.day_store import ReturnRow
from dashboard.memory import MemoryStore
from dashboard.packed import NEVER, instant, micros
from dashboard.picture import Changes, Picture, View
from dashboard.store import SensorRow

PACK = load_pack("seoul")
NOW = instant(800_000_000_000_000 // STEP_US * STEP_US + 5 * 60_000_000)
HOUR = timedelta(hours=1)
LIVE = len(PACK.live)
FIRST = micros(NOW) - 10 * STEP_US
CODES = tuple(district.code for district in PACK.districts)


def view_of(*sensors: dict[str, Any]) -> View:
    """Sensors with their readings: (age, PM2.5, flagged)."""
    picture, store = Picture(PACK), MemoryStore(PACK)
    rows = []
    for number, one in enumerate(sensors, 1):
        registered = NOW - one.get("known", 30 * HOUR)
        district = one.get("district", "mapo-gu")
        rows.append(
            SensorRow(
                number, f"s{number}", "", one.get("state", "verified"), district, None, None, registered
            )
        )
        store.put_sensor(rows[-1])
        for age, value, bad in one.get("readings", ()):
            store.put(number, NOW - age, {"pm25": value}, ["pm25"] if bad else [])
    picture.enrol(rows)
    ids = [number for number, one in enumerate(sensors, 1) if one.get("readings")]
    latest = _run(store.latest(ids))
    since = picture.since(latest, NOW)
    picture.apply(Changes({}, latest, since, _run(store.readings(list(since), list(since.values())))), NOW)
    return picture.view(NOW)


def _run(work: Any) -> Any:
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the store in memory never waits")


def steps_of(
    letters: dict[str, str], values: dict[str, list[float]], n: int = 40
) -> tuple[Steps, list[list[str]], Any]:
    """PM2.5 of some districts, a letter a step; the others are never heard."""
    count = len(next(iter(letters.values())))
    shape = (len(CODES) + 1, count, LIVE)
    value = np.full(shape, np.nan)
    for code, row in values.items():
        value[CODES.index(code), :, 0] = row
    states = [["-" * count] * len(CODES) for _ in range(LIVE)]
    states[0] = [letters.get(code, "-" * count) for code in CODES]
    totals = np.full((len(CODES) + 1, LIVE), 44)
    return Steps(FIRST, value, np.full(shape, n), np.ones(shape, bool)), states, totals


def test_a_grade_that_changed_has_the_value_before_and_after() -> None:
    steps = steps_of({"mapo-gu": "1122"}, {"mapo-gu": [30, 34.9, 36.2, 40]})
    [one] = district_changes(view_of(), *steps)
    assert (one.kind, one.districts, one.metric) == ("grade", ("mapo-gu",), "pm25")
    assert (one.before, one.after, one.grade_before, one.grade_after) == (34.9, 36.2, 1, 2)
    assert (one.n, one.total) == (40, 44)
    assert one.at_us == FIRST + 2 * STEP_US
    assert one.as_json()["v1"] == 36.2


def test_a_boundary_that_flickers_is_told_each_time() -> None:
    found = district_changes(view_of(), *steps_of({"mapo-gu": "1212"}, {"mapo-gu": [35, 36, 35, 36]}))
    assert [(one.grade_before, one.grade_after) for one in found] == [(1, 2), (2, 1), (1, 2)]


def test_a_lost_figure_says_why_and_what_it_was() -> None:
    found = district_changes(
        view_of(), *steps_of({"mapo-gu": "1ff-1"}, {"mapo-gu": [30, 31, 31, np.nan, 33]})
    )
    assert [(one.kind, one.why, one.before, one.after) for one in found] == [
        ("lost", "few", 30, None), ("back", None, None, 33)
    ]  # fmt: skip
    [lost, *_] = district_changes(view_of(), *steps_of({"mapo-gu": "1-"}, {"mapo-gu": [30, np.nan]}))
    assert lost.why == "nothing"


def test_an_outage_of_many_districts_is_one_line() -> None:
    letters = dict.fromkeys(CODES, "11--11")
    found = district_changes(view_of(), *steps_of(letters, {code: [30] * 6 for code in CODES}))
    assert [(one.kind, len(one.districts)) for one in found] == [("lost", 25), ("back", 25)]


def test_sensors_that_fell_silent_together_are_one_line() -> None:
    long, short = [(3 * HOUR, 16.0, False)], [(timedelta(minutes=50), 16.0, False)]
    old, other = [(30 * HOUR, 16.0, False)], [(3 * HOUR, 9.0, False)]
    view = view_of(
        {"readings": long}, {"readings": long}, {"readings": short}, {"readings": old},
        {"readings": other, "district": "jongno-gu"}, {"readings": long, "state": "unverified"}, {},
    )  # fmt: skip
    found = silent(view)
    assert [(one.districts, one.count, one.serials) for one in found] == [
        (("mapo-gu",), 2, ("s1", "s2")), (("jongno-gu",), 1, ("s5",)),
    ]  # fmt: skip
    assert found[0].at_us == micros(NOW - 3 * HOUR)


def test_a_sensor_that_is_back_says_how_long_it_was_silent() -> None:
    view = view_of({}, {}, {"known": 2 * HOUR}, {})
    back = instant(FIRST)
    rows = [
        ReturnRow(1, back - 3 * HOUR, back),
        ReturnRow(2, None, back),
        ReturnRow(3, None, instant(micros(NOW - 2 * HOUR))),
        ReturnRow(9, None, back),
    ]
    [known, unknown] = returned(view, rows)
    assert (known.serials, known.since_us) == (("s1",), micros(back - 3 * HOUR) + STEP_US)
    assert (unknown.serials, unknown.since_us) == (("s2",), None)


def test_left_out_values_are_told_since_their_last_good_one() -> None:
    minutes = timedelta(minutes=1)
    view = view_of(
        {"readings": [(k * minutes, 1600.0, True) for k in range(2, 50, 2)]},
        {"readings": [(2 * minutes, 1600.0, True), (4 * minutes, 30.0, False)]},
        {"readings": [(2 * minutes, 1600.0, True)], "state": "unverified"},
        {"readings": [(2 * minutes, 1600.0, True)]},
    )
    assert left_out(view) == [(0, 0), (3, 0)]
    good = np.full(LIVE, NEVER)
    good[0] = FIRST
    [one] = flagged(
        view, {1: good, 4: np.full(LIVE, NEVER)}
    )  # the last one never had a good value: no change
    assert (one.serials, one.metric, one.after, one.at_us) == (("s1",), "pm25", 1600.0, FIRST + STEP_US)


def test_new_sensors_are_told_once_for_all_that_came_together() -> None:
    view = view_of(
        {"known": HOUR},
        {"known": HOUR, "district": "jongno-gu"},
        {"known": 5 * HOUR},
        {"known": 30 * HOUR},
        {"known": HOUR, "state": "retired"},
    )
    assert [(one.count, one.districts) for one in new(view)] == [(2, ()), (1, ("mapo-gu",))]


def test_the_newest_comes_first_and_a_day_is_the_limit() -> None:
    view = view_of({"readings": [(3 * HOUR, 16.0, False)]}, {"known": HOUR})
    steps, states, totals = steps_of({"mapo-gu": "12"}, {"mapo-gu": [35, 36]})
    old = ReturnRow(1, None, NOW - timedelta(hours=24, minutes=20))
    found: list[Change] = changes_of(view, steps, states, totals, [old], {})
    assert [one.kind for one in found] == ["new", "grade", "silent"]
    assert [one.at_us for one in found] == sorted((one.at_us for one in found), reverse=True)


def test_unknown_things_are_left_out_of_what_is_sent() -> None:
    sent = Change(micros(NOW), "silent", ("mapo-gu",), count=2, serials=("a", "b")).as_json()
    assert set(sent) == {"at", "kind", "ds", "count", "serials"}
