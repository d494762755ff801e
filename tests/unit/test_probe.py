"""The broker's silence, as counted without a broker."""

import pytest

from sdot.probe import CONNECT_S, Probe


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def probe(clock):
    """At a port where nobody listens (1 is never a broker's)."""
    return Probe("mqtt://127.0.0.1:1", clock)


def look(probe: Probe, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        probe.step()


def test_silence_grows_while_it_is_looked_for(probe, clock):
    look(probe, clock, 25)
    assert probe.silent_s == 25


def test_time_in_which_nobody_looked_is_not_the_brokers(probe, clock):
    look(probe, clock, 3)
    clock.now += 600
    look(probe, clock, 4)
    assert probe.silent_s == 3


def test_an_answer_and_forgiveness_begin_anew(probe, clock):
    look(probe, clock, int(CONNECT_S))
    probe._answer()
    look(probe, clock, 2)
    assert probe.silent_s == 2
    probe.forgive()
    look(probe, clock, 1)
    assert probe.silent_s == 1
    assert probe.answered is None
