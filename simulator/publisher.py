"""One MQTT connection: a bounded window of unacknowledged messages, and a last will.

Its Network drives it with one thread, so nothing here needs a lock. MQTT 3.1.1 and QoS 1; what was sent and not
acknowledged is sent again after a reconnect, by paho. paho is imported here and nowhere else in this room.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from city.settings import MqttAddress

#: Messages sent and not acknowledged, a connection of many devices; half of the smallest window among the brokers we
#: run on (100).
WINDOW = 50
#: Seconds without a word after which paho asks whether the broker lives; twice as long and the connection is over.
KEEPALIVE_S = 15
#: Longest wait for TCP, s; the clean stop within 2 s allows no longer.
_CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who connects."""

    client_id: str
    username: str | None = None
    password: str | None = None
    #: topic and text that the broker retains, QoS 1, when the connection breaks
    will: tuple[str, bytes] | None = None
    #: messages sent and not acknowledged
    window: int = WINDOW
    #: s
    keepalive_s: int = KEEPALIVE_S


class Watcher(Protocol):
    """Who drives connections and is told what becomes of them."""

    def opened(self, connection: Connection, descriptor: int) -> None:
        """There is a socket to wait for."""

    def closing(self, connection: Connection, descriptor: int) -> None:
        """It goes."""

    def blocked(self, connection: Connection, descriptor: int) -> None:
        """The socket took no more; `writable` has to be called when it does."""

    def accepted(self, connection: Connection) -> None:
        """The broker took us in."""

    def refused(self, connection: Connection, why: str) -> None:
        """The broker does not want us."""

    def lost(self, connection: Connection, why: str) -> None:
        """The connection is over, or did not come about."""

    def acknowledged(self, connection: Connection) -> None:
        """There is room for another message."""


class Connection:
    """One client of the broker; `room` tells how many messages it takes, `session` how often it has connected."""

    def __init__(self, address: MqttAddress, identity: Identity, watcher: Watcher) -> None:
        self._address = address
        self.identity = identity
        self._watcher = watcher
        self._client = self._made()
        self._pending: set[int] = set()
        #: whether the broker has accepted us and not gone since
        self.open = False
        self.session = 0

    @property
    def room(self) -> int:
        """How many messages may be sent now."""
        return self.identity.window - len(self._pending) if self.open else 0

    @property
    def idle(self) -> bool:
        """Whether the broker has acknowledged everything."""
        return not self._pending

    @property
    def connected(self) -> bool:
        """Whether there is a socket, accepted by the broker or not yet."""
        return self._client.socket() is not None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send one message with QoS 1; only where there is room."""
        info: MQTTMessageInfo = self._client.publish(topic, payload, qos=1, retain=retain)
        self._pending.add(info.mid)
        self._look_for_block()

    def connect(self) -> bool:
        """Connect and send CONNECT; False where nobody listens."""
        try:
            self._client.connect(self._address.host, self._address.port, self.identity.keepalive_s)
        except OSError as error:
            self._over(str(error))
            return False
        self._look_for_block()
        return True

    def readable(self) -> None:
        """Take what has arrived."""
        self._client.loop_read()
        while isinstance(tls := self._client.socket(), ssl.SSLSocket) and tls.pending():
            self._client.loop_read()  # decrypted already: the descriptor will not tell
        self._look_for_block()

    def writable(self) -> bool:
        """Send what the socket did not take before; whether all is sent."""
        self._client.loop_write()
        return not self._client.want_write()

    def keep_alive(self) -> None:
        """Ask whether the broker lives when it is time."""
        self._client.loop_misc()

    def drop(self) -> None:
        """Break off without a word, so that the broker publishes the last will."""
        open_socket: Any = self._client.socket()
        if open_socket is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()  # finds the end

    def give_up(self, why: str) -> None:
        """Close a connection that does not answer."""
        if self._client.socket() is not None:
            self._client.on_disconnect = None  # we know
            self._client.disconnect()
            self._client.on_disconnect = self._disconnected
        self._over(why)

    def close(self) -> None:
        """Say goodbye and leave."""
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_write()
        self.open = False

    def _made(self) -> Client:
        who = self.identity
        client = Client(CallbackAPIVersion.VERSION2, who.client_id, protocol=MQTTProtocolVersion.MQTTv311)
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages_set(who.window)
        client.username_pw_set(who.username, who.password)
        if who.will:
            client.will_set(*who.will, qos=1, retain=True)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_publish = self._acknowledged
        client.on_socket_open = lambda _c, _d, sock: self._watcher.opened(self, sock.fileno())
        client.on_socket_close = lambda _c, _d, sock: self._watcher.closing(self, sock.fileno())
        return client

    def _look_for_block(self) -> None:
        if self._client.want_write():
            open_socket: Any = self._client.socket()
            if open_socket is not None:
                self._watcher.blocked(self, open_socket.fileno())

    def _over(self, why: str) -> None:
        self.open = False
        self._watcher.lost(self, why)

    def _connected(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._watcher.refused(self, str(reason))
            return
        self.open = True
        self.session += 1
        self._watcher.accepted(self)

    def _disconnected(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        self._over(str(reason))

    def _acknowledged(
        self, _client: Client, _data: object, mid: int, _reason: ReasonCode, _props: Properties | None
    ) -> None:
        self._pending.discard(mid)
        self._watcher.acknowledged(self)
