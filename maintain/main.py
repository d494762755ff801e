"""`sdot maintain`: one leader keeps rollups, partitions and retention; others stand by until it ends."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry, Gauge

from city import db, endpoint, logs
from city.errors import DatabaseError
from city.pack import load_pack
from city.settings import Settings, require
from maintain.ahead import analyze, make_ahead
from maintain.books import sum_up, trim
from maintain.columnstore import Columnstore
from maintain.job import Job, Jobs, Result
from maintain.retention import Retention
from maintain.rollup import Refresher, lead
from sql.runner import detect_engine

log = logging.getLogger("maintain.main")

#: Seconds between two runs. Open buckets are asked for within 30 s, touched ones within a minute.
REFRESH_S, AHEAD_S, RETENTION_S, ANALYZE_S, COLUMNSTORE_S = 10.0, 6 * 3600.0, 3600.0, 24 * 3600.0, 3600.0
#: A flood fills quarantine fast.
QUARANTINE_S, LEDGER_S = 60.0, 3600.0
#: How often one that stands by asks whether the leader has gone, and the longest wait for a lost database, s.
STAND_BY_S, LONGEST_PAUSE_S = 5.0, 10.0
#: Longer than this without a refresh and it is not well, s.
STALE_S = 120.0


class Maintenance:
    """The process: its connection, its jobs, and what its probes tell."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
        self._catalogue = load_pack(settings.city).catalogue
        self._stop = threading.Event()
        self._jobs: Jobs | None = None
        self._waits_for = "the database"
        self.registry = CollectorRegistry()
        named = {"labelnames": ["job"], "registry": self.registry}
        self._last = Gauge("sdot_job_last_run_timestamp_seconds", "When a job last ended", **named)  # type: ignore[arg-type]
        self._seconds = Gauge("sdot_job_seconds", "How long its last run took", **named)  # type: ignore[arg-type]
        self._backlog = Gauge("sdot_job_backlog", "What waited after it", **named)  # type: ignore[arg-type]
        self._failures = Gauge("sdot_job_failures", "Runs that failed since the start", **named)  # type: ignore[arg-type]

    def stop(self) -> None:
        """End after the portion at hand; safe from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Until stopped; a database that is away is waited for."""
        pause = 0.5
        while not self._stop.is_set():
            try:
                with db.connect(self._url, "sdot maintain", bounded=False) as conn:
                    pause = 0.5
                    self._serve(conn)
            except (DatabaseError, psycopg.Error) as error:
                log.warning("the database is away (%s); trying again", db.one_line(error))
            self._jobs, self._waits_for = None, "the database"
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _serve(self, conn: psycopg.Connection[Any]) -> None:
        while not lead(conn):
            self._waits_for = "another maintenance process, which leads"
            if self._stop.wait(STAND_BY_S):
                return
        log.info("leading: rollups, partitions and retention are kept from here")
        self._jobs = Jobs(conn, self._made(conn))
        while not self._stop.is_set():
            self._stop.wait(self._jobs.run_due())

    def _made(self, conn: psycopg.Connection[Any]) -> list[Job]:
        refresher = Refresher(conn, self._catalogue)
        settings = self._settings
        retention = Retention(conn, settings.retention, settings.hourly_retention)
        jobs = [
            Job("rollups", REFRESH_S, lambda: _refresh(refresher)),
            Job("partitions", AHEAD_S, lambda: make_ahead(conn, datetime.now(UTC))),
            Job("retention", RETENTION_S, lambda: retention.run(datetime.now(UTC))),
            Job(
                "quarantine",
                QUARANTINE_S,
                lambda: trim(conn, settings.quarantine_days, settings.quarantine_mb),
            ),
            Job("ledger", LEDGER_S, lambda: sum_up(conn)),
            Job("statistics", ANALYZE_S, lambda: analyze(conn)),
        ]
        if detect_engine(conn).edition == "community":
            columnstore = Columnstore(conn)
            jobs.append(Job("columnstore", COLUMNSTORE_S, lambda: columnstore.run(datetime.now(UTC))))
        return jobs

    def standing(self) -> dict[str, Any]:
        """What /readyz tells."""
        jobs = self._jobs.jobs if self._jobs is not None else ()
        for job in jobs:
            self._last.labels(job.name).set(job.ended_at)
            self._seconds.labels(job.name).set(job.seconds)
            self._backlog.labels(job.name).set(job.backlog)
            self._failures.labels(job.name).set(job.failures)
        refreshed = next((job.ended_at for job in jobs if job.name == "rollups"), 0.0)
        fresh = datetime.now(UTC).timestamp() - refreshed < STALE_S
        return {
            # one that stands by does what it should
            "ready": fresh if jobs else self._waits_for != "the database",
            "leads": bool(jobs),
            "waits_for": None if jobs else self._waits_for,
            "jobs": {job.name: {"seconds": job.seconds, "backlog": job.backlog} for job in jobs},
        }


def _refresh(refresher: Refresher) -> Result:
    done = refresher.refresh()
    words = f"{done.marks} marks, {done.spans} spans" + ("; closing waits for a batch" if done.busy else "")
    return Result(words, refresher.backlog(), more=done.more)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    logs.set_up(settings.log_format)
    maintenance = Maintenance(settings)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: maintenance.stop())
    endpoint.serve(settings.metrics_host, settings.maintain_port, maintenance.registry, maintenance.standing)
    with suppress(KeyboardInterrupt):
        maintenance.run()
