"""Wire formats by name, passwords by file, delays by hash, and how many connections the system allows."""

from __future__ import annotations

import resource
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from city.errors import SettingsError
from city.settings import Settings
from simulator import descriptors, live, protocols
from simulator.city import SimCity
from simulator.credentials import read_credentials
from simulator.device import RAW_KEPT, Device
from simulator.jitter import LATEST, sending_ms, share
from simulator.network import Away
from tests.unit.sim_town import town


def test_each_protocol_is_found_by_the_name_of_its_module() -> None:
    assert "json_v1" in protocols.available()
    for name in protocols.available():
        wire = protocols.load(name)("a/b", ZoneInfo("Asia/Seoul"))
        assert wire.__class__.__module__ == f"simulator.protocols.{name}"
        assert wire.together >= 1


def test_an_unknown_protocol_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no protocol `morse`; there is .*json_v1"):
        live.check(live.Options(protocol="morse"), SimCity(town(), 1))


class Tape(protocols.Protocol):
    """A format that no module holds."""

    together, online, offline = 2, b"1", b"0"

    def reading_topic(self, serial: str) -> str:
        return f"{self.prefix}-{serial}"

    def status_topic(self, serial: str) -> str:
        return f"{self.prefix}-{serial}-link"

    def body(self, readings, about) -> bytes:  # type: ignore[no-untyped-def]
        return b"|".join(b"%d:%d" % (time_ms, values["pm25"]) for time_ms, values in readings)


def test_a_device_speaks_whatever_format_it_is_given() -> None:
    city = SimCity(town(), 1)
    device = Device(city.sensors[0], Tape("t", ZoneInfo("UTC")))
    for number in range(3):
        device.measure(number, tuple(range(number, number + len(city.sensors[0].metrics))))
    at = city.sensors[0].metrics.index("pm25")
    assert device.message() == ("t-SIM-0001", b"0:%d|1:%d" % (at, at + 1))
    assert device.message() == ("t-SIM-0001", b"2:%d" % (at + 2))
    assert device.will == ("t-SIM-0001-link", b"0")


def test_a_device_refuses_a_flood_that_nobody_could_send() -> None:
    device = Device(SimCity(town(), 1).sensors[0], Tape("t", ZoneInfo("UTC")))
    assert all(device.add_raw(b"x") for _ in range(RAW_KEPT))
    assert not device.add_raw(b"x")


# ---- passwords


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.csv"
    path.write_text('serial,password\nSIM-0001,"a,b"\nSIM-0002,c\nother,d\n', encoding="utf-8")
    return path


def test_passwords_are_those_of_the_sensors_asked_for(file: Path) -> None:
    assert read_credentials(file, ["SIM-0002", "SIM-0001"]) == {"SIM-0001": "a,b", "SIM-0002": "c"}


def test_a_sensor_without_a_password_is_an_error_that_says_how_to_make_one(file: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"no password for 1 sensors \(SIM-0003\).*sdot sensor credentials"
    ):
        read_credentials(file, ["SIM-0001", "SIM-0003"])


@pytest.mark.parametrize("text", ["", "user;word\n", "serial,word\nSIM-0001,a\n"])
def test_a_file_without_its_columns_is_refused(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="sdot sensor credentials"):
        read_credentials(file, ["SIM-0001"])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_credentials(tmp_path / "none.csv", [])


def test_credentials_with_shared_connections_are_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match="per-device"):
        live.run(Settings(), town(), live.Options(credentials=file), city=SimCity(town(), 1))


# ---- delays


def test_readings_leave_soon_after_they_were_taken_each_at_its_own_moment() -> None:
    sensors = np.repeat(np.arange(200), 5)
    time_ms = 1_795_498_080_000 + np.tile(np.arange(5), 200) * 120_000
    delay = sending_ms(sensors, time_ms, 120_000) - time_ms
    assert delay.min() >= 0
    assert delay.max() < 120_000 * LATEST
    assert len(np.unique(delay)) > 500
    assert (delay == sending_ms(sensors, time_ms, 120_000) - time_ms).all()
    assert sending_ms(sensors, time_ms, 1_000).max() - time_ms.max() <= 10


def test_devices_take_turns_when_the_broker_is_back() -> None:
    turns = sorted(share(f"SIM-{number:04d}", 3) for number in range(2000))
    counts = np.histogram(turns, bins=20, range=(0, 1))[0]
    assert counts.sum() == 2000
    assert counts.max() < 200  # of 100 on average: no crowd
    assert share("SIM-0001", 3) != share("SIM-0001", 4)


def test_the_broker_is_asked_less_and_less_often_while_it_is_away() -> None:
    away = Away()
    assert away.over()  # the first answer of all is news
    assert not away.over()
    waits = [away.next_s("SIM-0001") for _ in range(12)]
    assert 0.3 < waits[0] < 0.7
    assert waits[:3] == sorted(waits[:3])
    assert max(waits) < 7
    assert away.over()
    assert away.next_s("SIM-0001") < 0.7


# ---- the system's limits


def test_the_limit_of_open_files_is_raised_as_far_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    descriptors.allow(500)
    assert raised == []
    descriptors.allow(2000)
    assert raised == [(2100, 4096)]
    with pytest.raises(
        SettingsError, match="5000 connections need 5100 open files, and this system allows 4096"
    ):
        descriptors.allow(5000)
