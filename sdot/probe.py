"""An MQTT round trip: whether a broker still hands on what it is given (its process may live on without)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from city.settings import mqtt_address

#: Outside every sensor prefix, so that ingest never sees it.
TOPIC = "sdot-probe"
#: Pause between two questions, and how long an answer to CONNECT may take.
PAUSE_S, CONNECT_S = 2.0, 5.0
#: Pause between two attempts to connect.
RETRY_S = 0.1


class Probe:
    """A client that sends itself a message now and then. It never blocks: `step` is called often."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = mqtt_address(url)
        self._clock = clock
        self._topic = f"{TOPIC}/{secrets.token_hex(6)}"
        self._client: mqtt.Client | None = None
        self._asked = self._connected = float("-inf")
        #: When a message last came back; None before the first.
        self.answered: float | None = None
        self._since = self._looked = clock()

    @property
    def silent_s(self) -> float:
        """Seconds looked in vain since a message last came back (or since the beginning)."""
        return self._clock() - max(self._since, self.answered or self._since)

    def step(self) -> None:
        """Send and receive what can be without waiting."""
        now = self._clock()
        self._excuse(now)
        if self._client is None:
            if now - self._connected >= RETRY_S:
                self._connect(now)
            return
        if self._client.loop(timeout=0.0) != mqtt.MQTT_ERR_SUCCESS or self._mute(now):
            self.reset()
        elif self._client.is_connected() and now - self._asked >= PAUSE_S:
            self._ask(now)

    def _excuse(self, now: float) -> None:
        """Time in which nobody looked (a busy caller, a machine asleep) is not the broker's silence."""
        if now - self._looked > CONNECT_S:
            self._since = now
        self._looked = now

    def reset(self) -> None:
        """Drop the connection; the next step makes another."""
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            client.disconnect()

    def forgive(self) -> None:
        """Begin anew: the broker was started again."""
        self.reset()
        self.answered, self._since = None, self._clock()

    def _mute(self, now: float) -> bool:
        assert self._client is not None
        return not self._client.is_connected() and now - self._connected > CONNECT_S

    def _connect(self, now: float) -> None:
        self._connected = now
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._topic.replace("/", "-"))
        client.connect_timeout = 1.0
        client.username_pw_set(self._address.username, self._address.password)
        client.on_connect, client.on_subscribe, client.on_message = self._subscribe, self._first, self._answer
        if self._address.tls:
            client.tls_set()
        try:
            client.connect(self._address.host, self._address.port, keepalive=15)
        except OSError:  # nobody listens there now
            return
        self._client = client

    def _subscribe(self, client: mqtt.Client, *_: object) -> None:
        self._asked = self._clock()  # the first question follows the subscription
        client.subscribe(self._topic, qos=0)

    def _first(self, *_: object) -> None:
        self._ask(self._clock())

    def _ask(self, now: float) -> None:
        if self._client is not None:
            self._asked = now
            self._client.publish(self._topic, b"?", qos=0)

    def _answer(self, *_: object) -> None:
        self.answered = self._clock()
