"""Which of database, broker, ingest and slots is away, and since when; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dashboard.sentences import sentence
from dashboard.store import StoreError, WorkerRow

#: Seconds a heart may be silent: it beats every 2 s, so two beats were missed.
SILENT_S = 5.0

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the chain."""

    ok: bool
    #: since when it is so, as far as we know
    since: datetime | None
    #: language → what is wrong; empty while it is ok
    detail: Words = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """All parts of which anything is known: behind a lost database nothing is, and so they are not in it."""

    parts: dict[str, Part]
    #: whether a heart of ingest was heard within SILENT_S; after a lost database, it is excused for a while
    heard: bool = False

    @property
    def ok(self) -> bool:
        """Whether all of them are."""
        return all(part.ok for part in self.parts.values())

    @property
    def away(self) -> tuple[str, ...]:
        """Names of those that are not."""
        return tuple(name for name, part in self.parts.items() if not part.ok)

    def as_json(self) -> dict[str, Any]:
        """As the page reads it; times in epoch milliseconds."""
        parts = {
            name: {"ok": part.ok, "since": epoch_ms(part.since), "detail": part.detail}
            for name, part in self.parts.items()
        }
        return {"ok": self.ok, "parts": parts}


def epoch_ms(instant: datetime | None) -> int | None:
    """Milliseconds of Unix time."""
    return None if instant is None else round(instant.timestamp() * 1000)


def judge(
    workers: Sequence[WorkerRow] | None, trouble: StoreError | None, database_since: datetime, now: datetime
) -> Health:
    """The health of the chain.

    `workers` as the database just gave them; `trouble` if it gave nothing; `database_since`: since when the
    database answers, or does not. For SILENT_S after it came back, ingest is not blamed: its heart beats there.
    """
    if trouble is not None or workers is None:
        return Health({"database": Part(False, database_since, database_detail(trouble))})
    excused = (now - database_since).total_seconds() < SILENT_S
    held = [worker for worker in workers if not worker.released]
    alive = [worker for worker in held if worker.silent_s <= SILENT_S or excused]
    parts = {"database": Part(True, database_since), "ingest": _ingest(workers, alive, database_since)}
    if alive:
        parts["broker"] = _broker(alive)
        parts["slots"] = _slots(held, alive)
    return Health(parts, heard=any(worker.silent_s <= SILENT_S for worker in held))


def database_detail(trouble: StoreError | None) -> Words:
    """What is wrong with the database, in words."""
    if trouble is None:
        return {}
    return sentence(f"database_{trouble.trouble}", seconds=trouble.detail, error=trouble.detail)


def _ingest(workers: Sequence[WorkerRow], alive: Sequence[WorkerRow], asked_since: datetime) -> Part:
    if alive:
        return Part(True, None)
    if not workers:
        return Part(False, asked_since, sentence("ingest_never"))
    last = max(worker.seen_at for worker in workers)
    if all(worker.released for worker in workers):
        return Part(False, last, sentence("ingest_stopped"))
    return Part(False, last, sentence("ingest_silent", slots=_numbers(workers)))


def _broker(alive: Sequence[WorkerRow]) -> Part:
    if any(worker.broker_ok for worker in alive):
        return Part(True, max(worker.broker_since for worker in alive if worker.broker_ok))
    since = max(worker.broker_since for worker in alive)
    reason = next((worker.broker_detail for worker in alive if worker.broker_detail), "")
    detail = sentence("broker_away", reason=reason) if reason else sentence("broker_away_plain")
    return Part(False, since, detail)


def _slots(held: Sequence[WorkerRow], alive: Sequence[WorkerRow]) -> Part:
    orphans = [worker for worker in held if worker not in alive]
    if orphans:
        since = min(worker.seen_at for worker in orphans) + timedelta(seconds=SILENT_S)
        return Part(False, since, sentence("slots_orphan", slots=_numbers(orphans)))
    lost = [worker for worker in alive if not worker.broker_ok]
    if lost and len(lost) < len(alive):
        return Part(
            False, min(one.broker_since for one in lost), sentence("slots_broker", slots=_numbers(lost))
        )
    return Part(True, None)


def _numbers(workers: Sequence[WorkerRow]) -> str:
    return ", ".join(str(worker.slot) for worker in sorted(workers, key=lambda worker: worker.slot))
