"""The benchmark's sensors: what they say, and a publisher that costs the machine little (MQTT 3.1.1 by hand, QoS 1).

As a program it publishes live readings, whose `time` is the moment of their publishing, for some seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

PREFIX = "bench/v1"
SENSORS = 1100
METRICS = ("pm25", "pm10", "temperature", "humidity", "noise", "visitors")
#: Each sensor sends so often (S-DoT's pace).
EVERY = timedelta(minutes=2)
SEOUL = timezone(timedelta(hours=9))
#: Unacknowledged packets in flight; packet ids are 16 bits.
WINDOW, IDS = 500, 65_535
#: Of live values so many turns differ; then they come again.
TURNS = 8
FIRST = datetime(1, 1, 1, tzinfo=UTC)
_PUBACK_BYTES, _DISCONNECT = 4, b"\xe0\x00"


def serial(number: int) -> str:
    """Serial of a sensor."""
    return f"bench-{number:04}"


def topic(number: int) -> str:
    """Where it publishes."""
    return f"{PREFIX}/{serial(number)}/reading"


def values(number: int, turn: int) -> tuple[float, ...]:
    """Six plausible values of a sensor's reading, in the order of METRICS."""
    wave = math.sin(turn / 9 + number)
    return (
        round(18 + 6 * wave, 1),
        round(34 + 9 * wave, 1),
        round(21 + 3 * wave, 1),
        round(55 - 8 * wave, 1),
        round(58 + 7 * wave, 1),
        float((number * 7 + turn * 13) % 90),
    )


def body(at: datetime, carried: Iterable[float], **more: str) -> bytes:
    """A message: about 150 bytes of JSON, as a device writes it."""
    return json.dumps({"time": at.isoformat(), **dict(zip(METRICS, carried, strict=True)), **more}).encode()


