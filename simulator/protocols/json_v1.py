"""Our own wire contract, version 1: JSON, an object or an array of them (docs/contract.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson

from simulator.protocols import Protocol, Reading


class Wire(Protocol):
    """Topics and bodies of the contract."""

    #: Readings of one message after a pause: about 6 kB, where the contract takes 1,000 readings and 256 KiB.
    together = 60
    online, offline = b"online", b"offline"

    def reading_topic(self, serial: str) -> str:
        """`<prefix>/<serial>/reading`."""
        return f"{self.prefix}/{serial}/reading"

    def status_topic(self, serial: str) -> str:
        """`<prefix>/<serial>/status`."""
        return f"{self.prefix}/{serial}/status"

    def body(self, readings: Sequence[Reading], about: Mapping[str, str | float]) -> bytes:
        """An object, or an array of several; the first one also says what `about` says."""
        bodies = [{"time": timestamp(time_ms, self.zone), **values} for time_ms, values in readings]
        bodies[0].update(about)
        return orjson.dumps(bodies[0] if len(bodies) == 1 else bodies)


def timestamp(time_ms: int, zone: ZoneInfo) -> str:
    """RFC 3339 with the zone's offset, to the millisecond."""
    seconds, milliseconds = divmod(time_ms, 1000)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    return local.replace(microsecond=milliseconds * 1000).isoformat(timespec="milliseconds")
