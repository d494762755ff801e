"""Topics, times and digests of messages, with the clock in hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from city.contract import Decoder
from city.metrics import load_catalogue
from city.reading import Reading, Refusal
from ingest.message import Delivery, Judge, Message, below_floor

AT = datetime(2026, 11, 24, 5, 29, 5, tzinfo=UTC)
JUDGE = Judge("city/sdot/v1", Decoder(load_catalogue()))


def judged(topic: str, payload: bytes = b'{"pm25": 1}', *, retained: bool = False) -> Message:
    return JUDGE.judge(topic, payload, AT, Delivery(0, 1, 1, 1), retained=retained)


def timed(*moments: timedelta, retained: bool = False) -> list[Reading | Refusal]:
    bodies = [f'{{"time": "{(AT + moment).isoformat()}", "pm25": 1}}' for moment in moments]
    payload = bodies[0] if len(bodies) == 1 else f"[{', '.join(bodies)}]"
    return judged("city/sdot/v1/a/reading", payload.encode(), retained=retained).items


def code(item: Reading | Refusal) -> str | None:
    return item.code if isinstance(item, Refusal) else None


@pytest.mark.parametrize(
    ("topic", "leaf", "serial"),
    [
        ("city/sdot/v1/a/reading", "reading", "a"),
        ("city/sdot/v1/A-1_2.3:4/reading", "reading", "A-1_2.3:4"),
        ("city/sdot/v1/a/status", "status", "a"),
        ("city/sdot/v1/a/error", "error", "a"),
        ("city/sdot/v1/a/readings", "", None),
        ("city/sdot/v1/a/b/reading", "", None),
        ("city/sdot/v1/a/", "", None),
        ("city/sdot/v1/a", "", None),
        ("city/sdot/v1", "", None),
        ("city/sdot/v11/a/reading", "", None),
        ("sdot/v1/a/reading", "", None),
        ("city/sdot/v1//reading", "reading", None),
        ("city/sdot/v1/a b/reading", "reading", None),
        ("city/sdot/v1/센서/reading", "reading", None),
        (f"city/sdot/v1/{'x' * 65}/reading", "reading", None),
    ],
)
def test_topics(topic: str, leaf: str, serial: str | None):
    message = judged(topic, b"online" if leaf == "status" else b'{"pm25": 1}')
    assert (message.leaf, message.serial) == (leaf, serial)
    if not leaf:
        assert code(message.items[0]) == "wrong_topic"
    elif serial is None:
        assert code(message.items[0]) == "serial"


def test_our_own_words_to_devices_are_ignored():
    assert judged("city/sdot/v1/a/error", b"anything").items == []


@pytest.mark.parametrize("payload", [b"online", b"offline", b""])
def test_statuses(payload: bytes):
    assert judged("city/sdot/v1/a/status", payload).items == []


@pytest.mark.parametrize("payload", [b"Online", b'"online"', b"1", b"online\n"])
def test_statuses_that_are_none(payload: bytes):
    assert [code(item) for item in judged("city/sdot/v1/a/status", payload).items] == ["status"]


def test_a_reading_may_be_five_minutes_ahead_of_our_clock():
    assert [code(item) for item in timed(timedelta(minutes=5))] == [None]
    (item,) = timed(timedelta(minutes=5, microseconds=1))
    assert code(item) == "future"
    assert "5 minutes ahead" in item.text


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=11), "11 minutes ahead"),
        (timedelta(hours=9), "9 hours ahead"),
        (timedelta(days=400), "400 days ahead"),
    ],
)
def test_the_reason_says_how_far_ahead(ahead: timedelta, words: str):
    (item,) = timed(ahead)
    assert words in item.text
    assert "NTP" in item.text


def test_the_element_ahead_of_our_clock_is_refused_alone():
    items = timed(timedelta(0), timedelta(hours=2), timedelta(minutes=-5))
    assert [code(item) for item in items] == [None, "future", None]
    assert items[1].index == 1


def test_a_retained_reading_with_its_time_is_like_any_other():
    assert [code(item) for item in timed(timedelta(days=-30), retained=True)] == [None]


def test_a_retained_reading_without_time_is_refused():
    message = judged("city/sdot/v1/a/reading", retained=True)
    assert [code(item) for item in message.items] == ["retained"]
    assert message.digest is None


def test_only_timeless_messages_have_a_digest():
    assert judged("city/sdot/v1/a/reading", b'{"time": "2026-11-24T05:00:00Z", "pm25": 1}').digest is None
    assert judged("city/sdot/v1/a/status", b"online").digest is None
    assert judged("city/sdot/v1/a/reading", b"[]").digest is None
    mixed = judged("city/sdot/v1/a/reading", b'[{"time": "2026-11-24T05:00:00Z", "pm25": 1}, {"pm25": 2}]')
    assert mixed.digest is not None


def test_a_digest_tells_topic_and_payload():
    topics = [f"city/sdot/v1/{serial}/reading" for serial in "aab"]
    payloads = [b'{"pm25": 1}', b'{"pm25": 2}', b'{"pm25": 1}']
    digests = [judged(topic, payload).digest for topic, payload in zip(topics, payloads, strict=True)]
    assert len(set(digests)) == 3
    assert digests[0] == judged(topics[0], payloads[0]).digest
    assert len(digests[0] or b"") == 8


def test_a_message_too_large_is_not_even_read():
    message = judged("city/sdot/v1/a/reading", b"[" * 300_000)
    assert [code(item) for item in message.items] == ["too_large"]


def test_the_floor_is_taken_itself():
    floor = datetime(2026, 1, 1, tzinfo=UTC)
    assert below_floor(floor, floor) is None
    refusal = below_floor(floor - timedelta(microseconds=1), floor)
    assert refusal is not None
    assert refusal.code == "too_old"
    assert "2025-12-31 23:59 UTC, before 2026-01-01" in refusal.text


def test_a_clock_that_was_never_set_is_told_so():
    refusal = below_floor(datetime(1970, 1, 1, 0, 3, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC))
    assert refusal is not None
    assert "never set (NTP)" in refusal.text
