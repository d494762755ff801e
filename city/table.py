"""A CSV file as text columns, chunk by chunk: any of several encodings, a byte-order mark, gzip, broken lines."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from city.errors import TableError
from city.layout import ENCODINGS

#: Bytes of a file that become columns at a time. The reader is up to 32 blocks ahead (pyarrow), so they are small.
BLOCK_BYTES = 1 << 20
#: Rows that are handled, and written in one transaction, at a time.
CHUNK_ROWS = 150_000
#: A header, its lines before it included, is looked for within so many bytes.
_HEAD_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a file as text."""

    #: a column of strings each, in the file's order
    columns: tuple[pa.Array, ...]
    #: line of each row in the file, from 1
    lines: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, rows: npt.NDArray[np.bool_]) -> Chunk:
        """Some of the rows."""
        mask = pa.array(rows)
        return Chunk(tuple(column.filter(mask) for column in self.columns), self.lines[rows])


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks of one file as one."""
    if len(chunks) == 1:
        return chunks[0]
    columns = zip(*(chunk.columns for chunk in chunks), strict=True)
    return Chunk(tuple(map(pa.concat_arrays, columns)), np.concatenate([chunk.lines for chunk in chunks]))


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line with more or fewer cells than the header."""

    line: int
    text: str
    cells: int
    expected: int


