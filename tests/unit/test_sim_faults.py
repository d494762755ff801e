"""Faults as functions of sensor and instant: which there are, and what they make of values, in any order asked."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from simulator.city import INTERVAL_MS, Block, SimCity
from simulator.distortion import Distortion, growth
from simulator.episode import Episode, milliseconds
from simulator.faults import BY_KEY, FAULTS, RANK
from simulator.instrument import Values
from simulator.past import FaultyPast, Met, Missing
from simulator.plan import DAY_MS, Plan, metrics_of
from tests.unit.sim_town import town

#: 2026-11-24T05:30:00Z, the start of a cycle.
NOW_MS = 1_795_498_200_000
HOUR_MS = 3_600_000
SENSORS = 40
MANY = dict.fromkeys(BY_KEY, 0.3)


@cache
def city() -> SimCity:
    return SimCity(town(), SENSORS)


def plan(*asked: Episode, rates: dict[str, float] | None = None, **more: float) -> Plan:
    return Plan(city().sensors, asked, rates, **more)  # type: ignore[arg-type]


def counting() -> int:
    return next(place for place, one in enumerate(city().sensors) if "visitors" in one.metrics)


def at(milliseconds_: int) -> datetime:
    return datetime.fromtimestamp(milliseconds_ / 1000, UTC)


# ---- the catalogue


def test_each_kind_is_explained() -> None:
    for kind in FAULTS:
        assert kind.what.endswith(".")
        assert kind.outcome
        assert timedelta(0) < kind.lasts[0] <= kind.lasts[1] <= timedelta(days=1)
        assert bool(kind.size) == bool(kind.default or kind.share), kind.key
        assert kind.hits == "device" or kind.past, "an instrument is faulty in the past, too"


def test_instruments_come_before_devices() -> None:
    layers = [kind.hits == "device" for kind in FAULTS]
    assert layers == sorted(layers)


# ---- the plan


def test_any_span_shows_the_same_episodes() -> None:
    whole = plan(rates=MANY).during(NOW_MS, NOW_MS + 4 * DAY_MS)
    assert {one.kind for one in whole} == set(BY_KEY)
    for first in range(0, 96, 7):
        begin, end = NOW_MS + first * HOUR_MS, NOW_MS + (first + 5) * HOUR_MS
        part = plan(rates=MANY).during(begin, end)
        assert list(part) == [one for one in whole if one.start_ms < end and one.end_ms > begin]


def test_a_rate_is_the_share_of_sensor_days_that_have_it() -> None:
    crowd = Plan(SimCity(town(), 400).sensors, (), {"spike": 0.05, "silence": 0.02})
    days = 50
    found = crowd.during(0, days * DAY_MS)
    for kind, rate in {"spike": 0.05, "silence": 0.02}.items():
        share = sum(one.kind == kind and one.start_ms >= 0 for one in found) / (400 * days)
        assert share == pytest.approx(rate, rel=0.15)


def test_drawn_episodes_keep_to_their_kind() -> None:
    for one in plan(rates=MANY).during(NOW_MS, NOW_MS + 20 * DAY_MS):
        kind = BY_KEY[one.kind]
        if one.kind != "swapped":
            shortest, longest = (span.total_seconds() * 1000 for span in kind.lasts)
            assert shortest - 1 <= one.end_ms - one.start_ms <= longest
        assert one.metric in metrics_of(kind, city().sensors[one.sensor])
        assert one.size > 0 or kind.signed or not kind.size
        assert one.size <= kind.most


def test_sizes_have_both_signs_where_they_may() -> None:
    found = plan(rates={"offset": 0.5, "clock_skew": 0.5}).during(0, 20 * DAY_MS)
    assert {(one.kind, one.size > 0) for one in found} == {
        (kind, sign) for kind in ("offset", "clock_skew") for sign in (True, False)
    }


def test_at_speed_days_and_episodes_are_as_much_shorter() -> None:
    slow = plan(rates=MANY).during(0, 3 * DAY_MS)
    fast = plan(rates=MANY, speed=120).during(0, 3 * DAY_MS // 120)
    assert len(fast) == pytest.approx(len(slow), abs=3)
    lengths = [sum(o.end_ms - o.start_ms for o in each if o.kind == "stuck") for each in (slow, fast)]
    assert lengths[0] == pytest.approx(120 * lengths[1], rel=0.01)


def test_nobody_carries_two_wrong_serials_at_once() -> None:
    swaps = [one for one in plan(rates={"swapped": 0.6}).during(0, 30 * DAY_MS) if one.kind == "swapped"]
    assert len(swaps) > 100
    pairs = {(one.sensor, one.other, one.start_ms, one.end_ms) for one in swaps}
    assert pairs == {(other, sensor, start, end) for sensor, other, start, end in pairs}
    for sensor in range(SENSORS):
        spans = sorted((one.start_ms, one.end_ms) for one in swaps if one.sensor == sensor)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert all(one.start_ms % INTERVAL_MS == one.end_ms % INTERVAL_MS == 0 for one in swaps)


def test_an_asked_for_swap_rules_out_drawn_ones() -> None:
    drawn = plan(rates={"swapped": 1.0}).during(0, DAY_MS)
    first = drawn[0]
    mine = Episode(first.sensor, "swapped", 0, DAY_MS, other=(first.other + 1) % SENSORS)
    left = plan(mine, rates={"swapped": 1.0}).during(0, DAY_MS)
    assert mine in left
    assert first in drawn
    assert first not in left


# ---- instruments


def distorted(*episodes: Episode, count: int = 60, step_s: int = 120) -> tuple[dict[str, Values], ...]:
    """Clean and faulty values of the first episode's sensor from NOW_MS on."""
    time_ms = NOW_MS + np.arange(count) * step_s * 1000
    sensor = np.full(count, episodes[0].sensor)
    clean = city().values(sensor, (time_ms * 1000).astype("datetime64[us]"))
    order = sorted(episodes, key=lambda one: one.order)
    return clean, Distortion(city(), INTERVAL_MS).apply(order, sensor, time_ms, clean)


