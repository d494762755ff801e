"""The tick of the Ingest page, from rows to JSON, without a server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from city.grades import load_standard
from city.pack import load_pack
from dashboard.board import Board
from dashboard.bookkeeper import Bookkeeper
from dashboard.books import floor, midnight_at, spans_at
from dashboard.excerpt import excerpt
from dashboard.geometry import geometry_of
from dashboard.ledger import HELD_MOST, OUTCOMES, PAYLOAD_MOST
from dashboard.ledger_memory import CountsOf, LagOf, MemoryLedger
from dashboard.picture import Picture
from dashboard.store import StoreError
from tests.made_up_books import MINUTE, case_row, count, fill, slot_row
from tests.viewer import parsed

NOW = datetime(2026, 11, 24, 5, 32, 7, tzinfo=UTC)
PACK = load_pack("seoul")
THIS_MINUTE = floor(NOW, MINUTE)


class Room:
    """A keeper over books in memory; its time is moved by the test."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = MemoryLedger()
        self.board = Board(PACK, load_standard(PACK.standard), geometry_of(PACK), Picture(PACK).view(NOW))
        self.keeper = Bookkeeper(self.store, self.board, PACK.zone, lambda: self.now)

    def frame(self) -> tuple[str, dict[str, Any]]:
        """What a viewer gets after one look."""

        async def looked() -> bytes:
            await self.keeper.look()
            frames = self.board.books.frames()
            await anext(frames)
            return await anext(frames)

        return parsed(asyncio.run(looked()))

    def tick(self) -> dict[str, Any]:
        """The tick after one look."""
        event, data = self.frame()
        assert event == "tick"
        return data


@pytest.fixture
def room() -> Room:
    return Room()


# the book


@pytest.mark.parametrize("span", ["hour", "day"])
def test_the_sums_of_a_span_are_those_of_its_bins(room: Room, span: str) -> None:
    fill(room.store, NOW)
    one = room.tick()["spans"][span]
    assert one["readings_by"] == [sum(bins) for bins in one["bins"]["readings"]]
    assert one["messages"] == sum(one["bins"]["messages"]) == sum(one["messages_by"])
    assert sum(one["readings_by"]) > 0


def test_a_span_is_whole_bins_and_the_one_under_way(room: Room) -> None:
    for back in (0, 60, 61):
        count(room.store, THIS_MINUTE - back * MINUTE, 10 + back)
    hour = room.tick()["spans"]["hour"]
    assert len(hour["bins"]["messages"]) == 61
    assert (hour["bins"]["messages"][0], hour["bins"]["messages"][-1]) == (70, 10)
    assert hour["messages"] == 80  # 61 minutes ago is outside
    day = room.tick()["spans"]["day"]
    assert (len(day["bins"]["messages"]), day["step_s"]) == (145, 600)
    assert day["messages"] == 151


def test_the_rate_is_that_of_the_last_whole_minute(room: Room) -> None:
    count(room.store, THIS_MINUTE - MINUTE, 540)
    count(room.store, THIS_MINUTE, 3)
    rate = room.tick()["rate"]
    assert (rate["readings"], rate["messages"]) == (9.0, 9.0)
    assert rate["from"] == (THIS_MINUTE - MINUTE).timestamp() * 1000


def test_the_book_closes_where_minutes_sensors_and_reasons_agree(room: Room) -> None:
    count(room.store, THIS_MINUTE, 10, text_number=2, future=1)
    audit = room.tick()["audit"]
    assert audit == {"at": audit["at"], "messages": 13, "readings": 13, "closes": True, "off": {}}


@pytest.mark.parametrize(
    ("spoil", "off"),
    [
        (lambda store: setattr(store, "sensor_readings_by", (8, 0, 0, 3, 0)), {"sensors": 2}),
        (lambda store: store.refused.pop(), {"quarantined": 1}),
        (lambda store: store.refused.append((THIS_MINUTE, "flood", "rejected", 4)), {"rejected": -4}),
    ],
)
def test_a_difference_is_named(room: Room, spoil: Any, off: dict[str, int]) -> None:
    count(room.store, THIS_MINUTE, 10, text_number=2, future=1)
    spoil(room.store)
    audit = room.tick()["audit"]
    assert (audit["closes"], audit["off"]) == (False, off)


