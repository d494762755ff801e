"""One tick of the Ingest page, from the ledger's rows to its JSON; pure. The names are the page's contract.

Times are epoch milliseconds, lags seconds; counts of readings stand in the order of `ledger.OUTCOMES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.excerpt import excerpt
from dashboard.health import SILENT_S, epoch_ms
from dashboard.ledger import (
    HELD_MOST,
    OUTCOMES,
    AuditRow,
    BrokerRow,
    CaseRow,
    GapRow,
    LagRow,
    MinuteRow,
    ReasonRow,
    SlotRow,
    Spans,
    Standing,
)

MINUTE = timedelta(minutes=1)
#: Length and bins of the two spans: bins are whole, and the one that is under way stands behind them.
HOUR, HOUR_STEP = timedelta(hours=1), MINUTE
DAY, DAY_STEP = timedelta(hours=24), timedelta(minutes=10)
#: Whole minutes over which a slot's rate and lag, and the lag of now, are taken.
NOW_MINUTES = 5
#: Seconds from the arrival of a message to its row, at the 95th of 100, that we promise.
PROMISED_S = 2.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor(instant: datetime, step: timedelta) -> datetime:
    """The start of the bin in which an instant lies; bins are aligned to the epoch, as the database's."""
    return instant - (instant - _EPOCH) % step


def spans_at(now: datetime) -> Spans:
    """From when on the page shows things."""
    minute = floor(now, MINUTE)
    # the minute that just ended is left out: what is under way may still be counted into it
    return Spans(
        hour=minute - HOUR,
        day=floor(now, DAY_STEP) - DAY,
        slot_from=minute - NOW_MINUTES * MINUTE,
        slot_until=minute,
    )


def midnight_at(now: datetime, zone: ZoneInfo) -> tuple[datetime, date]:
    """When the city's day began, and which it is."""
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC), local.date()


@dataclass(frozen=True)
class Books:
    """Everything the page shows, as it was read."""

    now: datetime
    minutes: Mapping[datetime, MinuteRow]
    #: (start, kind) → lag, in bins of a minute and of ten
    hour_lags: Mapping[tuple[datetime, str], LagRow]
    day_lags: Mapping[tuple[datetime, str], LagRow]
    standing: Standing
    audit: AuditRow
    audited_at: datetime


def books_json(books: Books, head: Mapping[str, Any]) -> dict[str, Any]:
    """The tick; `head` is what the keeper adds: boot, seq and health."""
    spans = spans_at(books.now)
    minutes = list(books.minutes.values())
    last = books.minutes.get(spans.slot_until - MINUTE)
    return {
        **head,
        "now": epoch_ms(books.now),
        "spans": {
            "hour": span_json(minutes, books.hour_lags, spans.hour, books.now, HOUR_STEP),
            "day": span_json(minutes, books.day_lags, spans.day, books.now, DAY_STEP),
        },
        "rate": {
            "from": epoch_ms(spans.slot_until - MINUTE),
            "messages": last.messages / 60 if last else 0.0,
            "readings": sum(last.readings_by) / 60 if last else 0.0,
        },
        "lag": {
            "minutes": NOW_MINUTES,
            "promised": PROMISED_S,
            **{row.kind: {"p50": row.p50, "p95": row.p95, "n": row.n} for row in books.standing.lags},
        },
        "audit": {"at": epoch_ms(books.audited_at), **audit_json(books.audit)},
        "last_at": epoch_ms(max((m.minute for m in minutes if m.messages), default=None)),
        "slots": [slot_json(slot) for slot in books.standing.slots],
        "broker": broker_json(books.standing.broker),
        "gaps": [gap_json(gap) for gap in books.standing.gaps],
        "reasons": [reason_json(reason) for reason in books.standing.reasons],
        "held": {"n": min(books.standing.held, HELD_MOST), "more": books.standing.held > HELD_MOST},
        "cases": [case_json(case) for case in books.standing.cases],
    }


def span_json(
    minutes: Iterable[MinuteRow],
    lags: Mapping[tuple[datetime, str], LagRow],
    since: datetime,
    now: datetime,
    step: timedelta,
) -> dict[str, Any]:
    """One span: its sums, and its bins; the last bin is under way."""
    count = (floor(now, step) - since) // step + 1
    messages, readings = [0] * count, [[0] * count for _ in OUTCOMES]
    book = {"messages": 0, "messages_by": [0] * len(OUTCOMES), "readings_by": [0] * len(OUTCOMES)}
    for row in minutes:
        place = (row.minute - since) // step
        if not 0 <= place < count:
            continue
        messages[place] += row.messages
        book["messages"] += row.messages  # type: ignore[operator]
        for at, (by_message, by_reading) in enumerate(zip(row.messages_by, row.readings_by, strict=True)):
            readings[at][place] += by_reading
            book["messages_by"][at] += by_message  # type: ignore[index]
            book["readings_by"][at] += by_reading  # type: ignore[index]
    starts = [since + place * step for place in range(count)]
    return {
        "from": epoch_ms(since),
        "step_s": step.total_seconds(),
        **book,
        "bins": {"messages": messages, "readings": readings},
        "lags": {
            kind: {of: lag_bins(lags, starts, kind, of) for of in ("p50", "p95")}
            for kind in ("arrival", "measurement")
        },
    }


