"""How late things are: histograms of one worker, for the database a minute each and for Prometheus since the start."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import psycopg
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from city.db import statement

Kind = Literal["arrival", "measurement"]
#: Bucket b ends at 0.01 s × 2^(b/2), as in lag_minute (migration 0003); the last one has no end.
BOUNDS_S = tuple(0.01 * 2 ** (bucket / 2) for bucket in range(38))
LAST = len(BOUNDS_S)
#: Of a batch at most so many readings are looked at: then each stands for several.
SAMPLE = 200


class Arrived(Protocol):
    """What has a time of arrival."""

    @property
    def at(self) -> datetime: ...


class Lag(Collector):
    """From arrival and from measurement to the commit."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[datetime, Kind, int]] = Counter()
        self._since_start: dict[Kind, list[int]] = {
            "arrival": [0] * (LAST + 1),
            "measurement": [0] * (LAST + 1),
        }
        self._sums: dict[Kind, float] = {"arrival": 0.0, "measurement": 0.0}

    def note(
        self, messages: Sequence[Arrived], times: Iterable[datetime], commit: datetime, step: int = 1
    ) -> None:
        """A batch was committed at `commit`: its messages in order of arrival, and times of one reading in `step`."""
        minute = commit.replace(second=0, microsecond=0)
        for bucket, count in arrivals(messages, commit):
            self._add(minute, "arrival", bucket, count)
        for time in times:
            bucket = bucket_of((commit - time).total_seconds())
            if bucket != LAST:  # over an hour: what a sensor had saved up, no lag of ours
                self._add(minute, "measurement", bucket, step)

    def _add(self, minute: datetime, kind: Kind, bucket: int, count: int) -> None:
        self._rows[minute, kind, bucket] += count
        self._since_start[kind][bucket] += count
        self._sums[kind] += count * BOUNDS_S[min(bucket, LAST - 1)]

    def write(self, conn: psycopg.Connection[Any], writer: str) -> None:
        """Add what was noted since the last time to the table."""
        if self._rows:
            rows = [[*key, count] for key, count in sorted(self._rows.items())]
            conn.execute(statement("raise_lag"), [writer, *map(list, zip(*rows, strict=True))])
            self._rows.clear()

    def collect(self) -> Iterable[Metric]:
        """For Prometheus."""
        told: dict[Kind, tuple[str, str]] = {
            "arrival": ("sdot_commit_lag_seconds", "From a message's arrival to its commit"),
            "measurement": ("sdot_lag_seconds", "From measurement to commit, of readings under an hour old"),
        }
        for kind, (name, text) in told.items():
            counts, upto = self._since_start[kind], 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), counts, strict=True):
                upto += count
                buckets.append((bound, upto))
            yield HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sums[kind])


def bucket_of(seconds: float) -> int:
    """The bucket of a lag; a clock that is ahead of ours makes none."""
    return bisect_left(BOUNDS_S, seconds)


def arrivals(messages: Sequence[Arrived], commit: datetime) -> Iterator[tuple[int, int]]:
    """(bucket, how many) of messages in order of arrival: found by halving, a few dozen looks a batch."""
    end = len(messages)
    while end:
        bucket = bucket_of((commit - messages[end - 1].at).total_seconds())
        if bucket == LAST:
            start = 0
        else:
            oldest = commit - timedelta(seconds=BOUNDS_S[bucket])
            start = min(bisect_left(messages, oldest, key=lambda message: message.at), end - 1)
        yield bucket, end - start
        end = start
