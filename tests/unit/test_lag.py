"""Histograms of lag."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from ingest.lag import BOUNDS_S, LAST, SAMPLE, Lag, arrivals, bucket_of

COMMIT = datetime(2026, 11, 24, 14, 30, 5, tzinfo=UTC)


@dataclass
class Came:
    """A message, so many seconds before the commit."""

    at: datetime


def came(*seconds: float) -> list[Came]:
    return [Came(COMMIT - timedelta(seconds=one)) for one in sorted(seconds, reverse=True)]


def times(*seconds: float) -> list[datetime]:
    return [COMMIT - timedelta(seconds=one) for one in seconds]


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(-5, 0), (0, 0), (0.01, 0), (0.0100001, 1), (0.02, 2), (1, 14), (3700, 37), (3708, LAST), (1e9, LAST)],
)
def test_buckets(seconds: float, bucket: int):
    assert bucket_of(seconds) == bucket


@given(st.lists(st.floats(-1, 5000), max_size=60))
def test_halving_finds_what_looking_at_each_finds(seconds: list[float]):
    messages = came(*seconds)
    each = Counter(bucket_of((COMMIT - message.at).total_seconds()) for message in messages)
    found: Counter[int] = Counter()
    for bucket, count in arrivals(messages, COMMIT):
        found[bucket] += count
    assert found == each


def test_a_clock_that_stepped_back_counts_each_once():
    messages = came(1, 2, 3)[::-1]
    assert sum(count for _, count in arrivals(messages, COMMIT)) == 3


class Connection:
    """Takes the rows down."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def execute(self, _query: str, parameters: list[Any]) -> None:
        writer, *columns = parameters
        self.rows += [(writer, *row) for row in zip(*columns, strict=True)]


def test_rows_are_by_minute_of_the_commit_and_written_once():
    lag, conn = Lag(), Connection()
    lag.note(came(0.005, 0.005, 1), times(0.005, 7200), COMMIT)
    lag.write(conn, "ingest/0")  # type: ignore[arg-type]
    minute = COMMIT.replace(second=0)
    assert conn.rows == [
        ("ingest/0", minute, "arrival", 0, 2),
        ("ingest/0", minute, "arrival", 14, 1),
        ("ingest/0", minute, "measurement", 0, 1),  # two hours are a backlog, no lag
    ]
    lag.write(conn, "ingest/0")  # type: ignore[arg-type]
    assert len(conn.rows) == 3


def test_of_a_large_batch_a_sample_stands_for_all():
    lag, conn = Lag(), Connection()
    lag.note([], times(*[1] * SAMPLE), COMMIT, 10)
    lag.write(conn, "w")  # type: ignore[arg-type]
    assert [row[4] for row in conn.rows] == [10 * SAMPLE]


def test_prometheus_reads_it_since_the_start():
    lag, registry = Lag(), CollectorRegistry()
    registry.register(lag)
    lag.note(came(0.005, 1, 9000), times(0.5), COMMIT)
    text = generate_latest(registry).decode()
    assert f'sdot_commit_lag_seconds_bucket{{le="{BOUNDS_S[14]}"}} 2.0' in text
    assert "sdot_commit_lag_seconds_count 3.0" in text
    assert "sdot_lag_seconds_count 1.0" in text
