"""A device: what it has measured and not sent yet, and the messages it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from simulator.city import SimSensor
from simulator.protocols import Protocol

#: Readings a device keeps while it cannot send: six hours of them; then the oldest go.
KEPT = 180
#: Raw messages that may wait; more are refused, since nobody would ever send them.
RAW_KEPT = 10_000

#: values in the order of the sensor's metrics
Numbers = tuple[int | float, ...]
#: milliseconds of the epoch and the values
Kept = tuple[int, Numbers]
#: topic and body
Message = tuple[str, bytes]


class Device:
    """One simulated sensor on the network.

    `silent` and `held` are for who makes faults, by way of Fleet: a silent device is off the network, a held one is
    on it and keeps its readings; both go on measuring.
    """

    __slots__ = (
        "_backlog",
        "_kept",
        "_raw",
        "_sensor",
        "_told",
        "_wire",
        "dropped",
        "held",
        "queued",
        "session",
        "silent",
        "together",
    )

    def __init__(self, sensor: SimSensor, wire: Protocol, kept: int = KEPT) -> None:
        self._sensor, self._wire, self._kept = sensor, wire, kept
        self._told = False
        # lists, since an empty deque takes 600 bytes
        self._backlog: list[Kept] = []
        self._raw: list[Message] | None = None
        #: readings that one message takes
        self.together = wire.together
        #: readings lost because the backlog was full
        self.dropped = 0
        #: the connection's session in which it last said that it is online; 0: never
        self.session = 0
        self.silent = self.held = False
        #: whether its group has it in line
        self.queued = False

    def __len__(self) -> int:
        """How many readings wait."""
        return len(self._backlog)

    @property
    def serial(self) -> str:
        """As in its topics."""
        return self._sensor.serial

    @property
    def reading_topic(self) -> str:
        """Where it publishes readings."""
        return self._wire.reading_topic(self._sensor.serial)

    @property
    def status_topic(self) -> str:
        """Where it says whether it is online."""
        return self._wire.status_topic(self._sensor.serial)

    @property
    def status(self) -> bytes:
        """What it says there."""
        return self._wire.offline if self.silent else self._wire.online

    @property
    def will(self) -> Message:
        """What the broker shall retain when the device's own connection breaks."""
        return self.status_topic, self._wire.offline

    @property
    def ready(self) -> bool:
        """Whether it has something to send and may."""
        return not self.silent and bool(self._raw or (self._backlog and not self.held))

    def measure(self, time_ms: int, values: Numbers) -> None:
        """Keep a reading of that instant (milliseconds of the epoch) until it is sent."""
        if len(self._backlog) >= self._kept:
            del self._backlog[0]
            self.dropped += 1
        self._backlog.append((time_ms, values))

    def add_raw(self, body: bytes, topic: str | None = None) -> bool:
        """Send these bytes before any reading, on its own topic or another; False where too many wait already."""
        if self._raw is None:
            self._raw = []
        if len(self._raw) >= RAW_KEPT:
            return False
        self._raw.append((topic or self.reading_topic, body))
        return True

    def rearrange(self, change: Callable[[list[Kept]], Iterable[Kept]]) -> None:
        """Put what `change` makes of the waiting readings in their place: another order, some twice, none."""
        self._backlog = list(change(self._backlog))

    def encode(self, readings: Sequence[Kept]) -> bytes:
        """These readings (at least one) as one body, as the device itself would write them; nothing is taken."""
        metrics = self._sensor.metrics
        named = [(time_ms, dict(zip(metrics, values, strict=True))) for time_ms, values in readings]
        return self._wire.body(named, {} if self._told else self._about())

    def message(self) -> Message:
        """Take the next message: raw bytes, else the oldest readings, at most `together` of them.

        The first message with readings after the start also tells what and where the device is.
        """
        if self._raw:
            return self._raw.pop(0)
        readings = self._backlog[: self.together]
        del self._backlog[: self.together]
        body = self.encode(readings)
        self._told = True
        return self.reading_topic, body

    def _about(self) -> dict[str, str | float]:
        one = self._sensor
        return {"lat": one.latitude, "lon": one.longitude, "model": one.model, "kind": one.kind}
