"""A device: what it has measured and not sent yet, and the messages it makes of it (wire contract v1)."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson

from simulator.city import SimSensor

#: Readings a device keeps while it cannot send: six hours of them (30 MB for 1,100 devices); then the oldest go.
KEPT = 180
#: Readings of one message after a pause: about 6 kB, where the contract takes 1,000 readings and 256 KiB.
TOGETHER = 60
ONLINE, OFFLINE = b"online", b"offline"

#: values in the order of the sensor's metrics
Numbers = tuple[int | float, ...]


class Device:
    """One simulated sensor on the network."""

    __slots__ = (
        "_about",
        "_backlog",
        "_metrics",
        "_zone",
        "dropped",
        "reading_topic",
        "session",
        "status_topic",
    )

    def __init__(self, sensor: SimSensor, prefix: str, zone: ZoneInfo) -> None:
        self.reading_topic = f"{prefix}/{sensor.serial}/reading"
        self.status_topic = f"{prefix}/{sensor.serial}/status"
        self._about: dict[str, str | float] = {
            "lat": sensor.latitude, "lon": sensor.longitude, "model": sensor.model, "kind": sensor.kind,
        }  # fmt: skip
        self._metrics = sensor.metrics
        self._zone = zone
        self._backlog: deque[tuple[int, Numbers]] = deque()
        #: readings lost because the backlog was full
        self.dropped = 0
        #: the connection's session in which it last said that it is online; 0: never
        self.session = 0

    def __len__(self) -> int:
        """How many readings wait."""
        return len(self._backlog)

    def measure(self, time_ms: int, values: Numbers) -> None:
        """Keep a reading of that instant (milliseconds of the epoch) until it is sent."""
        if len(self._backlog) == KEPT:
            self._backlog.popleft()
            self.dropped += 1
        self._backlog.append((time_ms, values))

    def message(self) -> bytes:
        """Take what waits, the oldest first and at most TOGETHER, as one body: an object, or an array of several.

        The first message after the start also tells what and where the device is.
        """
        number = min(len(self._backlog), TOGETHER)
        readings = [self._reading(*self._backlog.popleft()) for _ in range(number)]
        readings[0].update(self._about)
        self._about = {}
        return orjson.dumps(readings[0] if number == 1 else readings)

    def _reading(self, time_ms: int, values: Numbers) -> dict[str, str | float]:
        return {"time": timestamp(time_ms, self._zone), **dict(zip(self._metrics, values, strict=True))}


def timestamp(time_ms: int, zone: ZoneInfo) -> str:
    """RFC 3339 with the zone's offset, to the millisecond."""
    seconds, milliseconds = divmod(time_ms, 1000)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    return local.replace(microsecond=milliseconds * 1000).isoformat(timespec="milliseconds")
