"""Rows of `reading` and of `latest` as binary COPY wants them: of columns by the thousand, of single readings one by one."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from ingest.binary import Field, rows_of
from ingest.block import Column
from ingest.fold import Key, Row
from ingest.sheet import Latest, Sheet

_START, _MICRO = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: Columns before the metrics: time, sensor_id, district_id, received_at, revision, flags, extra
_BEFORE = 7
#: A null, and values of fixed width with their lengths before them
_NULL = b"\xff\xff\xff\xff"
_BEGIN, _DISTRICT = struct.Struct(">hiqii"), struct.Struct(">ih")
_MIDDLE, _LENGTH, _VALUE = struct.Struct(">iqiiiq"), struct.Struct(">i"), struct.Struct(">if")
#: Version of jsonb's binary form
_JSONB = b"\x01"


def of_sheet(sheet: Sheet, keys: Sequence[str], flags: Column) -> list[bytes]:
    """Rows of `reading` by sensor and time: head, then `keys`. `flags` as the sheet's columns."""
    order, values = sheet.order, sheet.columns.values
    districts = sheet.districts[order]
    fields: list[Field] = [
        ("time", ">i8", sheet.columns.times[order]),
        ("sensor_id", ">i4", sheet.sensor_ids[order]),
        ("district_id", ">i2", districts),
        ("received_at", ">i8", sheet.received[order]),
        ("revision", ">i4", 0),
        ("flags", ">i8", flags[order]),
        ("extra", "", None),
    ]
    nulls: list[Column | None] = [None, None, districts < 0, None, None, None, None]
    for key in keys:
        ordered = values[key][order] if key in values else None
        fields.append((key, "" if ordered is None else ">f4", ordered))
        nulls.append(None if ordered is None else np.isnan(ordered))
    return rows_of(fields, nulls, len(sheet))


def of_row(key: Key, row: Row, flags: int, keys: Sequence[str]) -> bytes:
    """The same of one row."""
    sensor_id, time = key
    begin = _BEGIN.pack(_BEFORE + len(keys), 8, (time - _START) // _MICRO, 4, sensor_id)
    district = _NULL if row.district_id is None else _DISTRICT.pack(2, row.district_id)
    received = (row.received_at - _START) // _MICRO
    middle = _MIDDLE.pack(8, received, 4, row.revision, 8, flags)
    values = [_NULL if value is None else _VALUE.pack(4, value) for value in map(row.values.get, keys)]
    return b"".join((begin, district, middle, _json(row.extra), *values))


def _json(extra: Mapping[str, object] | None) -> bytes:
    if not extra:
        return _NULL
    text = json.dumps(extra).encode()
    return _LENGTH.pack(len(text) + 1) + _JSONB + text


def of_latest(latest: Latest) -> list[bytes]:
    """Rows of `staged_latest`: sensor, times, then value, time and flag of each metric."""
    fields: list[Field] = [
        ("sensor_id", ">i4", latest.sensor_ids),
        ("time", ">i8", latest.times),
        ("changed_at", ">i8", latest.changed),
    ]
    nulls: list[Column | None] = [None, None, None]
    for key, (values, times, flagged) in latest.values.items():
        fields += [(key, ">f4", values), (f"{key}_time", ">i8", times), (f"{key}_flagged", "?", flagged)]
        nulls += [np.isnan(values)] * 3
    return rows_of(fields, nulls, len(latest.sensor_ids))
