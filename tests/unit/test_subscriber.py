"""The session's client: many messages from one read, many acknowledgements in one write."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingest.subscriber import _Client


def publish(topic: bytes, payload: bytes, mid: int, *, qos: int = 1, retained: bool = False) -> bytes:
    """A PUBLISH packet (MQTT 3.1.1, 3.3), of less than 128 bytes."""
    rest = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", mid) if qos else b"") + payload
    return bytes([0x30 | qos << 1 | retained, len(rest)]) + rest


class Wire:
    """A client whose broker is the test."""

    def __init__(self) -> None:
        self.broker, mine = socket.socketpair()
        mine.setblocking(False)
        self.client = _Client(CallbackAPIVersion.VERSION2, client_id="test", manual_ack=True)
        self.client._sock = mine
        self.got: list[tuple[Any, ...]] = []
        self.client.deliver = lambda *message: self.got.append(message)  # type: ignore[method-assign]

    def read(self, times: int = 1) -> MQTTErrorCode:
        """So many packets."""
        return [self.client.loop_read() for _ in range(times)][-1]


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.broker.close()
    wire.client._sock_close()


def test_messages_of_one_read_come_one_by_one(wire: Wire) -> None:
    wire.broker.sendall(publish(b"a/1", b"one", 7) + publish(b"a/2", b"two", 8, retained=True))
    wire.read()
    assert wire.got == [(b"a/1", b"one", 7, 1, False)]
    assert wire.client.has_read  # though select() no longer shows it
    wire.read()
    assert wire.got[1:] == [(b"a/2", b"two", 8, 1, True)]
    assert not wire.client.has_read


def test_a_message_in_two_halves_waits_for_the_second(wire: Wire) -> None:
    whole = publish("측정소/1".encode(), b"{}", 65_535)
    wire.broker.sendall(whole[:9])
    assert wire.read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert wire.got == []
    wire.broker.sendall(whole[9:])
    wire.read()
    assert wire.got == [("측정소/1".encode(), b"{}", 65_535, 1, False)]


def test_at_most_once_has_no_id(wire: Wire) -> None:
    wire.broker.sendall(publish(b"a", b"", 0, qos=0))
    wire.read()
    assert wire.got == [(b"a", b"", 0, 0, False)]


@pytest.mark.parametrize(
    "packet",
    [publish(b"", b"x", 1), publish(b"a", b"x", 1, qos=2), b"\x32\x04\x00\x09ab", b"\x32\x00"],
    ids=["no topic", "exactly once", "a topic that is not there", "nothing"],
)
def test_what_no_broker_sends_ends_the_connection(wire: Wire, packet: bytes) -> None:
    wire.broker.sendall(packet)
    assert wire.read() == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert wire.got == []
    assert wire.client.socket() is None


def test_what_was_read_ends_with_its_connection(wire: Wire) -> None:
    wire.broker.sendall(publish(b"a", b"x", 1) * 2)
    wire.read()
    wire.client._sock_close()
    assert not wire.client.has_read


def test_acknowledgements_go_out_together_and_in_order(wire: Wire) -> None:
    wire.client.ack_all([3, 1, 65_535])
    assert wire.broker.recv(100) == b"\x40\x02\x00\x03\x40\x02\x00\x01\x40\x02\xff\xff"
    assert not wire.client.want_write()