def episode(kind: str, metric: str = "pm25", size: float = 0.0, sensor: int = 3, **more: int) -> Episode:
    """One of the second half hour."""
    return Episode(sensor, kind, NOW_MS + 1_800_000, NOW_MS + HOUR_MS, metric, size, **more)


WITHIN, WITHOUT = slice(15, 30), np.r_[0:15, 30:60]


@pytest.mark.parametrize("kind", [one.key for one in FAULTS if one.hits != "device"])
def test_a_fault_changes_its_metric_in_its_time_alone(kind: str) -> None:
    metric = "temperature" if kind == "unit" else "pm25"
    size = {"humidity_bias": 0.4, "stuck": 0.0, "unit": 0.0}.get(kind, 30.0)
    clean, faulty = distorted(episode(kind, metric, size))
    assert (faulty[metric][WITHIN] != clean[metric][WITHIN]).any()
    assert np.array_equal(faulty[metric][WITHOUT], clean[metric][WITHOUT])
    for other in set(clean) - {metric}:
        assert np.array_equal(faulty[other], clean[other], equal_nan=True)


def test_an_offset_and_a_spike_are_added() -> None:
    for kind in ("offset", "spike"):
        clean, faulty = distorted(episode(kind, size=40))
        assert np.array_equal(faulty["pm25"][WITHIN], clean["pm25"][WITHIN] + 40)


def test_a_drift_grows_evenly_from_nothing() -> None:
    clean, faulty = distorted(episode("drift", "temperature", 30))
    moved = (faulty["temperature"] - clean["temperature"])[WITHIN]
    assert moved == pytest.approx(30 * np.arange(15) / 15, abs=0.06)


def test_a_stuck_metric_shows_what_it_read_at_the_start() -> None:
    clean, faulty = distorted(episode("stuck", "noise"))
    assert set(faulty["noise"][WITHIN]) == {clean["noise"][15]}


def test_units_are_mixed_up_as_they_are_in_life() -> None:
    clean, faulty = distorted(episode("unit", "temperature"), episode("unit", "pm25"))
    celsius = clean["temperature"][WITHIN].astype(float)
    assert faulty["temperature"][WITHIN] == pytest.approx(celsius * 1.8 + 32, abs=0.06)
    assert np.array_equal(
        faulty["pm25"][WITHIN], (clean["pm25"][WITHIN].astype(float) / 1000).astype(np.float32)
    )


def test_damp_air_makes_more_dust() -> None:
    clean, faulty = distorted(episode("humidity_bias", size=0.4))
    factor = growth(clean["humidity"].astype(float), 0.4)
    assert faulty["pm25"][WITHIN] == pytest.approx(np.rint(clean["pm25"] * factor)[WITHIN])
    assert growth(np.array([0.0, 50.0, 90.0]), 0.4) == pytest.approx([1, 1.242, 3.182], abs=0.001)


def test_counts_stay_counts_and_who_counts_nobody_still_does_not() -> None:
    _, faulty = distorted(episode("offset", "visitors", -500, sensor=counting()))
    assert set(faulty["visitors"][WITHIN]) == {0}
    nobody = next(place for place, one in enumerate(city().sensors) if "visitors" not in one.metrics)
    for kind in ("offset", "stuck"):
        _, faulty = distorted(episode(kind, "visitors", 5, sensor=nobody))
        assert np.isnan(faulty["visitors"]).all()


