"""A subscriber that acknowledges and drops: what is left is the broker's own rate.

It makes its session and ends (`--count 0`), or takes so many messages out of it and says in how many seconds.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import time

from benchmarks.load import PREFIX, connected

NAME = "bare"
_PUBLISH, _PUBACK = 0x30, b"\x40\x02"


def subscribe(connection: socket.socket) -> None:
    """To all readings, QoS 1 (MQTT 3.1.1, section 3.8)."""
    pattern = f"{PREFIX}/+/reading".encode()
    rest = b"\x00\x01" + struct.pack(">H", len(pattern)) + pattern + b"\x01"
    connection.sendall(b"\x82" + bytes([len(rest)]) + rest)


class Sink:
    """What came on one connection and was acknowledged."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self.count = 0

    def read(self) -> None:
        """Once from the socket; all whole messages of it are acknowledged together."""
        found = self._socket.recv(262_144)
        if not found:
            raise ConnectionError("the broker hung up on the subscriber")
        data, start, answers = self._rest + found, 0, []
        while (packet := _packet(data, start)) is not None:
            kind, body, start = packet
            if kind & 0xF0 == _PUBLISH:
                length = data[body] << 8 | data[body + 1]
                answers.append(_PUBACK + data[body + 2 + length : body + 4 + length])
        self._rest = data[start:]
        self.count += len(answers)
        if answers:
            self._socket.sendall(b"".join(answers))


def _packet(data: bytes, start: int) -> tuple[int, int, int] | None:
    """First byte, where its body begins and where it ends, of the packet at `start`; None: it is not whole."""
    length, place = 0, start + 1
    while place < len(data):
        length |= (data[place] & 0x7F) << 7 * (place - start - 1)
        place += 1
        if data[place - 1] < 0x80:
            return (data[start], place, place + length) if place + length <= len(data) else None
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    start = time.monotonic()
    with connected(given.port, NAME, clean=False) as connection:
        sink = Sink(connection)
        if not given.count:
            subscribe(connection)
            connection.recv(5, socket.MSG_WAITALL)
        while sink.count < given.count:
            sink.read()
        seconds = time.monotonic() - start
        connection.sendall(b"\xe0\x00")
    print(json.dumps({"messages": sink.count, "seconds": seconds}))


if __name__ == "__main__":
    main()
