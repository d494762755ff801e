"""The levels of the rollups: each computed out of the one below, for what is named as changed.

Raw readings become `sensor_10min`, these `sensor_hour`, and both the districts' figures. Nothing below the horizon is
computed: what raw readings there were may be gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

import sql
from city.metrics import Catalogue

BUCKET = timedelta(minutes=10)
#: PostgreSQL's smallest step of time.
TICK = timedelta(microseconds=1)
#: Buckets of sensors computed in one transaction: a second or two of work.
PORTION = 100_000
#: Hours of a part of a long span: a part ends where a day does, and every hour and day is computed as seldom as can be.
_HOURS = (24, 12, 8, 6, 4, 3, 2, 1)

#: In this order: each step reads what the one before wrote.
SENSORS = ("drop_sensor_10min", "fill_sensor_10min", "drop_sensor_hour", "fill_sensor_hour")
DISTRICTS = ("drop_district_10min", "fill_district_10min", "drop_district_hour", "fill_district_hour")
#: A day of a district is a day's hours of all its sensors: not with each look at what has just changed.
DAYS = ("drop_district_day", "fill_district_day")
STEPS = (*SENSORS, "gather_districts", *DISTRICTS, *DAYS)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the rollups stand."""

    #: buckets from here on are open
    open_from: datetime
    #: buckets below are rolled up, but for what is marked
    rolled_to: datetime
    #: raw readings below may be gone
    horizon: datetime
    #: of the city
    zone: str

    @property
    def origin(self) -> datetime:
        """A local midnight: 10 minutes are counted from it."""
        return datetime(2000, 1, 3, tzinfo=ZoneInfo(self.zone))

    def floor(self, instant: datetime) -> datetime:
        """The start of the instant's bucket of 10 minutes."""
        instant = instant.astimezone(UTC)
        return instant - (instant - self.origin.astimezone(UTC)) % BUCKET

    def midnight(self, instant: datetime) -> datetime:
        """The start of the instant's local day."""
        return instant.astimezone(ZoneInfo(self.zone)).replace(hour=0, minute=0, second=0, microsecond=0)

    def part_end(self, instant: datetime, step: timedelta) -> datetime:
        """The end of the instant's step, counted from its local midnight: at the latest a local midnight."""
        day = self.midnight(instant)  # on the city's clock, whose days have 23 to 25 hours
        whole = (day + max(step, timedelta(days=1))).astimezone(UTC)
        start = day.astimezone(UTC)
        return (
            whole if step >= timedelta(days=1) else min(start + ((instant - start) // step + 1) * step, whole)
        )


class Levels:
    """Computes the levels through one connection, one user at a time."""

    def __init__(self, conn: psycopg.Connection[Any], catalogue: Catalogue) -> None:
        self._conn = conn
        self._steps = {name: sql.literal(sql.expand_metrics(sql.query(name), catalogue)) for name in STEPS}
        # Each statement has a hundred aggregates: compiling them takes longer than running them.
        conn.execute("SET jit = off")
        conn.execute("SET work_mem = '64MB'")  # a portion's groups in memory
        # What is computed was mostly written a moment ago: a look-up costs no disk, and reading all beside it costs much.
        conn.execute("SET random_page_cost = 1.1")
        # Every statement is planned for the span that it is given, so that it opens no other partition.
        conn.execute("SET plan_cache_mode = force_custom_plan")
        for name in ("stage_rollup", "stage_rollup_districts", "stage_rollup_once"):
            conn.execute(sql.query(name))

    def changed(self, marks: Marks, *, days: bool = True) -> None:
        """All levels of what is in `changed_bucket`, in the caller's transaction."""
        row = self._conn.execute(sql.query("changed_between")).fetchone()
        if row is None or row[0] is None:
            return
        given = self._bounds(row[0], row[1], marks)
        self._run((*SENSORS, "gather_districts", *DISTRICTS, *(DAYS if days else ())), given)

    def span(self, low: datetime, high: datetime, marks: Marks, *, days: bool) -> None:
        """All levels of a span's buckets, a transaction a slice of the sensors and one for the districts."""
        low = max(marks.floor(low), marks.floor(marks.horizon - TICK) + BUCKET)
        high = marks.floor(high - TICK) + BUCKET  # a step that read half of a bucket would write half of it
        if low >= high:
            return
        given = self._bounds(low, high, marks)
        for first, last in self._slices(low, high):
            with self._conn.transaction():
                self._conn.execute(sql.query("take_span"), {**given, "first": first, "last": last})
                self._run(SENSORS, given)
        with self._conn.transaction():
            self._conn.execute(sql.query("gather_span"), given)
            self._run((*DISTRICTS, *(DAYS if days else ())), given)

    def parts(self, low: datetime, high: datetime, marks: Marks) -> Iterator[tuple[datetime, datetime]]:
        """The span in parts of about PORTION buckets of sensors, at least an hour, each within a local day or whole ones."""
        row = self._conn.execute(sql.query("count_places")).fetchone()
        hours = PORTION * BUCKET / timedelta(hours=1) / max(row[0] if row else 1, 1)
        fits = [few for few in _HOURS if few <= hours]
        step = timedelta(hours=24 * int(hours / 24) or (fits[0] if fits else 1))
        low, high = low.astimezone(UTC), high.astimezone(UTC)
        while low < high:
            end = min(marks.part_end(low, step), high)
            yield low, end
            low = end

    def _slices(self, low: datetime, high: datetime) -> Sequence[tuple[int, int]]:
        size = max(1, int(PORTION / max((high - low) / BUCKET, 1)))
        return self._conn.execute(sql.query("sensor_slices"), {"low": low, "size": size}).fetchall()

    def _bounds(self, low: datetime, high: datetime, marks: Marks) -> dict[str, Any]:
        """What a step may look at: buckets, and the hours and days around them."""
        given: dict[str, Any] = {"low": low, "high": high, "zone": marks.zone}
        row = self._conn.execute(sql.query("bounds"), given).fetchone() or (low, high, low, high)
        names = ("hour_low", "hour_high", "day_low", "day_high")
        given |= dict(zip(names, row, strict=True))
        floors = {name: max(given[name], marks.horizon) for name in ("low", "hour_low", "day_low")}
        return given | floors

    def _run(self, names: Sequence[str], given: Mapping[str, Any]) -> None:
        for name in names:
            self._conn.execute(self._steps[name], given)
