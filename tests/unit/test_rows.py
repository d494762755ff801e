"""Files in the shapes of the city's open data, read by the layouts that the pack ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from city.layout import Layout, parse_layout
from city.pack import CityPack, load_pack
from city.readings import Readings
from city.rows import RowReader
from city.tables import layout_of, open_table, pack_layouts
from tests.tables import CASES, HOURLY, HOURLY_HEADER, NATURE_NEW, PACKET, WHOLE, Case, csv


@cache
def seoul() -> CityPack:
    return load_pack("seoul")


@cache
def shipped() -> tuple[Layout, ...]:
    return pack_layouts("seoul", seoul().catalogue)


def read(path: Path, layout: Layout | None = None, block_bytes: int = 1 << 20) -> list[Readings]:
    layout = layout_of(path, shipped(), layout)
    table = open_table(path, layout)
    table.block_bytes, table.chunk_rows = block_bytes, 1
    with table:
        return list(RowReader(layout, table.header, seoul()).all(table))


def mapped(tmp_path: Path, text: str, layout: str) -> Readings:
    """What a map makes of a file, as one chunk."""
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    (found,) = read(path, parse_layout(layout, "map", seoul().catalogue))
    return found


def rows_of(found: Readings) -> list[dict[str, Any]]:
    """Readings as a person would write them."""
    carried = found.carried or {key: np.ones(len(found), dtype=bool) for key in found.values}
    return [
        {"serial": found.serials[found.who[row]], "time": str(found.times[row])[:16]}
        | {
            key: None if np.isnan(column[row]) else float(column[row])
            for key, column in found.values.items()
            if carried[key][row]
        }
        for row in range(len(found))
    ]


def refusals(found: Readings) -> list[tuple[int, str, str]]:
    return [(one.line, one.code, one.text) for one in found.refused]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_published_file_is_recognised_and_read_whole(case: Case, tmp_path: Path) -> None:
    path = case.save(tmp_path)
    assert layout_of(path, shipped()).name == case.layout
    (found,) = read(path)
    best: dict[Any, tuple[int, dict[str, float]]] = {}
    for row, reading in enumerate(rows_of(found)):
        key = reading.pop("serial"), reading.pop("time")
        values = {name: value for name, value in reading.items() if value is not None}
        if key not in best or int(found.revisions[row]) >= best[key][0]:
            best[key] = int(found.revisions[row]), values
    expected = {(serial, time.isoformat()[:16]): values for (serial, time), values in case.expected.items()}
    assert {key: values for key, (_, values) in best.items()} == expected
    assert refusals(found) == []
    assert len(found) == found.rows == len(case.readings) + case.replaced
    for serial, (district, kind, model) in case.about.items():
        about = found.about[serial]
        assert (about.kind, about.model) == (kind, model)
        assert (seoul().district_named(about.district) if about.district else None) == district


@pytest.mark.parametrize("block_bytes", [90, 700, 5000])
def test_chunks_add_up(block_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "20200501.csv"
    rows = [["V02Q1940043", "2020.5.1", hour, hour, *["1"] * 19] for hour in range(24)]
    path.write_text(csv(HOURLY_HEADER, *rows), encoding="cp949")
    parts = read(path, block_bytes=block_bytes)
    assert np.concatenate([part.values["pm25"] for part in parts]).tolist() == [*range(24)]
    assert np.concatenate([part.lines for part in parts]).tolist() == [*range(2, 26)]


def test_the_sensor_s_number_keeps_its_zeros(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        "id,t,n\n0042,2026-01-01 00:00,1\n42,2026-01-01 00:00,1\nA1,2026-01-01 00:00,1\n",
        'serial = { column = "id", zero_pad = 6 }\ntime.column = "t"\nmetrics.visitors.column = "n"',
    )
    assert [row["serial"] for row in rows_of(found)] == ["000042", "000042", "A1"]


# What is no reading


FAULTY = [
    (("", "2020.5.1", "0", "1"), "serial", "the serial is empty"),
    (("센서", "2020.5.1", "0", "1"), "serial", '"센서" is no serial'),
    (("a b", "2020.5.1", "0", "1"), "serial", "give it one in [serial.names] of a map"),
    (
        ("a", "2020.5.32", "0", "1"),
        "time_format",
        '"date hour" is "2020.5.32 0", a time of none of the formats',
    ),
    (("a", "2020.5.1", "25", "1"), "time_format", "2020.5.1 25"),
    (("a", "2020.5.1", "0", "12,5"), "cells", "it has 24 cells, where the header has 23"),
    (("a", "2020.5.1", "0", "high"), "not_number", 'pm25 (초미세먼지 (㎍/㎥)) is "high", not a number'),
    (("a", "2020.5.1", "0", "0x1F"), "not_number", '"0x1F"'),
    (("a", "2020.5.1", "0", "inf"), "not_number", '"inf"'),
    (("a", "2020.5.1", "0", "1e60"), "not_number", "beyond what can be stored"),
]


@pytest.mark.parametrize(("cells", "code", "text"), FAULTY, ids=[each[2][:30] for each in FAULTY])
def test_a_row_that_is_none(cells: tuple[str, ...], code: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "20200501.csv"
    good = ["b", "2020.5.1", 0, *["1"] * 20]
    path.write_text(csv(HOURLY_HEADER, good, [*cells, *["1"] * 19], good), encoding="cp949")
    (found,) = read(path)
    assert found.lines.tolist() == [2, 4]
    ((line, found_code, found_text),) = refusals(found)
    assert (line, found_code) == (3, code)
    assert text in found_text
    assert cells[3].encode() in found.refused[0].row


def test_a_revision_that_is_none(tmp_path: Path) -> None:
    path = NATURE_NEW.save(tmp_path)
    text = (
        path.read_text(encoding="utf-8-sig")
        .replace("02:10:00,1", "02:10:00,3")
        .replace(",2026-09-22 02:10:00,", ",soon,")
    )
    path.write_text(text, encoding="utf-8")
    (found,) = read(path)
    assert [(line, code) for line, code, _ in refusals(found)] == [(2, "revision"), (3, "revision")]
    assert refusals(found)[1][2] == '"DATA_NO" is "3", none of 1, 2'


def test_the_first_fault_of_a_row_is_told(tmp_path: Path) -> None:
    path = tmp_path / "20200501.csv"
    path.write_text(csv(HOURLY_HEADER, ["ß", "never", 0, *["x"] * 20]), encoding="utf-8")
    (found,) = read(path)
    assert [code for _, code, _ in refusals(found)] == ["serial"]


def test_lines_of_nothing_but_commas_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "20200501.csv"
    path.write_text(HOURLY.text + "\n" + "," * 22 + "\n", encoding="cp949")
    (found,) = read(path)
    assert (len(found), found.rows, refusals(found)) == (3, 3, [])


def test_a_row_is_shown_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "ALLDATA.csv"
    path.write_text(csv(PACKET, WHOLE), encoding="cp949")
    (found,) = read(path)
    assert '"시리얼": "V02Q1940118", "미세먼지2.5(초미세먼지) (㎍/㎥)": "0021"'.encode() in found.row(0)


def test_a_broken_line_of_a_file_with_personal_columns_is_not_kept(tmp_path: Path) -> None:
    found = mapped(
        tmp_path, "id,t,n,mac\na,2026-01-01 00:00,1,00:11:22:33:44:55,what\n",
        'serial.column = "id"\ntime.column = "t"\nmetrics.visitors.column = "n"',
    )  # fmt: skip
    assert [one.row for one in found.refused] == [b""]


# Maps


def test_units_and_factors(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        "t,f,o3,co,pm,lx\n2026-01-01T00:00:00Z,212,31,1.2,0.05,1.5\n",
        """
        serial.value = "roof-1"
        time.column = "t"
        [metrics]
        temperature = { column = "f", unit = "°F" }
        o3 = { column = "o3", unit = "ppb" }
        co = { column = "co", unit = "mg/m³ at 25 °C" }
        pm25 = { column = "pm", unit = "mg/m3" }
        illuminance = { column = "lx", factor = 1000, offset = 5 }
        """,
    )
    (row,) = rows_of(found)
    expected = {"temperature": 100, "o3": 0.031, "co": 1.2 * 24.465 / 28.010, "pm25": 50, "illuminance": 1505}
    assert {key: row[key] for key in expected} == pytest.approx(expected, rel=1e-6)
    assert (row["serial"], row["time"]) == ("roof-1", "2026-01-01T00:00")


def test_hours_that_are_named_by_their_end(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        ",일시,초미세먼지,일산화탄소\n0,2019-12-01 01:00,17,0.4\n1,2019-12-01 24:00,16,-\n",
        """
        serial.value = "city-air"
        time = { column = "일시", shift = "-1h" }
        metrics = { pm25.column = "초미세먼지", co.column = "일산화탄소" }
        """,
    )
    assert [(row["time"], row["co"]) for row in rows_of(found)] == [
        ("2019-11-30T15:00", pytest.approx(0.4)),
        ("2019-12-01T14:00", None),
    ]


def test_serials_out_of_names(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        "day,where,pm\n20180101,강남구,22\n20180101,강남대로,17\n20180101,중구,5\n20180101,북악산,5\n",
        """
        serial = { template = "air-{district}", names = { "강남대로" = "gangnam-daero" } }
        time = { column = "day", formats = ["%Y%m%d"] }
        about.district = "where"
        about.kind.value = "reference"
        metrics.pm25.column = "pm"
        """,
    )
    assert [row["serial"] for row in rows_of(found)] == ["air-gangnam-gu", "air-gangnam-daero", "air-jung-gu"]
    assert [(line, code) for line, code, _ in refusals(found)] == [(5, "serial")]
    assert found.about["air-jung-gu"].kind == "reference"


def test_a_decimal_comma_a_semicolon_and_lines_before_the_header(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        "Estación 4\n\nid;fecha;valor\nx1;24.11.2026 14:30;12,5\nx1;24.11.2026 14:40;sin dato\nx1;24.11.2026 14:50;xxx\n",
        """
        skip = 2
        delimiter = ";"
        decimal = ","
        missing = ["sin dato"]
        filler = "x"
        serial.column = "id"
        time = { column = "fecha", formats = ["%d.%m.%Y %H:%M"], zone = "Europe/Madrid" }
        metrics.pm10.column = "valor"
        """,
    )
    assert [(row["time"], row["pm10"]) for row in rows_of(found)] == [
        ("2026-11-24T13:30", 12.5),
        ("2026-11-24T13:40", None),
        ("2026-11-24T13:50", None),
    ]


def test_a_file_without_a_header(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        "a,1577836800,3\nb,1577836800.5,4\n",
        """
        header = ["id", "t", "n"]
        serial.column = "id"
        time = { column = "t", formats = ["unix"] }
        metrics.visitors.column = "n"
        """,
    )
    assert [(row["serial"], row["time"], row["visitors"]) for row in rows_of(found)] == [
        ("a", "2020-01-01T00:00", 3),
        ("b", "2020-01-01T00:00", 4),
    ]
    assert found.times[1] == np.datetime64("2020-01-01T00:00:00.500000")


LONG = """
    serial.column = "id"
    time.column = "t"
    long = { metric = "item", value = "v" }
    metrics = { pm25.column = ["PM2.5", "pm2_5"], temperature = { column = "T", unit = "°F" } }