@dataclass
class Table:
    """An open CSV file; use it in a `with`."""

    path: Path
    encodings: Sequence[str] = ENCODINGS
    delimiter: str = ","
    skip: int = 0
    #: names of the columns where the file has none
    given_header: Sequence[str] = ()
    block_bytes: int = field(default_factory=lambda: BLOCK_BYTES)
    chunk_rows: int = field(default_factory=lambda: CHUNK_ROWS)
    header: tuple[str, ...] = field(init=False, default=())
    #: lines that were no rows, so far
    broken: list[BrokenLine] = field(init=False, default_factory=list)
    _file: BinaryIO = field(init=False)
    _first_line: int = field(init=False, default=1)

    def __enter__(self) -> Self:
        try:
            self._file = self.path.open("rb")
            self.size = self.path.stat().st_size
            self._text = _Utf8(_unpacked(self._file), self.encodings)
            self._read_header()
        except (OSError, EOFError) as error:
            raise TableError(f"{self.path} cannot be read: {error}") from None
        except TableError:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def done(self) -> float:
        """How much of the file is read, 0 to 1."""
        return min(self._file.tell() / self.size, 1.0) if self.size else 1.0

    @property
    def encoding(self) -> str:
        """The encoding found so far."""
        return self._text.encoding

    def _read_header(self) -> None:
        head = io.StringIO(self._text.peek(_HEAD_BYTES).decode(errors="replace"), newline="")
        for _ in range(self.skip):
            head.readline()
        rows = csv.reader(head, delimiter=self.delimiter)
        first = [name.strip() for name in next(rows, [])]
        if not any(first):
            raise TableError(
                f"{self.path.name} is empty; a table has a line that names its columns, and rows"
            )
        self._first_line = self.skip + (0 if self.given_header else rows.line_num) + 1
        header = list(self.given_header) or first
        row = first if self.given_header else next(rows, [])
        self._text.skip_lines(self._first_line - 1)
        # Rows of some of the published files end in cells that the header has not, all of them empty.
        surplus = row[len(header) :]
        self.header = (*header, *("" for _ in surplus if not any(cell.strip() for cell in surplus)))

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in order, about `chunk_rows` at a time; TableError where the file ends in the middle of something."""
        held: list[Chunk] = []
        for chunk in self._blocks():
            held.append(chunk)
            if sum(map(len, held)) >= self.chunk_rows:
                yield joined(held)
                held = []
        if held:
            yield joined(held)

    def _blocks(self) -> Iterator[Chunk]:
        names = [str(place) for place in range(len(self.header))]
        line, passed = self._first_line, 0
        try:
            for batch in self._open(names) if self._text.peek(1) else ():
                ahead = [each.line for each in self.broken[passed:]]
                lines = _without(line, batch.num_rows, ahead)
                line = int(lines[-1]) + 1 if len(lines) else line
                passed += sum(each < line for each in ahead)
                yield Chunk(tuple(batch.columns), lines)
            if len(self.broken) > passed:  # none of the last lines is a row
                yield Chunk(tuple(pa.array([], pa.string()) for _ in names), np.zeros(0, dtype=np.int64))
        except (pa.ArrowInvalid, OSError, EOFError) as error:
            raise TableError(f"{self.path.name}, after line {line - 1:,}: {error}") from None

    def _open(self, names: Sequence[str]) -> Iterator[Any]:
        options = {
            "read_options": arrow_csv.ReadOptions(
                use_threads=False,
                block_size=self.block_bytes,
                column_names=names,
            ),
            "parse_options": arrow_csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=False,
                ignore_empty_lines=False,
                invalid_row_handler=self._is_broken,
            ),
            "convert_options": arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        }
        return iter(arrow_csv.open_csv(self._text, **options))

    def _is_broken(self, row: Any) -> str:
        self.broken.append(
            BrokenLine(self._first_line - 1 + row.number, row.text, row.actual_columns, row.expected_columns)
        )
        return "skip"


def _without(first: int, rows: int, broken: Sequence[int]) -> npt.NDArray[np.int64]:
    """Lines of `rows` rows from line `first` on, those in `broken` left out."""
    lines = np.arange(first, first + rows + len(broken), dtype=np.int64)
    return lines[~np.isin(lines, broken)][:rows] if broken else lines


def _unpacked(file: BinaryIO) -> BinaryIO:
    magic = file.read(len(_GZIP))
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if magic == _GZIP else file  # type: ignore[return-value]


class _Utf8(io.RawIOBase):
    """A stream of bytes as UTF-8. The first block that is not plain ASCII decides what it was."""

    def __init__(self, source: BinaryIO, encodings: Sequence[str]) -> None:
        self._source, self._encodings = source, encodings
        self._ready = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ended = False
        self.encoding = "ascii"
        self._take_mark()

    def _take_mark(self) -> None:
        start = self._source.read(4)
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                self._decide(encoding)
                start = start[len(mark) :]
                break
        self._ready = self._as_utf8(start)

    def _decide(self, encoding: str) -> None:
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def peek(self, size: int) -> bytes:
        """The next bytes, at least `size` where there are so many, without taking them."""
        while len(self._ready) < size and not self._ended:
            self._fill(size)
        return self._ready

    def readinto(self, buffer: Any) -> int:
        """The next bytes into `buffer`; their number, 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        wanted = BLOCK_BYTES if size < 0 else size
        data = self.peek(wanted)
        self._ready = data[wanted:]
        return data[:wanted]

    def skip_lines(self, number: int) -> None:
        """Leave out the next lines, which were peeked at."""
        for _ in range(number):
            _, _, self._ready = self._ready.partition(b"\n")

    def _fill(self, size: int) -> None:
        data = self._source.read(max(size, 1 << 16))
        self._ended = not data
        self._ready += self._as_utf8(data)

    def _as_utf8(self, data: bytes) -> bytes:
        if self._decoder is None:
            if data.isascii():
                return data
            self._decide(_likeliest(data, self._encodings))
        assert self._decoder is not None
        return self._decoder.decode(data, final=not data).encode()


def _likeliest(data: bytes, encodings: Sequence[str]) -> str:
    """The first encoding that reads all of it, else the one that fails least."""
    faults = {}
    for encoding in encodings:
        text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(data)
        faults[encoding] = text.count("\ufffd")
        if not faults[encoding]:
            return encoding
    return min(faults, key=lambda encoding: faults[encoding])
