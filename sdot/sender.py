"""One message to the broker, as a sensor sends it."""

from __future__ import annotations

import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from city.errors import BrokerError
from city.settings import mqtt_address

#: Seconds for the connection and for the PUBACK.
LIMIT_S = 10.0


def send(url: str, topic: str, body: bytes) -> None:
    """Publish with QoS 1 and wait for the PUBACK; BrokerError where none comes."""
    address = mqtt_address(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(address.username, address.password)
    if address.tls:
        client.tls_set()
    client.connect_timeout = LIMIT_S
    refused: list[str] = []
    client.on_connect = lambda *given: refused.append(str(given[3])) if given[3].is_failure else None
    try:
        client.connect(address.host, address.port)
        info = client.publish(topic, body, qos=1)
    except (OSError, ValueError) as error:
        raise BrokerError(f"no broker takes it at {address.host}:{address.port}: {error}") from None
    deadline = time.monotonic() + LIMIT_S
    while not info.is_published() and not refused and time.monotonic() < deadline:
        client.loop(0.1)
    client.disconnect()
    client.loop(0.1)
    if not info.is_published():
        raise BrokerError(
            f"the broker at {address.host}:{address.port} did not take it: {(refused or ['no PUBACK'])[0]}"
        )
