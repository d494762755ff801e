"""What ingest counts and measures, for Prometheus: name, unit, help, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.fold import Outcome
from ingest.pulse import Pulse
from ingest.tally import Tally
from ingest.writer import Report


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

    def watch(self, pulse: Pulse) -> None:
        """Tell what a worker's pulse knows, too."""
        self.registry.register(pulse.lag)
        self.registry.register(_Told(pulse))

    def add(self, report: Report, now: datetime) -> None:
        """Count a commit."""
        self.batch_seconds.observe(report.seconds)
        self.last_commit.set(now.timestamp())
        for batch in report.batches:
            self._count(batch.tally)
            for _, refusal in batch.refused():
                self.refusals.labels(refusal.code).inc()
            self.extra.inc(sum(batch.extra_keys()[0].values()))

    def _count(self, tally: Tally | None) -> None:
        messages, readings = tally.totals() if tally else ([], [])
        for counter, counts in ((self.messages, messages), (self.readings, readings)):
            for outcome, count in zip(Outcome, counts, strict=False):
                if count:
                    counter.labels(outcome.label).inc(count)


class _Told(Collector):
    """What a pulse knows, asked for when Prometheus asks."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    def collect(self) -> Iterator[Metric]:
        pulse = self._pulse
        gaps = CounterMetricFamily("sdot_gaps", "Gaps that began, by kind", labels=["kind"])
        opened = GaugeMetricFamily("sdot_gap_open", "1 while a gap lasts, by kind", labels=["kind"])
        for kind, count in pulse.counts.items():
            gaps.add_metric([kind], count)
        for kind, episode in pulse.episodes.items():
            opened.add_metric([kind], float(episode.open))
        yield from (gaps, opened)
        for name, text, value in (
            ("sdot_window_full_seconds", "Seconds with a full in-flight window", pulse.window_full_s),
            ("sdot_database_full_seconds", "Seconds of full batches in the database", pulse.database_full_s),
            ("sdot_broker_dropped", "Messages the broker dropped, noted by this worker", pulse.dropped),
        ):
            yield CounterMetricFamily(name, text, value=value)
        yield GaugeMetricFamily("sdot_busy_ratio", "Share of time not waiting for messages", value=pulse.busy)
        told = pulse.news.latest
        known = float("nan") if told is None or told.stored is None else told.stored
        yield GaugeMetricFamily("sdot_broker_stored", "Messages the broker keeps; NaN: not told", value=known)