"""


def test_a_long_table(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "id,t,item,v\n"
        "a,2026-01-01 00:00,PM2.5,12\na,2026-01-01 00:00,T,50\nb,2026-01-01 00:00,T,212\nb,2026-01-01 00:00,radon,9\n"
        "a,2026-01-01 00:00,PM2.5,13\na,2026-01-01 00:10,pm2_5,\na,2026-01-01 00:10,T,hot\n"
    )
    first, last = read(path, parse_layout(LONG, "long", seoul().catalogue))
    assert rows_of(first) + rows_of(last) == [
        {"serial": "a", "time": "2025-12-31T15:00", "pm25": 12.0, "temperature": pytest.approx(10)},
        {"serial": "b", "time": "2025-12-31T15:00", "temperature": pytest.approx(100)},
        {"serial": "a", "time": "2025-12-31T15:00", "pm25": 13.0},
        {"serial": "a", "time": "2025-12-31T15:10", "pm25": None},
    ]
    assert refusals(last) == [(8, "not_number", 'temperature (v) is "hot", not a number')]
    assert first.unmapped == 1


@pytest.mark.parametrize("block_bytes", [40, 64, 100])
def test_a_long_reading_is_whole_wherever_a_chunk_ends(block_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    lines = [
        f"{serial},2026-01-01 {hour:02d}:00,{item},{hour}"
        for hour in range(12)
        for serial in "ab"
        for item in ("PM2.5", "T")
    ]
    path.write_text("\n".join(["id,t,item,v", *lines]))
    parts = read(path, parse_layout(LONG, "long", seoul().catalogue), block_bytes)
    assert len(parts) > 1
    found = [row for part in parts for row in rows_of(part)]
    assert [row["pm25"] for row in found] == [hour for hour in range(12) for _ in "ab"]
    assert all(row["temperature"] is not None for row in found)
