"""Rows of a file as readings, a chunk at once, by the rules of a layout; each fault with a sentence to act on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from city.cells import CellRule, Mask, numbers
from city.instants import instants
from city.layout import DISTRICT, Layout, MetricRule, Names, RevisionRule, TimeRule, place_of
from city.reading import MAX_LABEL, SERIAL, About
from city.table import Chunk, Table

Column = npt.NDArray[Any]
_NOTHING = np.datetime64("NaT", "us")
#: Registration times count from here in a revision.
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")
_BETWEEN = "\x1f"


class Place(Protocol):
    """What a file's rows are read against: a city."""

    @property
    def timezone(self) -> str:
        """IANA name of its time zone."""

    def district_named(self, text: str) -> str | None:
        """Code of the district of that code or name."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no reading."""

    line: int
    code: str
    text: str
    serial: str | None
    #: the row as JSON, or as it stands where it has another number of cells
    row: bytes


@dataclass(frozen=True)
class Readings:
    """The readings of a chunk, as columns of one length."""

    #: distinct serials
    serials: tuple[str, ...]
    #: place in `serials`, int32
    who: Column
    #: datetime64[us], UTC
    times: Column
    #: int32
    revisions: Column
    #: metric → float32; NaN where the file says that nothing was measured
    values: Mapping[str, Column]
    #: line in the file, int64
    lines: Column
    #: what the file tells of a sensor
    about: Mapping[str, About]
    refused: tuple[Refused, ...]
    #: rows of the file behind all this
    rows: int
    #: metric → whether the reading carries it at all; None: all carry all
    carried: Mapping[str, Column] | None = None
    #: rows that were left out because the layout does not map their metric
    unmapped: int = 0
    _source: Column = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    _quote: Callable[[int], bytes] = field(default=lambda _: b"", repr=False)

    def __len__(self) -> int:
        return len(self.times)

    def row(self, place: int) -> bytes:
        """The file's row behind a reading, as JSON: header → text."""
        return self._quote(int(self._source[place]))


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
        for chunk in table.chunks():
            yield self.read(chunk, table.broken[told:])
            told = len(table.broken)

    def read(self, chunk: Chunk, broken: Sequence[Any] = ()) -> Readings:
        """The readings of a chunk."""
        return _Reading(self, chunk, self._city).readings(broken)


class _Reading:
    """One chunk on its way."""

    def __init__(self, reader: RowReader, chunk: Chunk, city: Place) -> None:
        self._reader, self._layout, self._chunk, self._city = reader, reader.layout, chunk, city
        self._faults: dict[int, tuple[str, str]] = {}
        self._sound = np.ones(len(chunk.lines), dtype=bool)
        self._trimmed: dict[Names, pa.Array] = {}

    def readings(self, broken: Sequence[Any]) -> Readings:
        """All of it."""
        serials, who = self._serials()
        times = self._times()
        revisions = self._revisions(self._layout.revision)
        values = {metric.key: self._values(metric) for metric in self._reader.metrics}
        kept = np.flatnonzero(self._sound)
        return Readings(
            serials=serials,
            who=who[kept],
            times=times[kept],
            revisions=revisions[kept],
            values={key: column[kept] for key, column in values.items()},
            lines=self._chunk.lines[kept],
            about=self._about(serials, who),
            refused=(*self._refused(serials, who), *map(self._broken, broken)),
            rows=len(self._sound) + len(broken),
            _source=kept,
            _quote=self._quote,
        )

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
        joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, _BETWEEN)
        unique = pc.dictionary_encode(joined)
        found = [self._serial(columns, text.split(_BETWEEN)) for text in unique.dictionary.to_pylist()]
        serials = tuple(dict.fromkeys(serial for serial in found if serial is not None))
        index = {serial: place for place, serial in enumerate(serials)}
        places = np.array([-1 if one is None else index[one] for one in found], dtype=np.int32)
        who = places[unique.indices.to_numpy(zero_copy_only=False)] if len(places) else places
        self._drop_blank(joined)
        self._refuse(who < 0, "serial", lambda row: _no_serial(joined[row].as_py().replace(_BETWEEN, " ")))
        return serials, who

    def _serial_text(self, names: Names) -> pa.Array:
        if names == (DISTRICT,):
            district = self._layout.about.get("district", names)
            names = names if isinstance(district, str) else district
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
            self._sound[row] = any(column[row].as_py().strip() for column in self._chunk.columns)

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
        return self.values_of(metric, cells, np.ones(len(cells), dtype=bool))

    def values_of(self, metric: MetricRule, cells: pa.Array, meant: Mask) -> Column:
        """float32 of a metric's cells, in the catalogue's unit; only the rows `meant` may be at fault."""
        rule = CellRule(metric.missing, self._layout.filler, self._layout.decimal)
        found, bad = numbers(cells, rule)
        name = f"{metric.key} ({self._named(metric.column)})"
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
            found[serial] = _described({**told, **constant})
        return found

    def _refused(self, serials: Sequence[str], who: Column) -> Iterator[Refused]:
        for row, (code, text) in sorted(self._faults.items()):
            serial = serials[who[row]] if who[row] >= 0 else None
            yield Refused(int(self._chunk.lines[row]), code, text, serial, self._quote(row))

    def _broken(self, line: Any) -> Refused:
        text = f"it has {line.cells} cells, where the header has {line.expected}"
        return Refused(line.line, "cells", text, None, line.text.encode())

    def _quote(self, row: int) -> bytes:
        cells = (column[row].as_py() for column in self._chunk.columns)
        return json.dumps(dict(zip(self._reader.header, cells, strict=True)), ensure_ascii=False).encode()


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


def _described(told: Mapping[str, str]) -> About:
    """What can be used of a description; a place that is none is left out, as is a text that is too long."""
    labels = {key: text for key, text in told.items() if text and len(text) <= MAX_LABEL}
    latitude, longitude = _degrees(told.get("latitude"), 90), _degrees(told.get("longitude"), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    return About(labels.get("district"), latitude, longitude, labels.get("model"), labels.get("kind"))


def _degrees(text: str | None, limit: int) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) <= limit and number != 0 else None
