"""The books of a span as records: what came, what became of it and why, and which gaps there were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from city.db import statement

OUTCOMES = ("stored", "revised", "duplicate", "quarantined", "rejected")
#: How kinds of gaps are called on the command line.
GAPS = {
    "queue_overflow": "queue overflow at the broker",
    "session_lost": "session lost at the broker",
    "orphaned_slot": "slot without a holder",
    "window_full": "in-flight window full",
    "database_slow": "database slower than arrival",
    "database_away": "database away",
    "broker_away": "broker away",
}


@dataclass(frozen=True, slots=True)
class Account:
    """One writer's counts, or their total."""

    writer: str
    #: messages that came; None where outcomes are counted of readings alone (a sensor's books)
    messages: int
    #: messages by outcome, empty where they are not told apart
    message_outcomes: Sequence[int]
    #: readings by outcome
    readings: Sequence[int]

    @property
    def unaccounted(self) -> int:
        """Messages without an outcome: 0, or the books are wrong."""
        return self.messages - sum(self.message_outcomes) if self.message_outcomes else 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why readings were refused."""

    code: str
    outcome: str
    readings: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which messages may be lost, or waited."""

    kind: str
    slot: int
    writer: str
    began_at: datetime
    #: None: it lasts
    ended_at: datetime | None
    size: int | None
    lossy: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Books:
    """All that is known of a span."""

    since: datetime
    until: datetime
    accounts: Sequence[Account]
    reasons: Sequence[Reason]
    gaps: Sequence[Gap]
    #: how cases left quarantine → (cases, readings)
    gone: dict[str, tuple[int, int]]
    #: when the broker last told how much it dropped; None where it never does
    broker_told: datetime | None

    @property
    def total(self) -> Account:
        """The sum of all writers."""
        return Account(
            "total",
            sum(account.messages for account in self.accounts),
            _sums(account.message_outcomes for account in self.accounts),
            _sums(account.readings for account in self.accounts) or [0] * len(OUTCOMES),
        )

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "writers": [_account(account) for account in self.accounts],
            "total": _account(self.total),
            "balanced": all(not account.unaccounted for account in (*self.accounts, self.total)),
            "reasons": [asdict(reason) for reason in self.reasons],
            "gaps": [asdict(gap) for gap in self.gaps],
            "left_quarantine": {
                cause: {"cases": cases, "readings": readings}
                for cause, (cases, readings) in self.gone.items()
            },
            "broker_told": self.broker_told,
        }


def _sums(rows: Iterable[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*(row for row in rows if row), strict=True)]


def _account(account: Account) -> dict[str, Any]:
    told: dict[str, Any] = {"writer": account.writer, "messages": {"received": account.messages}}
    if account.message_outcomes:
        told["messages"] |= dict(zip(OUTCOMES, account.message_outcomes, strict=True))
        told["messages"]["unaccounted"] = account.unaccounted
    counts = dict(zip(OUTCOMES, account.readings, strict=True))
    return told | {"readings": {"received": sum(account.readings)} | counts}


def read_books(conn: Any, since: datetime) -> Books:
    """Everything from the minute of `since` on, at one instant of the database."""
    since = since.replace(second=0, microsecond=0)
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        accounts = [
            Account(row[0], row[1], row[2:7], row[7:])
            for row in conn.execute(statement("ledger_writers"), [since])
        ]
        reasons = [Reason(*row) for row in conn.execute(statement("ledger_reasons"), [since])]
        return Books(since, datetime.now(UTC), accounts, reasons, *_around(conn, since))


def read_sensor_books(conn: Any, serial: str, sensor_id: int, since: datetime) -> Books:
    """One sensor's, from the city day of `since` on; reasons as far as quarantine still has them."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        day = conn.execute(statement("city_day"), [since]).fetchone()[0]
        accounts = [
            Account(row[0], row[1], (), row[2:])
            for row in conn.execute(statement("ledger_sensor_writers"), [sensor_id, day])
        ]
        found = conn.execute(statement("ledger_sensor_reasons"), [sensor_id, serial, since])
        reasons = [Reason(*row) for row in found]
        return Books(since, datetime.now(UTC), accounts, reasons, *_around(conn, since))


def _around(conn: Any, since: datetime) -> tuple[list[Gap], dict[str, tuple[int, int]], datetime | None]:
    gaps = [Gap(*row) for row in conn.execute(statement("ledger_gaps"), [since])]
    gone = {row[0]: (row[1], row[2]) for row in conn.execute(statement("ledger_gone"), [since])}
    told = conn.execute(statement("broker_told")).fetchone()
    return gaps, gone, told[0] if told else None