def test_the_audit_is_of_the_citys_day() -> None:
    assert midnight_at(NOW, ZoneInfo("Asia/Seoul")) == (
        datetime(2026, 11, 23, 15, tzinfo=UTC),
        datetime(2026, 11, 24, tzinfo=UTC).date(),
    )


def test_bins_are_aligned_as_the_databases() -> None:
    spans = spans_at(NOW)
    assert spans.hour == datetime(2026, 11, 24, 4, 32, tzinfo=UTC)
    assert spans.day == datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
    assert (spans.slot_from, spans.slot_until) == (THIS_MINUTE - 5 * MINUTE, THIS_MINUTE)


# lag


def test_lag_is_a_quantile_of_all_writers_and_null_where_nothing_was_committed(room: Room) -> None:
    for writer in ("ingest/0", "ingest/1"):
        room.store.lagged.append(LagOf(writer, THIS_MINUTE - MINUTE, "arrival", 2, 50))
    tick = room.tick()
    line = tick["spans"]["hour"]["lags"]["arrival"]["p50"]
    assert line[-2] == pytest.approx((0.01 * 2**0.5 + 0.02) / 2, abs=1e-3)
    assert [value for value in line if value is not None] == [line[-2]]
    assert tick["lag"]["arrival"]["n"] == 100
    assert "measurement" not in tick["lag"]


# slots


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "reading"),
        ({"silent_s": 5.1}, "silent"),
        ({"broker_ok": False}, "away"),
        ({"released_at": NOW}, "released"),
        ({"silent_s": 90.0, "broker_ok": False}, "silent"),
    ],
)
def test_a_slot_is_read_or_it_is_said_why_not(room: Room, changes: dict[str, Any], state: str) -> None:
    room.store.slots = [slot_row(0, NOW, **changes)]
    assert room.tick()["slots"][0]["state"] == state


def test_a_slot_shows_its_own_writers_rate_and_lag(room: Room) -> None:
    room.store.slots = [slot_row(0, NOW), slot_row(1, NOW)]
    for back in range(1, 8):
        count(room.store, THIS_MINUTE - back * MINUTE, 60, "ingest/1")
    room.store.lagged.append(LagOf("ingest/1", THIS_MINUTE - MINUTE, "arrival", 0, 5))
    first, second = room.tick()["slots"]
    assert (first["rate"], first["p95"]) == (0, None)
    assert (second["rate"], second["p95"]) == (1.0, pytest.approx(0.0095))


# refusals


def test_refused_messages_are_grouped_by_sensor_and_reason_newest_first(room: Room) -> None:
    room.store.cases = [
        case_row(0, NOW - 3 * MINUTE, quarantine_id=1),
        case_row(0, NOW - 1 * MINUTE, quarantine_id=2, payload=b'{"pm25": "14.0"}'),
        case_row(1, NOW - 2 * MINUTE, quarantine_id=3),
    ]
    first, second = room.tick()["cases"]
    assert (first["id"], first["cases"], first["repeats"]) == (2, 2, 4)
    assert first["payload"] == {"text": '{"pm25": "14.0"}'}
    assert second["id"] == 3


def test_cases_are_counted_up_to_a_bound(room: Room) -> None:
    room.store.cases = [case_row(0, NOW, quarantine_id=n) for n in range(HELD_MOST + 5)]
    assert room.tick()["held"] == {"n": HELD_MOST, "more": True}


def test_a_large_payload_is_cut_and_its_length_told(room: Room) -> None:
    body = b'{"pm25": "' + b"x" * 9000 + b'"}'
    room.store.cases = [case_row(0, NOW, payload=body, payload_bytes=len(body), kept_bytes=len(body))]
    (case,) = room.tick()["cases"]
    assert len(case["payload"]["text"]) == case["shown_bytes"] == PAYLOAD_MOST
    assert case["bytes"] == len(body)


