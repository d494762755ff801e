"""A file that is there whole or not at all: tables written as CSV or Parquet under a name of their own, then renamed."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import pyarrow as pa
from pyarrow import csv, parquet

from city.errors import SettingsError

Format = Literal["csv", "parquet"]
STDOUT = "-"
#: Rows of a Parquet row group: what is in memory at a time. Readers skip whole groups by their statistics.
GROUP_ROWS = 128 * 1024


def format_of(name: str, given: Format | None) -> Format:
    """CSV or Parquet, by `given` or the name's ending; SettingsError where neither tells."""
    endings: dict[str, Format] = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".pq": "parquet"}
    if given is not None:
        return given
    if name == STDOUT:
        return "csv"
    for ending, kind in endings.items():
        if name.lower().endswith(ending):
            return kind
    raise SettingsError(f"{name} ends in none of {', '.join(endings)}; give --format csv or --format parquet")


class OutFile:
    """Takes tables of one schema; use it in a `with`, whose end without an error makes the file."""

    def __init__(self, name: str, kind: Format, schema: pa.Schema) -> None:
        self._path = None if name == STDOUT else Path(name)
        self._part = self._path.with_name(f".{self._path.name}.part") if self._path else None
        self._kind, self._schema = kind, schema
        self._packed = kind == "csv" and name.lower().endswith(".gz")
        self._held: list[pa.Table] = []
        self.rows = 0

    def __enter__(self) -> Self:
        try:
            self._file: BinaryIO = self._part.open("wb") if self._part else sys.stdout.buffer
        except OSError as error:
            raise SettingsError(f"{self._path} cannot be written: {error.strerror}") from None
        if self._kind == "parquet":
            self._sink: Any = self._file
            self._writer: Any = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        else:
            plain = pa.PythonFile(self._file, mode="w")
            self._sink = pa.CompressedOutputStream(plain, "gzip") if self._packed else plain
            options = csv.WriteOptions(quoting_style="needed")
            self._writer = csv.CSVWriter(self._sink, self._schema, write_options=options)
        return self

    def write(self, table: pa.Table) -> None:
        """More rows; they reach the disk a row group at a time."""
        self._held.append(table)
        self.rows += table.num_rows
        if sum(one.num_rows for one in self._held) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held).combine_chunks(), GROUP_ROWS)
            self._held = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = False
        try:
            if kind is None:
                self._flush()
                self._writer.close()
                if self._packed:
                    self._sink.close()
                self._end()
                done = True
        finally:
            if not done:
                self._forget()

    def _end(self) -> None:
        if self._part is None or self._path is None:
            self._file.flush()
            return
        self._file.close()
        self._part.replace(self._path)

    def _forget(self) -> None:
        if self._part is None:
            return
        with suppress(pa.ArrowException, OSError):
            self._writer.close()  # else it is closed when it is collected, into a file that is closed by then
        with suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)
