"""The CSV of `sdot sensor add --file`."""

from __future__ import annotations

from pathlib import Path

import pytest

from city.errors import RegistryError
from ingest.registry import NewSensor
from sdot.roll import one_sensor, read_roll


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roll.csv"


def test_all_columns(path: Path):
    path.write_text(
        "serial,model,kind,latitude,longitude,district\nA-1,M1,park,37.5,127.01,강남구\n", encoding="utf-8"
    )
    assert read_roll(path) == [NewSensor("A-1", "M1", "park", 37.5, 127.01, "강남구")]


def test_columns_in_any_order_others_ignored_and_empty_ones_unset(path: Path):
    path.write_text("note,district,serial\nhello,,a\n,jongno-gu,b\n", encoding="utf-8")
    assert read_roll(path) == [NewSensor("a"), NewSensor("b", district="jongno-gu")]


def test_as_spreadsheets_write_it(path: Path):
    path.write_bytes('serial,model\r\n a ,"M, 1"\r\n'.encode("utf-8-sig"))
    assert read_roll(path) == [NewSensor("a", "M, 1")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,model\na,M\n", "has no column `serial`"),
        ("", "has no column `serial`"),
        ("serial\na\na b\n", "line 3: 'a b' is no serial"),
        ("serial,latitude,longitude\na,37.5,\n", "line 2: latitude and longitude go together"),
        ("serial,latitude,longitude\na,127,37\n", "line 2: 127.0, 37.0 is no position; latitude comes first"),
        ("serial,latitude,longitude\na,north,37\n", "line 2: 'north' is no number of degrees"),
        ("serial\na\nb\na\n", "has a twice"),
        ("serial,model\n,M\n", "line 2: '' is no serial"),
        ("serial,latitude,longitude\na,nan,37\n", "is no position"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(path: Path, text: str, words: str):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match=words):
        read_roll(path)


def test_all_that_is_wrong_is_told_at_once(path: Path):
    path.write_text("serial,latitude\na b,\nc,\nd,1\nc,\n", encoding="utf-8")
    with pytest.raises(RegistryError) as refused:
        read_roll(path)
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"roll.csv, line {number}" for number in (2, 4, 5)]


def test_of_very_many_faults_the_first_are_told(path: Path):
    path.write_text("serial\n" + "a b\n" * 25, encoding="utf-8")
    with pytest.raises(RegistryError, match="and 5 more lines") as refused:
        read_roll(path)
    assert len(str(refused.value).splitlines()) == 21


def test_another_encoding_is_told(path: Path):
    path.write_bytes("serial,district\na,강남구\n".encode("cp949"))
    with pytest.raises(RegistryError, match="UTF-8"):
        read_roll(path)


@pytest.mark.parametrize("serial", [None, "", "a b", "x" * 65, "센서"])
def test_serials_that_are_none(serial: str | None):
    with pytest.raises(RegistryError, match="is no serial"):
        one_sensor(serial, None, None, None, None, None)
