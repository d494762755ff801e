"""Timeless messages that a broker sends again, told by their digests."""

from __future__ import annotations

import pytest

from ingest import timeless
from ingest.timeless import KEEP_S, Timeless

A, B, C = b"aaaaaaaa", b"bbbbbbbb", b"cccccccc"


class Clock:
    """Monotonic time in the test's hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timeless, "time", clock)
    return clock


def arrives(seen: Timeless, digest: bytes) -> bool:
    """As the worker does with each timeless message."""
    seen.passed()
    return seen.is_repeat(digest)


def test_equal_messages_are_news_while_the_session_lasts():
    seen = Timeless(10)
    assert not any(arrives(seen, A) for _ in range(3))


def test_after_a_resumed_session_what_was_seen_is_a_repeat():
    seen = Timeless(10)
    arrives(seen, A)
    seen.resumed(timeless.time.monotonic())
    assert arrives(seen, A)
    assert not arrives(seen, B)


def test_each_is_expected_as_often_as_it_was_seen():
    seen = Timeless(10)
    for digest in (A, A, B):
        arrives(seen, digest)
    seen.resumed(timeless.time.monotonic())
    assert [arrives(seen, digest) for digest in (A, B, A, A)] == [True, True, True, False]


def test_after_a_window_of_messages_nothing_is_expected_any_more():
    seen = Timeless(3)
    arrives(seen, A)
    seen.resumed(timeless.time.monotonic())
    for _ in range(2):
        seen.passed()  # with a time of their own
    assert not arrives(seen, A)


def test_the_last_of_the_window_is_still_expected():
    seen = Timeless(3)
    arrives(seen, A)
    seen.resumed(timeless.time.monotonic())
    seen.passed()
    assert arrives(seen, A)


def test_no_more_is_kept_than_can_be_in_flight():
    seen = Timeless(2)
    for digest in (A, B, C):
        arrives(seen, digest)
    assert seen.kept(timeless.time.monotonic()) == B + C


def test_what_another_process_committed_is_expected(clock: Clock):
    before = Timeless(10)
    arrives(before, A)
    arrives(before, B)
    after = Timeless(10)
    after.load(before.kept(clock.now))
    after.resumed(timeless.time.monotonic())
    assert [arrives(after, digest) for digest in (A, B, C)] == [True, True, False]


def test_what_was_acknowledged_long_ago_is_forgotten(clock: Clock):
    seen = Timeless(10)
    arrives(seen, A)
    clock.now += KEEP_S + 1
    arrives(seen, B)
    assert seen.kept(clock.now) == B


def test_what_waits_for_its_commit_is_not_forgotten_however_long_that_takes(clock: Clock):
    seen = Timeless(10)
    arrives(seen, A)
    waits_since = clock.now
    arrives(seen, B)
    clock.now += 10 * KEEP_S
    assert seen.kept(waits_since) == A + B
    seen.resumed(waits_since)
    assert arrives(seen, A)


def test_what_was_acknowledged_long_ago_is_not_expected(clock: Clock):
    seen = Timeless(10)
    arrives(seen, A)
    clock.now += KEEP_S + 1
    arrives(seen, B)
    seen.resumed(clock.now)
    assert [arrives(seen, digest) for digest in (A, B)] == [False, True]


def test_of_a_part_of_a_batch_only_its_own_are_written_down(clock: Clock):
    seen = Timeless(10)
    for digest in (A, B, C):
        arrives(seen, digest)
    assert seen.kept(clock.now, later=2) == A


def test_a_repeat_is_not_written_down_twice(clock: Clock):
    seen = Timeless(10)
    arrives(seen, A)
    seen.resumed(timeless.time.monotonic())
    arrives(seen, A)
    assert seen.kept(clock.now) == A
