"""Chance without memory: the same numbers whatever is asked, and of the promised distribution."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.chance import gaussian, key, keys, memory, ripple, uniform


def test_a_key_is_a_function_of_seed_and_name() -> None:
    assert key(1, "a") == key(1, "a")
    assert len({int(key(seed, name)[0]) for seed in (1, 2) for name in ("a", "b")}) == 4


def test_the_hash_is_splitmix64() -> None:
    # First output of Vigna's splitmix64.c for the state 0, which steps before it mixes.
    assert int(keys(np.zeros(1, np.uint64), np.array([1]))[0]) == 0xE220A8397B1DCDAF


def test_gaussian_has_mean_0_and_variance_1_and_no_neighbourhood() -> None:
    drawn = gaussian(keys(key(3, "x"), np.arange(200_000))).astype(float)
    assert abs(drawn.mean()) < 0.01
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.01


def test_uniform_fills_its_range_evenly() -> None:
    drawn = uniform(keys(key(3, "x"), np.arange(100_000)))
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)


def test_memory_forgets_by_e_in_tau() -> None:
    hours = np.arange(40_000) * 3600
    process = memory(key(3, "x"), hours, 25 * 3600.0, 3600)[0]
    assert process.std() == pytest.approx(1, abs=0.05)
    for lag in (1, 12, 25):
        assert np.corrcoef(process[lag:], process[:-lag])[0, 1] == pytest.approx(np.exp(-lag / 25), abs=0.04)


def test_memory_of_one_instant_is_that_of_many() -> None:
    of = keys(key(3, "x"), np.arange(5))
    seconds = np.arange(-50_000, 50_000, 977)
    together = memory(of, seconds, 9000.0, 600)
    for place in (0, 17, 60):
        assert np.array_equal(
            memory(of[2:3], seconds[place : place + 1], 9000.0, 600)[0], together[2, [place]]
        )


def test_ripple_is_straight_between_its_nodes() -> None:
    values = ripple(key(3, "x"), np.array([600, 900, 1200]), 600)[0]
    assert values[1] == pytest.approx((values[0] + values[2]) / 2)
    assert values[0] != values[2]
