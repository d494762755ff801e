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
    Hours,
    Kept,
    Known,
    Level,
    Limit,
    Outage,
    Question,
    Series,
    Unit,
    bucket_start,
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
#: Which place it is and the arrays of its other fields, as they come; and fields as arrays of one length.
Packed = tuple[bytes, ...]
Columns = dict[str, NDArray[Any]]
#: Points from which on a question is asked as two halves of its time, side by side: the server has a core for each.
HALVED = 5000

#: The one value of several rows of a bucket: a sensor that moved within it has a row a district.
_COMBINED = {
    "mean": "sum({key}_mean * {key}_n) / nullif(sum({key}_n), 0)",
    "sum": "sum({key}_sum)",
    "vector": "direction(sum({key}_east * {key}_n), sum({key}_north * {key}_n))",
}


#: The question's name by unit and level.
_NAMES = {
    ("district", Level.TEN_MINUTES): "archive_district_10min",
    ("district", Level.HOUR): "archive_district_hour",
    ("district", Level.DAY): "archive_district_day",
    ("sensor", Level.RAW): "archive_sensor_raw",
    ("sensor", Level.TEN_MINUTES): "archive_sensor_10min",
    ("sensor", Level.HOUR): "archive_sensor_hour",
    ("sensor", Level.DAY): "archive_sensor_day",
}
#: What places are called.
_CODES = {"district": "code", "sensor": "serial"}


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


def packed(unit: Unit, question: LiteralString, row: Sequence[tuple[str, str]] = PACKED_ROW) -> LiteralString:
    """The question, answered by a row a place: which one (from 1), then an array of each other field of `row`."""
    text = sql.query("archive_series" if row is PACKED_ROW else "archive_packed").replace("{field}", "{key}")
    text = sql.expand(text, [name for name, _ in row[1:]]).replace("{question}", question)
    return sql.literal(text.replace("{code}", _CODES[unit]).replace("{unit}", unit))


def halves(question: Question, zone: ZoneInfo) -> Sequence[Question]:
    """The question as it is, or a large one as the two halves of its span, which meet where a bucket begins.

    By time, not by places: an index by time that all of them share would be read twice. Raw readings have no buckets.
    """
    level, span = question.level, question.end - question.start
    if level is Level.RAW or span / level.step * len(question.places) < HALVED:
        return (question,)
    middle = bucket_start(level, question.start + span / 2, zone)
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
        found = await self._rows(query, PACKED_ROW, halves(question, self._pack.zone), given)
        return [series_of(place, _unpacked(rows)) for place, rows in found.items()]

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
        found = await self._rows(query, HOURS_ROW, (whole,), given)
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
        parts: Sequence[Question],
        given: Mapping[str, Any],
    ) -> dict[str, Columns]:
        """Each place of the question, asked in some parts side by side, with its rows by time, where it has any."""
        places, text = parts[0].places, packed(parts[0].unit, query, row)
        given = {**given, "places": list(places), "zone": self._pack.timezone}
        answers = await asyncio.gather(*(self._answer(text, part, given) for part in parts))
        return _by_place(columns_of([one for answer in answers for one in answer], row), places)

    async def _answer(
        self, text: LiteralString, part: Question, given: Mapping[str, Any]
    ) -> Sequence[Packed]:
        start = bucket_start(part.level, part.start, self._pack.zone)
        async with self._pool.connection() as conn, conn.cursor(binary=True) as cursor:
            await cursor.execute(text, {**given, "start": start, "end": part.end})
            found = cursor.pgresult
            if found is None:
                return ()
            fields = range(found.nfields)
            # psycopg's own reading of an array makes an object of each element
            return [
                tuple(found.get_value(place, field) or b"" for field in fields)
                for place in range(found.ntuples)
            ]

    async def close(self) -> None:
        """See Archive."""
        await self._pool.close()


def columns_of(answers: Sequence[Packed], row: Sequence[tuple[str, str]]) -> Columns:
    """Fields of `row`, each an array: all that was answered, by place and time."""
    kinds = dict(row[1:])
    fields = {
        name: column([answer[place] for answer in answers], kind)
        for place, (name, kind) in enumerate(kinds.items(), 1)
    }
    counts = [len(answer[1][_ARRAY_HEAD:]) // (4 + np.dtype(kinds["time"]).itemsize) for answer in answers]
    places = np.repeat([int.from_bytes(answer[0], "big") for answer in answers], counts)
    order = np.lexsort((fields["time"], places))
    return {"place": places[order]} | {name: values[order] for name, values in fields.items()}


def column(arrays: Sequence[bytes], kind: str) -> NDArray[Any]:
    """The elements of binary arrays that hold no null, one after another."""
    whole = b"".join(array[_ARRAY_HEAD:] for array in arrays)
    found = np.frombuffer(whole, [("length", ">i4"), ("element", kind)])["element"]
    return found.astype(np.dtype(kind).newbyteorder("="))


def _by_place(columns: Columns, places: Sequence[str]) -> dict[str, Columns]:
    borders = np.searchsorted(columns["place"], np.arange(1, len(places) + 2)).tolist()
    return {
        place: {name: values[start:end] for name, values in columns.items()}
        for place, start, end in zip(places, borders, borders[1:], strict=False)
        if start < end
    }


def _unpacked(rows: Columns) -> Columns:
    """Rows of a series with each count and mark for itself."""
    counts = rows["counts"]
    return rows | {
        "n": counts >> 32,
        "sensors": (counts & 0xFFFFFFFF) >> 2,
        "flagged": counts >> 1 & 1,
        "imported": counts & 1,
    }
