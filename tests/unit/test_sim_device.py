"""Devices and their timetable: what is sent when, and how it reads to the contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from city.contract import Decoder
from city.errors import SettingsError
from city.metrics import load_catalogue
from city.reading import Reading
from city.settings import Settings
from simulator.city import SimCity, SimSensor, Times
from simulator.device import KEPT, Device
from simulator.fitted import DIGITS
from simulator.jitter import LATEST
from simulator.live import CATCH_UP, Options, missed, run
from simulator.protocols.json_v1 import Wire, timestamp
from simulator.timetable import Due, Timetable, readings
from tests.unit.sim_town import town

SEOUL = ZoneInfo("Asia/Seoul")
SENSOR = SimSensor("SIM-0001", "SIM-ENV", "parks", 37.5, 127.0, "hook", 1.5, ("pm25", "temperature"))
#: 2026-11-24T14:28:00+09:00, the start of a cycle.
NOW_MS = 1_795_498_080_000


@pytest.fixture
def device() -> Device:
    return Device(SENSOR, Wire("sdot/v1", SEOUL))


def decoded(body: bytes) -> list[Reading]:
    found = Decoder(load_catalogue()).decode(body)
    assert all(isinstance(one, Reading) for one in found), found
    return [one for one in found if isinstance(one, Reading)]


def test_topics_are_those_of_the_contract(device: Device) -> None:
    assert device.reading_topic == "sdot/v1/SIM-0001/reading"
    assert device.status_topic == "sdot/v1/SIM-0001/status"


def test_the_first_message_tells_what_and_where_the_device_is(device: Device) -> None:
    for number in range(2):
        device.measure(NOW_MS + number, (12, 20.1))
        body = device.message()[1]
        about = {"lat": 37.5, "lon": 127.0, "model": "SIM-ENV", "kind": "parks"} if number == 0 else {}
        time = f"2026-11-24T14:28:00.00{number}+09:00"
        assert json.loads(body) == {"time": time, "pm25": 12, "temperature": 20.1} | about
        assert decoded(body)[0].values == {"pm25": 12.0, "temperature": pytest.approx(20.1)}


def test_what_waited_goes_together_with_its_times(device: Device) -> None:
    for number in range(Wire.together + 2):
        device.measure(NOW_MS + 120_000 * number, (number, 1.0))
    first, second = (decoded(device.message()[1]) for _ in range(2))
    assert [one.values["pm25"] for one in first + second] == list(range(Wire.together + 2))
    assert [len(first), len(second), len(device)] == [Wire.together, 2, 0]
    start = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert [one.time for one in second] == [
        start + timedelta(minutes=2 * (Wire.together + more)) for more in (0, 1)
    ]
    assert first[0].about is not None
    assert first[1].about is None


def test_a_full_backlog_loses_the_oldest_and_counts_them(device: Device) -> None:
    for number in range(KEPT + 3):
        device.measure(NOW_MS + number, (number, 1.0))
    assert (len(device), device.dropped) == (KEPT, 3)
    assert decoded(device.message()[1])[0].values["pm25"] == 3


def test_times_carry_the_offset_of_their_day() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    assert timestamp(1_795_498_080_007, madrid) == "2026-11-24T06:28:00.007+01:00"
    assert timestamp(1_782_271_680_000, madrid) == "2026-06-24T05:28:00.000+02:00"


# ---- the timetable


def taken(table: Timetable, start_ms: int, end_ms: int, step_ms: int = 200) -> list[Due]:
    return [one for now in range(start_ms, end_ms, step_ms) for one in table.due(now)]


def test_each_sensor_falls_due_once_a_cycle_soon_after_its_moment() -> None:
    city, late = SimCity(town(), 37), 120_000 * LATEST + 200
    table, came = Timetable(city, NOW_MS), []
    for now in range(NOW_MS, NOW_MS + 360_000 + round(late), 200):
        came += [(one.sensor, one.time_ms, now - one.time_ms) for one in table.due(now)]
    for sensor in range(37):
        assert [time for one, time, _ in came if one == sensor][:3] == [
            NOW_MS + 120_000 * cycle + int(city.phase_ms[sensor]) for cycle in range(3)
        ]
    delays = [delay for _, _, delay in came]
    assert min(delays) >= 0
    assert max(delays) <= late
    assert len(set(delays)) > 20


@pytest.mark.parametrize("slice_size", [1, 7, 1000])
def test_slices_of_a_cycle_leave_nothing_out(monkeypatch: pytest.MonkeyPatch, slice_size: int) -> None:
    whole = Timetable(SimCity(town(), 37), NOW_MS + 50_000)
    monkeypatch.setattr("simulator.timetable.SLICE", slice_size)
    sliced = Timetable(SimCity(town(), 37), NOW_MS + 50_000)
    due = [taken(one, NOW_MS + 50_000, NOW_MS + 400_000) for one in (whole, sliced)]
    assert due[0] == due[1]
    assert len(due[0]) > 2 * 37


def test_nothing_falls_due_before_its_time_nor_from_before_the_start() -> None:
    table = Timetable(SimCity(town(), 37), NOW_MS + 60_000)
    for now in range(NOW_MS + 60_000, NOW_MS + 130_000, 500):
        assert all(NOW_MS + 60_000 <= one.time_ms <= now for one in table.due(now))


def test_live_goes_on_where_history_ended_with_the_same_values() -> None:
    city, start, middle = SimCity(town(), 25), NOW_MS - 200_000, NOW_MS + 33_333
    before = list(missed(city, since(start), middle))
    after = taken(Timetable(city, middle), middle, NOW_MS + 302_000)
    whole = list(missed(city, since(start), NOW_MS + 300_000))
    assert {*before, *after} >= {*whole}
    assert len(before) + len([one for one in after if one.time_ms < NOW_MS + 300_000]) == len(whole)


def since(*time_ms: int) -> Times:
    """Newest readings of 25 sensors, all at the one instant or each at its own."""
    return np.resize(np.array(time_ms, "datetime64[ms]"), 25).astype("datetime64[us]")


def test_each_sensor_goes_on_after_its_own_newest_reading() -> None:
    city = SimCity(town(), 25)
    newest = since(*(NOW_MS - 120_000 * number for number in range(25)))
    newest[0] = np.datetime64("NaT")
    found = list(missed(city, newest, NOW_MS + 1))
    for sensor in range(1, 25):
        times = [one.time_ms for one in found if one.sensor == sensor]
        assert min(times) > NOW_MS - 120_000 * sensor
        assert len(times) == sensor
    assert not [one for one in found if one.sensor == 0]  # it has no past; a back-fill writes one


def test_values_sent_are_those_of_the_city() -> None:
    city = SimCity(town(), 60)
    for one in taken(Timetable(city, NOW_MS), NOW_MS, NOW_MS + 120_000):
        true = city.values(np.array([one.sensor]), np.array([one.time_ms * 1000], "datetime64[us]"))
        sent = dict(zip(city.sensors[one.sensor].metrics, one.values, strict=True))
        assert {metric: np.float32(value) for metric, value in sent.items()} == {m: true[m][0] for m in sent}


def test_at_speed_ten_each_sensor_falls_due_ten_times_as_often_at_real_time() -> None:
    table = Timetable(SimCity(town(), 37), NOW_MS, 12_000)
    due = taken(table, NOW_MS, NOW_MS + 120_000)
    assert 10 * 37 - 5 < len(due) <= 10 * 37  # the last ones are on their way
    assert all(NOW_MS <= one.time_ms < NOW_MS + 120_000 for one in due)


@pytest.mark.parametrize("hours", [-5, 7])
def test_after_a_leap_of_the_clock_it_goes_on_from_there(hours: int) -> None:
    table = Timetable(SimCity(town(), 37), NOW_MS)
    there = NOW_MS + hours * 3_600_000
    due = taken(table, there, there + 122_000)
    assert len({one.sensor for one in due}) == 37
    assert min(one.time_ms for one in due) >= there


def test_catching_up_is_bounded() -> None:
    city = SimCity(town(), 3)
    long_ago = since(NOW_MS - 30 * 86_400_000)[:3]
    assert len(list(missed(city, long_ago, NOW_MS))) == 3 * CATCH_UP // timedelta(minutes=2)
    assert list(missed(city, None, NOW_MS)) == []


def test_numbers_are_whole_where_the_instrument_is() -> None:
    city = SimCity(town(), 40)
    times = np.full(40, np.datetime64("2026-11-24T05:00:00", "us"))
    for one in readings(city, np.arange(40), times, city.values(np.arange(40), times)):
        kinds: dict[str, Any] = dict(
            zip(city.sensors[one.sensor].metrics, map(type, one.values), strict=True)
        )
        assert {metric for metric, kind in kinds.items() if kind is float} == {
            metric for metric in kinds if DIGITS[metric]
        }


@pytest.mark.parametrize("speed", [0.0, -1.0, 601.0])
def test_an_impossible_speed_is_refused_in_words(speed: float) -> None:
    with pytest.raises(SettingsError, match="speed"):
        run(Settings(), town(), Options(speed), city=SimCity(town(), 3))
