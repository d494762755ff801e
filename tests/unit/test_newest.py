"""What a batch means for the newest values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from city.metrics import load_catalogue
from ingest.fold import Fact
from ingest.newest import Newest, newest
from ingest.plausible import Plausible

PLAUSIBLE = Plausible(load_catalogue())
AT = datetime(2026, 11, 24, 5, tzinfo=UTC)


def fact(minute: int, sensor: int = 1, arrived: int = 60, **values: float | None) -> Fact:
    return Fact(
        sensor, AT + timedelta(minutes=minute), values, 0, None, None, AT + timedelta(minutes=arrived)
    )


def found(*facts: Fact) -> Newest:
    (row,) = newest(facts, PLAUSIBLE).values()
    return row


def minute(number: int) -> datetime:
    return AT + timedelta(minutes=number)


def test_each_metric_has_its_own_newest():
    row = found(fact(1, pm25=1.0, pm10=1.0), fact(2, pm25=2.0))
    assert row.time == minute(2)
    assert row.values == {"pm25": (2.0, minute(2), False), "pm10": (1.0, minute(1), False)}


def test_an_older_one_changes_nothing_but_the_time_of_change():
    row = found(fact(2, pm25=2.0, arrived=3), fact(1, pm25=1.0, arrived=4))
    assert row.values == {"pm25": (2.0, minute(2), False)}
    assert (row.time, row.changed_at) == (minute(2), minute(4))


def test_of_one_instant_the_last_to_arrive_counts():
    assert found(fact(1, pm25=1.0), fact(1, pm25=2.0)).values == {"pm25": (2.0, minute(1), False)}


def test_a_null_clears():
    assert found(fact(1, pm25=1.0), fact(2, pm25=None)).values == {"pm25": (None, minute(2), False)}


def test_an_implausible_value_is_there_and_flagged():
    assert found(fact(1, pm25=1600.0)).values == {"pm25": (1600.0, minute(1), True)}


def test_sensors_do_not_meet():
    assert set(newest([fact(1, 1, pm25=1.0), fact(1, 2, pm25=2.0)], PLAUSIBLE)) == {1, 2}
    assert newest([], PLAUSIBLE) == {}
