"""The production broker's logins and rights, tried by real clients in both directions."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from sdot.logins import hashed, password_file
from tests.servers import compose
from tests.servers.guarded import Guarded
from tests.servers.missing import Missing
from tests.servers.place import Place
from tests.servers.pool import Pool
from tests.waiting import until

#: Users and their passwords, devices and services.
DEVICES = {"S-1": "one", "S-2": "two", "a.b_c-9": "three"}
SERVICES = {"sdot-ingest": "i", "sdot-simulator": "s", "sdot-health": "h"}
REFUSED = ReasonCode(PacketTypes.PUBACK, "Not authorized")
OURS = "sdot/v1"


class Client:
    """A connected client: what it was told, and what it heard."""

    def __init__(
        self,
        port: int,
        user: str | None,
        password: str | None = None,
        *,
        client_id: str = "",
        clean: bool = True,
        will: str | None = None,
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
    ) -> None:
        five = version == MQTTProtocolVersion.MQTTv5
        kept = {} if five else {"clean_session": clean}
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False, **kept
        )
        self.heard: list[tuple[str, bytes]] = []
        self.answers: dict[int, ReasonCode] = {}
        self.connack: ReasonCode | None = None
        self.ended = False
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, message.payload))
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self.answers.update({mid: reason})
        self.client.on_subscribe = lambda _c, _d, mid, reasons, _p: self.answers.update({mid: reasons[0]})
        if user is not None:
            self.client.username_pw_set(user, password)
        if will is not None:
            self.client.will_set(will, "offline", qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        until(lambda: self.connack is not None or self.ended, "an answer to CONNECT")

    def _on_connect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        self.connack = reason

    def _on_disconnect(self, *_: object) -> None:
        self.ended = True

    @property
    def let_in(self) -> bool:
        return self.connack is not None and not self.connack.is_failure

    def publish(self, topic: str, payload: str = "x", *, retain: bool = False) -> ReasonCode:
        """The broker's answer."""
        info = self.client.publish(topic, payload, qos=1, retain=retain)
        return until(lambda: self.answers.get(info.mid), f"the PUBACK of {topic}")

    def subscribe(self, topic: str) -> None:
        _, mid = self.client.subscribe(topic, qos=1)
        assert mid is not None
        until(lambda: mid in self.answers, f"the SUBACK of {topic}")

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.heard}

    def die(self) -> None:
        """As a device without power: no DISCONNECT."""
        self.client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        until(lambda: self.ended, "the connection's end")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(scope="module")
