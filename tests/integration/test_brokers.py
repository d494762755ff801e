"""The brokers that the other tests rely on hand on what they are given."""

from __future__ import annotations

import queue

import paho.mqtt.client as mqtt

from tests.servers.broker import Broker


def test_broker_hands_on_a_large_message(broker: Broker, unique_prefix: str) -> None:
    got: queue.Queue[bytes] = queue.Queue()
    subscribed: queue.Queue[object] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: got.put(message.payload)
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.connect("127.0.0.1", broker.port)
    client.subscribe(f"{unique_prefix}/#", qos=1)
    client.loop_start()
    try:
        subscribed.get(timeout=10)
        payload = b"x" * 1_000_000
        client.publish(f"{unique_prefix}/big/reading", payload, qos=1)
        assert got.get(timeout=10) == payload
    finally:
        client.disconnect()
        client.loop_stop()


def test_broker_comes_back_on_its_port(own_broker: Broker) -> None:
    own_broker.process.kill()
    own_broker.restart()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", own_broker.port)
    assert client.loop(1) == mqtt.MQTT_ERR_SUCCESS
    client.disconnect()
