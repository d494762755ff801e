"""Whether books and rows agree: what leaves rows is counted again from the tables, at one instant of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from city.db import statement

#: From the first reading that was ever taken (wire contract v1).
ALWAYS = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
#: Minutes that disagree are named up to so many.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is counted twice."""

    what: str
    books: int
    rows: int
    #: minutes that disagree: (minute, books, rows)
    minutes: list[tuple[datetime, int, int]] = field(default_factory=list)
    #: the rows are samples: they may be fewer
    samples: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both counts are the same, minute by minute too."""
        return self.rows <= self.books if self.samples else self.books == self.rows and not self.minutes


def recount(conn: Any, since: datetime = ALWAYS) -> list[Line]:
    """Count from the minute of `since` on; the last lines are of the whole books, whatever `since`.

    In one REPEATABLE READ transaction: a batch that commits meanwhile is in both counts or in none.
    """
    given = {"since": since.replace(second=0, microsecond=0)}
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        minutes = conn.execute(statement("verify_minutes"), given).fetchall()
        outcomes = conn.execute(statement("verify_outcomes"), given).fetchone()
        whole = conn.execute(statement("verify_whole")).fetchone()
    return [*_by_minute(minutes), *_of_books(outcomes), *_of_whole(whole)]


def _by_minute(rows: list[Any]) -> Iterator[Line]:
    total, *apart = rows
    for what, books, there in (
        ("stored: rows of reading", 1, 2),
        ("revised: rows of reading_revision", 3, 4),
    ):
        differ = [(row[0], row[books], row[there]) for row in apart if row[books] != row[there]]
        yield Line(what, total[books], total[there], differ)


def _of_books(row: Any) -> Iterator[Line]:
    for place, what in enumerate(
        ("messages: sum of their outcomes", "quarantined: sum of its reasons", "rejected: sum of its reasons")
    ):
        yield Line(what, row[2 * place], row[2 * place + 1])


def _of_whole(row: Any) -> Iterator[Line]:
    yield Line("whole books, readings: by sensor and day", row[0], row[1])
    yield Line("whole books, quarantined: cases kept, and counted as they left", row[2], row[3])
    yield Line("whole books, rejected: samples kept, at most", row[4], row[5], samples=True)
