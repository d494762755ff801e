"""Files that are whole or not there: formats, what other programs read in them, and memory."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from city.errors import SettingsError
from city.exchange import Level, Told, level_of, schema, told_by
from city.exchange_file import ExchangeFile, exported_level
from city.metrics import load_catalogue
from sdot import outfile
from sdot.outfile import OutFile, format_of

CATALOGUE = load_catalogue()
#: A day of a leap year's clock, to the microsecond.
START = np.datetime64("2024-02-29T23:59:59.999999", "us")
TOLD = Told(Level.RAW, "seoul", "0", "Asia/Seoul", "2024-02-29", "2024-03-02", datetime.now(UTC).isoformat())


def rows(number: int, first: int = 0) -> pa.Table:
    """Readings of one sensor, an odd one out null."""
    wanted = schema(Level.RAW, CATALOGUE)
    places = np.arange(first, first + number)
    columns = {
        "serial": ["a"] * number,
        "time": START + places.astype("timedelta64[m]"),
        "district": ["mapo-gu"] * number,
        "pm25": pa.array(places / np.float32(7), pa.float32(), mask=places % 2 == 1),
        "revision": np.zeros(number, np.int32),
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(number, f.type) for f in wanted
    ]
    return pa.table(arrays, schema=wanted)


def written(path: Path, number: int = 100) -> Path:
    told = schema(Level.RAW, CATALOGUE).with_metadata(TOLD.as_metadata())
    with OutFile(str(path), format_of(path.name, None), told) as file:
        file.write(rows(number))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_a_file_reads_as_it_was_written(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    assert exported_level(path) is Level.RAW
    with ExchangeFile(path, Level.RAW, CATALOGUE) as file:
        ((line, table),) = list(file.tables())
        assert (line, file.done, file.ignored) == (2, 1.0, ())
        assert (file.told == TOLD) == (name == "a.parquet")
    assert table.equals(rows(100))
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_pandas_polars_and_duckdb_open_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet")
    instant = pd.Timestamp(START, tz="UTC")
    frame = pd.read_parquet(path)
    assert (frame["time"].dtype, frame["pm25"].dtype) == ("datetime64[us, UTC]", "float32")
    assert frame["time"][0] == instant
    table = pl.read_parquet(path)
    assert table.schema["time"] == pl.Datetime("us", "UTC")
    assert table["time"][0] == instant
    query = f"SELECT count(*), count(pm25), epoch_us(min(time)), avg(pm25) FROM '{path}'"
    (found,) = duckdb.sql(query).fetchall()
    expected = float(frame["pm25"].astype(float).mean())
    assert found == (100, 50, START.astype("int64"), pytest.approx(expected))
    assert table["pm25"].cast(pl.Float64).mean() == pytest.approx(expected)


def test_memory_does_not_grow_with_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrow holds between two tables is a row group at most, however many went before."""
    monkeypatch.setattr(outfile, "GROUP_ROWS", 2_000)
    peaks = []
    with OutFile(str(tmp_path / "a.parquet"), "parquet", schema(Level.RAW, CATALOGUE)) as file:
        for part in range(60):
            file.write(rows(500, part * 500))
            peaks.append(pa.total_allocated_bytes())
    first, last = max(peaks[:12]), max(peaks[-12:])
    assert last < 1.5 * first + 500_000  # of statistics of the groups that are written
    assert file.rows == 30_000


def test_the_format_is_by_the_ending_or_as_given() -> None:
    assert [format_of(name, None) for name in ("a.CSV", "b.csv.gz", "c.pq", "-")] == [
        "csv",
        "csv",
        "parquet",
        "csv",
    ]
    assert format_of("-", "parquet") == "parquet"
    with pytest.raises(SettingsError, match=r"ends in none of \.csv"):
        format_of("a.xlsx", None)


def test_what_fails_leaves_the_former_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet")
    before = path.read_bytes()
    file = OutFile(str(path), "parquet", schema(Level.RAW, CATALOGUE))
    with suppress(KeyboardInterrupt), file:
        file.write(rows(3))
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("level", Level)
def test_a_level_is_known_by_its_columns(level: Level) -> None:
    wanted = schema(level, CATALOGUE)
    assert level_of(wanted.names) is level
    assert level_of([name for name in wanted.names if name != level.instant]) is None
    assert all(field.metadata[b"unit"] is not None for field in wanted if field.metadata)


def test_metadata_of_others_tell_nothing() -> None:
    assert told_by(None) is None
    assert told_by({b"sdot": b"{}"}) is None
    assert told_by(TOLD.as_metadata()) == TOLD