def test_faults_take_effect_in_the_order_of_the_catalogue() -> None:
    _, faulty = distorted(episode("spike", size=500), episode("stuck"))
    assert len(set(faulty["pm25"][WITHIN])) == 1
    assert faulty["pm25"].max() < 500
    assert RANK["spike"] < RANK["stuck"]


def test_what_was_handed_in_stays_as_it_was() -> None:
    clean, _ = distorted(episode("offset", size=40))
    again, _ = distorted(episode("offset", size=40))
    assert np.array_equal(clean["pm25"], again["pm25"])


# ---- the past


def faulty_past(*asked: Episode, rates: dict[str, float] | None = None) -> FaultyPast:
    return FaultyPast(city(), plan(*asked, rates=rates))


Key = tuple[int, int]


def rows(blocks: list[tuple[Block, list[Met]]]) -> dict[Key, tuple[float, ...]]:
    """(sensor, milliseconds) → values."""
    found: dict[Key, tuple[float, ...]] = {}
    for (sensor, times, values), _ in blocks:
        columns = np.nan_to_num(np.stack(list(values.values())), nan=-1).T.tolist()
        for key, value in zip(
            zip(sensor.tolist(), milliseconds(times).tolist(), strict=True), columns, strict=True
        ):
            assert key not in found
            found[key] = tuple(value)
    return found


def test_a_faulty_past_is_the_sum_of_its_parts() -> None:
    bounds = [NOW_MS, NOW_MS + 5 * HOUR_MS + 7777, NOW_MS + 9 * HOUR_MS + 61_000, NOW_MS + 24 * HOUR_MS]
    whole = rows(list(faulty_past(rates=MANY).history(at(bounds[0]), at(bounds[-1]))))
    parts: dict[Key, tuple[float, ...]] = {}
    for begin, end in itertools.pairwise(bounds):
        found = rows(list(faulty_past(rates=MANY).history(at(begin), at(end))))
        assert not found.keys() & parts.keys()
        parts |= found
    assert parts == whole


def test_a_clean_plan_leaves_history_as_it_is() -> None:
    end = at(NOW_MS + 2 * HOUR_MS)
    clean = [(block, []) for block in city().history(at(NOW_MS + 333), end)]
    assert rows(list(faulty_past().history(at(NOW_MS + 333), end))) == rows(clean)


def test_swapped_serials_carry_the_others_instants_and_values() -> None:
    span = NOW_MS + 4 * INTERVAL_MS, NOW_MS + 9 * INTERVAL_MS
    asked = Episode(2, "swapped", *span, other=30), Episode(30, "swapped", *span, other=2)
    end = at(NOW_MS + 15 * INTERVAL_MS)
    clean = rows([(block, []) for block in city().history(at(NOW_MS), end)])
    faulty = rows(list(faulty_past(*asked).history(at(NOW_MS), end)))
    exchanged = {2: 30, 30: 2}
    expected = {
        (exchanged.get(sensor, sensor) if span[0] <= time < span[1] else sensor, time): values
        for (sensor, time), values in clean.items()
    }
    assert faulty == expected


def test_the_truth_of_the_past_counts_what_was_met() -> None:
    span = NOW_MS + 10 * INTERVAL_MS, NOW_MS + 30 * INTERVAL_MS
    asked = (
        Episode(1, "silence", *span),
        Episode(2, "dropout", *span, size=0.5),
        Episode(3, "stuck", *span, metric="noise"),
        Episode(4, "burst", *span),
    )
    start, end = at(NOW_MS), at(NOW_MS + 20 * INTERVAL_MS)
    blocks = list(faulty_past(*asked).history(start, end))
    met = {one.episode.kind: len(one.times) for _, notes in blocks for one in notes}
    there = rows(blocks)
    count = {sensor: sum(key[0] == sensor for key in there) for sensor in range(SENSORS)}
    assert [count[1], count[2], count[3], count[4]] == [10, 20 - met["dropout"], 20, 20]
    assert met == {"silence": 10, "stuck": 10, "dropout": met["dropout"]}
    assert 0 < met["dropout"] < 10


def test_which_readings_drop_out_follows_from_sensor_and_instant() -> None:
    one = Episode(5, "dropout", NOW_MS, NOW_MS + DAY_MS, size=0.3)
    time_ms = NOW_MS + np.arange(720) * INTERVAL_MS
    missing = Missing(1).of(one, time_ms)
    assert missing.mean() == pytest.approx(0.3, abs=0.06)
    assert np.array_equal(Missing(1).of(one, time_ms[100:200]), missing[100:200])