def guarded(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The production broker with three devices."""
    text = password_file(
        {serial: hashed(password) for serial, password in DEVICES.items()},
        {name: hashed(password) for name, password in SERVICES.items()},
    )
    variables = compose.secrets(tmp_path_factory.mktemp("env"))
    try:
        broker = Guarded(Place(pool.place.path), variables, text)
    except Missing as missing:
        pytest.skip(str(missing))
    yield broker
    broker.stop()


class Door:
    """Opens clients and closes them all at the end."""

    def __init__(self, broker: Guarded) -> None:
        self._broker, self._opened = broker, list[Client]()

    def device(self, serial: str = "S-1", **options: object) -> Client:
        return self._open(self._broker.port, serial, DEVICES[serial], **options)

    def service(self, name: str = "sdot-ingest", **options: object) -> Client:
        return self._open(self._broker.inside, name, SERVICES[name], **options)

    def stranger(self, user: str | None, password: str | None = None, *, inside: bool = False) -> Client:
        return self._open(self._broker.inside if inside else self._broker.port, user, password)

    def _open(self, port: int, user: str | None, password: str | None, **options: object) -> Client:
        self._opened.append(Client(port, user, password, **options))  # type: ignore[arg-type]
        return self._opened[-1]

    def close(self) -> None:
        for client in self._opened:
            client.close()


@pytest.fixture
def door(guarded: Guarded) -> Iterator[Door]:
    door = Door(guarded)
    yield door
    door.close()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), ("S-1", "two"), ("S-1", ""), ("S-1", None), ("nobody", "one"), ("sdot-ingest", "one")],
)
def test_nobody_gets_in_without_a_password_of_his_own(
    door: Door, user: str | None, password: str | None, inside: bool
) -> None:
    assert not door.stranger(user, password, inside=inside).let_in


@pytest.mark.parametrize("serial", DEVICES)
@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5])
def test_a_devices_reading_and_status_reach_ingest(
    door: Door, serial: str, version: MQTTProtocolVersion
) -> None:
    ingest = door.service()
    ingest.subscribe(f"$share/test/{OURS}/#")
    device = door.device(serial, version=version)
    for leaf in ("reading", "status"):
        assert not device.publish(f"{OURS}/{serial}/{leaf}", leaf).is_failure
    until(lambda: {f"{OURS}/{serial}/reading", f"{OURS}/{serial}/status"} <= ingest.topics(), "both")


FOREIGN = [
    f"{OURS}/S-2/reading",
    f"{OURS}/S-2/status",
    f"{OURS}/S-1/error",
    f"{OURS}/S-2/error",
    f"{OURS}/S-1/other",
    f"{OURS}/S-1",
    f"{OURS}/S-1/reading/deeper",
    "other/v1/S-1/reading",
    "S-1/reading",
]


@pytest.mark.parametrize("topic", FOREIGN)
def test_a_device_publishes_nothing_else(door: Door, topic: str) -> None:
    ingest = door.service()
    ingest.subscribe("#")
    device, old = door.device(), door.device("a.b_c-9", version=MQTTProtocolVersion.MQTTv311)
    assert device.publish(topic) == REFUSED
    old.publish(topic)  # MQTT 3.1.1 has no word for it: acknowledged, and dropped
    assert not device.publish(f"{OURS}/S-1/reading", "the end").is_failure
    until(lambda: (f"{OURS}/S-1/reading", b"the end") in ingest.heard, "what came after")
    assert topic not in ingest.topics()


def test_a_device_leaves_no_will_for_another(door: Door) -> None:
    ingest = door.service()
    ingest.subscribe(f"{OURS}/#")
    door.device("S-2", will=f"{OURS}/S-1/status").die()
    door.device("S-2", will=f"{OURS}/S-2/status").die()
    until(lambda: f"{OURS}/S-2/status" in ingest.topics(), "its own last will")
    assert f"{OURS}/S-1/status" not in ingest.topics()


@pytest.mark.parametrize(
    "topic", ["#", "$SYS/#", f"{OURS}/#", f"{OURS}/S-2/error", f"{OURS}/+/error", f"$share/x/{OURS}/#"]
)
def test_a_device_hears_its_own_errors_alone(door: Door, topic: str) -> None:
    device, ingest = door.device(), door.service()
    device.subscribe(topic)
    device.subscribe(f"{OURS}/S-1/error")
    door.device("S-2").publish(f"{OURS}/S-2/reading", "not for S-1")
    for serial in ("S-2", "S-1"):
        assert not ingest.publish(f"{OURS}/{serial}/error", "why").is_failure
    until(lambda: f"{OURS}/S-1/error" in device.topics(), "its own error")
    assert device.topics() == {f"{OURS}/S-1/error"}


def test_what_was_retained_for_another_is_not_handed_out(door: Door) -> None:
    door.device("S-2").publish(f"{OURS}/S-2/status", "online", retain=True)
    device, ingest = door.device(), door.service()
    device.subscribe("#")
    ingest.subscribe(f"{OURS}/#")
    until(lambda: (f"{OURS}/S-2/status", b"online") in ingest.heard, "what is retained, at ingest")
    device.publish(f"{OURS}/S-1/status", "online")
    device.subscribe(f"{OURS}/S-1/error")  # a round trip after it
    assert device.topics() == set()


def test_ingest_publishes_errors_and_nothing_else(door: Door) -> None:
    ingest = door.service()
    assert not ingest.publish(f"{OURS}/S-1/error").is_failure
    for topic in (f"{OURS}/S-1/reading", f"{OURS}/S-1/status", "elsewhere"):
        assert ingest.publish(topic) == REFUSED
    ingest.subscribe("$SYS/broker/version")
    until(lambda: "$SYS/broker/version" in ingest.topics(), "what the broker says of itself")


def test_the_simulator_is_every_device_and_hears_nothing(door: Door) -> None:
    simulator, ingest = door.service("sdot-simulator"), door.service()
    simulator.subscribe("#")
    for leaf in ("reading", "status"):
        assert not simulator.publish(f"{OURS}/SIM-0001/{leaf}").is_failure
    assert simulator.publish(f"{OURS}/SIM-0001/error") == REFUSED
    ingest.publish(f"{OURS}/SIM-0001/error")
    assert simulator.publish("elsewhere") == REFUSED
    assert simulator.topics() == set()


def test_the_health_check_hears_the_brokers_pulse_alone(door: Door) -> None:
    health, ingest = door.service("sdot-health"), door.service()
    for topic in (f"{OURS}/sdot-health/reading", f"{OURS}/sdot-health/status", f"{OURS}/S-1/reading"):
        assert health.publish(topic) == REFUSED
    health.subscribe("#")
    health.subscribe("$SYS/#")
    ingest.publish(f"{OURS}/sdot-health/error")
    until(health.topics, "the pulse")
    assert health.topics() == {"$SYS/broker/uptime"}


def test_a_device_cannot_take_ingests_session(door: Door, guarded: Guarded) -> None:
    """By MQTT's rules a second client of an id throws the first out; a clean one deletes what waits for it."""
    old = MQTTProtocolVersion.MQTTv311
    ingest = door.service(client_id="sdot-ingest-0", clean=False, version=old)
    ingest.subscribe(f"$share/sdot-ingest/{OURS}/#")
    thief = door.device("S-2", client_id="sdot-ingest-0", clean=True, version=old)
    assert thief.let_in
    thief.close()
    door.device().publish(f"{OURS}/S-1/reading", "still yours")
    until(lambda: (f"{OURS}/S-1/reading", b"still yours") in ingest.heard, "ingest to be there")
    assert not ingest.ended


def test_mosquitto_passwd_makes_what_we_make(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", path, "S-1", "one"], check=True, timeout=30)
    _, hash_ = path.read_text().strip().split(":")
    salt = base64.b64decode(hash_.split("$")[3])
    assert hashed("one", salt) == hash_


def test_who_lost_his_login_is_thrown_out(guarded: Guarded, door: Door) -> None:
    """deploy/mosquitto/start has it read the file again when it was replaced; who stays does not notice."""
    before = guarded.passwords.read_text()
    leaver, stayer = door.device("a.b_c-9"), door.device("S-2")
    without = "".join(line for line in before.splitlines(keepends=True) if not line.startswith("a.b_c-9:"))
    _replace(guarded.passwords, without + f"new:{hashed('new')}\n")
    until(lambda: leaver.ended, "the broker to throw it out")
    assert not door.stranger("a.b_c-9", "three").let_in
    assert door.stranger("new", "new").let_in
    assert not stayer.publish(f"{OURS}/S-2/reading").is_failure
    _replace(guarded.passwords, before)
    until(lambda: not door.stranger("new", "new").let_in, "the file as it was", every=0.5)
    assert not stayer.ended


def _replace(path: Path, text: str) -> None:
    part = path.with_name("part")
    part.write_text(text)
    os.chown(part, path.stat().st_uid, path.stat().st_gid)
    part.replace(path)


def test_a_packet_over_the_limit_is_refused_not_lost(door: Door) -> None:
    device = door.device()
    device.client.publish(f"{OURS}/S-1/reading", b"x" * (3 * 1024 * 1024), qos=1)
    until(lambda: device.ended, "the broker to hang up", 20)
    assert not door.device("S-2").publish(f"{OURS}/S-2/reading", "x" * (1024 * 1024)).is_failure