def test_what_was_not_kept_has_no_payload(room: Room) -> None:
    room.store.cases = [case_row(0, NOW, payload=None, kept_bytes=0)]
    (case,) = room.tick()["cases"]
    assert (case["payload"], case["shown_bytes"]) == (None, 0)


def test_bytes_that_are_no_text_are_shown_in_hexadecimal() -> None:
    assert excerpt("값 12".encode()) == {"text": "값 12"}
    assert excerpt("값 12".encode()[:2]) == {"text": ""}  # a character cut in half
    assert excerpt(b"\xb0\xa1 12.5 and some more") == {
        "hex": "0000  b0 a1 20 31 32 2e 35 20 61 6e 64 20 73 6f 6d 65  .. 12.5 and some\n"
        "0010  20 6d 6f 72 65                                    more"
    }


def test_reasons_are_of_the_hour_and_of_the_day(room: Room) -> None:
    count(room.store, THIS_MINUTE - 5 * MINUTE, 0, text_number=2)
    count(room.store, THIS_MINUTE - 90 * MINUTE, 0, text_number=5, future=1)
    reasons = {one["code"]: (one["hour"], one["day"]) for one in room.tick()["reasons"]}
    assert reasons == {"text_number": (2, 7), "future": (0, 1)}


# keeping


def test_what_is_committed_late_is_counted_at_the_next_whole_read(room: Room) -> None:
    count(room.store, THIS_MINUTE - 40 * MINUTE, 100)
    assert room.tick()["spans"]["hour"]["messages"] == 100
    count(room.store, THIS_MINUTE - 40 * MINUTE, 7)  # held by the broker for 40 minutes
    count(room.store, THIS_MINUTE, 1)
    assert room.tick()["spans"]["hour"]["messages"] == 101
    room.keeper._whole_at = None
    assert room.tick()["spans"]["hour"]["messages"] == 108


def test_a_lost_database_leaves_a_beat_and_what_comes_back_is_read_anew(room: Room) -> None:
    count(room.store, THIS_MINUTE, 5)
    room.tick()
    room.store.trouble = StoreError("refused", "nobody there")
    room.board.books.forget()
    event, beat = room.frame()
    assert event == "beat"
    assert set(beat) == {"now", "boot", "health"}
    room.store.trouble = None
    count(room.store, THIS_MINUTE - 50 * MINUTE, 5)
    room.board.books.forget()
    assert room.tick()["spans"]["hour"]["messages"] == 10


def test_with_nobody_watching_nothing_is_read(room: Room) -> None:
    asked = []

    class Counting(MemoryLedger):
        async def minutes(self, since: datetime) -> Any:
            asked.append(since)
            return await super().minutes(since)

    keeper = Bookkeeper(Counting(), room.board, PACK.zone, lambda: NOW)

    async def scenario() -> None:
        async with keeper.running():
            await asyncio.sleep(0.05)
            assert asked == []
            frames = room.board.books.frames()
            await anext(frames)
            event, _ = parsed(await anext(frames))
            assert event == "tick"
            assert len(asked) == 1
            await frames.aclose()

    asyncio.run(scenario())
    assert room.board.books.followers == 0


def test_a_tick_is_one_line_of_json(room: Room) -> None:
    room.store.cases = [case_row(0, NOW, payload=b'"\n\n</script><script>"', reason="a\nb")]

    async def looked() -> bytes:
        await room.keeper.look()
        return room.board.books._tick[1]

    frame = asyncio.run(looked())
    assert frame.count(b"\n") == 3  # event, data, and the empty line
    assert orjson.loads(frame.split(b"data: ")[1])["cases"][0]["reason"] == "a\nb"


def test_outcomes_stand_in_the_ledgers_order(room: Room) -> None:
    by = (1, 2, 3, 4, 5)
    room.store.counted.append(CountsOf("ingest/0", THIS_MINUTE, by, by))
    hour = room.tick()["spans"]["hour"]
    assert dict(zip(OUTCOMES, hour["readings_by"], strict=True)) == {
        "stored": 1, "revised": 2, "duplicate": 3, "quarantined": 4, "rejected": 5,
    }  # fmt: skip
