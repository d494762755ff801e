"""The books on each engine and their twin in memory: the same rows in give the same rows out, to who may only read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from city.db import statement
from city.pack import load_pack
from dashboard.books import DAY_STEP, HOUR_STEP, MINUTE, Spans, floor, midnight_at, spans_at
from dashboard.ledger import HELD_MOST, PAYLOAD_MOST, CaseRow, GapRow, LedgerStore, SlotRow
from dashboard.ledger_memory import CountsOf, LagOf, MemoryLedger
from dashboard.postgres import PgStore
from tests.made_up_books import case_row, slot_row
from tests.servers.postgres import Database

PACK = load_pack("seoul")
Question = Callable[[LedgerStore], Coroutine[None, None, Any]]


class Twins:
    """The same rows, put into both."""

    def __init__(self, database: Database) -> None:
        self.database, self.memory = database, MemoryLedger()
        self.now = datetime.now(UTC)
        self.minute = floor(self.now, MINUTE)

    def put(self, query: str, *values: object) -> None:
        with self.database.connect() as connection, connection.transaction():
            connection.execute(query, values)  # type: ignore[call-overload]

    def count(self, writer: str, back: int, *by: int, sensor: int = 0) -> None:
        """A minute so many minutes ago, with as many messages as readings."""
        minute = self.minute - back * MINUTE
        self.memory.counted.append(CountsOf(writer, minute, by, by))
        cells = ", ".join(["%s"] * 11)
        self.put(
            "INSERT INTO ledger_minute_writer (writer, minute, messages, messages_stored, messages_revised, "
            "messages_duplicate, messages_quarantined, messages_rejected, stored, revised, duplicate, quarantined, "
            f"rejected) VALUES (%s, %s, {cells})",
            writer, minute, sum(by), *by, *by,
        )  # fmt: skip
        day = midnight_at(minute, PACK.zone)[1]
        self.put(
            "INSERT INTO ledger_sensor_day_writer AS l (writer, sensor_id, day, messages, stored, revised, duplicate, "
            "quarantined, rejected) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (sensor_id, day, writer) "
            "DO UPDATE SET messages = l.messages + excluded.messages, stored = l.stored + excluded.stored, "
            "revised = l.revised + excluded.revised, duplicate = l.duplicate + excluded.duplicate, "
            "quarantined = l.quarantined + excluded.quarantined, rejected = l.rejected + excluded.rejected",
            writer, sensor, day, sum(by), *by,
        )  # fmt: skip

    def lag(self, writer: str, back: int, kind: Any, bucket: int, n: int) -> None:
        minute = self.minute - back * MINUTE
        self.memory.lagged.append(LagOf(writer, minute, kind, bucket, n))
        query = "INSERT INTO lag_minute (writer, minute, kind, bucket, n) VALUES (%s, %s, %s, %s, %s)"
        self.put(query, writer, minute, kind, bucket, n)

    def refuse(self, writer: str, back: int, code: str, outcome: str, n: int) -> None:
        minute = self.minute - back * MINUTE
        self.memory.refused.append((minute, code, outcome, n))
        query = (
            "INSERT INTO ledger_reason (writer, minute, code, outcome, readings) VALUES (%s, %s, %s, %s, %s)"
        )
        self.put(query, writer, minute, code, outcome, n)

    def hold(self, slot: SlotRow) -> None:
        self.memory.slots.append(slot)
        columns = (
            "slot, writer, host, pid, started_at, seen_at, released_at, broker_ok, broker_since, broker_detail, "
            "last_message_at, last_commit_at, inflight, unacknowledged, busy, window_full_s, database_full_s, retries"
        )
        values = [getattr(slot, name.strip()) for name in columns.split(",")]
        self.put(f"INSERT INTO worker ({columns}) VALUES ({', '.join(['%s'] * len(values))})", *values)

    def gap(self, kind: str, slot: int, back: int, minutes: int | None, size: int | None = None) -> None:
        began = self.minute - back * MINUTE
        ended = None if minutes is None else began + minutes * MINUTE
        lossy = kind == "queue_overflow"
        self.put(
            "INSERT INTO gap (kind, slot, writer, began_at, ended_at, size, lossy, detail) "
            "VALUES (%s, %s, 'ingest/0', %s, %s, %s, %s, 'why')",
            kind, slot, began, ended, size, lossy,
        )  # fmt: skip
        number = len(self.memory.gaps) + 1
        self.memory.gaps.append(GapRow(number, kind, slot, began, ended, size, lossy, "why"))

    def case(self, row: CaseRow) -> None:
        self.put(
            "INSERT INTO quarantine (digest, arrived_at, last_at, repeats, outcome, writer, topic, serial, decoder, "
            "element, code, reason, payload, payload_bytes) "
            "VALUES (decode(md5(random()::text), 'hex'), %s, %s, %s, %s, 'ingest/0', %s, %s, 'json', %s, %s, %s, %s, %s)",
            row.last_at, row.last_at, row.repeats, row.outcome, row.topic, row.serial, row.element, row.code,
            row.reason, row.payload, row.payload_bytes,
        )  # fmt: skip
        self.memory.cases.append(row)

    def ask(self, question: Question) -> tuple[Any, Any]:
        """Both answers; PostgreSQL's as the role that may only read."""

        async def both() -> tuple[Any, Any]:
            store = PgStore(self.database.url_as("sdot_dashboard"), PACK)
            try:
                return await question(store), await question(self.memory)
            finally:
                await store.close()

        return asyncio.run(both())

    def spans(self) -> Spans:
        return spans_at(self.now)


