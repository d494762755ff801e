"""What is in the database: engine, sizes, rows and time span, for `sdot db status`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from city import db
from city.errors import DatabaseError
from city.settings import Settings, require
from sql import runner

if TYPE_CHECKING:
    from rich.table import Table

#: 1 MB as PostgreSQL's pg_size_pretty and disks count differ; this is the disks'.
MEGABYTE = 1_000_000
#: What a projection looks at, and from how much of it.
YEAR, SEEN = timedelta(days=365), timedelta(days=1)
#: The level that nothing is ever taken out of.
FOR_EVER = "district_day"
#: A relation below this is counted at once.
SMALL = 50 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation that takes the most room, its partitions included."""

    name: str
    #: Tables, indexes and TOAST.
    bytes: int
    #: Counted, or the planner's estimate; None before the first ANALYZE of a large one.
    rows: int | None

    @property
    def small(self) -> bool:
        """Whether its rows can be counted while somebody waits."""
        return self.bytes < SMALL

    @property
    def told(self) -> str:
        """Its rows in words."""
        if self.rows is None:
            return "not counted yet"
        return f"{self.rows:,} rows" if self.small else f"about {self.rows:,} rows"


@dataclass(frozen=True, slots=True)
class Summary:
    """The database as a whole."""

    #: Number of the last migration.
    version: str | None
    city: str | None
    bytes: int
    sensors: int
    #: Time span of the readings.
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the time series."""

    name: str
    #: Tables, indexes and TOAST.
    bytes: int
    #: Time span of what is in it; None where nothing is.
    oldest: datetime | None
    newest: datetime | None
    #: Whether it lives as long as raw readings only.
    raw: bool

    def in_a_year(self, kept: timedelta | None) -> int | None:
        """Bytes a year from now at the pace so far, of what is `kept` then; None while there is less than SEEN of it."""
        if self.oldest is None or self.newest is None or self.newest - self.oldest < SEEN:
            return None
        span = self.newest - self.oldest
        then = span + YEAR if kept is None else min(span + YEAR, kept)
        return int(self.bytes * (then / span))


@dataclass(frozen=True, slots=True)
class Upkeep:
    """A job of maintenance and how its last run went."""

    job: str
    ended_at: datetime
    seconds: float
    #: What waited after it, in the job's own measure.
    backlog: int
    detail: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """What `sdot db status` tells."""

    #: Of the database, with versions.
    engine: str
    summary: Summary
    relations: list[Relation]
    levels: list[Level]
    jobs: list[Upkeep]
    #: Size before and after of what the columnstore holds; None where there is none.
    compressed: tuple[int, int] | None
    #: How long raw readings are kept; None: for ever.
    retention: timedelta | None
    #: How long hours are, and 10 minutes of districts.
    hourly: timedelta | None


def read_status(settings: Settings) -> Status:
    """Ask the database; DatabaseError where it is away or was never migrated."""
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot db status", bounded=False) as connection:
        found = connection.execute(db.statement("status_migrated")).fetchone()
        if not found or not found[0]:
            raise DatabaseError("the database is empty; run `sdot db migrate`")
        found = connection.execute(db.statement("status_relations")).fetchall()
        relations = [_counted(connection, Relation(*row)) for row in found]
        (summary,) = (Summary(*row) for row in connection.execute(db.statement("status_summary")))
        levels = [Level(*row) for row in connection.execute(db.statement("status_levels"))]
        jobs = [Upkeep(*row) for row in connection.execute(db.statement("read_jobs"))]
        engine = runner.detect_engine(connection)
        packed = _compressed(connection) if engine.edition == "community" else None
        return Status(
            str(engine),
            summary,
            relations,
            levels,
            jobs,
            packed,
            settings.retention,
            settings.hourly_retention,
        )


def _compressed(connection: Any) -> tuple[int, int] | None:
    row = connection.execute(db.statement("status_compression")).fetchone()
    return (int(row[0]), int(row[1])) if row and row[0] and row[1] else None


def _counted(connection: Any, relation: Relation) -> Relation:
    if not relation.small:
        return relation
    ((rows,),) = connection.execute(db.statement("status_count", [relation.name]))
    return replace(relation, rows=rows)


def table(status: Status) -> Table:
    """The status as a table for the terminal."""
    from rich.table import Table

    summary = status.summary
    made = Table("", "", show_header=False, box=None, pad_edge=False)
    made.add_row("engine", status.engine)
    made.add_row("version", summary.version or "never migrated")
    made.add_row("city", summary.city or "none yet")
    made.add_row("size", _megabytes(summary.bytes))
    made.add_row("sensors", f"{summary.sensors:,}")
    made.add_row("readings", _span(summary))
    for relation in status.relations:
        made.add_row(f"  {relation.name}", f"{_megabytes(relation.bytes)}, {relation.told}")
    made.add_row("in a year", _projection(status))
    made.add_row("columnstore", _columnstore(status))
    made.add_row("maintenance", "" if status.jobs else "never ran; start `sdot maintain`")
    for job in status.jobs:
        made.add_row(f"  {job.job}", _upkeep(job))
    return made


def _columnstore(status: Status) -> str:
    if status.compressed is not None:
        before, after = status.compressed
        return f"{_megabytes(before)} became {_megabytes(after)}, {before / after:.1f} to 1"
    if "community" in status.engine:
        return "no chunk is old enough yet"
    return "none on this engine; TimescaleDB Community packs what is old"


def _projection(status: Status) -> str:
    """The time series a year from now, each level for as long as it is kept."""
    sizes = {
        level.name: level.in_a_year(
            status.retention if level.raw else None if level.name == FOR_EVER else status.hourly
        )
        for level in status.levels
    }
    known = {name: size for name, size in sizes.items() if size is not None}
    if not known:
        return "not known before a day of readings"
    parts = ", ".join(f"{name} {_megabytes(size)}" for name, size in known.items())
    return f"{_megabytes(sum(known.values()))} at the pace so far ({parts})"


def _upkeep(job: Upkeep) -> str:
    said = f"failed: {job.error}" if job.error else job.detail
    waits = f", {job.backlog:,} wait" if job.backlog else ""
    return f"{job.ended_at:%Y-%m-%d %H:%M:%S} UTC, took {job.seconds:.2f} s{waits}; {said}"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"


def _span(summary: Summary) -> str:
    if summary.oldest is None or summary.newest is None:
        return "none yet"
    return f"{summary.oldest:%Y-%m-%d %H:%M:%S} to {summary.newest:%Y-%m-%d %H:%M:%S} UTC"
