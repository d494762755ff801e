"""What the broker tells of itself under $SYS: how much it dropped and how much it keeps. Not every broker does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from city.db import statement

_TREE = "$SYS/broker/"
#: Topic below $SYS/broker → what it is; as mosquitto 2 has them (mosquitto(8), "Broker status").
_NAMES = {
    "uptime": "uptime",
    "version": "version",
    "publish/messages/dropped": "dropped",
    "store/messages/count": "stored",
    "store/messages/bytes": "stored_bytes",
}
#: What to subscribe to, at QoS 0: no session keeps them.
TOPICS = tuple(_TREE + name for name in _NAMES)
#: A start that moved by less is the same one: uptime is told in whole seconds, and every 10 s.
SAME_START = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the broker at an instant."""

    seen_at: datetime
    started_at: datetime
    version: str | None
    #: publications dropped since its start, all clients counted
    dropped: int
    stored: int | None = None
    stored_bytes: int | None = None

    def dropped_since(self, before: Told) -> int:
        """How many it dropped after `before`; all of its own where it started anew meanwhile."""
        again = abs(self.started_at - before.started_at) > SAME_START or self.dropped < before.dropped
        return self.dropped - (0 if again else before.dropped)


class BrokerNews:
    """Takes $SYS messages as they come."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._uptime_at: datetime | None = None
        self.latest: Told | None = None

    def take(self, topic: str, payload: bytes, at: datetime) -> None:
        """One message that arrived `at`; what is no number where one belongs is passed over."""
        name = _NAMES.get(topic.removeprefix(_TREE))
        if name is None:
            return
        self._values[name] = payload.decode("utf-8", "replace")
        if name == "uptime":
            self._uptime_at = at
        self.latest = self._told(at) or self.latest

    def _told(self, at: datetime) -> Told | None:
        uptime, dropped = self._number("uptime"), self._number("dropped")
        if uptime is None or dropped is None or self._uptime_at is None:
            return None
        started = self._uptime_at - timedelta(seconds=uptime)
        version = self._values.get("version", "")[:100].replace("\x00", "") or None
        return Told(at, started, version, dropped, self._number("stored"), self._number("stored_bytes"))

    def _number(self, name: str) -> int | None:
        """The first word as a number: an uptime is `17 seconds`."""
        word = (self._values.get(name, "").split() or [""])[0]
        return int(word) if word.isdecimal() and len(word) < 19 else None  # noqa: PLR2004 what a bigint holds


def remember(conn: psycopg.Connection[Any], told: Told) -> tuple[Told, int] | None:
    """Write what the broker tells now; (what was known before, how many it dropped since), None the first time.

    In one transaction with the row locked, so that two workers never count the same loss.
    """
    with conn.transaction():
        row = conn.execute(statement("read_broker")).fetchone()
        before = Told(*row) if row else None
        if before is not None and before.seen_at >= told.seen_at:
            return before, 0
        values = [told.seen_at, told.started_at, told.version, told.dropped, told.stored, told.stored_bytes]
        conn.execute(statement("write_broker"), values)
    return (before, told.dropped_since(before)) if before is not None else None
