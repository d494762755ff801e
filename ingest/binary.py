"""PostgreSQL's binary rows out of numpy columns, and columns out of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import psycopg

from ingest.block import Block, Column, moment

#: PostgreSQL's binary COPY: signature, flags and the length of no extension; and the trailer
#: (PostgreSQL documentation, COPY, "Binary Format").
_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
#: PostgreSQL counts microseconds from 2000-01-01.
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")
#: Bytes handed to libpq at a time.
_CHUNK = 1 << 20

#: Name, numpy's kind ("" for null), column.
Field = tuple[str, str, Any]


def since_2000(times: Any) -> Any:
    """datetime64 as PostgreSQL counts."""
    return (times - _EPOCH).astype("int64")


def copy_in(conn: psycopg.Connection[Any], query: LiteralString, chunks: Iterable[bytes]) -> None:
    """Write rows by a COPY … FROM STDIN (FORMAT binary)."""
    with conn.cursor() as cursor, cursor.copy(query) as copy:
        copy.write(_HEADER)
        for chunk in chunks:
            copy.write(chunk)
        copy.write(_TRAILER)


def columns(data: bytes, fields: Sequence[tuple[str, str]]) -> dict[str, Column]:
    """Name → column of values of fixed width, row after row, as PostgreSQL's `…send` functions write them."""
    records = np.frombuffer(data, dtype=list(fields))
    return {name: records[name].astype(np.dtype(kind).newbyteorder("=")) for name, kind in fields}


def pieces(records: Column) -> Iterator[bytes]:
    """The bytes of records, in pieces for libpq."""
    data = records.tobytes()
    for start in range(0, len(data), _CHUNK):
        yield data[start : start + _CHUNK]


def encode(block: Block, flags: Column, districts: Column, received_at: datetime) -> Iterator[bytes]:
    """Binary COPY rows of a block, in chunks; rows of one pattern of nulls have one width, so numpy lays them out."""
    absent = np.stack([np.isnan(column) for column in block.values.values()], axis=1)
    absent = np.column_stack([districts < 0, absent])
    codes = absent @ (1 << np.arange(absent.shape[1], dtype=np.int64))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        nulls = absent[rows[0]]
        yield from pieces(_rows(block, rows, nulls, flags, districts, received_at))


def _rows(
    block: Block, rows: Column, nulls: Column, flags: Column, districts: Column, received_at: datetime
) -> Column:
    fields: list[Field] = [
        ("time", ">i8", since_2000(block.times[rows])),
        ("sensor_id", ">i4", block.sensor_ids[rows]),
        ("district_id", "" if nulls[0] else ">i2", districts[rows]),
        ("received_at", ">i8", since_2000(moment(received_at))),
        ("revision", ">i4", block.revision_column()[rows]),
        ("flags", ">i8", flags[rows]),
        ("extra", "", None),
    ]
    for null, (key, column) in zip(nulls[1:], block.values.items(), strict=True):
        fields.append((key, "" if null else ">f4", column[rows]))
    return laid_out(fields, len(rows))


def laid_out(fields: Sequence[Field], count: int) -> Column:
    """A record array of (number of fields, then length and bytes of each field; length −1 is null)."""
    records = np.empty(count, dtype=_layout([(name, kind) for name, kind, _ in fields]))
    records["fields"] = len(fields)
    for name, kind, column in fields:
        records[f"#{name}"] = np.dtype(kind).itemsize if kind else -1
        if kind:
            records[f"={name}"] = column
    return records


def _layout(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """A record's dtype; a field without a kind is null and has a length only."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in fields:
        layout.append((f"#{name}", ">i4"))
        if kind:
            layout.append((f"={name}", kind))
    return layout
