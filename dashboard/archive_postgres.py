"""The archive on PostgreSQL: one named question each, answered as binary arrays that numpy reads as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

import sql
from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import (
    HOURS_ROW,
    MAX_POINTS,
    ROW,
    Hours,
    Kept,
    Known,
    Level,
    Limit,
    Outage,
    Question,
    Series,
    Unit,
    aware,
    bucket_start,
    buckets,
    hours_of,
    series_of,
)
from dashboard.pool import Pool
from dashboard.store import StoreError

#: Before the elements of an array of one dimension, sent binary: dimensions, whether there are nulls, type, length and
#: lower bound, 4 bytes each (PostgreSQL, array_send); before each element its length.
_ARRAY_HEAD = 20
#: Pages ask side by side; the live reader has its own connection.
CONNECTIONS = 4
#: Longer than any named question takes; a page says that it was too long.
QUERY_S = 5.0

#: A row of a series as it comes: how many values and sensors, and its two marks, in one number.
PACKED_ROW: Sequence[tuple[str, str]] = (
    ("place", ">i4"), ("time", ">i8"), ("value", ">f4"), ("low", ">f4"), ("high", ">f4"), ("counts", ">i8"),
)  # fmt: skip
#: Points from which on a question is asked as two halves of its time, side by side: the server has a core for each.
HALVED = 5000

#: The one value of several rows of a bucket: a sensor that moved within it has a row a district.
_COMBINED = {
    "mean": "sum({key}_mean * {key}_n) / nullif(sum({key}_n), 0)",
    "sum": "sum({key}_sum)",
    "vector": "direction(sum({key}_east * {key}_n), sum({key}_north * {key}_n))",
}


#: The question's name by unit and level, and the names of its places' numbers.
_NAMES = {
    ("district", Level.TEN_MINUTES): "archive_district_10min",
    ("district", Level.HOUR): "archive_district_hour",
    ("district", Level.DAY): "archive_district_day",
    ("sensor", Level.RAW): "archive_sensor_raw",
    ("sensor", Level.TEN_MINUTES): "archive_sensor_10min",
    ("sensor", Level.HOUR): "archive_sensor_hour",
    ("sensor", Level.DAY): "archive_sensor_day",
}
_PLACES = {"district": "archive_districts", "sensor": "archive_sensors"}


def question_sql(unit: Unit, level: Level, metric: Metric) -> LiteralString:
    """The named query of that unit and level for one metric."""
    value = "sum" if metric.aggregation == "sum" else "mean"
    template = sql.query(_NAMES[unit, level]).replace("{combined}", _COMBINED[metric.aggregation])
    text = template.replace("{key}", metric.key).replace("{value}", value).replace("{bit}", str(metric.bit))
    return sql.literal(text)


def hours_sql(unit: Unit, level: Level, metric: Metric) -> LiteralString:
    """The named query of what hourly figures say, by hours or days."""
    value = "sum" if metric.aggregation == "sum" else "mean"
    by_day = level is Level.DAY
    bucket = "date_trunc('day', h.bucket, %(zone)s)" if by_day else "h.bucket"
    text = sql.query("archive_sensor_hours" if unit == "sensor" else "archive_district_hours")
    text = text.replace("{combined}", _COMBINED[metric.aggregation]).replace("{bucket}", bucket)
    return sql.literal(text.replace("{key}", metric.key).replace("{value}", value))


def packed(question: LiteralString, row: Sequence[tuple[str, str]] = PACKED_ROW) -> LiteralString:
    """The question, answered by a row a place: its number, then an array of each other field of `row`."""
    text = sql.query("archive_series" if row is PACKED_ROW else "archive_packed").replace("{field}", "{key}")
    return sql.literal(sql.expand(text, [name for name, _ in row[1:]]).replace("{question}", question))


def column(array: bytes, kind: str) -> NDArray[Any]:
    """The elements of a binary array that holds no null."""
    return np.frombuffer(array, [("length", ">i4"), ("element", kind)], offset=_ARRAY_HEAD)["element"]


def halves(question: Question, zone: ZoneInfo) -> Sequence[Question]:
    """The question as it is, or a large one as the two halves of its span, which meet where a bucket begins.

    By time, not by places: an index by time that all of them share would be read twice. Raw readings have no buckets.
    """
    starts = buckets(question.level, question.start, question.end, zone)
    if len(starts) * len(question.places) < HALVED:
        return (question,)
    middle = aware(starts[len(starts) // 2])
    return (replace(question, end=middle), replace(question, start=middle))


class PgArchive:
    """Answers through `url`; each question is one statement of its own connection out of a small pool."""

    def __init__(self, url: str, pack: CityPack) -> None:
        self._pack = pack
        self._pool = Pool(url, "sdot dashboard history", CONNECTIONS, QUERY_S)

    async def kept(self) -> Kept:
        """See Archive."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(sql.query("archive_kept"))).fetchone()
        if row is None:
            raise StoreError("schema", "the checkpoint is empty")
        return Kept(*row)

    async def ask(self, question: Question) -> Sequence[Series]:
        """See Archive."""
        metric = self._pack.catalogue[question.metric]
        query, given = question_sql(question.unit, question.level, metric), {"most": MAX_POINTS + 1}
        parts = (self._rows(query, PACKED_ROW, part, given) for part in halves(question, self._pack.zone))
        found = await asyncio.gather(*parts)
        rows = {place: [part[place] for part in found if place in part] for place in question.places}
        return [series_of(place, _unpacked(np.concatenate(some))) for place, some in rows.items() if some]

    async def hours(self, question: Question, limits: Sequence[Limit]) -> Sequence[Hours]:
        """See Archive."""
        metric = self._pack.catalogue[question.metric]
        query = hours_sql(question.unit, question.level, metric)
        whole = replace(question, level=Level.DAY if question.level is Level.DAY else Level.HOUR)
        given = {
            "since": [one.since for one in limits],
            "until": [one.until for one in limits],
            "low": [one.low for one in limits],
        }
        found = await self._rows(query, HOURS_ROW, whole, given)
        return [hours_of(place, rows) for place, rows in found.items()]

    async def left_out(self, question: Question) -> tuple[int, int]:
        """See Archive."""
        metric = self._pack.catalogue[question.metric]
        text = sql.query("archive_left_out").replace("{key}", metric.key).replace("{bit}", str(metric.bit))
        start = bucket_start(question.level, question.start, self._pack.zone)
        given = {"unit": question.unit, "place": question.places[0], "start": start, "end": question.end}
        async with self._pool.connection() as conn:
            row = await (await conn.execute(sql.literal(text), given)).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    async def sensors(self, serials: Sequence[str]) -> Sequence[Known]:
        """See Archive."""
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(sql.query("archive_known"), [list(serials)])).fetchall()
        return [Known(*row) for row in rows]

    async def find(self, part: str, most: int) -> Sequence[Known]:
        """See Archive."""
        async with self._pool.connection() as conn:
            found = await conn.execute(sql.query("archive_find"), {"part": part, "most": most})
            return [Known(*row) for row in await found.fetchall()]

    async def outages(self, start: datetime, end: datetime) -> Sequence[Outage]:
        """See Archive."""
        async with self._pool.connection() as conn:
            found = await conn.execute(sql.query("archive_outages"), {"start": start, "end": end})
            return [Outage(*row) for row in await found.fetchall()]

    async def _rows(
        self,
        query: LiteralString,
        row: Sequence[tuple[str, str]],
        question: Question,
        given: Mapping[str, Any],
    ) -> dict[str, NDArray[Any]]:
        """Each place of the question with its rows by time, where it has any."""
        async with self._pool.connection() as conn:
            named = sql.query(_PLACES[question.unit])
            numbers = dict(await (await conn.execute(named, [list(question.places)])).fetchall())
            start = bucket_start(question.level, question.start, self._pack.zone)
            common = {
                "places": list(numbers.values()), "start": start, "end": question.end, "zone": self._pack.timezone,
            }  # fmt: skip
            async with conn.cursor(binary=True) as cursor:
                await cursor.execute(packed(query, row), {**common, **given})
                found = _read(cursor.pgresult, row)
        return {place: found[numbers[place]] for place in question.places if numbers.get(place) in found}

    async def close(self) -> None:
        """See Archive."""
        await self._pool.close()


def _unpacked(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows of a series with each count and mark for itself."""
    whole, counts = np.empty(len(rows), list(ROW)), rows["counts"]
    for name in ("time", "value", "low", "high"):
        whole[name] = rows[name]
    whole["n"], whole["sensors"] = counts >> 32, (counts & 0xFFFFFFFF) >> 2
    whole["flagged"], whole["imported"] = counts >> 1 & 1, counts & 1
    return whole


def _read(result: Any, row: Sequence[tuple[str, str]]) -> dict[int, NDArray[Any]]:
    """Place's number → its rows, out of psycopg's PGresult; its own reading of an array makes an object of each element."""
    found: dict[int, NDArray[Any]] = {}
    if result is None:
        return found
    for place in range(result.ntuples):
        number, *arrays = (result.get_value(place, field) or b"" for field in range(len(row)))
        columns = [column(array, kind) for array, (_, kind) in zip(arrays, row[1:], strict=True)]
        rows = np.empty(len(columns[0]), [(name, kind.replace(">", "=")) for name, kind in row])
        order = np.argsort(columns[0], kind="stable")
        for (name, _), values in zip(row[1:], columns, strict=True):
            rows[name] = values[order]
        found[int.from_bytes(number, "big")] = rows
    return found
