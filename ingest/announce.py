"""What is told while a batch commits: a wake-up for dashboards, outcomes for who watches a sensor, errors to devices."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg

from city.contract import Decoder
from city.db import statement
from city.metrics import Catalogue
from city.reading import Reading, Refusal
from ingest.batch import Batch, Verdict
from ingest.fold import Outcome
from ingest.message import Message
from ingest.plausible import Plausible
from ingest.quarantine import kept_payload
from ingest.registry import Locator

COMMIT_CHANNEL, WATCH_CHANNEL = "sdot_commit", "sdot_watch"
#: Dashboards are woken at most so often.
WAKE_EVERY_S = 1.0
#: NOTIFY carries less than 8,000 bytes; a long array is told by its first readings.
MAX_TOLD, MAX_PAYLOAD_TOLD = 12, 800
#: A device that repeats its mistake hears of it so often.
FEEDBACK_EVERY_S = 5.0
_NO_REFUSAL = Refusal("", "")


class Wake:
    """NOTIFY at a commit, at most once a second; what came in between is told afterwards."""

    def __init__(self) -> None:
        self._last = 0.0
        self._due = False

    def at_commit(self, conn: psycopg.Connection[Any]) -> None:
        """Inside a batch's transaction."""
        self._due = True
        self.if_due(conn)

    @property
    def due_at(self) -> float:
        """When (monotonic seconds) the next wake-up is due; infinite where none is."""
        return self._last + WAKE_EVERY_S if self._due else float("inf")

    def if_due(self, conn: psycopg.Connection[Any]) -> None:
        """Whenever there is time."""
        if time.monotonic() >= self.due_at:
            self.flush(conn)

    def flush(self, conn: psycopg.Connection[Any]) -> None:
        """Tell now what is not told yet."""
        if self._due:
            conn.execute(statement("notify"), [COMMIT_CHANNEL, ""])
            self._last, self._due = time.monotonic(), False


class Watchers:
    """Tells who watches a serial what became of each message."""

    def __init__(self, catalogue: Catalogue, decoder: Decoder, locator: Locator) -> None:
        self._catalogue, self._decoder, self._locator = catalogue, decoder, locator
        self._plausible = Plausible(catalogue)

    def tell(self, conn: psycopg.Connection[Any], batch: Batch, watched: frozenset[str]) -> None:
        """NOTIFY for each message of a watched serial, in order."""
        for verdicts in batch.verdicts:
            serials = {verdict.sensor.serial for verdict in verdicts if verdict.sensor}
            serials |= {verdict.message.serial for verdict in verdicts if verdict.message.serial}
            for serial in sorted(watched & serials):
                conn.execute(statement("notify"), [WATCH_CHANNEL, self._text(serial, verdicts)])

    def _text(self, serial: str, verdicts: list[Verdict]) -> str:
        message = verdicts[0].message
        outcomes = sorted(verdict.outcome for verdict in verdicts if verdict.outcome is not None)
        told: dict[str, Any] = {
            "serial": serial,
            "at": message.at.isoformat(),
            "topic": message.topic[:200],
            "outcome": Outcome(outcomes[-1]).label,
            "counts": Counter(Outcome(outcome).label for outcome in outcomes),
            "payload": _shown(message, verdicts[0].refusal or _NO_REFUSAL),
            "bytes": len(message.payload),
            "readings": [self._reading(verdict) for verdict in verdicts[:MAX_TOLD]],
            "more": max(len(verdicts) - MAX_TOLD, 0),
        }
        text = msgspec.json.encode(told)
        if len(text) > 7900:  # noqa: PLR2004 NOTIFY's limit, see above
            told |= {
                "readings": told["readings"][:1],
                "payload": told["payload"][:200],
                "more": len(verdicts) - 1,
            }
            text = msgspec.json.encode(told)
        return text.decode()

    def _reading(self, verdict: Verdict) -> dict[str, Any]:
        told: dict[str, Any] = {
            "outcome": Outcome(verdict.outcome or 0).label,
            "notes": list(self._notes(verdict)),
        }
        if verdict.refusal is not None:
            told |= {"reason": verdict.refusal.text, "element": verdict.refusal.index}
        if isinstance(verdict.item, Reading):
            told["time"] = verdict.item.time.isoformat() if verdict.item.time else None
            told["values"] = dict(list(verdict.item.values.items())[:30])
        return told

    def _notes(self, verdict: Verdict) -> Iterator[str]:
        item = verdict.item
        if not isinstance(item, Reading):
            return
        bits = {metric.bit: metric.key for metric in self._catalogue}
        for bit, detail in self._plausible.details(item.values):
            yield f"{bits[bit]} flagged: {detail}"
        for key in list(item.extra or {})[:3]:
            near = self._decoder.suggestion(key)
            yield f"kept aside, no known metric: {key}" + (f" (did you mean {near}?)" if near else "")
        if item.about and item.about.district and self._locator.district_named(item.about.district) is None:
            yield f"no district is called {item.about.district}"
        if (
            item.about
            and item.about.latitude is not None
            and verdict.sensor
            and verdict.sensor.district_id is None
        ):
            yield "its position is outside the city"


def _shown(message: Message, refusal: Refusal) -> str:
    kept = kept_payload(message, refusal)
    if kept is None:
        return f"({len(message.payload)} bytes, not shown: they name a person's device)"
    return kept[:MAX_PAYLOAD_TOLD].decode("utf-8", "replace").replace("\x00", "\\0")


class Feedback:
    """One line to a device whose message was quarantined, not more often than it can act on."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def lines(self, batch: Batch) -> Iterator[tuple[str, str]]:
        """(serial, line) of what is due."""
        now = time.monotonic()
        if len(self._told) > 100_000:  # noqa: PLR2004 twice the sensors one process serves
            self._told = {serial: at for serial, at in self._told.items() if now - at < FEEDBACK_EVERY_S}
        for verdicts in batch.verdicts:
            refused = next((v for v in verdicts if v.refusal is not None), None)
            if refused is not None and refused.refusal is not None and not refused.refusal.kept:
                continue  # a flood: one of its like is told
            if refused is None or refused.refusal is None or refused.message.serial is None:
                continue
            serial = refused.message.serial
            if now - self._told.get(serial, -FEEDBACK_EVERY_S) >= FEEDBACK_EVERY_S:
                self._told[serial] = now
                index = refused.refusal.index
                place = "" if index is None else f"reading {index + 1} of {len(verdicts)}: "
                yield serial, place + refused.refusal.text
