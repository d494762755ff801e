"""Columns as PostgreSQL's binary rows, read back by PostgreSQL's own description of them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ingest.binary import encode
from ingest.block import Block

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
FIRST = np.datetime64("2026-01-01T00:00:00.000001", "us")
#: struct formats of time, sensor, district, received, revision, flags, extra, then one a metric
HEAD = (">q", ">i", ">h", ">q", ">i", ">q", None)


def block(sensors: list[int], **values: list[float]) -> Block:
    columns = {key: np.array(column, dtype=np.float32) for key, column in values.items()}
    times = FIRST + np.arange(len(sensors)) * np.timedelta64(1, "s")
    return Block(np.array(sensors, dtype=np.int32), times, columns)


def decoded(data: bytes, metrics: int) -> list[list[float | None]]:
    """Rows of a COPY stream (PostgreSQL documentation, COPY, "Tuples")."""
    formats = [*HEAD, *[">f"] * metrics]
    found, at = [], 0
    while at < len(data):
        (fields,) = struct.unpack_from(">h", data, at)
        assert fields == len(formats)
        row, at = [], at + 2
        for form in formats:
            (length,) = struct.unpack_from(">i", data, at)
            at += 4
            if length == -1:
                row.append(None)
                continue
            assert form is not None
            assert length == struct.calcsize(form)
            row.append(struct.unpack_from(form, data, at)[0])
            at += length
        found.append(row)
    return sorted(found, key=lambda row: row[0])


def rows(
    given_block: Block, districts: list[int] | None = None, flags: list[int] | None = None
) -> list[list[float | None]]:
    count = len(given_block.times)
    homes = np.array(districts or [1] * count, dtype=">i2")
    bits = np.array(flags or [0] * count, dtype=">i8")
    return decoded(b"".join(encode(given_block, bits, homes, NOW)), len(given_block.values))


def micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def test_a_row():
    (row,) = rows(block([7], pm25=[0.1]), [3], [5])
    time = micros(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
    assert row == [time, 7, 3, micros(NOW), 0, 5, None, float(np.float32(0.1))]


def test_what_is_absent_is_null():
    nan = float("nan")
    found = rows(block([1, 2, 3], pm25=[1, nan, nan], pm10=[nan, 2, nan]), [1, -1, 2])
    assert [row[2] for row in found] == [1, None, 2]
    assert [row[7:] for row in found] == [[1, None], [None, 2], [None, None]]


def test_instants_before_2000_are_negative():
    early = Block(
        np.array([1], np.int32),
        np.array(["1999-12-31T23:59:59.999999"], "datetime64[us]"),
        {"pm25": np.array([1], np.float32)},
    )
    assert rows(early)[0][0] == -1


@pytest.mark.parametrize("count", [1, 40_000])
def test_chunks_are_cut_anywhere(count: int):
    found = rows(block(list(range(count)), pm25=[1.5] * count))
    assert [row[1] for row in found] == list(range(count))


FLOATS = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 8), st.just(3)), elements=st.floats(width=32, allow_infinity=False)
)


@given(FLOATS)
def test_every_float_comes_back_as_it_is(values: np.ndarray):
    columns = dict(zip(("pm25", "pm10", "noise"), values.T.tolist(), strict=True))
    found = np.array([row[7:] for row in rows(block(list(range(len(values))), **columns))], dtype=np.float32)
    np.testing.assert_array_equal(found, values)