def backlog(count: int, end: datetime) -> Iterator[tuple[int, datetime, tuple[float, ...]]]:
    """What 1,100 sensors say in turn until `end`: `count` times (sensor, instant, values)."""
    start = end - EVERY * (count // SENSORS + 1)
    for place in range(count):
        turn, number = divmod(place, SENSORS)
        yield number, start + EVERY * turn + EVERY * number / SENSORS, values(number, turn)


def backlog_messages(count: int, end: datetime) -> Iterator[tuple[str, bytes]]:
    """The same as (topic, body)."""
    for number, at, carried in backlog(count, end.astimezone(SEOUL)):
        yield topic(number), body(at, carried)


def named_messages(count: int, end: datetime) -> Iterator[tuple[str, bytes]]:
    """The same with the serial in the body as well, for programs that read no topic."""
    for number, at, carried in backlog(count, end.astimezone(SEOUL)):
        yield topic(number), body(at, carried, serial=serial(number))


def array_messages(count: int, end: datetime, together: int) -> Iterator[tuple[str, bytes]]:
    """The same readings in arrays of so many of one sensor, as a device sends what it could not send before."""
    held: dict[int, list[bytes]] = {}
    for number, at, carried in backlog(count, end.astimezone(SEOUL)):
        part = held.setdefault(number, [])
        part.append(body(at, carried))
        if len(part) == together:
            yield topic(number), b"[" + b",".join(part) + b"]"
            part.clear()
    for number, part in held.items():
        if part:
            yield topic(number), b"[" + b",".join(part) + b"]"


def live_messages(numbers: range, *, named: bool = False) -> Iterator[tuple[str, bytes]]:
    """Endless: the sensors in turn, each reading of this very microsecond; the serial in the body where asked for."""
    prepared = [[_live(number, turn, named=named) for number in numbers] for turn in range(TURNS)]
    while True:
        for turn in prepared:
            for where, rest in turn:
                yield where, b'{"time": "%b%b' % (datetime.now(SEOUL).isoformat().encode(), rest)


def _live(number: int, turn: int, *, named: bool) -> tuple[str, bytes]:
    """Topic, and what follows the time: made before, so that publishing costs the machine little."""
    more = {"serial": serial(number)} if named else {}
    return topic(number), body(FIRST, values(number, turn), **more).partition(FIRST.isoformat().encode())[2]


def flood_messages(*, anew: bool) -> Iterator[tuple[str, bytes]]:
    """Endless: one sensor that does not stop, or a new serial each time."""
    number = 0
    while True:
        name = f"flood-{number}" if anew else "flood"
        yield f"{PREFIX}/{name}/reading", body(datetime.now(SEOUL), values(number, 0))
        number += 1


def connected(port: int, client_id: str = "", *, clean: bool = True) -> socket.socket:
    """A connection with a clean session, or a kept one, and no keep-alive (MQTT 3.1.1, section 3.1)."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = client_id.encode()
    flags = b"\x02" if clean else b"\x00"
    rest = b"\x00\x04MQTT\x04" + flags + b"\x00\x00" + struct.pack(">H", len(name)) + name
    connection.sendall(b"\x10" + bytes([len(rest)]) + rest)
    answer = connection.recv(4, socket.MSG_WAITALL)
    if answer[:2] != b"\x20\x02" or answer[3]:
        raise ConnectionError("the broker refuses the connection")
    return connection


def forget(port: int, client_id: str) -> None:
    """Make the broker forget a session, with what it has queued."""
    with connected(port, client_id) as connection:
        connection.sendall(_DISCONNECT)


class Publisher:
    """One connection that publishes at QoS 1 with a window, and counts the acknowledgements."""

    def __init__(self, port: int) -> None:
        self._socket = connected(port)
        self.sent = self._acked_bytes = 0

    @property
    def acknowledged(self) -> int:
        """Messages the broker has taken."""
        return self._acked_bytes // _PUBACK_BYTES

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish all; at most a window of them is unacknowledged, at the end as well."""
        part: list[bytes] = []
        for where, what in messages:
            part.append(self._packet(where, what))
            if len(part) == WINDOW // 4:
                self._send(part)
                part = []
        self._send(part)

    def _packet(self, where: str, what: bytes) -> bytes:
        self.sent += 1
        head = where.encode()
        rest = struct.pack(">H", len(head)) + head + struct.pack(">H", (self.sent - 1) % IDS + 1) + what
        length, size = bytearray(), len(rest)
        while True:
            size, digit = size >> 7, size & 0x7F
            length.append(digit | (0x80 if size else 0))
            if not size:
                return b"\x32" + bytes(length) + rest

    def _send(self, part: list[bytes]) -> None:
        self._socket.sendall(b"".join(part))
        self.settle(WINDOW - WINDOW // 4)

    def settle(self, left: int) -> None:
        """Wait until at most `left` messages are unacknowledged."""
        while self.sent - self.acknowledged > left:
            self._read(None)
        self._read(0.0)

    def _read(self, patience: float | None) -> None:
        while select.select([self._socket], [], [], patience)[0]:
            found = self._socket.recv(65536)
            if not found:
                raise ConnectionError("the broker hung up on the publisher")
            self._acked_bytes += len(found)
            patience = 0.0

    def close(self) -> None:
        """DISCONNECT."""
        self._socket.sendall(_DISCONNECT)
        self._socket.close()


def run(port: int, source: Iterator[tuple[str, bytes]], seconds: float, pace: float | None) -> int:
    """Publish live for so long, `pace` messages a second or as fast as the broker takes them; how many."""
    publisher = Publisher(port)
    start, now = time.monotonic(), 0.0
    while (now := time.monotonic() - start) < seconds:
        due = WINDOW // 4 if pace is None else int(now * pace) - publisher.sent
        publisher.publish(next(source) for _ in range(min(due, WINDOW)))
        if pace is not None:
            time.sleep(min(max((publisher.sent + 1) / pace - (time.monotonic() - start), 0.002), 0.2))
    publisher.settle(0)
    publisher.close()
    return publisher.sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--share", type=int, nargs=2, default=(0, 1), metavar=("I", "N"))
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--pace", type=float, help="messages a second; none: as fast as it goes")
    parser.add_argument(
        "--flood", choices=("one", "new"), help="one sensor, or new serials, instead of the city"
    )
    parser.add_argument("--named", action="store_true", help="the serial in the body, too")
    given = parser.parse_args()
    first, step = given.share
    started = datetime.now(UTC).isoformat()
    city = live_messages(range(first, SENSORS, step), named=given.named)
    source = flood_messages(anew=given.flood == "new") if given.flood else city
    sent = run(given.port, source, given.seconds, given.pace)
    print(json.dumps({"sent": sent, "from": started, "to": datetime.now(UTC).isoformat()}))


if __name__ == "__main__":
    main()
