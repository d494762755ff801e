"""The session's client: many messages from one read, many acknowledgements in one write."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingest.wire import Client


def publish(topic: bytes, payload: bytes, mid: int, *, qos: int = 1, retained: bool = False) -> bytes:
    """A PUBLISH packet (MQTT 3.1.1, 3.3)."""
    rest = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", mid) if qos else b"") + payload
    length, left = [], len(rest)
    while left > 127:
        length.append(0x80 | left & 0x7F)
        left >>= 7
    return bytes([0x30 | qos << 1 | retained, *length, left]) + rest


class Wire:
    """A client whose broker is the test."""

    def __init__(self) -> None:
        self.broker, mine = socket.socketpair()
        mine.setblocking(False)
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="test", manual_ack=True)
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


@pytest.mark.parametrize("size", [0, 121, 122, 16_377, 16_378, 30_000])
def test_a_length_of_any_size_is_read(wire: Wire, size: int) -> None:
    packets = [publish(b"a", b"x" * size, mid) for mid in (1, 2)]
    wire.broker.sendall(b"".join(packets) + packets[0][:-1])  # the second is whole, the third is not
    wire.read(3)
    assert [(len(payload), mid) for _, payload, mid, *_ in wire.got] == [(size, 1), (size, 2)]
    wire.broker.sendall(packets[0][-1:])
    wire.read()
    assert wire.got[2] == wire.got[0]


def test_what_is_no_message_comes_in_its_turn(wire: Wire) -> None:
    wire.broker.sendall(publish(b"a", b"1", 1) + b"\xd0\x00" + publish(b"a", b"2", 2))  # a PINGRESP between
    assert wire.read(3) == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert [payload for _, payload, *_ in wire.got] == [b"1", b"2"]


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


def test_nor_does_one_behind_a_good_one(wire: Wire) -> None:
    wire.broker.sendall(publish(b"a", b"1", 1) + publish(b"", b"x", 1))
    assert wire.read(2) == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert len(wire.got) == 1
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
