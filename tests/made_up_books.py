"""Made-up books in the in-memory store: a day of counts and lags, slots, gaps and refused messages."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from dashboard.books import floor
from dashboard.ledger import BrokerRow, CaseRow, GapRow, SlotRow
from dashboard.ledger_memory import CountsOf, LagOf, MemoryLedger

MINUTE = timedelta(minutes=1)

#: (serial, code, reason, payload, repeats)
CASES = (
    ("my-first", "text_number", '"pm25" is text, not a number; send 13.1 without the quotation marks', b'{"pm25": "13.1", "temperature": 20.0}', 2),
    ("V02Q1940871", "future", '"time" is 27 minutes ahead of our clock; set the sensor\'s clock (NTP), or leave "time" out', b'{"time": "2026-11-24T14:49:40+09:00", "pm25": 31.0}', 19),
    ("V03Q2650044", "registration_limit", "registration limit: too many new serials this hour; it is taken in a later hour", b'{"pm25": 31.0, "pm10": 52.0, "noise": 61}', 11),
    ("GW-17", "not_object", "it is a number; each reading is an object", b"7", 4),
    ("V02Q1940290", "not_utf8", "not UTF-8: byte 28 is 0xb0; encode as UTF-8", b'{"pm25": 12.5, "kind": "\xb0\xa1\xb3\xaa"}', 1),
)  # fmt: skip


def slot_row(slot: int, now: datetime, **changes: object) -> SlotRow:
    """A slot that is read."""
    facts: dict[str, object] = {
        "slot": slot, "writer": f"ingest/{slot}", "host": "city-1", "pid": 4100 + slot, "silent_s": 0.6,
        "started_at": now - timedelta(hours=30), "seen_at": now - timedelta(seconds=0.6), "released_at": None,
        "broker_ok": True, "broker_since": now - timedelta(hours=29), "broker_detail": "",
        "last_message_at": now - timedelta(seconds=1), "last_commit_at": now - timedelta(seconds=1),
        "inflight": 2000, "unacknowledged": 3, "busy": 0.02, "window_full_s": 0.0, "database_full_s": 0.0,
        "retries": 0, "readings": 0, "p95": None,
    }  # fmt: skip
    return SlotRow(**(facts | changes))  # type: ignore[arg-type]


def case_row(number: int, at: datetime, **changes: object) -> CaseRow:
    """A refused message."""
    serial, code, reason, payload, repeats = CASES[number % len(CASES)]
    facts: dict[str, object] = {
        "quarantine_id": 1000 + number, "last_at": at, "cases": 1, "repeats": repeats, "outcome": "quarantined",
        "topic": f"sdot/v1/{serial}/reading", "serial": serial, "element": 13 if serial == "GW-17" else None,
        "code": code, "reason": reason, "payload": payload, "payload_bytes": len(payload), "kept_bytes": len(payload),
    }  # fmt: skip
    return CaseRow(**(facts | changes))  # type: ignore[arg-type]


def count(
    store: MemoryLedger, minute: datetime, readings: int, writer: str = "ingest/0", **refused: int
) -> None:
    """A minute of one writer: so many readings stored, a message each, and what was refused, by reason."""
    quarantined = sum(refused.values())
    by = (readings, 0, 0, quarantined, 0)
    store.counted.append(CountsOf(writer, minute, by, by))
    store.refused += [(minute, code, "quarantined", n) for code, n in refused.items()]


def fill(store: MemoryLedger, now: datetime, seed: int = 7, minutes: int = 1440) -> None:
    """A day up to `now` with a short outage of the database; slot 2 has been orphaned for six minutes."""
    rng, first = random.Random(seed), floor(now, MINUTE)
    for back in range(minutes, -1, -1):
        minute = first - back * MINUTE
        away = back == 42
        for slot in range(3):
            if slot == 2 and back < 6:
                continue
            stored = 60 if away else rng.randint(178, 190)
            by = (stored, rng.randint(0, 1), rng.randint(0, 3), int(rng.random() < 0.02), 0)
            store.counted.append(CountsOf(f"ingest/{slot}", minute, by, by))
            if by[3]:
                store.refused.append((minute, rng.choice(CASES)[1], "quarantined", 1))
            if back > 90 and back % 10:
                continue
            for kind, low in (("arrival", 6), ("measurement", 9)):
                for step, share in enumerate((0.5, 0.35, 0.13, 0.02)):
                    bucket = low + step + (18 if away else 0)
                    store.lagged.append(
                        LagOf(f"ingest/{slot}", minute, kind, bucket, max(1, int(stored * share)))
                    )  # type: ignore[arg-type]
    store.slots = [
        slot_row(0, now),
        slot_row(1, now, busy=0.03, unacknowledged=2),
        slot_row(2, now, silent_s=360.0, seen_at=now - timedelta(minutes=6), busy=0.02, unacknowledged=1),
    ]
    store.broker = BrokerRow(
        now - timedelta(seconds=4), now - timedelta(hours=30), "mosquitto 2.0.21", 0, 1098, 131_760
    )
    away_at = first - 42 * MINUTE
    store.gaps = [
        GapRow(
            2, "orphaned_slot", 2, now - timedelta(minutes=6), None, None, False, "no sign of process 4102"
        ),
        GapRow(
            1,
            "database_away",
            0,
            away_at,
            away_at + timedelta(seconds=41),
            373,
            False,
            "connection refused; the broker kept what came",
        ),
    ]
    store.cases = [case_row(n, now - timedelta(minutes=2 + 9 * n)) for n in range(len(CASES))]
