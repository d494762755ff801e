"""An MQTT connection that devices share: a bounded window of unacknowledged messages, and back-off when it breaks.

One thread drives all connections, so nothing here needs a lock: `wait` sleeps until one of them has something to do.
MQTT 3.1.1 and QoS 1; what was sent and not acknowledged is sent again after a reconnect, by paho. paho is imported
here and nowhere else in this room.
"""

from __future__ import annotations

import logging
import select
import ssl
import time
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from city.settings import MqttAddress

log = logging.getLogger(__name__)

#: Messages sent and not acknowledged, a connection; half of the smallest window among the brokers we run on (100).
WINDOW = 50
#: Seconds without a word after which paho asks whether the broker lives; twice as long and the connection is over.
KEEPALIVE_S = 15
#: Longest wait for TCP and for the broker's answer to CONNECT, s; the clean stop within 2 s allows no longer.
_CONNECT_S, _ANSWER_S = 1.0, 5.0
#: Back-off between attempts, s: the first is quick, the last still finds a broker soon after it is back.
_FIRST_S, _LAST_S = 0.5, 5.0


class Connection:
    """One client of the broker; `room` tells how many messages it takes, `session` how often it has connected."""

    def __init__(self, address: MqttAddress, client_id: str) -> None:
        self._address = address
        self._client_id = client_id
        self._client = self._made()
        self._pending: set[int] = set()
        self._retry_s, self._retry_at = _FIRST_S, 0.0
        self._answer_by: float | None = None
        #: whether the broker has accepted us and not gone since
        self.open = False
        self.session = 0

    @property
    def room(self) -> int:
        """How many messages may be sent now."""
        return WINDOW - len(self._pending) if self.open else 0

    @property
    def idle(self) -> bool:
        """Whether the broker has acknowledged everything."""
        return not self._pending

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send one message with QoS 1; only where there is room."""
        info: MQTTMessageInfo = self._client.publish(topic, payload, qos=1, retain=retain)
        self._pending.add(info.mid)

    def service(self) -> bool:
        """Read, write and keep alive, or connect when it is time; False when it tried to connect in vain."""
        if self._client.socket() is None:
            return time.monotonic() < self._retry_at or self._connect()
        self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        if self._answer_by is not None and time.monotonic() > self._answer_by:
            self._lost("no answer to CONNECT")
        return True

    def postpone(self, other: Connection) -> None:
        """Wait as long as `other` before the next attempt: what one could not reach, this one need not try."""
        self._retry_at = max(self._retry_at, other._retry_at)

    def close(self) -> None:
        """Say goodbye and leave."""
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_write()
        self.open = False

    def interest(self) -> tuple[int, int] | None:
        """File descriptor and poll events of the connection; None while there is none."""
        socket: Any = self._client.socket()
        if socket is None or socket.fileno() < 0:
            return None
        return socket.fileno(), select.POLLIN | (select.POLLOUT if self._client.want_write() else 0)

    def _made(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, self._client_id, protocol=MQTTProtocolVersion.MQTTv311)
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages_set(WINDOW)
        client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_publish = self._acknowledged
        return client

    def _connect(self) -> bool:
        try:
            self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
        except OSError as error:
            self._lost(str(error))
            return False
        self._answer_by = time.monotonic() + _ANSWER_S
        return True

    def _lost(self, why: str) -> None:
        level = logging.WARNING if self.open or self._retry_s == _FIRST_S else logging.DEBUG
        log.log(level, "%s: the broker at %s is away (%s); trying again", self._client_id, self._place, why,
                extra={"event": "broker_away"})  # fmt: skip
        self.open, self._answer_by = False, None
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LAST_S)
        if self._client.socket() is not None:
            self._client.on_disconnect = None  # we know
            self._client.disconnect()
            self._client.on_disconnect = self._disconnected

    @property
    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def _connected(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("%s: the broker at %s refuses: %s", self._client_id, self._place, reason,
                      extra={"event": "broker_refuses"})  # fmt: skip
            return
        self.open, self._answer_by = True, None
        self.session += 1
        self._retry_s = _FIRST_S
        log.info(
            "%s: connected to the broker at %s", self._client_id, self._place, extra={"event": "connected"}
        )

    def _disconnected(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        self._lost(str(reason))

    def _acknowledged(
        self, _client: Client, _data: object, mid: int, _reason: ReasonCode, _props: Properties | None
    ) -> None:
        self._pending.discard(mid)


def wait(connections: Sequence[Connection], seconds: float) -> None:
    """Return once a connection can be read (or written, if it wants to), or after `seconds`."""
    watched = select.poll()
    for connection in connections:
        interest = connection.interest()
        if interest is not None:
            watched.register(*interest)
    watched.poll(max(0.0, seconds) * 1000)
