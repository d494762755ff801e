"""Hours and days out of files: below what raw readings are kept, where nothing is computed from this database's own.

Readings are rolled up by the refresher's own steps, on temporary tables that bear the names of the others; a file's own
figures are taken as they are. Either never takes the place of what was computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import psycopg

import sql
from city.metrics import Catalogue
from maintain.levels import STEPS

#: Where rows come from, as column `imported` tells: a file's own figures, or its readings.
ROLLUP, READING = "rollup", "reading"
#: Level → what it is a row of, and for how long; 30 hours reach into the next local day, of 23 to 25.
LEVELS = {
    "sensor_hour": ("sensor_id", "hour", "1 hour"),
    "district_hour": ("district_id", "hour", "1 hour"),
    "district_day": ("district_id", "day", "30 hours"),
}
#: Readings rolled up in one transaction.
PORTION = 40_000
#: Steps of the refresher that what is imported needs: out of an empty table nothing has to be dropped.
_SENSORS = ("fill_sensor_10min", "fill_sensor_hour", "gather_districts")
_DISTRICTS = ("fill_district_hour", "fill_district_day")
_STAGED = ("sensor_10min", *LEVELS)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Counts:
    """What became of a level's rows."""

    stored: int = 0
    #: imported before, with other figures
    revised: int = 0
    #: there already as they are
    same: int = 0
    #: left out, since this database computed them itself
    computed: int = 0
    #: left out: above what may be imported, or beginning where no bucket does
    misplaced: int = 0

    def add(self, other: Counts) -> None:
        """Count more."""
        for name in Counts.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Imported:
    """Takes files' hours and days; `border` is the instant up to which they may reach, a local midnight."""

    def __init__(
        self, conn: psycopg.Connection[Any], catalogue: Catalogue, zone: ZoneInfo, border: datetime
    ) -> None:
        self._conn, self._zone, self._border = conn, zone, border
        self._steps = {name: sql.literal(sql.expand_metrics(sql.query(name), catalogue)) for name in STEPS}
        self.counts = {level: Counts() for level in LEVELS}
        conn.execute("SET jit = off")
        conn.execute("SET work_mem = '64MB'")
        conn.execute("SET temp_buffers = '128MB'")  # a portion's rows, about a kilobyte each, stay in memory
        conn.execute("SET synchronous_commit = off")  # what a crash of the server forgets is imported again
        for level in _STAGED:
            conn.execute(_of("stage_level", level))

    # A file's readings

    def stage_readings(self) -> None:
        """Make the table that a COPY into `reading` on this connection fills."""
        self._came_from(READING)
        self._conn.execute(sql.query("stage_old_readings"))
        for name in ("stage_rollup", "stage_rollup_districts", "stage_rollup_once"):
            self._conn.execute(sql.query(name))

    def roll(self, tell: Callable[[float], None]) -> int:
        """Roll up what was staged, some days at a time; returns the number of readings."""
        self._conn.execute(sql.query("index_old_readings"))
        self._conn.execute(sql.query("drop_repeated_readings"))
        self._conn.execute("ANALYZE pg_temp.reading")
        self._came_from(READING)
        row = self._conn.execute(sql.query("old_span")).fetchone()
        if row is None or not row[2]:
            return 0
        first, last, number = row
        self._make_years(first, last)
        for low, high in self._portions(first, last, number):
            with self._conn.transaction():
                self._portion(low, high)
            tell(min((high - first) / (last - first + _DAY), 1.0))
        return int(number)

    def _came_from(self, origin: str) -> None:
        """What the rows that are made from now on tell of where they come from."""
        for level in LEVELS:
            self._conn.execute(_of("mark_imported", level).replace("{origin}", origin))

    def _portions(self, first: datetime, last: datetime, number: int) -> Iterator[tuple[datetime, datetime]]:
        """Whole local days with about PORTION readings."""
        days = max(1, int(PORTION * ((last - first) / _DAY + 1) / number))
        low = first.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        while low <= last:
            high = low + days * _DAY  # on the wall clock: a local midnight again
            yield low.astimezone(UTC), high.astimezone(UTC)
            low = high

    def _portion(self, low: datetime, high: datetime) -> None:
        given = {
            **{f"{level}low": low for level in ("", "hour_", "day_")},
            **{f"{level}high": high for level in ("", "hour_", "day_")},
            "zone": self._zone.key,
            "origin": datetime(2000, 1, 3, tzinfo=self._zone),
        }
        self._conn.execute(sql.query("take_old"), given)
        for name in _SENSORS:
            self._conn.execute(self._steps[name], given)
        if self._put("sensor_hour", READING, given):
            self._conn.execute(sql.query("add_known_hours"), given)
        for name in _DISTRICTS:
            self._conn.execute(self._steps[name], given)
        for level in ("district_hour", "district_day"):
            self._put(level, READING, given)
        for level in _STAGED:
            self._conn.execute(_of("clear_level", level))

    # A file's own figures

    def take(self, level: str, copy: Callable[[psycopg.Connection[Any]], None]) -> None:
        """Take rows of a level that `copy` writes into the table of that name, in one transaction."""
        with self._conn.transaction():
            self._came_from(ROLLUP)
            copy(self._conn)
            _, unit, step = LEVELS[level]
            given = {"zone": self._zone.key, "border": self._border, "unit": unit, "step": step}
            self.counts[level].misplaced += self._conn.execute(_of("misplaced_rows", level), given).rowcount
            row = self._conn.execute(_of("level_span", level)).fetchone()
            if row and row[2]:
                self._make_years(row[0], row[1])
                self._put(level, ROLLUP, {"low": row[0], "high": row[1] + _DAY})
            self._conn.execute(_of("clear_level", level))

    def _make_years(self, first: datetime, last: datetime) -> None:
        self._conn.execute(sql.query("hour_years"), [first, last])

    def _put(self, level: str, origin: str, span: Mapping[str, Any]) -> bool:
        """What stands in the temporary table of a level goes where it belongs; whether the span had rows before."""
        counts, former = self.counts[level], 0
        keeps = origin == READING and level.startswith("district")
        given = {"low": span["low"], "high": span["high"], "keeps": keeps}
        there = bool(self._one("holds_rows", level, given))
        if there:
            counts.computed += self._one("drop_computed", level, given)
            counts.same += self._one("drop_same", level, given)
            former = self._one("drop_former", level, given)
        made = self._one("insert_imported", level, given)
        counts.revised += former
        counts.stored += max(made - former, 0)
        return there

    def _one(self, name: str, level: str, given: Mapping[str, Any]) -> int:
        row = self._conn.execute(_of(name, level), given).fetchone()
        return int(row[0]) if row else 0


def _of(name: str, level: str) -> LiteralString:
    place = LEVELS.get(level, ("sensor_id", "", ""))[0]
    return sql.literal(sql.query(name).replace("{level}", level).replace("{place}", place))
