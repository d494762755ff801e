"""One session at the broker: subscribe in on-connect, acknowledge after the commit, never block for long."""

from __future__ import annotations

import logging
import math
import socket
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from city.settings import MqttAddress
from ingest.broker import TOPICS
from ingest.message import Delivery
from ingest.wire import Client

log = logging.getLogger("ingest.subscriber")

#: MQTT keep-alive. No call of ours blocks longer than a third of it.
KEEPALIVE_S = 30
#: A lost broker is tried again after 0.1 s, doubled up to this.
MAX_BACKOFF_S = 5.0
#: Where its machine refuses, so soon again: it costs a packet, and mosquitto 2.0 forgets shared subscriptions when it
#: restarts, so that what devices publish before ours is there again reaches nobody (measured).
REFUSED_RETRY_S = 0.1
#: A round trip to the broker every so often, and how long an answer may take.
PING_EVERY_S, PING_LIMIT_S = 1.0, 3.0
#: A connection on which nothing came for so long is given up: half open, most likely.
SILENCE_LIMIT_S = KEEPALIVE_S / 2
#: How long the broker may take to forget a session.
FORGET_LIMIT_S = 3.0
#: PUBACKs of small batches go out together: a packet and a write for many.
ACK_DELAY_S = 0.02
#: Packets read in one turn before others get theirs.
READ_TURN = 256

Receive = Callable[[str, bytes, datetime, Delivery, bool], None]
#: Takes what the broker tells of itself: topic, payload, arrival.
News = Callable[[str, bytes, datetime], None]
#: live: the shared subscription; retained: what the broker kept, once; drain: a slot nobody holds
Role = Literal["live", "retained", "drain"]


