"""Plain messages read as columns are what the decoder makes of them, reading by reading."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.contract import BadMessage, Decoder
from city.plain import PlainDecoder
from city.reading import MAX_READINGS, Reading
from city.rfc3339 import NO_TIME, since_2000
from ingest.columns import Columns, Reader, micros
from ingest.message import Message
from tests.inlet import AT, message, seoul

START = datetime(2000, 1, 1, tzinfo=UTC)
PLAIN = PlainDecoder(seoul().catalogue)


def decoded(payload: bytes) -> list[Any]:
    try:
        return Decoder(seoul().catalogue).decode(payload)
    except BadMessage as bad:
        return [bad.refusal]


def readings(columns: Columns) -> list[tuple[datetime, dict[str, float]]]:
    return [
        (START + timedelta(microseconds=int(time)), {
            key: float(column[row]) for key, column in columns.values.items() if not np.isnan(column[row])
        })
        for row, time in enumerate(columns.times)
    ]  # fmt: skip


def read(*messages: Message) -> Columns:
    return Reader(seoul().catalogue).read(messages)


# Times

STAMPS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).flatmap(
    lambda at: st.sampled_from(
        [at.isoformat(timespec=kind) for kind in ("seconds", "milliseconds", "microseconds")]
    )
)
OFFSETS = st.sampled_from(
    ["Z", "+09:00", "-03:00", "+05:45", "-23:59", "+00:00", "z", "", "+9:00", "+24:00", " Z"]
)
TIMES = st.builds(lambda stamp, more, offset: stamp + more * ("." in stamp) + offset, STAMPS, st.sampled_from(
    ["", "7", "789", "7890"]), OFFSETS)  # fmt: skip


@given(st.lists(TIMES | st.text(max_size=30), max_size=30))
def test_a_column_of_times_is_what_the_decoder_reads_or_nothing(texts: list[str]):
    for text, found in zip(texts, since_2000(texts).tolist(), strict=True):
        (item,) = decoded(json.dumps({"pm25": 1, "time": text}).encode())
        if found != NO_TIME:
            assert isinstance(item, Reading)
            assert item.time == START + timedelta(microseconds=found)
        elif isinstance(item, Reading):  # what it leaves to the decoder is odd at least
            assert text[-6:] in ("+24:00", "+05:75")


@pytest.mark.parametrize(
    "text",
    ["2026-11-24T14:29:05Z", "2024-02-29T23:59:59.123456789+09:00", "1999-12-31T23:59:59.5-11:30", "0001-01-02T00:00:00Z"],
)  # fmt: skip
def test_times_that_a_column_can_read(text: str):
    (item,) = decoded(json.dumps({"pm25": 1, "time": text}).encode())
    assert START + timedelta(microseconds=int(since_2000([text])[0])) == item.time


@pytest.mark.parametrize(
    "text",
    ["2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-01-01T24:00:00Z", "2023-01-32T00:00:00Z",
     "2023-01-01T00:60:00Z", "2023-01-01T00:00:60Z", "2023-01-01 00:00:00Z", "2023-01-01T00:00:00", "２023-01-01T00:00:00Z",
     "2023-01-01T00:00:00.Z", "2023-01-01T00:00:00.1234567890Z", "2023-01-01T00:00:00+0900", ""],
)  # fmt: skip
def test_no_times(text: str):
    assert since_2000([text, "2023-01-01T00:00:00Z"]).tolist() == [NO_TIME, 725_846_400_000_000]


@given(
    st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)), max_size=20)
)
def test_microseconds_are_exact(times: list[datetime]):
    assert micros(times).tolist() == [(time - START) // timedelta(microseconds=1) for time in times]


# Readings

VALUES = st.floats(width=64) | st.integers(-(2**70), 2**70) | st.booleans() | st.none() | st.sampled_from(
    ["12.5", 0, -0.0, 1e39, 16_777_215, 12.1, [], {}]
)  # fmt: skip
USUAL = st.sampled_from([0, 12.1, 35.04, 3, -0.0])
KEYS = st.sampled_from(
    ["pm25", "pm10", "temperature", "visitors", "pm25", "battery", "sensor", "revision", "lat"]
)
BODY = st.dictionaries(
    st.sampled_from(["pm25", "pm10", "temperature", "visitors"]), USUAL, max_size=4
) | st.dictionaries(KEYS, VALUES, max_size=3)
TIMED = st.builds(
    lambda body, time: body | ({"time": time} if time is not None else {}),
    BODY,
    st.sampled_from(
        [
            "2026-01-01T00:00:00Z",
            "2026-01-01T09:00:00.25+09:00",
            "2026-01-01",
            "2099-01-01T00:00:00Z",
            None,
            5,
        ]
    ),
)


@given(st.lists(TIMED | st.lists(TIMED, max_size=4), max_size=6))
def test_columns_are_what_the_decoder_reads(contents: list[Any]):
    messages = [message("s", json.dumps(content).encode()) for content in contents]
    columns = read(*messages)
    expected = []
    for one in messages:
        if one.plain is None:
            continue
        items = decoded(one.payload)
        assert len(items) == len(one)
        for item in items:
            assert isinstance(item, Reading)
            assert item.about is item.extra is item.sensor is None
            assert item.revision == 0
            assert None not in item.values.values()
            expected.append((item.time, item.values))
    assert readings(columns) == expected


@given(st.lists(TIMED | st.lists(TIMED, max_size=4), max_size=6))
def test_what_is_unfolded_is_what_the_long_way_reads(contents: list[Any]):
    """Whether plain at first sight or not, refusals and readings are the same."""
    for content in contents:
        payload = json.dumps(content).encode()
        one, other = message("s", payload), message("s", payload)
        other.plain = None
        read(one)
        if one.plain is None:
            future = {"future"}
            expected = decoded(payload)
            codes = [getattr(item, "code", None) for item in one.items]
            assert len(codes) == len(expected)
            for item, told, code in zip(one.items, expected, codes, strict=True):
                assert item == told or code in future


@pytest.mark.parametrize(
    "content",
    [
        {"pm25": 1, "time": "2026-01-01T00:00:00Z"},
        [{"pm25": 1, "time": "2026-01-01T00:00:00Z"}] * MAX_READINGS,
    ],
)
def test_plain(content: Any):
    assert PLAIN.readings(json.dumps(content).encode()) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"7", b'{"pm25": null, "time": "2026-01-01T00:00:00Z"}', b'{"pm25": 1}', b'{"pm25": true, "time": ""}',
        b'{"pm25": 1, "time": "2026-01-01T00:00:00Z", "x": 1}', b'{"pm25": NaN, "time": ""}', b'{"pm25": 1e999, "time": ""}',
        b"\xff", b"[" * 10_000, json.dumps([{"pm25": 1, "time": "2026-01-01T00:00:00Z"}] * (MAX_READINGS + 1)).encode(),
    ],
)  # fmt: skip
def test_not_plain(body: bytes):
    assert PLAIN.readings(body) is None


@pytest.mark.parametrize(
    "content",
    [
        {"pm25": 99_999, "time": AT}, {"time": AT}, {"pm25": 1, "time": AT + timedelta(minutes=6)},
        {"pm25": 1, "time": "yesterday"}, [{"pm25": 1, "time": AT}, {"time": AT}],
    ],
)  # fmt: skip
def test_one_that_turns_out_not_to_be_plain_is_read_the_long_way(content: Any):
    good, other = message("a", {"pm25": 1, "time": AT}), message("b", content)
    assert other.plain is not None
    columns = read(good, other)
    assert (columns.messages, columns.serials, readings(columns)) == ([good], ["a"], [(AT, {"pm25": 1.0})])
    assert other.plain is None
    assert other.items


def test_columns_without_some_messages():
    many = [
        message(serial, [{"pm25": n, "time": AT}, {"pm10": n, "time": AT}])
        for n, serial in enumerate("abcab")
    ]
    columns = read(*many).without(np.array([True, False, True, True, False]))
    assert (columns.serials, columns.who.tolist(), columns.of.tolist()) == (["b"], [0, 0], [0, 0, 1, 1])
    assert readings(columns) == [(AT, {key: n}) for n in (1.0, 4.0) for key in ("pm25", "pm10")]
