"""Rows of a file as readings, a chunk at once, by the rules of a layout; each fault with a sentence to act on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from city.cells import CellRule, Mask, numbers
from city.instants import instants
from city.layout import DISTRICT, Layout, MetricRule, Names, RevisionRule, TimeRule, place_of, plain_column
from city.personal import is_personal
from city.pivot import pivoted
from city.reading import MAX_LABEL, SERIAL, About
from city.readings import Column, Readings, Refused, described
from city.table import BrokenLine, Chunk, Table, joined

#: Registration times count from here in a revision.
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")
_BETWEEN = "\x1f"


#: More rows of one instant are not kept waiting for the rest of it.
_HELD_ROWS = 2_000_000


class Place(Protocol):
    """What a file's rows are read against: a city."""

    @property
    def timezone(self) -> str:
        """IANA name of its time zone."""

    def district_named(self, text: str) -> str | None:
        """Code of the district of that code or name."""


class RowReader:
    """Reads the chunks of one file."""

    def __init__(self, layout: Layout, header: Sequence[str], city: Place) -> None:
        self.layout, self.header, self._city = layout, tuple(header), city
        self.metrics = tuple(
            m for m in layout.metrics if layout.long or place_of(m.column, header) is not None
        )

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are not read."""
        places = {place_of(names, self.header) for names in self.layout.used}
        return tuple(name for place, name in enumerate(self.header) if place not in places and name)

    def all(self, table: Table) -> Iterator[Readings]:
        """The readings of a table, chunk by chunk; lines that are no rows are refused with the chunk before them."""
        told = 0
        chunks = self._whole(table.chunks()) if self.layout.long else table.chunks()
        for chunk in chunks:
            yield self.read(chunk, table.broken[told:])
            told = len(table.broken)

    def _whole(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """A long table's rows of the instant that a chunk ends in wait for the next one: their reading may go on."""
        held: Chunk | None = None
        for chunk in chunks:
            whole = chunk if held is None else joined([held, chunk])
            ends = self._of_last_instant(whole)
            held = whole.only(ends) if ends.sum() < _HELD_ROWS else None
            if held is None or len(held) < len(whole):
                yield whole.only(~ends) if held is not None else whole
        if held is not None:
            yield held

    def _of_last_instant(self, chunk: Chunk) -> Mask:
        places = [place_of(names, self.header) for names in self.layout.time.columns]
        same = np.ones(len(chunk), dtype=bool)
        for column in (chunk.columns[place] for place in places if place is not None and len(chunk)):
            same &= pc.equal(column, column[-1]).to_numpy(zero_copy_only=False)
        return same

    def read(self, chunk: Chunk, broken: Sequence[BrokenLine] = ()) -> Readings:
        """The readings of a chunk."""
        return _Reading(self, chunk, self._city).readings(broken)


