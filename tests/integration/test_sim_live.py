"""Simulated sensors on real brokers: who sends what, and what becomes of it when the broker goes."""

from __future__ import annotations

import json
import queue
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from city.contract import Decoder
from city.metrics import load_catalogue
from city.reading import Reading
from city.settings import Settings
from simulator import live
from simulator.city import SimCity
from tests.servers.broker import Broker
from tests.unit.sim_town import town
from tests.waiting import until

#: Two connections, and a cycle of a second.
SENSORS, SPEED, CYCLE_MS = 320, 120.0, 1000
FAST = live.Options(SPEED)


class Ear:
    """A client that keeps all it hears under a prefix."""

    def __init__(self, broker: Broker, prefix: str, user: tuple[str, str] | None = None) -> None:
        self.heard: list[MQTTMessage] = []
        subscribed = Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(*user)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{prefix}/#", qos=1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(message)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def readings(self) -> list[tuple[str, dict[str, Any]]]:
        """Serial and body of each reading heard, arrays taken apart."""
        pairs = [
            (message.topic.split("/")[-2], json.loads(message.payload)) for message in self._of("reading")
        ]
        return [
            (serial, one) for serial, body in pairs for one in (body if isinstance(body, list) else [body])
        ]

    def messages(self, leaf: str) -> list[tuple[str, bytes]]:
        return [(message.topic.split("/")[-2], message.payload) for message in self._of(leaf)]

    def _of(self, leaf: str) -> list[MQTTMessage]:
        return [message for message in list(self.heard) if message.topic.endswith(f"/{leaf}")]


@contextmanager
def ear(broker: Broker, prefix: str, user: tuple[str, str] | None = None) -> Iterator[Ear]:
    one = Ear(broker, prefix, user)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def running(
    broker: Broker, prefix: str, city: SimCity, options: live.Options = FAST, **more: Any
) -> Iterator[Event]:
    """`live.run` in a thread, stopped at the end; what it raised is raised here."""
    stop, failure = Event(), queue.SimpleQueue[BaseException]()

    def body() -> None:
        try:
            live.run(settings(broker, prefix), town(), options, stop, city=city, **more)
        except BaseException as error:
            failure.put(error)

    thread = Thread(target=body)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    if not failure.empty():
        raise failure.get()


def settings(broker: Broker, prefix: str) -> Settings:
    return Settings(mqtt_url=broker.url, topic_prefix=prefix)


@pytest.fixture(scope="module")
def city() -> SimCity:
    return SimCity(town(), SENSORS)


def test_every_sensor_sends_once_a_cycle_by_the_contract(
    broker: Broker, unique_prefix: str, city: SimCity
) -> None:
    with ear(broker, unique_prefix) as heard, running(broker, unique_prefix, city):
        until(lambda: min(Counter(serial for serial, _ in heard.readings()).values(), default=0) >= 3
              and len({serial for serial, _ in heard.readings()}) == SENSORS, "three readings of each sensor")  # fmt: skip
        readings = heard.readings()
    decoder = Decoder(load_catalogue())
    for message in heard._of("reading"):
        assert all(isinstance(one, Reading) for one in decoder.decode(message.payload))
        assert message.qos == 1
        assert not message.retain
    by_serial = {one.serial: one for one in city.sensors}
    cycles = Counter((serial, moment(one) // CYCLE_MS) for serial, one in readings)
    assert {serial for serial, _ in readings} == set(by_serial)
    assert set(cycles.values()) == {1}
    for serial, one in readings:
        assert set(one) - {"time", "lat", "lon", "model", "kind"} == set(by_serial[serial].metrics)
        assert moment(one) % CYCLE_MS == pytest.approx(by_serial[serial].phase_s * 1000 / SPEED, abs=1)


def moment(reading: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(reading["time"]).timestamp() * 1000)


def test_each_sensor_tells_of_itself_once_and_is_online_until_the_stop(
    broker: Broker, unique_prefix: str, city: SimCity
) -> None:
    # iotcore hands a new subscriber no more retained messages than its window
    kept = SENSORS if broker.name == "mosquitto" else 100
    with ear(broker, unique_prefix) as heard:
        with running(broker, unique_prefix, city):
            until(lambda: len(heard.readings()) > 2 * SENSORS, "two cycles")
            assert {body for _, body in heard.messages("status")} == {b"online"}
            with ear(broker, unique_prefix) as late:  # retained: who comes late learns it, too
                until(
                    lambda: len({serial for serial, _ in late.messages("status")}) >= kept,
                    "all to be online",
                )
        told = [
            (serial, one["lat"], one["lon"], one["model"], one["kind"])
            for serial, one in heard.readings()
            if "lat" in one
        ]
        assert sorted(told) == [
            (one.serial, one.latitude, one.longitude, one.model, one.kind) for one in city.sensors
        ]
        until(lambda: len(heard.messages("status")) >= 2 * SENSORS, "the goodbyes")
    with ear(broker, unique_prefix) as after:
        until(lambda: len(after.messages("status")) >= kept, "all that is retained")
        assert {body for _, body in after.messages("status")} == {b"offline"}


def test_what_the_broker_missed_comes_when_it_is_back(
    own_broker: Broker, unique_prefix: str, city: SimCity
) -> None:
    broker, prefix = own_broker, unique_prefix
    with running(broker, prefix, city):
        with ear(broker, prefix) as heard:
            until(lambda: len(heard.readings()) > SENSORS, "the first cycle")
        broker.process.kill()
        gone = datetime.now(UTC)
        Event().wait(2.5)  # two cycles that nobody hears
        broker.restart()
        with ear(broker, prefix) as heard:
            back = round(gone.timestamp() * 1000) + 4000
            until(
                lambda: len({s for s, one in heard.readings() if moment(one) > back}) == SENSORS,
                "all to be back",
            )
            readings = heard.readings()
            assert {body for _, body in heard.messages("status")} == {b"online"}
    missed = Counter(
        serial for serial, one in readings if 300 <= moment(one) - gone.timestamp() * 1000 < 2000
    )
    assert set(missed) == {one.serial for one in city.sensors}
    assert sum(missed.values()) >= 1.5 * SENSORS
    again = Counter((serial, one["time"]) for serial, one in readings)
    assert max(again.values()) <= 2  # an unacknowledged one may come again, never a third time


def test_since_the_end_of_a_back_fill_nothing_is_left_out(broker: Broker, unique_prefix: str) -> None:
    city = SimCity(town(), 40)
    now = datetime.now(UTC)
    since = now - timedelta(minutes=10)
    newest = np.full(40, since.replace(tzinfo=None), "datetime64[us]")
    with ear(broker, unique_prefix) as heard, running(broker, unique_prefix, city, newest=newest):
        until(lambda: len({serial for serial, _ in heard.readings()}) == 40, "all sensors")
        until(lambda: len(heard.readings()) >= 40 * 6, "the missed ones and a cycle")
        readings = {(serial, moment(one)): one["pm25"] for serial, one in heard.readings()}
    index, times, values = next(iter(city.history(since, now)))
    expected = {
        (city.sensors[sensor].serial, int(time) // 1000): value
        for sensor, time, value in zip(index, times.astype(np.int64), values["pm25"], strict=True)
    }
    assert {key: readings[key] for key in expected} == expected