class Session:
    """A paho client driven by the caller's loop."""

    def __init__(
        self,
        address: MqttAddress,
        client_id: str,
        topic: str,
        receive: Receive,
        *,
        number: int,
        role: Role,
        window: int = 65535,
    ) -> None:
        self.client_id, self.topic, self.number, self.role = client_id, topic, number, role
        #: what it must not be subscribed to any more, though the broker may remember it
        self.former: str | None = None
        self.epoch = 0
        self.connected = False
        self.subscribed = self.unsubscribed = False
        #: since when the socket was looked at and found empty, with nothing of ours due
        self.silent_since: float | None = None
        #: the broker had this session and will send again what was not acknowledged
        self.resumed = False
        self.detail = "not connected yet"
        self.since = datetime.now(UTC)
        self.last_message = 0.0
        #: the caller does not read for now: TCP holds the broker back
        self.paused = self._closing = False
        self._address, self._receive = address, receive
        self._acks: deque[Delivery] = deque()
        self._acks_since, self._window, self._received = 0.0, window, 0
        #: takes what the broker tells of itself; None: it is not asked
        self.news: News | None = None
        self._news_mid: int | None = None
        #: when the last connection was lost; None before the first
        self.lost_since: datetime | None = None
        self._retry_at, self._backoff = 0.0, 0.1
        self._ping_mid: int | None = None
        self._ping_sent = self._pong = self._looked = time.monotonic()
        self._client = self._make()

    def _make(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=self.role == "retained",
            protocol=mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = KEEPALIVE_S / 6
        address = self._address
        if address.username:
            client.username_pw_set(address.username, address.password)
        if address.tls:
            client.tls_set()
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.deliver, client.on_subscribe = self._on_message, self._on_subscribe  # type: ignore[method-assign]
        client.on_publish, client.on_unsubscribe = self._on_publish, self._on_unsubscribe
        return client

    # What paho calls

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._lost(f"the broker refuses {self.client_id}: {reason}")
            return
        self.epoch += 1
        self._acks.clear()
        self.connected, self.resumed = True, bool(flags.session_present)
        self.detail, self.since = "connected", datetime.now(UTC)
        self._backoff, self._pong, self._ping_mid = 0.1, time.monotonic(), None
        self.last_message = time.monotonic()
        self.silent_since, self.unsubscribed = None, False
        self._subscribe()
        if self.news is not None and self.role != "drain":
            self._news_mid = self._client.subscribe([(topic, 0) for topic in TOPICS])[1]
        kept = " (session resumed)" if self.resumed else ""
        log.info("connected to the broker as %s%s", self.client_id, kept)

    def _subscribe(self) -> None:
        if self.role == "drain":
            self._client.unsubscribe([topic for topic in (self.topic, self.former, *TOPICS) if topic])
            return
        self._client.subscribe(self.topic, qos=1)
        if self.former:  # in this order nothing falls between the two
            self._client.unsubscribe(self.former)

    def change(self, topic: str) -> None:
        """Subscribe to `topic` instead."""
        if topic != self.topic:
            self.topic, self.former, self.unsubscribed = topic, self.topic, False
            if self.connected:
                self._subscribe()

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, mid: int, reasons: Any, _properties: Any
    ) -> None:
        if mid == self._news_mid:
            return  # a broker that tells nothing of itself is as good
        if any(reason.is_failure for reason in reasons):
            self._lost(
                f"the broker refuses the subscription to {self.topic}; check the ACL of {self.client_id}"
            )
            return
        self.subscribed = True

    def _on_unsubscribe(self, *_: Any) -> None:
        self.unsubscribed = True
        self.subscribed = self.subscribed and self.role != "drain"

    def note_silence(self, *, read: bool) -> None:
        """Called each time the sockets were looked at: silence counts while nothing was there and nothing is due."""
        busy = read or self.paused or self.has_acks or self.has_read or self.wants_write()
        if busy or not self.connected:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = time.monotonic()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self._lost(f"the connection to the broker ended: {reason}")

    def _on_message(self, topic: bytes, payload: bytes, mid: int, qos: int, retained: bool) -> None:
        self._received += 1
        self._pong = time.monotonic()
        if topic[:1] == b"$":
            if self.news is not None:
                self.news(topic.decode("utf-8", "replace"), payload, datetime.now(UTC))
            return
        if retained or self.role != "retained":  # live traffic never ends, what was retained does
            self.last_message = self._pong
        delivery = Delivery(self.number, self.epoch, mid, qos)
        self._receive(topic.decode("utf-8", "replace"), payload, datetime.now(UTC), delivery, retained)

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if mid == self._ping_mid:
            self._ping_mid, self._pong = None, time.monotonic()

    # What the loop calls

    def fileno(self) -> int:
        """The socket, -1 without one."""
        sock = self._client.socket()
        return sock.fileno() if sock else -1

    def wants_write(self) -> bool:
        """Whether paho has bytes that the socket did not take."""
        return bool(self._client.want_write())

    @property
    def is_share(self) -> bool:
        """Whether it gets a share of the messages: of those, never what was retained."""
        return self.topic.startswith("$share/")

    @property
    def healthy(self) -> bool:
        """Connected, subscribed, and the broker answered lately."""
        heard = self._looked - self._pong < PING_EVERY_S + PING_LIMIT_S
        return self.connected and self.subscribed and heard

    def turn(self, full: Callable[[], bool]) -> bool:
        """Read what is there, up to a turn's worth or until `full`; whether more may be waiting."""
        # One for one: a turn's PUBACKs make room for a turn's messages, so the window stays full.
        if self.acks_due_in_s == 0.0:
            self._send_acks(READ_TURN)
        for _ in range(READ_TURN):
            if self.connected and full():  # CONNACK has to be read in any case
                return True
            if self.connected and self._client.take_one():
                continue
            before = self._received
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or not self.connected:
                return False
            if self._received == before and not self._client.has_read:
                return False
        return True

    @property
    def has_read(self) -> bool:
        """Whether packets wait to be read that the socket does not have any more."""
        return self._client.has_read

    def write(self) -> None:
        """Send what is waiting."""
        self._client.loop_write()

    def acknowledge(self, delivery: Delivery) -> None:
        """The message is committed; its PUBACK goes out with the next turns, all of them once the socket is empty."""
        self.silent_since = None
        if delivery.qos and delivery.epoch == self.epoch:
            if not self._acks:
                self._acks_since = time.monotonic()
            self._acks.append(delivery)

    def _send_acks(self, limit: int) -> None:
        if self._acks and self.connected:
            self._client.ack_all([self._acks.popleft().mid for _ in range(min(limit, len(self._acks)))])

    @property
    def acks_due_in_s(self) -> float:
        """Seconds until acknowledgements have to be sent, 0 where they have; infinite where there are none.

        They wait a little for company, unless so many wait that the broker's window fills.
        """
        if not self._acks:
            return math.inf
        if len(self._acks) >= self._window / 2:
            return 0.0
        return max(self._acks_since + ACK_DELAY_S - time.monotonic(), 0.0)

    @property
    def owed(self) -> int:
        """Acknowledgements that are not sent yet."""
        return len(self._acks)

    @property
    def has_acks(self) -> bool:
        """Whether acknowledgements wait to be sent."""
        return bool(self._acks)

    def flush(self) -> None:
        """Send all acknowledgements."""
        self._send_acks(len(self._acks))

    def tend(self, now: float) -> None:
        """Reconnect, keep alive, measure the round trip."""
        # While a commit takes long nobody listens: the broker's silence counts up to the last look only.
        self._looked = now
        if self._client.socket() is None:
            if now >= self._retry_at:
                self._connect(now)
            return
        if self.paused and self.connected:
            self._murmur(now)
            return
        self._client.loop_misc()
        if not self.connected:
            if now - self._ping_sent > PING_LIMIT_S * 2:
                self._drop("the broker does not answer CONNECT")
        elif self.role == "live":
            self._ping(now)

    def _ping(self, now: float) -> None:
        if self._ping_mid is not None:
            silent = now - max(self._ping_sent, self.last_message)
            if silent > PING_LIMIT_S and self.detail == "connected":
                self.detail, self.since = "the broker does not answer", datetime.now(UTC)
            if silent > SILENCE_LIMIT_S:
                self._drop("the broker does not answer")
        elif now - self._ping_sent >= PING_EVERY_S:
            self.detail = "connected"
            self._ping_sent = now
            self._ping_mid = self._client.publish(self._ping_topic, b"", qos=1).mid

    def _murmur(self, now: float) -> None:
        """Paused, nothing is read, so no answer can be awaited: only keep the broker from giving us up."""
        self._pong = now
        if now - self._ping_sent >= PING_EVERY_S:
            self._ping_sent, self._ping_mid = now, None
            self._client.publish(self._ping_topic, b"", qos=0)

    @property
    def _ping_topic(self) -> str:
        # Under /error, which ingest may write and nobody of ours reads: no right beyond the documented ones.
        prefix = self.topic.removeprefix("$share/").partition("/")[2] if self.is_share else self.topic
        return f"{prefix.removesuffix('/#')}/{self.client_id}/error"

    def publish(self, topic: str, text: str) -> None:
        """Tell a device something, at most once."""
        if self.connected:
            self._client.publish(topic, text.encode(), qos=0)

    def _connect(self, now: float) -> None:
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_S)
        self._retry_at = now + self._backoff
        self._ping_sent = now
        try:
            self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            if isinstance(error, ConnectionRefusedError):
                self._retry_at = now + REFUSED_RETRY_S
            self._lost(f"no broker at {self._address.host}:{self._address.port}: {error}")
            return
        sock = self._client.socket()
        if isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _drop(self, why: str) -> None:
        """Close the socket under a connection that does not answer."""
        sock = self._client.socket()
        if sock is not None:
            self._client._sock_close()  # noqa: SLF001 disconnect() would wait for a broker that does not answer
        self._lost(why)

    def _lost(self, why: str) -> None:
        if not self._closing and (self.connected or self.detail != why):
            log.warning("%s (%s); trying again", why, self.client_id)
            self.since = (
                datetime.now(UTC) if self.connected or self.detail == "not connected yet" else self.since
            )
        if self.connected:
            self.lost_since = datetime.now(UTC)
        self.connected, self.subscribed, self.detail = False, False, why
        self._acks.clear()

    def close(self) -> bool:
        """Send what is due and say goodbye; the session stays at the broker (not that of role retained).

        Whether all acknowledgements went out.
        """
        self.flush()
        sent = self._write_out()  # asked before DISCONNECT, with which the connection counts as lost
        self._closing = True
        self._client.disconnect()
        self._write_out()
        self._client.loop_misc()
        self._drop("closed")
        return sent

    def _write_out(self) -> bool:
        """Send what waits, for a second at most; whether all of it went out."""
        deadline = time.monotonic() + 1.0
        while self.wants_write() and time.monotonic() < deadline:
            self._client.loop_write()
        return self.connected and not self.wants_write()

    def forget(self) -> bool:
        """Remove the session from the broker by a last connection with a clean one; whether that was done."""
        self.close()
        address = self._address
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.client_id, clean_session=True)
        if address.username:
            client.username_pw_set(address.username, address.password)
        if address.tls:
            client.tls_set()
        client.connect_timeout = FORGET_LIMIT_S
        deadline = time.monotonic() + FORGET_LIMIT_S
        try:
            client.connect(address.host, address.port, KEEPALIVE_S)
        except OSError:
            return False
        while not client.is_connected() and time.monotonic() < deadline:
            client.loop(0.1)
        done = client.is_connected()
        client.disconnect()
        client.loop(0.1)
        return done
