"""What the Ingest page reads of the books, as typed rows; `ledger_postgres.PgLedger` reads them, `ledger_memory` is its twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

#: Outcomes of readings and messages, in the order of the ledger's columns.
OUTCOMES = ("stored", "revised", "duplicate", "quarantined", "rejected")
#: Groups of refused messages that are listed, and of how many of the newest cases they are made.
GROUPS_MOST, CASES_LOOKED_AT = 25, 2000
#: Cases are counted up to here; beyond, "more than".
HELD_MOST = 10_000
#: Bytes of a payload that are read and shown; its whole length is told.
PAYLOAD_MOST = 4096
#: Gaps that are listed.
GAPS_MOST = 50

Kind = Literal["arrival", "measurement"]


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """Counts of one minute of arrival, all writers."""

    minute: datetime
    messages: int
    #: messages by outcome, as `OUTCOMES`
    messages_by: tuple[int, ...]
    #: readings by outcome, as `OUTCOMES`
    readings_by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LagRow:
    """How late things were that were committed in one bin."""

    start: datetime
    #: from `arrival` of a message, or from `measurement` of a reading, to the commit
    kind: Kind
    #: seconds
    p50: float
    p95: float
    #: how many were measured
    n: int


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Refused readings of one reason."""

    code: str
    outcome: str
    #: of the last hour, and of the last day
    hour: int
    day: int
    #: the last minute in which one arrived
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SlotRow:
    """One slot of the shared subscription, and its holder."""

    slot: int
    writer: str
    host: str
    pid: int
    #: seconds since the holder's heart last beat, by the database's clock
    silent_s: float
    started_at: datetime
    seen_at: datetime
    #: when its holder ended in good order
    released_at: datetime | None
    broker_ok: bool
    broker_since: datetime
    broker_detail: str
    last_message_at: datetime | None
    last_commit_at: datetime | None
    #: window of the broker, and how much of it is taken; None where the holder does not say
    inflight: int | None
    unacknowledged: int | None
    #: share of the time in which it did not wait for messages, 0 … 1
    busy: float | None
    #: since its start: seconds with a full window, seconds of full batches in the database, batches tried again
    window_full_s: float | None
    database_full_s: float | None
    retries: int | None
    #: readings of its writer that arrived in the span asked for
    readings: int
    #: seconds from arrival to commit in that span, None where nothing was committed
    p95: float | None


@dataclass(frozen=True, slots=True)
class GapRow:
    """A span in which messages may have been lost, or waited."""

    gap_id: int
    kind: str
    slot: int
    began_at: datetime
    #: None: it lasts
    ended_at: datetime | None
    #: messages lost or that waited, None where nobody can tell
    size: int | None
    #: whether messages may be gone that QoS 1 had promised
    lossy: bool
    detail: str


@dataclass(frozen=True, slots=True)
class BrokerRow:
    """What the broker tells of itself."""

    seen_at: datetime
    started_at: datetime
    version: str
    #: publications dropped since its start
    dropped: int
    #: messages and bytes it keeps
    stored: int | None
    stored_bytes: int | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """Refused messages of one sensor (or topic) for one reason, told by the newest of them."""

    quarantine_id: int
    last_at: datetime
    #: cases in the group, and readings: a case that came again counts each time
    cases: int
    repeats: int
    outcome: str
    topic: str
    #: None where the topic has none
    serial: str | None
    #: place in an array, None where the whole message was refused
    element: int | None
    code: str
    #: as it was told to the device
    reason: str
    #: its first PAYLOAD_MOST bytes; None where nothing was kept
    payload: bytes | None
    #: bytes that came, and bytes that were kept
    payload_bytes: int
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """The three books of one city day, read in one statement: by minute, by sensor, by reason."""

    messages: int
    messages_by: tuple[int, ...]
    readings_by: tuple[int, ...]
    sensor_messages: int
    sensor_readings_by: tuple[int, ...]
    #: refused readings by reason: quarantined, rejected
    reasons_by: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spans:
    """From when on things are asked for."""

    hour: datetime
    day: datetime
    #: whole minutes over which a slot's rate and lag are taken
    slot_from: datetime
    slot_until: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How ingest stands just now."""

    slots: Sequence[SlotRow]
    broker: BrokerRow | None
    gaps: Sequence[GapRow]
    reasons: Sequence[ReasonRow]
    cases: Sequence[CaseRow]
    #: cases that are kept, up to HELD_MOST + 1
    held: int
    #: the overall lag of the slots' span
    lags: Sequence[LagRow]


class LedgerStore(Protocol):
    """The reads of the Ingest page. Each raises StoreError where the database does not answer in time."""

    async def minutes(self, since: datetime) -> Sequence[MinuteRow]:
        """The ledger's minutes from `since` on, by time; minutes without messages are left out."""

    async def lags(self, since: datetime, step: timedelta) -> Sequence[LagRow]:
        """Lag by bins of `step` (aligned to the epoch) from `since` on, by time."""

    async def standing(self, spans: Spans) -> Standing:
        """Slots, broker, gaps, reasons and refused messages."""

    async def audit(self, midnight: datetime, day: date) -> AuditRow:
        """The books of the city day that began at `midnight`."""

    async def close(self) -> None:
        """Give up all connections."""
