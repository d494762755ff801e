"""What faulty devices send when, with the clock in hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.city import INTERVAL_MS, SimCity, SimSensor
from simulator.episode import Episode
from simulator.outbox import Outbox, Parcel
from simulator.plan import Plan
from simulator.timetable import Due
from tests.unit.sim_town import town

NOW_MS = 1_795_498_200_000
SENSORS = 4


@pytest.fixture(scope="module")
def sensors() -> tuple[SimSensor, ...]:
    return SimCity(town(), SENSORS).sensors


class Run:
    """An outbox, minute by minute."""

    def __init__(self, sensors: Sequence[SimSensor], *episodes: Episode) -> None:
        self.noted: list[tuple[str, int]] = []
        self.outbox = Outbox(Plan(sensors, episodes), self._reread, self._note)

    def _reread(self, sensor: int, times: Sequence[int], interval_s: float) -> list[Due]:
        return [Due(sensor, time, (interval_s,)) for time in times]

    def _note(self, episode: Episode, time_ms: int, readings: int) -> None:
        self.noted.append((episode.kind, time_ms))

    def at(self, now_ms: int, *sensors: int) -> list[Parcel]:
        due = [Due(sensor, now_ms, (7,)) for sensor in sensors]
        return [*self.outbox.ready(now_ms), *self.outbox.put(due, now_ms)]


def fault(kind: str, size: float = 0.0, sensor: int = 0, other: int = -1) -> Episode:
    return Episode(sensor, kind, NOW_MS, NOW_MS + 10 * INTERVAL_MS, "", size, other)


def test_a_healthy_device_sends_what_it_measures(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("silence"))
    assert run.at(NOW_MS, 1) == [Parcel(1, 1, NOW_MS, (7,))]
    assert run.noted == []


def test_a_silent_device_sends_nothing_and_is_away_as_long(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("silence"))
    assert run.at(NOW_MS, 0) == []
    assert run.noted == [("silence", NOW_MS)]
    end = NOW_MS + 10 * INTERVAL_MS
    assert [run.outbox.away(time) for time in (NOW_MS - 1, NOW_MS, end - 1, end)] == [set(), {0}, {0}, set()]


def test_a_late_reading_keeps_its_time_and_is_told_when_it_leaves(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("late", 30))
    assert run.at(NOW_MS, 0) == []
    assert run.at(NOW_MS + 29_999) == []
    assert run.noted == []
    assert run.at(NOW_MS + 30_000) == [Parcel(0, 0, NOW_MS, (7,))]
    assert run.noted == [("late", NOW_MS)]


def test_readings_overtake_each_other(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("out_of_order", 900))
    for step in range(10):
        run.at(NOW_MS + step * INTERVAL_MS, 0)
    left = [
        parcel.time_ms
        for step in range(10, 2000)
        for parcel in run.at(NOW_MS + step * 1000 + 10 * INTERVAL_MS)
    ]
    assert left != sorted(left)


def test_a_duplicate_is_a_message_of_its_own(sensors: tuple[SimSensor, ...]) -> None:
    one = Parcel(0, 0, NOW_MS, (7,))
    again = Parcel(0, 0, NOW_MS, (7,), alone=True)
    run = Run(sensors, fault("duplicate", 2))
    assert run.at(NOW_MS, 0) == [one, again, again]
    assert run.noted == [("duplicate", NOW_MS)]


def test_wrong_clocks(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("clock_skew", -12.5), fault("clock_reset", sensor=1))
    later = NOW_MS + INTERVAL_MS
    assert [one.time_ms for one in run.at(later, 0, 1)] == [later - 12_500, INTERVAL_MS]


def test_swapped_serials_go_under_the_others_topic(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("swapped", other=2), fault("swapped", sensor=2, other=0))
    assert [(one.source, one.sender, one.alone) for one in run.at(NOW_MS, 0, 2)] == [
        (0, 2, True),
        (2, 0, True),
    ]


def test_a_silent_device_with_a_wrong_serial_takes_that_connection_away(
    sensors: tuple[SimSensor, ...],
) -> None:
    run = Run(sensors, fault("silence"), fault("swapped", other=2), fault("swapped", sensor=2, other=0))
    assert run.outbox.away(NOW_MS) == {2}


def test_a_flood_is_many_messages_of_instants_in_between(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, fault("flood", 4))
    parcels = run.at(NOW_MS, 0)
    assert [one.time_ms - NOW_MS for one in parcels] == [-90_000, -60_000, -30_000, 0]
    assert [one.values for one in parcels] == [(30.0,), (30.0,), (30.0,), (7,)]
    assert all(one.alone for one in parcels)
    assert len(run.noted) == 4


def test_some_messages_are_cut(sensors: tuple[SimSensor, ...]) -> None:
    run = Run(sensors, Episode(0, "broken_json", NOW_MS, NOW_MS + 400 * INTERVAL_MS, "", 0.3))
    parcels = [run.at(NOW_MS + step * INTERVAL_MS, 0)[0] for step in range(400)]
    cut = [one for one in parcels if one.cut]
    assert len(cut) == len(run.noted) == pytest.approx(120, abs=30)
    assert all(one.alone for one in cut)
