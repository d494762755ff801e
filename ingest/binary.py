"""PostgreSQL's binary rows out of numpy columns, and columns out of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import psycopg
from psycopg.copy import QueuedLibpqWriter

from ingest.block import Block, Column, moment

#: PostgreSQL's binary COPY: signature, flags and the length of no extension; and the trailer
#: (PostgreSQL documentation, COPY, "Binary Format").
_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
#: PostgreSQL counts microseconds from 2000-01-01.
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")
#: Rows laid out and handed to libpq at a time: some hundred kB, which stay in the processor's cache.
_LAID_OUT = 4096

#: Name, numpy's kind ("" for null), column.
Field = tuple[str, str, Any]


def since_2000(times: Any) -> Any:
    """datetime64 as PostgreSQL counts."""
    return (times - _EPOCH).astype("int64")


def copy_in(conn: psycopg.Connection[Any], query: LiteralString, chunks: Iterable[bytes]) -> None:
    """Write rows by a COPY … FROM STDIN (FORMAT binary)."""
    cursor = conn.cursor()
    # the writer's own thread sends while the next rows are laid out
    writer = QueuedLibpqWriter(cursor)
    with cursor, cursor.copy(query, writer=writer) as copy:
        copy.write(_HEADER)
        for chunk in chunks:
            copy.write(chunk)
        copy.write(_TRAILER)


def copy_rows(conn: psycopg.Connection[Any], query: LiteralString, rows: Sequence[bytes]) -> None:
    """Write a batch's rows by a COPY … FROM STDIN (FORMAT binary)."""
    with conn.cursor() as cursor, cursor.copy(query) as copy:
        copy.write(b"".join((_HEADER, *rows, _TRAILER)))


def columns(data: bytes, fields: Sequence[tuple[str, str]]) -> dict[str, Column]:
    """Name → column of values of fixed width, row after row, as PostgreSQL's `…send` functions write them."""
    records = np.frombuffer(data, dtype=list(fields))
    return {name: records[name].astype(np.dtype(kind).newbyteorder("=")) for name, kind in fields}


def pieces(fields: Sequence[Field], count: int) -> Iterator[bytes]:
    """The bytes of `count` rows, part after part."""
    for start in range(0, count, _LAID_OUT):
        part = slice(start, min(start + _LAID_OUT, count))
        yield laid_out(
            [(name, kind, column[part]) for name, kind, column in fields], part.stop - start
        ).tobytes()


def rows_of(fields: Sequence[Field], nulls: Sequence[Column | None], count: int) -> list[bytes]:
    """The bytes of each of `count` rows; `nulls`: for each field where it is null, None where it never is.

    Rows of one pattern of nulls have one width, so numpy lays them out; fields that share a mask are null together.
    """
    masks = list({id(mask): mask for mask in nulls if mask is not None}.values())
    codes = np.zeros(count, dtype=np.int64)
    for bit, mask in enumerate(masks):
        codes |= mask.astype(np.int64) << bit
    rows: list[bytes] = [b""] * count
    for code in np.unique(codes).tolist():
        places = np.flatnonzero(codes == code)
        null = {id(mask) for bit, mask in enumerate(masks) if code >> bit & 1}
        part = [
            (name, "" if id(mask) in null else kind, column[places] if np.ndim(column) else column)
            for (name, kind, column), mask in zip(fields, nulls, strict=True)
        ]
        data = laid_out(part, len(places)).tobytes()
        width = len(data) // len(places)
        for start, place in enumerate(places.tolist()):
            rows[place] = data[start * width : start * width + width]
    return rows


def encode(block: Block, flags: Column, districts: Column, received_at: datetime) -> Iterator[bytes]:
    """Binary COPY rows of a block, in chunks; rows of one pattern of nulls have one width, so numpy lays them out."""
    codes = (districts < 0).astype(np.int64)  # a bit for each column: null or not
    for bit, column in enumerate(block.values.values(), start=1):
        codes |= np.isnan(column).astype(np.int64) << bit
    for code, length, rows in _patterns(block, codes):
        nulls = (code >> np.arange(len(block.values) + 1)) & 1 == 1
        for start in range(0, len(rows), _LAID_OUT):
            part = rows[start : start + _LAID_OUT]
            yield _rows(block, part, nulls, (flags, districts, length), received_at).tobytes()


def _patterns(block: Block, codes: Column) -> Iterator[tuple[int, int, Column]]:
    """(code, bytes of extra, rows) of all rows that have one width."""
    if block.extra is None:
        for code in np.unique(codes).tolist():
            yield code, 0, np.flatnonzero(codes == code)
        return
    lengths = np.fromiter((len(one or b"") for one in block.extra), dtype=np.int64, count=len(block))
    for length in np.unique(lengths).tolist():
        same = lengths == length
        for code in np.unique(codes[same]).tolist():
            yield code, length, np.flatnonzero(same & (codes == code))


def _rows(
    block: Block, rows: Column, nulls: Column, beside: tuple[Column, Column, int], received_at: datetime
) -> Column:
    flags, districts, length = beside
    fields: list[Field] = [
        ("time", ">i8", since_2000(block.times[rows])),
        ("sensor_id", ">i4", block.sensor_ids[rows]),
        ("district_id", "" if nulls[0] else ">i2", districts[rows]),
        ("received_at", ">i8", since_2000(moment(received_at))),
        ("revision", ">i4", 0 if block.revisions is None else block.revisions[rows]),
        ("flags", ">i8", flags[rows]),
        _extra_field(block, rows, length),
    ]
    for null, (key, column) in zip(nulls[1:], block.values.items(), strict=True):
        fields.append((key, "" if null else ">f4", column[rows]))
    return laid_out(fields, len(rows))


def _extra_field(block: Block, rows: Column, length: int) -> Field:
    """Of rows whose extra has one length: the version of the format, 1, and the text (jsonb_recv)."""
    if block.extra is None or not length:
        return ("extra", "", None)
    texts = np.array([b"\x01" + one for one in block.extra[rows]], dtype=f"S{length + 1}")
    return ("extra", texts.dtype.str, texts)


def laid_out(fields: Sequence[Field], count: int) -> Column:
    """A record array of (number of fields, then length and bytes of each field; length −1 is null)."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind, _ in fields:
        layout.append((f"#{name}", ">i4"))
        if kind:
            layout.append((f"={name}", kind))
    one = np.zeros(1, dtype=layout)  # what all rows have in common is written once
    one["fields"] = len(fields)
    for name, kind, column in fields:
        one[f"#{name}"] = np.dtype(kind).itemsize if kind else -1
        if kind and np.ndim(column) == 0:
            one[f"={name}"] = column
    records = np.repeat(one, count)
    for name, kind, column in fields:
        if kind and np.ndim(column):
            records[f"={name}"] = column
    return records
