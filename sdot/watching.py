"""Watching a sensor: what ingest tells of its messages, in words."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from city.db import ServerError, connect, statement
from city.errors import DatabaseError

if TYPE_CHECKING:
    from city.pack import CityPack
    from city.settings import Settings

#: The row that makes ingest tell lives 10 s; renewed in half of that.
RENEW_S = 5.0
#: Silence after which we say what to look at, and how old a living worker's heart beat may be.
SILENCE_S, BEAT_S = 30.0, 6.0
_STYLES = {
    "stored": "green",
    "revised": "green",
    "duplicate": "dim",
    "quarantined": "bold magenta",
    "rejected": "bold red",
}
_WORDS = {
    "duplicate": "Same time and same values as a reading that is there. Nothing to do.",
    "quarantined": "Nothing of it was stored. It is kept whole.",
    "rejected": "Nothing of it was stored. Its first 1,024 bytes are kept as a sample.",
    "revised": "Replaces what was stored for that time; the old values are kept.",
}


def heading(told: Mapping[str, Any]) -> str:
    """A message's outcome, or of an array how many readings had which: `1 stored, 2 quarantined`."""
    if len(told["readings"]) + told["more"] == 1:
        return str(told["outcome"])
    return ", ".join(f"{count} {outcome}" for outcome, count in told["counts"].items())


class Watch:
    """Shows one serial's messages until interrupted."""

    def __init__(self, settings: Settings, pack: CityPack, serial: str) -> None:
        self._settings, self._pack, self._serial = settings, pack, serial
        self._console = Console(highlight=False, soft_wrap=True)
        self._left: int | None = None

    def run(self, count: int | None) -> None:
        """Until interrupted, or `count` messages were shown. A database that goes is waited for."""
        self._left = count
        self._print(
            f"Watching [bold]{escape(self._serial)}[/bold]; it publishes to [bold]{self._topic}[/bold], QoS 1. Ctrl-C ends."
        )
        first = True
        while self._left is None or self._left > 0:
            try:
                self._session(first=first)
            except (ServerError, DatabaseError) as error:
                self._print(
                    f"[magenta]The database is away ({escape(str(error).splitlines()[0])}); waiting for it.[/magenta]"
                )
                time.sleep(2)
            first = False

    @property
    def _topic(self) -> str:
        return escape(f"{self._settings.topic_prefix}/{self._serial}/reading")

    def _session(self, *, first: bool) -> None:
        with connect(self._settings.database_url, "sdot watch") as conn:
            conn.execute("LISTEN sdot_watch")
            conn.execute(statement("watch"), [self._serial])
            if first:
                self._introduce(conn)
            try:
                self._listen(conn)
            finally:
                with contextlib.suppress(ServerError):
                    conn.execute(statement("unwatch"), [self._serial])

    def _introduce(self, conn: Any) -> None:
        row = conn.execute(statement("find_sensor"), [self._serial]).fetchone()
        if row is None:
            self._print("Nothing is known of it yet: its first message makes it known.")
        else:
            last = f"last reading {self._local(row[6])}" if row[6] else "no reading yet"
            self._print(f"It is {row[1]}, district {row[2] or 'none'}, {last}.")
        self._check_ingest(conn)

    def _check_ingest(self, conn: Any) -> None:
        workers = conn.execute(statement("read_workers")).fetchall()
        now = conn.execute("SELECT now()").fetchone()[0]
        alive = [row for row in workers if (now - row[4]).total_seconds() < BEAT_S]
        if not alive:
            self._print(
                "[magenta]Ingest is not running: messages wait at the broker. Start `sdot ingest` or `sdot up`.[/magenta]"
            )
        elif not any(row[6] for row in alive):
            self._print(f"[magenta]Ingest has no broker: {escape(alive[0][8] or '')}[/magenta]")

    def _listen(self, conn: Any) -> None:
        quiet_since, warned = time.monotonic(), False
        while self._left is None or self._left > 0:
            for notice in conn.notifies(timeout=RENEW_S, stop_after=1):
                if self._show(notice.payload):
                    quiet_since, warned = time.monotonic(), False
            conn.execute(statement("watch"), [self._serial])
            if not warned and time.monotonic() - quiet_since > SILENCE_S:
                warned = True
                self._print(
                    "[dim]Nothing for half a minute. Right address, port, topic and serial (upper and lower case count)?[/dim]"
                )
                self._check_ingest(conn)

    def _show(self, payload: str) -> bool:
        told = json.loads(payload)
        if told["serial"] != self._serial:
            return False
        for line in self.lines(told):
            self._print(line)
        if self._left is not None:
            self._left -= 1
        return True

    def lines(self, told: Mapping[str, Any]) -> Iterator[str]:
        """What is shown of one message, with markup."""
        outcome, total = told["outcome"], len(told["readings"]) + told["more"]
        at = self._local(datetime.fromisoformat(told["at"]))
        yield f"{at}  [{_STYLES[outcome]}]{heading(told):<11}[/]  {escape(told['payload'])}"
        for place, reading in enumerate(told["readings"], 1):
            head = f"reading {place} of {total}, {reading['outcome']}: " if total > 1 else ""
            yield from (f"{'':14}{line}" for line in self._reading(reading, head))
        if told["more"]:
            yield f"{'':14}and {told['more']} more readings in this message"

    def _reading(self, reading: Mapping[str, Any], head: str) -> Iterator[str]:
        if reading.get("reason"):
            yield f"[magenta]{head}{escape(reading['reason'])}[/magenta]"
        else:
            values = reading.get("values", {})
            yield head + " · ".join(self._value(key, value) for key, value in values.items())
        if reading["outcome"] in _WORDS and not head:
            yield f"[dim]{_WORDS[reading['outcome']]}[/dim]"
        for note in reading["notes"]:
            yield f"[magenta]{escape(note)}[/magenta]"

    def _value(self, key: str, value: float | None) -> str:
        metric = self._pack.catalogue[key]
        shown = "cleared" if value is None else f"[bold]{value:g}[/bold] {metric.unit}"
        return f"{metric.short_name('en')} {shown}"

    def _local(self, at: datetime) -> str:
        return f"{at.astimezone(self._pack.zone):%H:%M:%S.%f}"[:10]

    def _print(self, line: str) -> None:
        self._console.print(line)
