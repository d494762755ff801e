"""Readings out of an exported file of raw rows: value for value, with what they were when they were written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from city.contract import BadMessage, kept_extra
from city.exchange_file import ExchangeFile
from city.metrics import Catalogue
from city.reading import MAX_LABEL, MAX_REVISION, SERIAL, About
from city.readings import Column, Finding, Readings, Refused, Then, described

#: Kind of the flags that a plausible range sets; they are set anew by the ranges that hold here.
RANGE = "range"
#: Kind of a flag whose kind the file does not tell.
UNTOLD = "import"
#: PostgreSQL keeps neither in text.
_UNSTORABLE = re.compile(r"\\u(0000|[dD][89a-fA-F])")
UNVERIFIED = "unverified"
#: Column → what it tells of a sensor.
_ABOUT = {"home_district": "district", **{one: one for one in ("model", "kind", "latitude", "longitude")}}


def readings_of(file: ExchangeFile, catalogue: Catalogue) -> Iterator[Readings]:
    """The readings of an open file, chunk by chunk."""
    for line, table in file.tables():
        yield _Chunk(table.combine_chunks(), line, catalogue).readings()


class _Chunk:
    """Some rows on their way."""

    def __init__(self, table: pa.Table, line: int, catalogue: Catalogue) -> None:
        self._table, self._line, self._catalogue = table, line, catalogue
        self._sound = np.ones(table.num_rows, dtype=bool)
        self._faults: dict[int, tuple[str, str]] = {}

    def readings(self) -> Readings:
        """All of them."""
        serials, who = self._serials()
        times, revisions = self._times(), self._revisions()
        values = {key: self._values(key) for key in self._table.column_names if key in self._catalogue}
        then = self._then()
        kept = np.flatnonzero(self._sound)
        return Readings(
            serials=serials,
            who=who[kept],
            times=times[kept],
            revisions=revisions[kept],
            values={key: column[kept] for key, column in values.items()},
            lines=kept + self._line,
            about=described_by(self._table),
            refused=tuple(self._refused(serials, who)),
            rows=self._table.num_rows,
            source=kept,
            quote=self._quote,
            then=then.only(kept),
        )

    def _refuse(self, rows: Column, code: str, text: str) -> None:
        for row in np.flatnonzero(rows & self._sound).tolist():
            self._faults[row] = (code, text)
        self._sound &= ~rows

    def _column(self, name: str) -> pa.Array | None:
        return self._table[name].combine_chunks() if name in self._table.column_names else None

    def _serials(self) -> tuple[tuple[str, ...], Column]:
        column = self._table["serial"].combine_chunks().fill_null("")
        found = column.dictionary_encode()
        serials = tuple(found.dictionary.to_pylist())
        who = found.indices.to_numpy(zero_copy_only=False)
        bad = np.array([SERIAL.fullmatch(serial) is None for serial in serials], dtype=bool)
        if serials:
            self._refuse(bad[who], "serial", "the serial is none: letters, digits and ._:- only, at most 64")
        return serials, who

    def _times(self) -> Column:
        column = self._table["time"].combine_chunks()
        self._refuse(_mask(column.is_null()), "time_format", "the row has no time")
        found: Column = column.to_numpy(zero_copy_only=False).astype("datetime64[us]")
        return found

    def _revisions(self) -> Column:
        column = self._table["revision"].combine_chunks().fill_null(0)
        found: Column = column.to_numpy(zero_copy_only=False).astype(np.int32)
        self._refuse(found < 0, "revision", f"the revision is no whole number from 0 to {MAX_REVISION}")
        return found

    def _values(self, key: str) -> Column:
        column = self._table[key].combine_chunks()
        found: Column = column.to_numpy(zero_copy_only=False).astype(np.float32)
        self._refuse(np.isinf(found), "not_number", f"{key} is infinite, which is no measurement")
        return found

    def _then(self) -> Then:
        codes = self._column("district")
        codes = pa.nulls(self._table.num_rows, pa.string()) if codes is None else codes
        state = self._column("state")
        unverified = None if state is None else _mask(pc.equal(state, UNVERIFIED).fill_null(fill_value=False))
        return Then(
            districts=np.array(codes.to_pylist(), dtype=object),
            unverified=np.zeros(len(codes), dtype=bool) if unverified is None else unverified,
            extra=self._extra(),
            findings=tuple(self._findings()),
        )

    def _extra(self) -> Column:
        """UTF-8 JSON of each row, None where it has none."""
        column, known = self._table["extra"].combine_chunks(), dict[str, bytes | None]()
        extra = np.full(len(column), None, dtype=object)
        for row in np.flatnonzero(_mask(column.is_valid())).tolist():
            text = column[row].as_py()
            if text not in known:
                known[text] = _extra_of(text)
            extra[row] = known[text]
        bad = np.array([one == b"" for one in extra], dtype=bool)
        self._refuse(
            bad, "extra", "extra is no JSON object of the kind that a reading may carry (docs/contract.md)"
        )
        return extra

    def _findings(self) -> Iterator[Finding]:
        column = self._table["flags"].combine_chunks()
        for row in np.flatnonzero(_mask(column.is_valid())).tolist():
            try:
                told = json.loads(column[row].as_py())
                yield from list(self._found(row, told))
            except (ValueError, AttributeError, TypeError):
                mask = np.arange(len(column)) == row
                self._refuse(mask, "flags", "flags are no JSON of metric, kind and finding")

    def _found(self, row: int, told: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
        for key, kinds in told.items():
            if key in self._catalogue:
                for kind, detail in (kinds or {UNTOLD: None}).items():
                    if kind != RANGE:
                        text = None if detail is None else str(detail).replace("\0", "")
                        yield Finding(row, self._catalogue[key].bit, kind.replace("\0", "")[:MAX_LABEL], text)

    def _refused(self, serials: tuple[str, ...], who: Column) -> Iterator[Refused]:
        for row, (code, text) in sorted(self._faults.items()):
            serial = serials[who[row]] if SERIAL.fullmatch(serials[who[row]]) else None
            yield Refused(row + self._line, code, text, serial, self._quote(row))

    def _quote(self, row: int) -> bytes:
        cells = {name: self._table[name][row] for name in self._table.column_names}
        told = {name: str(cell) for name, cell in cells.items() if cell.is_valid}
        return json.dumps(told, ensure_ascii=False).encode()


def described_by(table: pa.Table) -> dict[str, About]:
    """Serial → what its first row tells of it."""
    there = {name: told for name, told in _ABOUT.items() if name in table.column_names}
    found = table["serial"].combine_chunks().fill_null("").dictionary_encode()
    _, rows = np.unique(found.indices.to_numpy(zero_copy_only=False), return_index=True)
    about = {}
    for row in rows.tolist():
        told = {key: table[name][row].as_py() for name, key in there.items()}
        serial = table["serial"][row].as_py() or ""
        about[serial] = described({name: str(value) for name, value in told.items() if value is not None})
    return about


def _mask(column: Any) -> Column:
    found: Column = column.to_numpy(zero_copy_only=False)
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _extra_of(text: str) -> bytes | None:
    """What is kept of a row's extra: the text itself where the limits take nothing of it; b"" where it is none."""
    try:
        told = json.loads(text, parse_constant=_no_number)
        if not isinstance(told, dict) or _UNSTORABLE.search(text):
            return b""
        kept = kept_extra(told)
    except (ValueError, BadMessage, RecursionError):
        return b""
    if kept == told:
        return text.encode() if told else None
    return json.dumps(kept, ensure_ascii=False).encode() if kept else None
