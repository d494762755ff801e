"""Single devices on a real broker: their own connections, logins and last wills, and how they misbehave when told to."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from city.settings import Settings, mqtt_address
from simulator import live
from simulator.city import SimCity
from simulator.device import Device
from simulator.fleet import Fleet
from simulator.protocols.json_v1 import Wire
from tests.integration.test_sim_live import ear
from tests.servers.broker import Broker
from tests.servers.missing import Missing
from tests.servers.mosquitto import Mosquitto
from tests.servers.place import Place
from tests.servers.pool import Pool
from tests.unit.sim_town import town
from tests.waiting import until

#: 2026-11-24T14:28:00+09:00
NOW_MS = 1_795_498_080_000
OBSERVER = ("observer", "seen")
#: Runs until it is killed.
LIVE = """
import sys
from city.pack import load_pack
from city.settings import Settings
from simulator import live
from simulator.city import SimCity
url, prefix = sys.argv[1:]
pack = load_pack("seoul")
live.run(Settings(mqtt_url=url, topic_prefix=prefix), pack, live.Options(120.0, per_device=True), city=SimCity(pack, 20))
"""


class Guarded(Mosquitto):
    """One that asks for passwords, and lets a device write its own topics only; it counts its clients each second."""

    def __init__(self, place: Place, passwords: dict[str, str]) -> None:
        self._passwords = passwords
        super().__init__(place)

    def _settings(self) -> str:
        users, rights = self.place.path / "users", self.place.path / "rights"
        users.write_text("".join(f"{user}:{word}\n" for user, word in self._passwords.items()))
        subprocess.run(["mosquitto_passwd", "-U", users], check=True)
        rights.write_text(
            "pattern write +/v1/%u/reading\npattern write +/v1/%u/status\npattern read +/v1/%u/error\n"
            f"user {OBSERVER[0]}\ntopic read #\n"
        )
        for file in (users, rights):
            file.chmod(0o644)
        return f"allow_anonymous false\npassword_file {users}\nacl_file {rights}\nsys_interval 1\n"


@pytest.fixture
def anyones(pool: Pool) -> Iterator[Broker]:
    """A mosquitto of this test's own, for everybody."""
    try:
        broker = Mosquitto(Place(pool.place.path), more="sys_interval 1\n")
    except Missing as missing:
        pytest.skip(str(missing))
    yield broker
    broker.stop()


@contextmanager
def fleet(broker: Broker, prefix: str, number: int, **more: Any) -> Iterator[Fleet]:
    """Devices of a town that send what a test gives them."""
    pack, city = town(), SimCity(town(), number)
    devices = [Device(sensor, Wire(prefix, pack.zone)) for sensor in city.sensors]
    made = Fleet(mqtt_address(broker.url), devices, **more)
    try:
        yield made
    finally:
        made.farewell(1.0)


def served(fleet: Fleet, condition: Any, what: str) -> None:
    """Serve until it holds."""
    until(lambda: fleet.serve(0.02) * 0 or condition(), what, every=0.0)


def values(fleet: Fleet, index: int, first: int) -> tuple[int, ...]:
    return (first, *[1] * (len(fleet.devices[index]._sensor.metrics) - 1))


@pytest.fixture(params=["shared", "per-device"])
def own(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"passwords": {} if request.param == "per-device" else None}


def test_a_silent_device_is_offline_and_comes_back_with_an_array(
    broker: Broker, unique_prefix: str, own: dict[str, Any]
) -> None:
    with ear(broker, unique_prefix) as heard, fleet(broker, unique_prefix, 3, **own) as some:
        for index in range(3):
            some.measure(index, NOW_MS, values(some, index, 1))
        served(some, lambda: len(heard.readings()) == 3, "the first readings")
        some.silence(1)
        served(some, lambda: ("SIM-0002", b"offline") in heard.messages("status"), "word that it is away")
        for number in range(1, 4):
            for index in range(3):
                some.measure(index, NOW_MS + number, values(some, index, number))
        served(some, lambda: len(heard.readings()) == 3 + 6, "the others")
        assert [serial for serial, _ in heard.readings()].count("SIM-0002") == 1
        some.resume(1)
        served(some, lambda: len(heard.readings()) == 3 + 9, "what it has kept")
        arrays = [serial for serial, body in heard.messages("reading") if body.startswith(b"[")]
        assert arrays.count("SIM-0002") == 1
        told = [body for serial, body in heard.messages("status") if serial == "SIM-0002"]
        assert told == [b"online", b"offline", b"online"]
        assert {body for serial, body in heard.messages("status") if serial != "SIM-0002"} == {b"online"}


def test_what_is_held_comes_late_in_another_order_and_twice(
    broker: Broker, unique_prefix: str, own: dict[str, Any]
) -> None:
    with ear(broker, unique_prefix) as heard, fleet(broker, unique_prefix, 2, **own) as some:
        some.hold(0)
        for number in range(3):
            for index in range(2):
                some.measure(index, NOW_MS + number, values(some, index, number))
        served(some, lambda: len(heard.readings()) == 3, "the one that is not held")
        assert {serial for serial, _ in heard.readings()} == {"SIM-0002"}
        some.release(0, lambda kept: [*reversed(kept), kept[0]])
        served(some, lambda: len(heard.readings()) == 3 + 4, "the one that was held")
        late = [one["time"][20:23] for serial, one in heard.readings() if serial == "SIM-0001"]
        assert late == ["002", "001", "000", "000"]


