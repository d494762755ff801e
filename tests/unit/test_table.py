"""CSV files as text, whatever their bytes are."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from city.errors import TableError
from city.table import Table

TEXT = "시리얼,자치구\na,강남구\nb,중구\n"


def read(path: Path, **how: object) -> tuple[tuple[str, ...], list[list[str]], list[int], Table]:
    """Header, rows, lines, and the table."""
    with Table(path, chunk_rows=1, **how) as table:  # type: ignore[arg-type]
        chunks = list(table.chunks())
    rows = [
        list(row)
        for chunk in chunks
        for row in zip(*(column.to_pylist() for column in chunk.columns), strict=True)
    ]
    return table.header, rows, [int(line) for chunk in chunks for line in chunk.lines], table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(encoding: str, packed: bool, end: str, tmp_path: Path) -> None:
    data = TEXT.replace("\n", end).encode(encoding)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(data) if packed else data)
    header, rows, lines, table = read(path)
    assert header == ("시리얼", "자치구")
    assert rows == [["a", "강남구"], ["b", "중구"]]
    assert lines == [2, 3]
    assert table.encoding in (encoding.removesuffix("-sig"), "utf-16-le")


@pytest.mark.parametrize("block_bytes", [16, 64, 4096])
@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_the_first_letter_that_is_not_ascii_comes_late(
    block_bytes: int, encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "late.csv"
    rows = [["a", "b"]] * 300 + [["a", "각"], ["c", "d"]]
    path.write_bytes(("x,y\n" + "".join(f"{a},{b}\n" for a, b in rows)).encode(encoding))
    assert read(path, block_bytes=block_bytes)[1] == rows


def test_a_byte_that_is_of_no_encoding_costs_its_letter_only(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(TEXT.encode() + b"c,\xff\xfe\n")
    assert read(path)[1][2] == ["c", "\ufffd\ufffd"]


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("x,y\n1,2\n3\n4,5,6\n7,8\n9\n")
    _, rows, lines, table = read(path)
    assert (rows, lines) == ([["1", "2"], ["7", "8"]], [2, 5])
    assert [(one.line, one.cells, one.text) for one in table.broken] == [
        (3, 1, "3"),
        (4, 3, "4,5,6"),
        (6, 1, "9"),
    ]


@pytest.mark.parametrize("block_bytes", [8, 20, 64, 1000])
def test_lines_are_counted_across_blocks(block_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(
        "x,y\n" + "".join("1\n" if line % 7 in (0, 1) else f"{line},\n" for line in range(2, 200))
    )
    _, rows, lines, table = read(path, block_bytes=block_bytes)
    assert [int(row[0]) for row in rows] == lines
    assert [one.line for one in table.broken] == [line for line in range(2, 200) if line % 7 in (0, 1)]


def test_a_file_of_broken_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("x,y\n1\n2\n")
    _, rows, _, table = read(path)
    assert rows == []
    assert len(table.broken) == 2


def test_cells_behind_the_last_column_of_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "surplus.csv"
    path.write_text("x,y\n1,2,,\n3,4,,\n5,6,7,\n8,9\n")
    header, rows, _, table = read(path)
    assert header == ("x", "y", "", "")
    assert [row[:3] for row in rows] == [["1", "2", ""], ["3", "4", ""], ["5", "6", "7"]]
    assert [one.line for one in table.broken] == [5]


def test_quoted_cells_and_a_header_of_two_lines(tmp_path: Path) -> None:
    path = tmp_path / "quoted.csv"
    path.write_text('"x\ny",z\n"1,5","say ""a"""\n')
    header, rows, lines, _ = read(path)
    assert header == ("x\ny", "z")
    assert (rows, lines) == ([["1,5", 'say "a"']], [3])


def test_a_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "header.csv"
    path.write_text("x,y\n")
    assert read(path)[:2] == (("x", "y"), [])


def test_chunks_are_of_several_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("x,y\n" + "1,2\n" * 1000 + "3\n")
    with Table(path, block_bytes=40, chunk_rows=300) as table:
        chunks = list(table.chunks())
    assert [len(chunk) for chunk in chunks[:3]] == [300] * 3
    assert [int(line) for chunk in chunks for line in chunk.lines] == [*range(2, 1002)]
    assert [one.line for one in table.broken] == [1002]


def test_how_much_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("city.table._HEAD_BYTES", 1000)
    path = tmp_path / "long.csv"
    path.write_text("x,y\n" + "1,2\n" * 500_000)
    with Table(path, block_bytes=10_000, chunk_rows=1) as table:
        done = [table.done for _ in table.chunks()]
    assert done == sorted(done)
    assert done[0] < 0.7
    assert done[-1] == 1.0


def test_a_packed_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(
        gzip.compress(("x,y\n" + "".join(f"{n},{n * 7919}\n" for n in range(90_000))).encode())[:-5000]
    )
    with pytest.raises(TableError, match=r"cut\.csv\.gz"):
        read(path)
