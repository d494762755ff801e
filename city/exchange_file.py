"""An exported file, CSV or Parquet, as tables of its level's columns, a chunk of rows at a time."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
from pyarrow import csv, parquet

from city.errors import TableError
from city.exchange import FORMAT, Level, Told, level_of, schema, told_by
from city.metrics import Catalogue
from city.table import BLOCK_BYTES, CHUNK_ROWS, Table

_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"


def exported_level(path: Path) -> Level | None:
    """The level of an exported file; None where it is another table. TableError where it cannot be read."""
    names, told = _names(path)
    return told.level if told else level_of(names)


def _starts(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None


def _names(path: Path) -> tuple[Sequence[str], Told | None]:
    if not _starts(path, _PARQUET):
        with Table(path) as table:
            return table.header, None
    try:
        found = parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path.name} is no whole Parquet file: {error}") from None
    told = told_by(found.metadata)
    if told is None and level_of(found.names) is None:
        raise TableError(
            f"{path.name} is Parquet, but none that `sdot export` wrote; other tables are imported as CSV (docs/import.md)"
        )
    return found.names, told


class ExchangeFile:
    """An exported file of one level; use it in a `with`."""

    def __init__(self, path: Path, level: Level, catalogue: Catalogue) -> None:
        self.path, self.level = path, level
        self._names, self.told = _names(path)
        if self.told and self.told.format > FORMAT:
            raise TableError(
                f"{path.name} was written by a newer sdot ({self.told.version}); import it with that"
            )
        known = schema(level, catalogue)
        fields = [known.field(name) for name in self._names if name in known.names]
        self._schema = pa.schema(fields)
        self._size = max(path.stat().st_size, 1)
        #: rows of a Parquet file that were read, and all of them
        self._rows = self._total = 0

    def __enter__(self) -> Self:
        self._file: BinaryIO = self.path.open("rb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are not read: metrics that this city does not have."""
        return tuple(name for name in self._names if name not in self._schema.names)

    @property
    def encoding(self) -> str:
        """What kind of file it is."""
        return "Parquet" if self._is_parquet else "CSV"

    @property
    def _is_parquet(self) -> bool:
        return _starts(self.path, _PARQUET)

    @property
    def done(self) -> float:
        """How much of the file is read, 0 to 1."""
        if self._total:
            return self._rows / self._total
        return min(self._file.tell() / self._size, 1.0)

    def tables(self) -> Iterator[tuple[int, pa.Table]]:
        """(line of the first row, rows): the header is line 1 of either kind; TableError where a cell is none."""
        line, held = 2, list[pa.Table]()
        try:
            for batch in self._parquet() if self._is_parquet else self._csv():
                held.append(pa.Table.from_batches([batch]).select(self._schema.names).cast(self._schema))
                if sum(one.num_rows for one in held) >= CHUNK_ROWS:
                    yield line, pa.concat_tables(held)
                    line, held = line + sum(one.num_rows for one in held), []
        except (pa.ArrowException, OSError, EOFError, ValueError) as error:
            raise TableError(f"{self.path.name}, from line {line:,} on: {error}") from None
        if held:
            yield line, pa.concat_tables(held)

    def _parquet(self) -> Iterator[Any]:
        file = parquet.ParquetFile(self._file)
        self._total = file.metadata.num_rows
        names = self._schema.names
        for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=names, use_threads=False):
            self._rows += batch.num_rows
            yield batch

    def _csv(self) -> Iterator[Any]:
        plain = gzip.GzipFile(fileobj=self._file) if _starts(self.path, _GZIP) else self._file
        yield from csv.open_csv(
            plain,
            csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            csv.ParseOptions(newlines_in_values=False),
            csv.ConvertOptions(
                column_types={field.name: field.type for field in self._schema},
                include_columns=self._schema.names,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