def test_bytes_go_as_they_are_on_any_topic(broker: Broker, unique_prefix: str, own: dict[str, Any]) -> None:
    with ear(broker, unique_prefix) as heard, fleet(broker, unique_prefix, 2, **own) as some:
        other = some.devices[1].reading_topic
        assert some.send_raw(0, b'{"pm25": ')
        assert some.send_raw(0, some.devices[0].encode([(NOW_MS, values(some, 0, 7))]), topic=other)
        some.measure(0, NOW_MS, values(some, 0, 8))
        served(some, lambda: len(heard.messages("reading")) == 3, "all three")
        (first, broken), (second, swapped), (third, _) = heard.messages("reading")
        assert (first, second, third) == ("SIM-0001", "SIM-0002", "SIM-0001")
        assert broken == b'{"pm25": '
        assert b'"pm25":7' in swapped


def test_a_flood_passes_through_the_window(anyones: Broker, unique_prefix: str, own: dict[str, Any]) -> None:
    with ear(anyones, unique_prefix) as heard, fleet(anyones, unique_prefix, 2, **own) as some:
        for number in range(500):
            assert some.send_raw(0, b"%d" % number)
        served(some, lambda: len(heard.messages("reading")) == 500, "the flood")
        assert [body for _, body in heard.messages("reading")] == [b"%d" % number for number in range(500)]


def test_the_last_will_of_each_device_is_heard_when_the_process_is_killed(
    anyones: Broker, unique_prefix: str
) -> None:
    with ear(anyones, unique_prefix) as heard:
        command = [sys.executable, "-c", LIVE, anyones.url, unique_prefix]
        with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
            try:
                until(lambda: len({serial for serial, _ in heard.readings()}) == 20, "all to send")
                assert {body for _, body in heard.messages("status")} == {b"online"}
            finally:
                process.kill()
        until(lambda: len(heard.messages("status")) >= 40, "the last wills")
        assert Counter(heard.messages("status")) == {
            (f"SIM-{number:04d}", body): 1 for number in range(1, 21) for body in (b"online", b"offline")
        }
    with ear(anyones, unique_prefix) as late:
        until(lambda: len(late.messages("status")) == 20, "what is retained")
        assert {body for _, body in late.messages("status")} == {b"offline"}


def test_devices_log_in_as_themselves_and_their_backlog_goes_as_an_array(
    pool: Pool, unique_prefix: str
) -> None:
    serials = [f"SIM-{number:04d}" for number in range(1, 31)]
    passwords = {serial: f"word of {serial}" for serial in serials}
    broker = Guarded(Place(pool.place.path), passwords | dict([OBSERVER]))
    try:
        with fleet(broker, unique_prefix, 30, passwords=passwords) as some:
            with ear(broker, unique_prefix, OBSERVER) as heard:
                served(some, lambda: len(heard.messages("status")) == 30, "all to be online")
            broker.process.kill()
            for number in range(3):
                for index in range(30):
                    some.measure(index, NOW_MS + number, values(some, index, number))
                some.serve(0.1)
            broker.restart()
            with ear(broker, unique_prefix, OBSERVER) as heard:
                served(some, lambda: len(heard.readings()) == 90, "what was measured meanwhile")
                arrays = Counter(
                    serial for serial, body in heard.messages("reading") if body.startswith(b"[")
                )
                assert arrays == dict.fromkeys(serials, 1)
    finally:
        broker.stop()


def test_a_wrong_password_is_told_and_the_others_go_on(
    pool: Pool, unique_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = {"SIM-0001": "right", "SIM-0002": "right"}
    broker = Guarded(Place(pool.place.path), passwords | dict([OBSERVER]))
    try:
        given = passwords | {"SIM-0001": "wrong"}
        with (
            ear(broker, unique_prefix, OBSERVER) as heard,
            fleet(broker, unique_prefix, 2, passwords=given) as some,
        ):
            served(some, lambda: "refuses" in caplog.text, "a word about it")
            some.measure(1, NOW_MS, values(some, 1, 5))
            served(some, lambda: len(heard.readings()) == 1, "the other one")
            assert "SIM-0001: the broker" in caplog.text
    finally:
        broker.stop()


def test_two_thousand_devices_have_a_connection_each(anyones: Broker, unique_prefix: str) -> None:
    stop, counted = Event(), Client(CallbackAPIVersion.VERSION2)
    clients: list[int] = []
    counted.on_message = lambda _c, _d, message: clients.append(int(message.payload))
    counted.on_connect = lambda client, *_: client.subscribe("$SYS/broker/clients/connected")
    counted.connect("127.0.0.1", anyones.port)
    counted.loop_start()
    settings = Settings(mqtt_url=anyones.url, topic_prefix=unique_prefix)
    options = live.Options(per_device=True)
    city = SimCity(town(), 2000)
    thread = Thread(target=live.run, args=(settings, town(), options, stop), kwargs={"city": city})
    thread.start()
    try:
        until(lambda: clients and max(clients) >= 2001, "2,000 connections and this one")
    finally:
        stop.set()
        thread.join(20)
        counted.disconnect()
        counted.loop_stop()
    assert not thread.is_alive()
