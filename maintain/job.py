"""A job of maintenance: what it does, how often, and the record of its last run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from city.db import one_line, statement

log = logging.getLogger("maintain.job")

#: A job that failed is tried again after this, or after its own time where that is shorter, s.
AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did."""

    #: in a few words, for people
    detail: str = ""
    #: what waits still, in the job's own measure
    backlog: int = 0
    #: there is more to do at once
    more: bool = False


@dataclass(slots=True)
class Job:
    """One job and when it is due."""

    name: str
    #: seconds between two runs
    every_s: float
    run: Callable[[], Result]
    #: monotonic clock
    due: float = 0.0
    #: of the last run
    seconds: float = 0.0
    backlog: int = 0
    ended_at: float = 0.0
    failures: int = field(default=0)


class Jobs:
    """All jobs over one connection; a failure of one is recorded and stops no other."""

    def __init__(self, conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        self._conn, self.jobs = conn, tuple(jobs)

    def run_due(self) -> float:
        """Run what is due; returns the seconds until the next job is. psycopg.Error where the connection is lost."""
        for job in self.jobs:
            if job.due <= time.monotonic():
                self._run(job)
        return max(min(job.due for job in self.jobs) - time.monotonic(), 0.0)

    def _run(self, job: Job) -> None:
        began, started = datetime.now(UTC), time.monotonic()
        error, result = None, Result(backlog=job.backlog)
        try:
            result = job.run()
        except psycopg.Error as failure:
            if self._conn.broken:
                raise
            error = one_line(failure)
            job.failures += 1
            log.warning("%s failed: %s; it is tried again", job.name, error)
        job.seconds, job.backlog, job.ended_at = time.monotonic() - started, result.backlog, time.time()
        wait = 0.0 if result.more else min(AGAIN_S, job.every_s) if error else job.every_s
        job.due = time.monotonic() + wait
        self._record(job, began, result, error)

    def _record(self, job: Job, began: datetime, result: Result, error: str | None) -> None:
        given = {
            "job": job.name, "began": began, "seconds": job.seconds, "backlog": result.backlog,
            "detail": result.detail, "error": error,
        }  # fmt: skip
        self._conn.execute(statement("record_job"), given)
