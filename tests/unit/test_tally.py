"""The ledger's counts of a batch."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.fold import Outcome
from ingest.tally import NO_SENSOR, Tally

AT = datetime(2026, 11, 24, 14, 59, 30, tzinfo=UTC)
STORED, REVISED, DUPLICATE, QUARANTINED, REJECTED = Outcome


@pytest.fixture
def tally() -> Tally:
    return Tally(ZoneInfo("Asia/Seoul"))


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        ([STORED], STORED),
        ([STORED, REVISED], REVISED),
        ([DUPLICATE, REVISED, STORED], DUPLICATE),
        ([QUARANTINED, STORED], QUARANTINED),
        ([STORED, QUARANTINED, REJECTED], REJECTED),
    ],
)
def test_a_message_counts_as_the_worst_of_its_readings(tally: Tally, outcomes: list[Outcome], worst: Outcome):
    assert tally.add_message(AT, [(1, outcome) for outcome in outcomes]) is worst
    (counts,) = tally.minutes.values()
    assert counts[0] == 1
    assert counts[1:6] == [int(outcome is worst) for outcome in Outcome]
    assert counts[6:] == [outcomes.count(outcome) for outcome in Outcome]


def test_minutes_are_cut_by_the_clock(tally: Tally):
    for seconds in (0, 29.999999, 30, 89.999999, 90, 10):
        tally.add_message(AT + timedelta(seconds=seconds), [(1, STORED)])
    minute = AT.replace(second=0)
    counts = {at: count[0] for at, count in tally.minutes.items()}
    assert counts == {minute: 3, minute + timedelta(minutes=1): 2, minute + timedelta(minutes=2): 1}


def test_days_are_the_citys(tally: Tally):
    for seconds in (0, 30, 1):  # midnight in Seoul is 15:00 UTC
        tally.add_message(AT + timedelta(seconds=seconds), [(1, STORED)])
    assert tally.sensor_days == {
        (1, date(2026, 11, 24)): [2, 2, 0, 0, 0, 0],
        (1, date(2026, 11, 25)): [1, 1, 0, 0, 0, 0],
    }


def test_a_gateways_message_counts_at_the_gateway_and_its_readings_at_their_sensors(tally: Tally):
    tally.add_message(AT, [(2, STORED), (3, DUPLICATE), (3, STORED)], 1)
    day = date(2026, 11, 24)
    assert tally.sensor_days == {
        (1, day): [1, 0, 0, 0, 0, 0],
        (2, day): [0, 1, 0, 0, 0, 0],
        (3, day): [0, 1, 0, 1, 0, 0],
    }


def test_what_belongs_to_no_sensor_is_counted_too(tally: Tally):
    tally.add_message(AT, [(NO_SENSOR, QUARANTINED)])
    assert tally.sensor_days == {(0, date(2026, 11, 24)): [1, 0, 0, 0, 1, 0]}


def test_readings_without_messages(tally: Tally):
    tally.add_readings(AT, 1, STORED, 500)
    tally.add_readings(AT, 1, DUPLICATE, 3)
    messages, readings = tally.totals()
    assert messages == [0] * 5
    assert readings == [500, 0, 3, 0, 0]


def test_an_empty_tally():
    assert Tally(ZoneInfo("UTC")).totals() == ([0] * 5, [0] * 5)
