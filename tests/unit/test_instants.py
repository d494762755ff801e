"""Times as files write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.instants import check_format, instants
from city.layout import FORMATS

SEOUL = "Asia/Seoul"


def one(text: str | None, *formats: str, zone: str = SEOUL) -> str | None:
    (found,) = instants(pa.array([text], pa.string()), formats or FORMATS, zone)
    return None if np.isnat(found) else str(found)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2020-02-16 23:59:16", "2020-02-16T14:59:16.000000"),
        ("2026-09-27 13:58:01.0", "2026-09-27T04:58:01.000000"),
        ("2024-06-03 0:01", "2024-06-02T15:01:00.000000"),
        ("2022-10-03_01:00:00", "2022-10-02T16:00:00.000000"),
        ("2023-11-01_23", "2023-11-01T14:00:00.000000"),
        ("202002162359", "2020-02-16T14:59:00.000000"),
        ("20200216235901", "2020-02-16T14:59:01.000000"),
        ("202002162400", "2020-02-16T15:00:00.000000"),
        ("2019-12-31 24:00", "2019-12-31T15:00:00.000000"),
        ("2026-01-01T00:00:00.1234567+09:00", "2025-12-31T15:00:00.123456"),
        ("2026-01-01T00:00Z", "2026-01-01T00:00:00.000000"),
        ("2026-01-01 00:00-0330", "2026-01-01T03:30:00.000000"),
        ("2024-02-29 00:00", "2024-02-28T15:00:00.000000"),
    ],
)
def test_a_time(text: str, utc: str) -> None:
    assert one(text) == utc


@pytest.mark.parametrize(
    "text",
    ["", None, "soon", "2023-02-29 00:00", "2024-13-01 00:00", "2024-01-00 00:00", "2024-01-01 24:01", "2024-01-01 25:00",
     "2024-01-01 00:60", "2024-01-01 00:00:60", "2024-01-01", " 2024-01-01 00:00"],
)  # fmt: skip
def test_no_time(text: str | None) -> None:
    assert one(text) is None


def test_a_format_of_one_s_own() -> None:
    assert one("2020.5.1 7", "%Y.%m.%d %H") == "2020-04-30T22:00:00.000000"
    assert one("31/12/26 7:05", "%d/%m/%y %H:%M") == "2026-12-30T22:05:00.000000"
    assert one("(2026) 0101", "(%Y) %m%d") == "2025-12-31T15:00:00.000000"
    assert one("1577836800", "unix") == "2020-01-01T00:00:00.000000"
    assert one("1577836800123", "unix_ms") == "2020-01-01T00:00:00.123000"
    assert one("-1", "unix") == "1969-12-31T23:59:59.000000"
    assert one("now", "unix") is None


@pytest.mark.parametrize("text", ["%H:%M", "%Y-%m", "%Y-%m-%d %Q", "%Y-%m-%d %Y", "%Y-%m-%d [%H"])
def test_a_format_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="time format"):
        check_format(text)


def test_an_hour_that_the_clocks_skip_and_one_that_comes_twice() -> None:
    new_york = "America/New_York"
    assert one("2024-03-10 02:30", zone=new_york) is None
    assert one("2024-11-03 01:30", zone=new_york) == "2024-11-03T05:30:00.000000"
    assert one("2024-11-03 01:30-05:00", zone=new_york) == "2024-11-03T06:30:00.000000"


def test_a_column_keeps_its_order_and_its_gaps() -> None:
    texts = ["2024-01-01 00:00", None, "2024-01-01 00:00", "x", "202401010001"]
    found = instants(pa.array(texts), FORMATS, "UTC")
    assert [None if np.isnat(one) else str(one)[:16] for one in found] == [
        "2024-01-01T00:00", None, "2024-01-01T00:00", None, "2024-01-01T00:01",
    ]  # fmt: skip
    assert len(instants(pa.array([], pa.string()), FORMATS, "UTC")) == 0


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),
    st.sampled_from(["UTC", SEOUL]),
)
def test_as_python_reads_it(time: datetime, zone: str) -> None:
    expected = time.replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
    found = instants(pa.array([time.isoformat(sep=" ", timespec="microseconds")]), FORMATS, zone)
    assert found[0] == np.datetime64(expected, "us")