class _Reading:
    """One chunk on its way."""

    def __init__(self, reader: RowReader, chunk: Chunk, city: Place) -> None:
        self._reader, self._layout, self._chunk, self._city = reader, reader.layout, chunk, city
        self._faults: dict[int, tuple[str, str]] = {}
        self._sound = np.ones(len(chunk.lines), dtype=bool)
        self._trimmed: dict[Names, pa.Array] = {}
        self._blank = self._unmapped = 0

    def readings(self, broken: Sequence[BrokenLine]) -> Readings:
        """All of it."""
        serials, who = self._serials()
        times = self._times()
        revisions = self._revisions(self._layout.revision)
        if self._layout.long:
            kept, values, carried = self._long(who, times, revisions, *self._layout.long)
        else:
            values = {metric.key: self._values(metric) for metric in self._reader.metrics}
            kept, carried = np.flatnonzero(self._sound), None
            values = {key: column[kept] for key, column in values.items()}
        return Readings(
            serials=serials,
            who=who[kept],
            times=times[kept],
            revisions=revisions[kept],
            values=values,
            lines=self._chunk.lines[kept],
            about=self._about(serials, who),
            refused=(*self._refused(serials, who), *map(self._broken, broken)),
            rows=len(self._chunk.lines) + len(broken) - self._blank,
            carried=carried,
            unmapped=self._unmapped,
            source=kept,
            quote=self._quote,
        )

    def _long(
        self, who: Column, times: Column, revisions: Column, names: Names, value: Names
    ) -> tuple[Column, dict[str, Column], dict[str, Column]]:
        """(first row of each reading, its values, which of them it has)."""
        metrics, text = self._reader.metrics, self._text(names)
        cells = self._text(value)
        assert text is not None  # needed columns
        assert cells is not None
        which = self._which(text)
        self._unmapped = int(((which < 0) & self._sound).sum())
        self._sound &= which >= 0
        values = np.full(len(which), np.nan, dtype=np.float32)
        for place, metric in enumerate(metrics):
            meant = which == place
            values = np.where(meant, self.values_of(metric, cells, meant, self._named(value)), values)
        kept = np.flatnonzero(self._sound)
        found = pivoted((who[kept], times[kept], revisions[kept]), which[kept], values[kept])
        by_key = (
            {metrics[place].key: column for place, column in given.items()}
            for given in (found.values, found.carried)
        )
        return (kept[found.first], *by_key)  # type: ignore[return-value]

    def _which(self, names: pa.Array) -> Column:
        """Place of the metric that each row names, −1 for one that is not mapped."""
        known = {
            plain_column(name): place for place, m in enumerate(self._reader.metrics) for name in m.column
        }
        unique = pc.dictionary_encode(names)
        places = [known.get(plain_column(text), -1) for text in unique.dictionary.to_pylist()]
        found: Column = np.array(places, dtype=np.int64)[unique.indices.to_numpy(zero_copy_only=False)]
        return found

    def _text(self, names: Names) -> pa.Array | None:
        """A column's trimmed cells, None where the file has no such column."""
        if names not in self._trimmed:
            place = place_of(names, self._reader.header)
            if place is None:
                return None
            self._trimmed[names] = pc.utf8_trim_whitespace(self._chunk.columns[place])
        return self._trimmed[names]

    def _named(self, names: Names) -> str:
        place = place_of(names, self._reader.header)
        return names[0] if place is None else self._reader.header[place]

    def _refuse(self, rows: Mask, code: str, text: Callable[[int], str]) -> None:
        """The first fault of a row is the one that is told."""
        for row in np.flatnonzero(rows & self._sound).tolist():
            self._faults[row] = (code, text(row))
        self._sound &= ~rows

    def _serials(self) -> tuple[tuple[str, ...], Column]:
        rule = self._layout.serial
        columns = [part for part in rule.template if not isinstance(part, str)]
        texts = [self._serial_text(names) for names in columns]
        if not texts:
            return ("".join(map(str, rule.template)),), np.zeros(len(self._sound), dtype=np.int32)
        whole = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, _BETWEEN)
        unique = pc.dictionary_encode(whole)
        found = [self._serial(columns, text.split(_BETWEEN)) for text in unique.dictionary.to_pylist()]
        serials = tuple(dict.fromkeys(serial for serial in found if serial is not None))
        index = {serial: place for place, serial in enumerate(serials)}
        places = np.array([-1 if one is None else index[one] for one in found], dtype=np.int32)
        who = places[unique.indices.to_numpy(zero_copy_only=False)] if len(places) else places
        self._drop_blank(whole)
        self._refuse(who < 0, "serial", lambda row: _no_serial(whole[row].as_py().replace(_BETWEEN, " ")))
        return serials, who

    def _serial_text(self, names: Names) -> pa.Array:
        if names == (DISTRICT,):
            district = self._layout.about["district"]
            assert isinstance(district, tuple)  # the layout was checked
            names = district
        text = self._text(names)
        assert text is not None  # a needed column
        return text

    def _serial(self, columns: Sequence[Names], texts: Sequence[str]) -> str | None:
        rule, given = self._layout.serial, iter(zip(columns, texts, strict=True))
        parts = [part if isinstance(part, str) else self._serial_part(*next(given)) for part in rule.template]
        if None in parts:
            return None
        serial = "".join(part for part in parts if part is not None)
        serial = serial.zfill(rule.zero_pad) if serial.isascii() and serial.isdigit() else serial
        return serial if SERIAL.fullmatch(serial) else None

    def _serial_part(self, column: Names, text: str) -> str | None:
        if text in self._layout.serial.names:
            return self._layout.serial.names[text]
        return (self._city.district_named(text) if column == (DISTRICT,) else text) or None

    def _drop_blank(self, serial: pa.Array) -> None:
        """A line of nothing but delimiters is no row."""
        empty = pc.equal(serial, "").to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(empty).tolist():
            if not any(column[row].as_py().strip() for column in self._chunk.columns):
                self._sound[row] = False
                self._blank += 1

    def _times(self) -> Column:
        rule = self._layout.time
        texts = self._time_text(rule)
        assert texts is not None  # needed columns
        found = instants(texts, rule.formats, rule.zone or self._city.timezone)
        name = " ".join(map(self._named, rule.columns))
        self._refuse(
            np.isnat(found), "time_format", lambda row: _no_time(name, texts[row].as_py(), rule.formats)
        )
        return found + np.timedelta64(rule.shift)

    def _time_text(self, rule: TimeRule) -> pa.Array | None:
        texts = [self._text(names) for names in rule.columns]
        if None in texts:
            return None
        return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, " ")

    def _revisions(self, rule: RevisionRule | None) -> Column:
        revisions = np.zeros(len(self._sound), dtype=np.int64)
        if rule is None:
            return revisions.astype(np.int32)
        texts = self._text(rule.rank) if rule.rank else None
        if texts is not None and rule.rank:
            revisions += self._ranks(rule.rank, rule.ranks, texts) * rule.span
        if rule.time is not None:
            revisions += self._registered(rule.time, rule)
        return revisions.astype(np.int32)

    def _ranks(self, column: Names, ranks: Sequence[str], texts: pa.Array) -> Column:
        unique = pc.dictionary_encode(texts)
        order = {text: place for place, text in enumerate(ranks)} | {"": 0}
        places = np.array([order.get(text, -1) for text in unique.dictionary.to_pylist()], dtype=np.int64)
        found = places[unique.indices.to_numpy(zero_copy_only=False)] if len(places) else places
        name, known = self._named(column), ", ".join(ranks)
        self._refuse(found < 0, "revision", lambda row: f'"{name}" is "{texts[row]}", none of {known}')
        return np.maximum(found, 0)

    def _registered(self, time: TimeRule, rule: RevisionRule) -> Column:
        """Seconds since 2000 of the registration, as finely as a rank has room for; 0 where none is told."""
        texts = self._time_text(time)
        if texts is None:
            return np.zeros(len(self._sound), dtype=np.int64)
        found = instants(texts, time.formats, time.zone or self._city.timezone)
        told = pc.not_equal(texts, "").to_numpy(zero_copy_only=False)
        name = " ".join(map(self._named, time.columns))
        self._refuse(
            np.isnat(found) & told, "revision", lambda row: _no_time(name, texts[row].as_py(), time.formats)
        )
        found = np.where(np.isnat(found), _EPOCH, found + np.timedelta64(time.shift))
        seconds = (found - _EPOCH).astype("timedelta64[s]").astype(np.int64)
        return np.clip(seconds // max(len(rule.ranks), 1), 0, rule.span - 1)

    def _values(self, metric: MetricRule) -> Column:
        place = place_of(metric.column, self._reader.header)
        assert place is not None  # the reader's metrics are those that are there
        cells = self._chunk.columns[place]
        return self.values_of(metric, cells, np.ones(len(cells), dtype=bool), self._named(metric.column))

    def values_of(self, metric: MetricRule, cells: pa.Array, meant: Mask, column: str) -> Column:
        """float32 of a metric's cells, in the catalogue's unit; only the rows `meant` may be at fault."""
        rule = CellRule(metric.missing, self._layout.filler, self._layout.decimal)
        found, bad = numbers(cells, rule)
        name = f"{metric.key} ({column})"
        self._refuse(
            bad & meant, "not_number", lambda row: f'{name} is "{_short(cells[row].as_py())}", not a number'
        )
        with np.errstate(over="ignore", invalid="ignore"):
            inside = (found >= metric.low) & (found <= metric.high)
            values = np.where(inside, found * metric.factor + metric.offset, np.nan).astype(np.float32)
        beyond = f"{name} is beyond what can be stored (3.4e38)"
        self._refuse(np.isinf(values) & meant, "not_number", lambda _: beyond)
        return values

    def _about(self, serials: Sequence[str], who: Column) -> dict[str, About]:
        rules = self._layout.about
        texts = {key: self._text(rule) for key, rule in rules.items() if not isinstance(rule, str)}
        if not rules:
            return {}
        first = dict(zip(*np.unique(who, return_index=True), strict=True))
        found = {}
        for place, serial in enumerate(serials):
            row = int(first[place])
            told = {key: cells[row].as_py() for key, cells in texts.items() if cells is not None}
            constant = {key: rule for key, rule in rules.items() if isinstance(rule, str)}
            found[serial] = described({**told, **constant})
        return found

    def _refused(self, serials: Sequence[str], who: Column) -> Iterator[Refused]:
        for row, (code, text) in sorted(self._faults.items()):
            serial = serials[who[row]] if who[row] >= 0 else None
            yield Refused(int(self._chunk.lines[row]), code, text, serial, self._quote(row))

    def _broken(self, line: BrokenLine) -> Refused:
        text = f"it has {line.cells} cells, where the header has {line.expected}"
        # Which of its cells is a person's, nobody can tell.
        kept = "" if any(map(is_personal, self._reader.header)) else line.text
        return Refused(line.line, "cells", text, None, kept.encode())

    def _quote(self, row: int) -> bytes:
        cells = (column[row].as_py() for column in self._chunk.columns)
        named = {name: cell for name, cell in zip(self._reader.header, cells, strict=True) if name or cell}
        return json.dumps(named, ensure_ascii=False).encode()


def _short(text: str) -> str:
    return text if len(text) <= MAX_LABEL else text[:MAX_LABEL] + "…"


def _no_serial(text: str) -> str:
    if not text:
        return "the serial is empty"
    return (
        f'"{_short(text)}" is no serial: letters, digits and ._:- only, at most 64; '
        "give it one in [serial.names] of a map"
    )


def _no_time(name: str, text: str, formats: Sequence[str]) -> str:
    if not text:
        return f'"{name}" is empty'
    return f'"{name}" is "{_short(text)}", a time of none of the formats {" | ".join(formats)}'
