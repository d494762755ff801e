"""What ingest counts and measures, for Prometheus: name, unit, help, once."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingest.fold import Outcome
from ingest.tally import Tally
from ingest.writer import Report

#: Later than this is a replay, not a lag.
MAX_LAG_S = 3600.0


class Counters:
    """The metrics of one worker."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.messages = Counter("sdot_messages", "Messages by outcome", ["outcome"], registry=registry)
        self.readings = Counter("sdot_readings", "Readings by outcome", ["outcome"], registry=registry)
        self.refusals = Counter("sdot_refusals", "Refused readings by reason", ["code"], registry=registry)
        self.batch_seconds = Histogram(
            "sdot_batch_seconds", "Time of a batch's transaction", registry=registry,
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
        )  # fmt: skip
        self.lag_seconds = Histogram(
            "sdot_lag_seconds", "From measurement to commit, of readings under an hour old", registry=registry,
            buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600, 3600),
        )  # fmt: skip
        self.retries = Counter(
            "sdot_batch_retries", "Batches tried again after a database error", registry=registry
        )
        self.open_messages = Gauge(
            "sdot_open_messages", "Messages received and not committed", registry=registry
        )
        self.broker_up = Gauge("sdot_broker_up", "1 while the broker answers", registry=registry)
        self.database_up = Gauge("sdot_database_up", "1 while the database answers", registry=registry)
        self.last_commit = Gauge(
            "sdot_last_commit_timestamp_seconds", "When the last batch committed", registry=registry
        )
        self.orphans = Gauge("sdot_orphaned_slots", "Slots that nobody holds", registry=registry)
        self.extra = Counter(
            "sdot_extra_keys", "Keys that are no known metric, kept aside", registry=registry
        )
        for outcome in Outcome:
            self.messages.labels(outcome.label)
            self.readings.labels(outcome.label)

    def add(self, report: Report, now: datetime) -> None:
        """Count a commit."""
        self.batch_seconds.observe(report.seconds)
        self.last_commit.set(now.timestamp())
        for batch in report.batches:
            self._count(batch.tally)
            for case in batch.cases():
                self.refusals.labels(case.refusal.code).inc()
            self.extra.inc(sum(batch.extra_keys()[0].values()))
            # One reading a batch is sample enough; what comes late by days would drown the rest.
            lag = (now - batch.facts[-1].time).total_seconds() if batch.facts else MAX_LAG_S
            if lag < MAX_LAG_S:
                self.lag_seconds.observe(lag)

    def _count(self, tally: Tally | None) -> None:
        messages, readings = tally.totals() if tally else ([], [])
        for counter, counts in ((self.messages, messages), (self.readings, readings)):
            for outcome, count in zip(Outcome, counts, strict=False):
                if count:
                    counter.labels(outcome.label).inc(count)
