"""Which file is of which layout, and what a person is told of one that is of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from city.errors import TableError
from city.layout import place_of, read_layout
from city.pack import load_pack
from city.tables import layout_of, pack_layouts
from tests.tables import HOURLY, HOURLY_HEADER, csv

CATALOGUE = load_pack("seoul").catalogue
SHIPPED = pack_layouts("seoul", CATALOGUE)


def test_the_pack_ships_four() -> None:
    assert [layout.name for layout in SHIPPED] == ["sdot-2min", "sdot-hourly", "sdot-nature", "sdot-walk"]


def test_spaces_case_and_width_of_a_column_do_not_matter() -> None:
    assert place_of(("소음 (dB)",), ["a", "소음(dB )"]) == 1
    assert place_of(("미세먼지 (㎍/㎥)",), ["미세먼지 (μg/m3)"]) == 0
    assert place_of(("serial",), ["\ufeffSERIAL"]) == 0
    assert place_of(("x", "y"), ["a", "b"]) is None


def test_the_nearest_layout_is_named_with_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "20200501.csv"
    path.write_text(HOURLY.text.replace("기온 (℃)", "온도"), encoding="cp949")
    with pytest.raises(TableError) as caught:
        layout_of(path, SHIPPED)
    told = str(caught.value)
    assert "Nearest is sdot-hourly, of which it lacks 기온 (℃)" in told
    assert "시리얼, date, hour" in told
    assert "--columns" in told


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "bicycles.csv"
    path.write_text("station,bikes\n1,2\n")
    with pytest.raises(TableError, match=r"no layout this city knows. It has the columns station, bikes"):
        layout_of(path, SHIPPED)


def test_a_map_that_is_of_another_file(tmp_path: Path) -> None:
    path = HOURLY.save(tmp_path)
    (tmp_path / "map.toml").write_text(
        'serial.column = "id"\ntime.column = "date"\nmetrics.pm25.column = "p"'
    )
    with pytest.raises(TableError, match=r"20200501.csv has no column id, p, which map maps; it has 시리얼"):
        layout_of(path, SHIPPED, read_layout(tmp_path / "map.toml", CATALOGUE))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n"])
def test_an_empty_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match="is empty"):
        layout_of(path, SHIPPED)


def test_a_header_alone_is_a_table_of_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "20200501.csv"
    path.write_text(csv(HOURLY_HEADER), encoding="cp949")
    assert layout_of(path, SHIPPED).name == "sdot-hourly"
