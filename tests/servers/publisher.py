"""A device as the tests play it: publishes at QoS 1, and hears what is said to it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Self

import paho.mqtt.client as mqtt

from tests.waiting import until

#: Published before waiting for the acknowledgements: well below the 65,535 packet ids that MQTT has.
PART = 10_000


class Publisher:
    """A connected client with a network thread of its own."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._subscribed = False
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.max_queued_messages_set(0)
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, message.payload)
        )
        self._client.on_subscribe = self._on_subscribe
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def listen(self, topic: str) -> None:
        """Keep what arrives on a topic in `heard`."""
        self._client.subscribe(topic, qos=1)
        until(lambda: self._subscribed, f"the subscription to {topic}")

    def publish(
        self, messages: Iterable[tuple[str, bytes | str]], *, retain: bool = False, seconds: float = 120
    ) -> None:
        """Publish all and return when the broker has acknowledged each."""
        left = iter(messages)
        while part := list(islice(left, PART)):
            sent = [self._client.publish(topic, payload, qos=1, retain=retain) for topic, payload in part]
            for info in sent:
                info.wait_for_publish(seconds)
            assert all(info.is_published() for info in sent), "the broker did not acknowledge all messages"

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
