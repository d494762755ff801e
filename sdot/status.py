"""What is in the database: engine, sizes, rows and time span, for `sdot db status`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from city import db
from city.errors import DatabaseError
from city.settings import Settings, require
from sql import runner

if TYPE_CHECKING:
    from rich.table import Table

#: 1 MB as PostgreSQL's pg_size_pretty and disks count differ; this is the disks'.
MEGABYTE = 1_000_000
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
class Status:
    """What `sdot db status` tells."""

    #: Of the database, with versions.
    engine: str
    summary: Summary
    relations: list[Relation]


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
        return Status(str(runner.detect_engine(connection)), summary, relations)


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
    return made


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"


def _span(summary: Summary) -> str:
    if summary.oldest is None or summary.newest is None:
        return "none yet"
    return f"{summary.oldest:%Y-%m-%d %H:%M:%S} to {summary.newest:%Y-%m-%d %H:%M:%S} UTC"
