"""A crowd of sensors on a few connections, paced: `python -m tests.faults.rig_crowd OPTIONS`, ended by SIGTERM.

Readings are numbered. Number n is of sensor n modulo SENSORS, was measured n / rate seconds after the base, and has
the value n modulo VALUES: so what is in the database tells which numbers arrived. As a device that has a memory, the
crowd keeps what it could not publish, sends again what had no PUBACK, and ends when everything has one.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from array import array
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt

SENSORS, VALUES = 1_000, 500
#: Unacknowledged messages of one connection.
WINDOW = 500
#: A lost broker is tried again after so many seconds, at first and at last; a device would take its time, too.
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 1.0
#: With `--twice` each reading comes again when so many others have been published.
BEHIND = 700
#: Between two turns of the pace, seconds.
TURN_S = 0.01


def serial(number: int, *, opposite: bool = False) -> str:
    """The sensor of a number; in opposite order every other number counts the sensors from the end."""
    if opposite:
        half, odd = divmod(number, 2)
        place = half % SENSORS
        return f"r{SENSORS - 1 - place if odd else place:04}"
    return f"r{number % SENSORS:04}"


class Connection:
    """One connection with what it has to publish."""

    def __init__(self, port: int, name: str, acknowledged: array[float]) -> None:
        self.backlog: deque[int] = deque()
        self._acknowledged = acknowledged
        self._waiting: deque[tuple[int, int]] = deque()
        self._done: set[int] = set()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.reconnect_delay_set(FIRST_RETRY_S, LAST_RETRY_S)  # type: ignore[arg-type]
        self._client.on_publish = lambda _client, _data, mid, *_: self._done.add(mid)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    @property
    def owes(self) -> int:
        """Messages without a PUBACK."""
        return len(self.backlog) + len(self._waiting)

    def publish(self, crowd: Crowd) -> None:
        """Note what was acknowledged, and send what the window takes."""
        now = time.time()
        while self._waiting and self._waiting[0][0] in self._done:
            mid, number = self._waiting.popleft()
            self._done.remove(mid)
            self._acknowledged[number] = self._acknowledged[number] or now
        while self.backlog and len(self._waiting) < WINDOW and self._client.is_connected():
            number = self.backlog.popleft()
            self._waiting.append((self._client.publish(*crowd.message(number), qos=1).mid, number))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Crowd:
    """Numbers due, given out to the connections."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._base = datetime.fromisoformat(given.base)
        self._step = timedelta(seconds=1) / given.rate
        self.number = 0
        self.acknowledged: array[float] = array("d")
        self._stopping = False
        name = given.prefix.replace("/", "-")
        self._connections = [
            Connection(given.port, f"crowd-{name}-{place}", self.acknowledged)
            for place in range(given.connections)
        ]
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def message(self, number: int) -> tuple[str, str]:
        """Topic and body."""
        sensor = serial(number, opposite=self._given.opposite)
        at = (self._base + self._step * number).isoformat(timespec="microseconds")
        body = f'{{"time": "{at}", "pm25": {number % VALUES}, "pm10": {number % 97}, "temperature": 20.5}}'
        return f"{self._given.prefix}/{sensor}/reading", body

    def _due(self, number: int) -> None:
        self._connections[number % len(self._connections)].backlog.append(number)

    def _produce(self, until: int) -> None:
        for number in range(self.number, until):
            self.acknowledged.append(0.0)
            self._due(number)
            if self._given.twice and number >= BEHIND:
                self._due(number - BEHIND)
        self.number = max(until, self.number)

    def _turn(self) -> int:
        for connection in self._connections:
            connection.publish(self)
        owed = sum(connection.owes for connection in self._connections)
        _replace(self._given.progress, {"published": self.number, "owed": owed})
        return owed

    def run(self) -> None:
        """Until told to stop, and until the last PUBACK."""
        start, owed, waited = time.monotonic(), 0, 0.0
        while not self._stopping:
            due = int((time.monotonic() - start - waited) * self._given.rate)
            until = min(due, self.number + max(self._given.most - owed, 0))
            waited += (due - until) / self._given.rate  # a machine that cannot keep up is not asked for more
            self._produce(until)
            owed = self._turn()
            time.sleep(TURN_S)
        if self._given.twice:
            for number in range(max(self.number - BEHIND, 0), self.number):
                self._due(number)
        seconds = time.monotonic() - start
        while self._turn():
            time.sleep(TURN_S)
        for connection in self._connections:
            connection.close()
        record = {"published": self.number, "seconds": seconds, "acknowledged": list(self.acknowledged)}
        _replace(self._given.record, record)


def _replace(path: Path, content: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--most", type=int, required=True, help="kept at most for a broker that is away")
    parser.add_argument("--base", default=datetime.now(UTC).isoformat())
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--opposite", action="store_true")
    parser.add_argument("--progress", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    Crowd(parser.parse_args()).run()


if __name__ == "__main__":
    main()