@pytest.fixture
def twins(database: Database) -> Twins:
    return Twins(database)


def _alike(found: Any, expected: Any) -> None:
    """Equal, but for the last digits of what was computed."""
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[2:] == pytest.approx(other[2:])


def test_empty_books_are_empty(twins: Twins) -> None:
    async def everything(store: LedgerStore) -> Any:
        spans = twins.spans()
        audit = await store.audit(*midnight_at(twins.now, PACK.zone))
        return (
            await store.minutes(spans.day),
            await store.lags(spans.day, DAY_STEP),
            await store.standing(spans),
            audit,
        )

    real, twin = twins.ask(everything)
    assert real == twin
    assert real[0] == []
    assert real[2].held == 0
    assert real[3].messages == 0


def test_minutes_are_sums_of_all_writers(twins: Twins) -> None:
    twins.count("import", 70, 500, 0, 0, 0, 0)
    twins.count("ingest/0", 2, 10, 1, 2, 3, 4)
    twins.count("ingest/1", 2, 20, 0, 0, 1, 0)
    twins.count("ingest/1", 1, 5, 0, 0, 0, 0)
    real, twin = twins.ask(lambda store: store.minutes(twins.spans().hour))
    assert real == twin
    assert [(row.messages, row.readings_by) for row in real] == [
        (41, (30, 1, 2, 4, 4)),
        (5, (5, 0, 0, 0, 0)),
    ]


@pytest.mark.parametrize("step", [HOUR_STEP, DAY_STEP])
def test_lags_are_binned_alike(twins: Twins, step: timedelta) -> None:
    for back in range(25):
        twins.lag("ingest/0", back, "arrival", back % 5, 10 + back)
        twins.lag("ingest/1", back, "arrival", 38, 1)
        twins.lag("ingest/1", back, "measurement", 7, 2)

    async def lags(store: LedgerStore) -> Any:
        rows = await store.lags(twins.minute - 20 * MINUTE, step)
        return [(row.start, row.kind, row.p50, row.p95, row.n) for row in rows]

    _alike(*twins.ask(lags))


def test_how_ingest_stands_is_told_alike(twins: Twins) -> None:
    now = twins.now
    twins.hold(slot_row(0, now, busy=0.25))
    twins.hold(
        slot_row(
            1, now, released_at=now, broker_ok=False, broker_detail="refused", last_commit_at=None, busy=0.5
        )
    )
    twins.hold(slot_row(2, now, inflight=None, unacknowledged=None, busy=None, retries=None))
    for back in range(8):
        twins.count("ingest/0", back, 60, 0, 0, 0, 0)
        twins.lag("ingest/0", back, "arrival", 3, 60)
    twins.gap("queue_overflow", 0, 300, 2, 41)
    twins.gap("database_away", 1, 2000, 5)  # ended before yesterday's this hour
    twins.gap("orphaned_slot", 2, 20, None)
    twins.gap("window_full", 0, 30, 1, 7)
    twins.refuse("ingest/0", 3, "text_number", "quarantined", 2)
    twins.refuse("ingest/1", 90, "text_number", "quarantined", 5)
    twins.refuse("ingest/0", 90, "flood", "rejected", 100)
    twins.refuse("ingest/0", 1500, "future", "quarantined", 100)

    async def standing(store: LedgerStore) -> Any:
        found = await store.standing(twins.spans())
        slots = [(s.slot, s.writer, s.released_at, s.broker_ok, s.broker_detail, s.last_commit_at, s.inflight,
                  s.unacknowledged, s.busy, s.retries, s.readings) for s in found.slots]  # fmt: skip
        p95 = [slot.p95 and round(slot.p95, 9) for slot in found.slots]
        return slots, p95, found.gaps, found.reasons, [(lag.kind, lag.n) for lag in found.lags]

    real, twin = twins.ask(standing)
    assert real == twin
    assert [slot[-1] for slot in real[0]] == [300, 0, 0]
    assert [gap.kind for gap in real[2]] == ["orphaned_slot", "window_full", "queue_overflow"]
    assert [(row.code, row.hour, row.day) for row in real[3]] == [("flood", 0, 100), ("text_number", 2, 7)]