def lag_bins(
    lags: Mapping[tuple[datetime, str], LagRow], starts: Sequence[datetime], kind: str, of: str
) -> list[float | None]:
    """One line of a chart; null where nothing was committed."""
    rows = (lags.get((start, kind)) for start in starts)
    return [round(getattr(row, of), 3) if row else None for row in rows]


def audit_json(audit: AuditRow) -> dict[str, Any]:
    """Whether the three books of the day agree; `off` is what each comparison is off by, where it is."""
    by_reading = audit.readings_by
    off = {
        "messages": audit.messages - sum(audit.messages_by),
        "sensor_messages": audit.messages - audit.sensor_messages,
        "sensors": max(
            (minute - sensor for minute, sensor in zip(by_reading, audit.sensor_readings_by, strict=True)),
            key=abs,
        ),
        "quarantined": by_reading[3] - audit.reasons_by[0],
        "rejected": by_reading[4] - audit.reasons_by[1],
    }
    wrong = {key: value for key, value in off.items() if value}
    return {"messages": audit.messages, "readings": sum(by_reading), "closes": not wrong, "off": wrong}


def slot_json(slot: SlotRow) -> dict[str, Any]:
    """A slot; `state`: reading, away (its holder lost the broker), silent (no sign of its holder) or released."""
    return {
        "slot": slot.slot,
        "writer": slot.writer,
        "host": slot.host,
        "pid": slot.pid,
        "state": state_of(slot),
        "started": epoch_ms(slot.started_at),
        "seen": epoch_ms(slot.seen_at),
        "released": epoch_ms(slot.released_at),
        "broker": {"ok": slot.broker_ok, "since": epoch_ms(slot.broker_since), "detail": slot.broker_detail},
        "message": epoch_ms(slot.last_message_at),
        "commit": epoch_ms(slot.last_commit_at),
        "window": slot.inflight,
        "open": slot.unacknowledged,
        "busy": slot.busy,
        "window_full_s": slot.window_full_s,
        "database_full_s": slot.database_full_s,
        "retries": slot.retries,
        "rate": slot.readings / (NOW_MINUTES * 60),
        "p95": slot.p95,
    }


def state_of(slot: SlotRow) -> str:
    """Whether somebody reads the slot's share; see slot_json."""
    if slot.released_at is not None:
        return "released"
    if slot.silent_s > SILENT_S:
        return "silent"
    return "reading" if slot.broker_ok else "away"


def broker_json(broker: BrokerRow | None) -> dict[str, Any] | None:
    """What the broker tells; null where it tells nothing."""
    if broker is None:
        return None
    return {
        "seen": epoch_ms(broker.seen_at),
        "started": epoch_ms(broker.started_at),
        "version": broker.version,
        "dropped": broker.dropped,
        "stored": broker.stored,
        "stored_bytes": broker.stored_bytes,
    }


def gap_json(gap: GapRow) -> dict[str, Any]:
    """A gap; `to` is null while it lasts."""
    return {
        "id": gap.gap_id,
        "kind": gap.kind,
        "slot": gap.slot,
        "from": epoch_ms(gap.began_at),
        "to": epoch_ms(gap.ended_at),
        "size": gap.size,
        "lossy": gap.lossy,
        "detail": gap.detail,
    }


def reason_json(reason: ReasonRow) -> dict[str, Any]:
    """A reason for refusals."""
    return {
        "code": reason.code,
        "outcome": reason.outcome,
        "hour": reason.hour,
        "day": reason.day,
        "last": epoch_ms(reason.last_at),
    }


def case_json(case: CaseRow) -> dict[str, Any]:
    """A group of refused messages; its payload as text or, where that cannot be, in hexadecimal."""
    return {
        "id": case.quarantine_id,
        "last": epoch_ms(case.last_at),
        "cases": case.cases,
        "repeats": case.repeats,
        "outcome": case.outcome,
        "topic": case.topic,
        "serial": case.serial,
        "element": case.element,
        "code": case.code,
        "reason": case.reason,
        "payload": None if case.payload is None else excerpt(case.payload),
        "shown_bytes": len(case.payload or b""),
        "bytes": case.payload_bytes,
        "kept_bytes": case.kept_bytes,
    }
