"""What a broker tells of itself, and what it means for what was dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.broker import TOPICS, BrokerNews, Told

AT = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
DROPPED, UPTIME = "$SYS/broker/publish/messages/dropped", "$SYS/broker/uptime"


def told(dropped: int, up_s: float, at_s: float) -> Told:
    at = AT + timedelta(seconds=at_s)
    return Told(at, at - timedelta(seconds=up_s), None, dropped)


def test_nothing_is_known_before_both_have_come():
    news = BrokerNews()
    news.take(DROPPED, b"7", AT)
    news.take("$SYS/broker/version", b"mosquitto version 2.0.18", AT)
    assert news.latest is None
    news.take(UPTIME, b"100 seconds", AT)
    assert news.latest == Told(AT, AT - timedelta(seconds=100), "mosquitto version 2.0.18", 7)


def test_what_is_no_number_is_passed_over():
    news = BrokerNews()
    for payload in (b"", b"many", b"\xff", b"-1", b"9" * 30):
        news.take(DROPPED, payload, AT)
        news.take(UPTIME, payload, AT)
    news.take("$SYS/broker/heap/current", b"1", AT)
    assert news.latest is None


def test_all_topics_are_taken():
    news = BrokerNews()
    for topic in TOPICS:
        news.take(topic, b"5", AT)
    assert news.latest == Told(AT, AT - timedelta(seconds=5), "5", 5, 5, 5)


def test_only_what_is_new_was_dropped_since():
    assert told(7, 100, 0).dropped_since(told(7, 90, -10)) == 0
    assert told(9, 101, 0).dropped_since(told(7, 90, -10)) == 2


def test_a_broker_that_started_anew_counts_from_nothing():
    assert told(9, 10, 0).dropped_since(told(7, 90, -60)) == 9
    assert told(3, 80, 0).dropped_since(told(7, 90, -10)) == 3