def test_cases_are_grouped_and_cut_alike(twins: Twins) -> None:
    now = twins.now
    long = b'{"pm25": "' + b"9" * PAYLOAD_MOST + b'"}'
    rows = [
        case_row(0, now - 9 * MINUTE),
        case_row(0, now - 1 * MINUTE, payload=long, payload_bytes=len(long)),
        case_row(1, now - 2 * MINUTE, payload=None),
        case_row(3, now - 3 * MINUTE, serial=None, topic="sdot/v1/a/b/c"),
        case_row(4, now - 4 * MINUTE, outcome="rejected"),
    ]
    for number, row in enumerate(rows, 1):
        size = len(row.payload or b"")
        twins.case(case_row(0, now, **{
            **{field: getattr(row, field) for field in CaseRow.__slots__}, "quarantine_id": number, "kept_bytes": size,
        }))  # fmt: skip

    async def cases(store: LedgerStore) -> Any:
        found = await store.standing(twins.spans())
        return found.cases, found.held

    real, twin = twins.ask(cases)
    assert real == twin
    groups, held = real
    assert held == 5
    assert [(row.quarantine_id, row.cases, row.repeats) for row in groups[:2]] == [(2, 2, 4), (3, 1, 19)]
    assert (len(groups[0].payload), groups[0].kept_bytes) == (PAYLOAD_MOST, len(long))


def test_the_audit_sees_a_reading_that_one_book_lacks(twins: Twins) -> None:
    sensor = int(str(twins.database.value("INSERT INTO sensor (serial, state, registered_by, version) VALUES ('s', 'verified', 'test', 1) RETURNING sensor_id")))  # fmt: skip
    for back, writer in ((0, "ingest/0"), (0, "ingest/1")):
        twins.count(writer, back, 10, 1, 0, 2, 1, sensor=sensor)
        twins.refuse(writer, back, "future", "quarantined", 2)
        twins.refuse(writer, back, "flood", "rejected", 1)
    day = midnight_at(twins.minute, PACK.zone)
    real, twin = twins.ask(lambda store: store.audit(*day))
    assert real == twin
    assert (real.messages, real.sensor_messages, real.reasons_by) == (28, 28, (4, 2))
    twins.put("UPDATE ledger_sensor_day_writer SET stored = stored - 1 WHERE writer = 'ingest/1'")
    real, _ = twins.ask(lambda store: store.audit(*day))
    assert (real.readings_by[0], real.sensor_readings_by[0]) == (20, 19)


def test_cases_are_counted_up_to_a_bound(embedded_database: Database) -> None:
    twins = Twins(embedded_database)
    twins.put(
        "INSERT INTO quarantine (digest, arrived_at, last_at, outcome, writer, topic, decoder, code, reason, payload_bytes) "
        "SELECT int8send(n), now(), now(), 'quarantined', 'w', 't', 'json', 'empty', 'r', 0 FROM generate_series(1, %s) AS n",
        HELD_MOST + 10,
    )

    async def held(store: LedgerStore) -> int:
        return (await store.standing(twins.spans())).held

    assert twins.ask(held)[0] == HELD_MOST + 1


def test_a_tick_looks_up_minutes_and_scans_no_year_of_them(embedded_database: Database) -> None:
    """However long the books are, the plan stays on the key (writer, minute)."""
    with embedded_database.connect() as connection:
        connection.execute(
            "INSERT INTO ledger_minute_writer (writer, minute) SELECT w, date_trunc('minute', now()) - n * interval '1 minute' "
            "FROM unnest(ARRAY['import', 'ingest/0', 'ingest/1']) AS w, generate_series(1, 20000) AS n"
        )
        connection.execute("ANALYZE ledger_minute_writer")
        query = "EXPLAIN " + statement("ingest_minutes")
        plan = "\n".join(
            row[0] for row in connection.execute(query, [datetime.now(UTC) - timedelta(minutes=15)])
        )
    assert "Seq Scan on ledger_minute_writer" not in plan
    assert "ledger_minute_writer_pkey" in plan
