"""Back-fill at COPY's own speed: columns of numpy arrays, encoded as PostgreSQL's binary rows at once."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from psycopg import errors

from city.db import statement
from city.errors import DatabaseError
from city.metrics import Catalogue
from ingest import ledger
from ingest.binary import copy_in, encode
from ingest.block import Block, Column, instant, instants, moment
from ingest.fold import Outcome
from ingest.newest import Newest
from ingest.plausible import Plausible
from ingest.series import Series
from ingest.sheet import TOUCHED_US
from ingest.tally import Tally
from ingest.writer import HORIZON_MARGIN, OLDEST

#: Marks of `touched` as times.
TOUCHED = np.timedelta64(TOUCHED_US, "us")


class BulkWriter:
    """Writes blocks of readings; those whose sensor and instant are there are duplicates and change nothing.

    Call it inside one transaction of `conn` and end with `finish()`, which writes `latest` and the ledger of all
    blocks under `writer`: then rows and books agree, however the process ends.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        catalogue: Catalogue,
        writer: str = "backfill",
        *,
        spans: bool = False,
    ) -> None:
        """With `spans`, rollups learn of closed buckets as one span of all sensors, not by marks of each."""
        self._conn, self._catalogue, self._writer = conn, catalogue, writer
        self._spans, self._closed = spans, list[datetime]()
        self._series = Series(catalogue, writer)
        self._series.prepare(conn)
        self._weeks: set[int] = set()
        self._newest: dict[int, Newest] = {}
        row = conn.execute(statement("batch_begin")).fetchone()
        horizon, open_from = (row[1], row[2]) if row else (OLDEST, OLDEST)
        self._floor: datetime = max(horizon + HORIZON_MARGIN, OLDEST)
        self._open_from: datetime = open_from
        zone = conn.execute(statement("read_zone")).fetchone()
        self._tally = Tally(ZoneInfo(zone[0] if zone else "UTC"))
        self._districts = {row[0]: row[1] for row in conn.execute(statement("read_figure_districts"))}
        # A back-fill that the server forgets in a crash is written again: no need to wait for the disk.
        conn.execute("SET LOCAL synchronous_commit = off")

    def write(self, block: Block) -> int:
        """Store a block; returns how many readings were new.

        Raises ValueError on infinite values, DatabaseError on readings too old to be kept.
        """
        if not len(block.times):
            return 0
        self._check(block)
        make_partitions(self._conn, block.times, self._weeks)
        try:
            return self._store(block)
        except errors.UniqueViolation:
            fresh = self._without_known(block)
            self._count(block, datetime.now(UTC), Outcome.DUPLICATE, without=fresh)
            return self._store(fresh) if len(fresh.times) else 0

    def finish(self) -> None:
        """Write the newest values and the ledger, and wake the dashboards."""
        if self._closed:
            span = [min(self._closed), max(self._closed) + timedelta(microseconds=1)]
            self._conn.execute(statement("insert_touched_span"), span)
        self._series.write_latest(self._conn, self._newest)
        ledger.raise_counts(self._conn, self._writer, self._tally)
        self._conn.execute(statement("notify"), ["sdot_commit", ""])

    def _check(self, block: Block) -> None:
        if any(np.isinf(column).any() for column in block.values.values()):
            raise ValueError("a block holds infinite values; leave them out as NaN")
        if instant(block.times.min()) < self._floor:
            raise DatabaseError(f"readings before {self._floor:%Y-%m-%d %H:%M} UTC are not taken any more")

    def _store(self, block: Block) -> int:
        now = datetime.now(UTC)
        with self._conn.transaction():
            self._copy(block, now)
            self._keep_details(block)
            self._touch(block)
        self._note_newest(block, now)
        self._count(block, now, Outcome.STORED)  # the rows' minute of arrival is the ledger's
        return len(block.times)

    def _copy(self, block: Block, now: datetime) -> None:
        keys = tuple(block.values)
        rows = encode(block, self._flags(block), self._district_ids(block), now)
        copy_in(self._conn, statement("copy_reading", keys), rows)

    def _flags(self, block: Block) -> Column:
        flags = np.zeros(len(block.times), dtype=">i8")
        for key, column in block.values.items():
            low, high = self._catalogue[key].plausible
            outside = (column < low) | (column > high)
            if outside.any():
                flags[outside] |= 1 << self._catalogue[key].bit
        return flags

    def _keep_details(self, block: Block) -> None:
        """What was found implausible, in words, as of any other reading."""
        rows = []
        for key, column in block.values.items():
            low, high = self._catalogue[key].plausible
            for row in np.flatnonzero((column < low) | (column > high)):
                detail = next(self._series.plausible.details({key: float(column[row])}))
                rows.append((int(block.sensor_ids[row]), instant(block.times[row]), *detail))
        if rows:
            columns = [list(column) for column in zip(*sorted(rows), strict=True)]
            self._conn.execute(statement("insert_flags"), [Plausible.KIND, self._writer, *columns])

    def _district_ids(self, block: Block) -> Column:
        if block.districts is not None:
            return block.districts.astype(">i2")
        sensors, place = np.unique(block.sensor_ids, return_inverse=True)
        districts = [self._districts.get(int(sensor)) for sensor in sensors]
        return np.array([-1 if district is None else district for district in districts], dtype=">i2")[place]

    def _touch(self, block: Block) -> None:
        closed = block.times < moment(self._open_from)
        if closed.any() and self._spans:
            self._closed += instants(np.array([block.times[closed].min(), block.times[closed].max()]))
        elif closed.any():
            sensors, starts = _once(block.sensor_ids[closed], _floored(block.times[closed]))
            self._conn.execute(statement("insert_touched"), [sensors.tolist(), instants(starts)])

    def _note_newest(self, block: Block, now: datetime) -> None:
        order = block.order()
        times = block.times[order]
        sensors, starts = np.unique(block.sensor_ids[order], return_index=True)
        ends = np.append(starts[1:], len(times)) - 1
        rows, lasts = [], instants(times[ends])
        for sensor, last in zip(sensors.tolist(), lasts, strict=True):
            rows.append(self._newest.setdefault(sensor, Newest(last, now)))
            rows[-1].time = max(rows[-1].time, last)
        for key, column in block.values.items():
            ordered = column[order]
            # the last row in which each sensor says something of the metric; −1 or a row of the sensor before: none
            at = np.maximum.reduceat(np.where(block.news(key)[order], np.arange(len(ordered)), -1), starts)
            found = np.flatnonzero(at >= starts)
            same = len(found) == len(at) and np.array_equal(at, ends)
            newest = lasts if same else instants(times[at[found]])
            self._note_values([rows[place] for place in found], key, ordered[at[found]], newest)

    def _note_values(self, rows: list[Newest], key: str, values: Column, times: list[datetime]) -> None:
        low, high = self._catalogue[key].plausible
        flagged = (values < low) | (values > high)
        for row, value, time, flag in zip(rows, values.tolist(), times, flagged.tolist(), strict=True):
            held = row.values.get(key)
            if held is None or time >= held[1]:
                row.values[key] = (None if math.isnan(value) else value, time, flag)

    def _count(self, block: Block, now: datetime, outcome: Outcome, without: Block | None = None) -> None:
        less = _per_sensor(without) if without is not None else {}
        for sensor, count in _per_sensor(block).items():
            if number := count - less.get(sensor, 0):
                self._tally.add_readings(now, sensor, outcome, number)

    def _without_known(self, block: Block) -> Block:
        """The rows of a block that are not in the database."""
        low, high = instant(block.times.min()), instant(block.times.max())
        sensors = np.unique(block.sensor_ids).tolist()
        rows = self._conn.execute(statement("known_times"), [sensors, low, high]).fetchall()
        known = {(row[0], row[1]) for row in rows}
        pairs = zip(block.sensor_ids.tolist(), map(instant, block.times), strict=True)
        fresh = np.fromiter((pair not in known for pair in pairs), dtype=bool, count=len(block.times))
        keys = np.stack([block.sensor_ids.astype(np.int64), block.times.astype(np.int64)], axis=1)
        first = np.zeros(len(keys), dtype=bool)
        first[np.unique(keys, axis=0, return_index=True)[1]] = True  # one of each pair within the block
        fresh &= first
        return block.only(fresh)


def make_partitions(conn: psycopg.Connection[Any], times: Column, made: set[int]) -> None:
    """Make the partitions of these instants (datetime64); weeks in `made` have theirs, new ones are added to it."""
    for week in np.unique(times.astype("datetime64[D]").astype("int64") // 7).tolist():
        if week not in made:
            for day in (week * 7, week * 7 + 6):
                instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
                conn.execute(statement("ensure_partition"), [instant])
            made.add(week)


def _per_sensor(block: Block) -> dict[int, int]:
    sensors, counts = np.unique(block.sensor_ids, return_counts=True)
    return {int(sensor): int(count) for sensor, count in zip(sensors, counts, strict=True)}


def _once(sensors: Column, times: Column) -> tuple[Column, Column]:
    """Each pair of the two columns once, sorted."""
    order = np.lexsort((times, sensors))
    sensors, times = sensors[order], times[order]
    new = np.ones(len(times), dtype=bool)
    new[1:] = (sensors[1:] != sensors[:-1]) | (times[1:] != times[:-1])
    return sensors[new], times[new]


def _floored(times: Column) -> Column:
    step = int(TOUCHED / np.timedelta64(1, "us"))
    return np.asarray((times.astype("int64") // step * step).astype("datetime64[us]"))
