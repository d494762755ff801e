"""How much of one sensor is taken: bursts and backlogs pass, a flood does not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from city.reading import Reading, Refusal
from ingest.gate import FLOOD_UNKNOWN, Gate, Strangers


@dataclass
class Time:
    """A clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def readings(count: int, sensor: str | None = None) -> list[Reading | Refusal]:
    return [Reading(None, {"pm25": 1.0}, sensor=sensor) for _ in range(count)]


def send(gate: Gate, serial: str, count: int = 1) -> bool:
    """Whether a message of so many readings is taken."""
    if gate.check(serial) is not None:
        return False
    gate.charge(serial, readings(count))
    return True


@pytest.fixture
def sixty() -> Gate:
    """One reading a second, an hour's worth at once."""
    return Gate(60, lambda serial: serial == "gateway")


def test_an_ordinary_sensor_never_meets_it(sixty: Gate):
    for _ in range(10_000):
        sixty.refill(120)
        assert send(sixty, "a")


def test_a_backlog_of_fifty_days_passes_at_the_default():
    gate = Gate(600, lambda _: False)
    assert all(send(gate, "a", 1000) for _ in range(36))
    assert not send(gate, "a")


def test_a_flood_is_slowed_to_the_rate_and_only_its_sensor(sixty: Gate):
    assert sum(send(sixty, "flood") for _ in range(5000)) == 3600
    assert send(sixty, "good")
    for _ in range(10):
        sixty.refill(1)
        assert sum(send(sixty, "flood") for _ in range(100)) == 1
    sixty.refill(7200)  # quiet for long: whole again, and no more than that
    assert sum(send(sixty, "flood") for _ in range(5000)) == 3600


def test_the_array_that_overdraws_is_taken_whole_and_paid_back(sixty: Gate):
    assert all(send(sixty, "a", 1000) for _ in range(4))
    sixty.refill(399)
    assert not send(sixty, "a")
    sixty.refill(2)
    assert send(sixty, "a")


def test_of_what_is_turned_away_the_first_and_each_thousandth_is_kept(sixty: Gate):
    send(sixty, "a", 3600)
    refusals = [sixty.check("a") for _ in range(2001)]
    assert {refusal.code for refusal in refusals if refusal} == {"flood"}
    assert [n for n, refusal in enumerate(refusals) if refusal and refusal.kept] == [0, 1000, 2000]


def test_a_message_without_readings_counts_too(sixty: Gate):
    assert sum(send(sixty, "", 0) for _ in range(4000)) == 3600


def test_what_a_resumed_session_sends_again_is_not_charged(sixty: Gate):
    send(sixty, "a", 3600)
    sixty.spare(50)
    assert sum(send(sixty, "a") for _ in range(100)) == 50


def test_behind_a_gateway_each_sensor_has_its_own(sixty: Gate):
    for _ in range(3):
        assert sixty.check("gateway") is None
        items = readings(1000, "x")
        sixty.charge("gateway", items)
    items = [*readings(1000, "x"), *readings(1, "y")]
    sixty.charge("gateway", items)
    taken = [item for item in items if isinstance(item, Reading)]
    assert ([item.sensor for item in taken].count("x"), taken[-1].sensor) == (600, "y")
    refused = items[600]
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.index) == ("flood", 600)
    assert sixty.check("gateway") is None


def test_it_forgets_who_is_whole_again(sixty: Gate):
    send(sixty, "flood", 3700)
    sixty.check("flood")
    for number in range(1000):
        send(sixty, f"s{number}", 5)
    sixty.refill(5)
    assert set(sixty._spent) == set(sixty._refused) == {"flood"}
    sixty.refill(3700)
    assert not sixty._spent
    assert not sixty._refused


def test_strangers_share_ten_times_as_much():
    time = Time()
    strangers = Strangers(60, time)
    strangers.begin()
    taken = [strangers.check() is None for _ in range(700)]
    assert sum(taken) == 600
    strangers.begin()  # the batch is tried again: nothing was taken yet
    refusals = [strangers.check() for _ in range(1601)]
    assert refusals.count(None) == 600
    kept = [refusal for refusal in refusals if refusal and refusal.kept]
    assert kept == [FLOOD_UNKNOWN] * 2
    strangers.settle()
    strangers.begin()
    assert strangers.check() is not None
    strangers.settle()
    time.now += 1
    strangers.begin()
    assert [strangers.check() is None for _ in range(11)].count(True) == 10
