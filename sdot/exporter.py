"""`sdot export`: readings or rollups into one file, as they stand at one instant of the database, a window at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

import sql
from city import db
from city.errors import RegistryError, SettingsError
from city.exchange import SENSOR, Level, Told, metric_fields, schema
from city.metrics import Metric
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from sdot.outfile import Format, OutFile
from sdot.progress import Tell, progress
from sdot.span import span

#: Bytes of rows that become columns at a time.
CHUNK_BYTES = 4 << 20
#: The windows, which begin on Mondays as partitions do: of the finer levels one partition or chunk each.
_WEEK = timedelta(days=7)
WINDOWS = {
    Level.RAW: _WEEK, Level.SENSOR_10MIN: _WEEK, Level.SENSOR_HOUR: 26 * _WEEK,
    Level.DISTRICT_10MIN: 4 * _WEEK, Level.DISTRICT_HOUR: 26 * _WEEK, Level.DISTRICT_DAY: 520 * _WEEK,
}  # fmt: skip
_MONDAY = datetime(2000, 1, 3, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported; nothing named means all of it."""

    level: Level = Level.RAW
    #: codes or names
    districts: Sequence[str] = ()
    serials: Sequence[str] = ()
    #: keys of metrics
    metrics: Sequence[str] = ()
    #: the first instant, and the one before which it ends
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    rows: int
    #: sensors or districts that were looked at
    places: int
    first: datetime
    last: datetime


def run(settings: Settings, name: str, kind: Format, wish: Wish) -> Exported:
    """Write one file; SettingsError or RegistryError where there is nothing of what was asked for.

    One REPEATABLE READ transaction that only reads: the rows are those of one instant, and nobody waits for it.
    """
    pack = load_pack(settings.city)
    url = require(settings.read_url, "SDOT_READ_DATABASE_URL")
    with (
        db.connect(url, "sdot export", bounded=False) as conn,
        db.told("the export ended early"),
        conn.transaction(),
    ):
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return _Export(conn, pack, wish).write(name, kind)


class _Export:
    """One file on its way."""

    def __init__(self, conn: Any, pack: CityPack, wish: Wish) -> None:
        self._conn, self._wish, self._level = conn, wish, wish.level
        self._metrics = _chosen(pack, wish.metrics)
        self._schema = schema(self._level, self._metrics)
        self._codes = _codes(conn)
        self._districts = [self._district(pack, text) for text in wish.districts] or None
        self._roll = conn.execute(db.statement("export_sensors")).fetchall()
        self._known = _registry(self._roll)
        self._low, self._high = self._span()
        self._sensors, self._here = self._chosen_sensors()

    def _district(self, pack: CityPack, text: str) -> int:
        code = pack.district_named(text)
        number = self._codes.number(code) if code else None
        if number is None:
            raise RegistryError(f"there is no district {text!r}; `sdot city check {pack.name}` lists them")
        return number

    def _span(self) -> tuple[datetime, datetime]:
        """From when until when, within what there is."""
        since, until = self._wish.since, self._wish.until
        if since is not None and until is not None and since >= until:
            raise SettingsError(
                f"--since {since:%Y-%m-%d %H:%M} is not before --until {until:%Y-%m-%d %H:%M}"
            )
        row = self._ends()
        if row is None or row[0] is None:
            raise SettingsError(f"there is nothing to export: the database has no {self._level} rows")
        low, high = max(row[0], since or row[0]), min(row[1] + _TICK, until or row[1] + _TICK)
        if low >= high:
            raise SettingsError(
                f"there is nothing to export: {self._level} rows go from {row[0]:%Y-%m-%d %H:%M} to "
                f"{row[1]:%Y-%m-%d %H:%M} UTC; ask with --since and --until for a part of that"
            )
        return low, high

    def _ends(self) -> Any:
        """The first and the last instant that has a row."""
        if self._level is Level.RAW:
            given = {"sensors": [row[0] for row in self._roll]}
            return self._conn.execute(db.statement("export_span_raw"), given).fetchone()
        text = sql.query("export_span_buckets").replace("{level}", self._level)
        return self._conn.execute(sql.literal(text)).fetchone()

    def _chosen_sensors(self) -> tuple[list[int], list[bool]]:
        """Numbers of the sensors that may have rows, and whether each stands in a district that was asked for."""
        if unknown := set(self._wish.serials) - {row[1] for row in self._roll}:
            raise RegistryError(f"there is no sensor {min(unknown)}; `sdot sensor list` tells all")
        rows = [row for row in self._roll if not self._wish.serials or row[1] in self._wish.serials]
        if self._districts is None or not self._level.of_sensors:
            return [row[0] for row in rows], [True] * len(rows)
        given = {"districts": self._districts, "low": self._low, "high": self._high}
        movers = {row[0] for row in self._conn.execute(db.statement("export_movers"), given)}
        rows = [row for row in rows if row[2] in self._districts or row[0] in movers]
        return [row[0] for row in rows], [row[2] in self._districts for row in rows]

    def write(self, name: str, kind: Format) -> Exported:
        """All of it."""
        with OutFile(name, kind, self._told()) as file, progress("Exporting", error=True) as tell:
            windows = list(self._windows())
            for number, (low, high) in enumerate(windows):
                self._window(low, high, file, _share(tell, number, len(windows)))
            tell(1.0, file.rows)
        places = self._sensors if self._level.of_sensors else self._districts or self._codes
        return Exported(file.rows, len(places), self._low, self._high - _TICK)

    def _told(self) -> pa.Schema:
        """The file's columns, and what it tells of itself."""
        city, zone, now = self._conn.execute(db.statement("export_clock")).fetchone()
        span = self._low.isoformat(), self._high.isoformat()
        told = Told(self._level, city or "", version("sdot"), zone, *span, now.isoformat())
        return self._schema.with_metadata(told.as_metadata())

    def _windows(self) -> Iterator[tuple[datetime, datetime]]:
        length = WINDOWS[self._level]
        begin = _MONDAY + (self._low - _MONDAY) // length * length
        while begin < self._high:
            yield max(begin, self._low), min(begin + length, self._high)
            begin += length

    def _window(self, low: datetime, high: datetime, file: OutFile, tell: Tell) -> None:
        query, given = self._query(), self._given(low, high)
        places = {number: place for place, number in enumerate(self._sensors)}
        with self._conn.cursor() as cursor, cursor.copy(query, given) as copy:
            for piece in _pieces(copy):
                rows = self._read(piece)
                file.write(self._named(rows))
                last = rows["serial"][-1].as_py() if self._level.of_sensors else 0
                tell(places.get(last, 0) / max(len(places), 1), file.rows)
        tell(1.0, file.rows)

    def _query(self) -> Any:
        if self._level is Level.RAW:
            return sql.literal(sql.expand_metrics(sql.query("export_raw"), self._metrics))
        name = "export_sensors_buckets" if self._level.of_sensors else "export_districts_buckets"
        columns = [field.name for field in metric_fields(self._level, self._metrics)]
        columns += ["imported"] if self._level.keeps_origin else []
        text = sql.query(name).replace("{level}", self._level)
        lines = [
            line.replace("{column}", one)
            for line in text.splitlines()
            for one in (columns if "{column}" in line else [""])
        ]
        return sql.literal(sql.expand_metrics("\n".join(lines), self._metrics))

    def _given(self, low: datetime, high: datetime) -> Mapping[str, Any]:
        return {
            "low": low, "high": high, "sensors": self._sensors, "here": self._here, "districts": self._districts,
            "metrics": [one.key for one in self._metrics], "every": not self._wish.metrics,
        }  # fmt: skip

    def _read(self, piece: bytes) -> pa.Table:
        """Rows as they come: sensors and districts are numbers still."""
        about = {field.name for field in SENSOR}
        types = {field.name: field.type for field in self._schema if field.name not in about}
        types |= {name: pa.int32() for name in ("serial", "district") if name in types}
        options = csv.ConvertOptions(
            column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        reading = csv.ReadOptions(column_names=list(types), use_threads=False, block_size=2 * CHUNK_BYTES)
        return csv.read_csv(io.BytesIO(piece), read_options=reading, convert_options=options)

    def _named(self, rows: pa.Table) -> pa.Table:
        """With serials, codes and what is known of each sensor."""
        columns = {name: rows[name] for name in rows.column_names}
        columns["district"] = self._codes.of(rows["district"])
        if self._level.of_sensors:
            columns |= {name: known.of(rows["serial"]) for name, known in self._known.items()}
        return pa.table([columns[name] for name in self._schema.names], schema=self._schema)


class _Known:
    """Numbers as they come, and what each stands for."""

    def __init__(self, numbers: Sequence[int], values: Sequence[Any], kind: pa.DataType) -> None:
        self.numbers, self._values = pa.array(numbers, pa.int32()), pa.array(values, kind)

    def number(self, value: Any) -> int | None:
        """The number that stands for it."""
        place = self._values.index(value).as_py()
        return int(self.numbers[place].as_py()) if place >= 0 else None

    def __len__(self) -> int:
        return len(self.numbers)

    def of(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Null where there is none."""
        return pc.take(self._values, pc.index_in(column, self.numbers))


def _codes(conn: Any) -> _Known:
    rows = conn.execute(db.statement("export_districts")).fetchall()
    return _Known([row[0] for row in rows], [row[1] for row in rows], pa.string())


def _registry(roll: Sequence[Any]) -> dict[str, _Known]:
    """Column of the file → what it is of each sensor."""
    numbers = [row[0] for row in roll]
    columns = {"serial": (1, pa.string())}
    columns |= {field.name: (place, field.type) for place, field in enumerate(SENSOR, start=3)}
    return {
        name: _Known(numbers, [row[place] for row in roll], kind) for name, (place, kind) in columns.items()
    }


def _chosen(pack: CityPack, keys: Sequence[str]) -> tuple[Metric, ...]:
    for key in keys:
        if key not in pack.catalogue:
            raise SettingsError(
                f"--metric {key} is no metric of this city; there are {', '.join(pack.catalogue.keys)}"
            )
    return tuple(one for one in pack.catalogue if not keys or one.key in keys)


def _share(tell: Tell, number: int, windows: int) -> Tell:
    return lambda part, rows: tell((number + part) / windows, rows)


def _pieces(copy: Any) -> Iterator[bytes]:
    """Whole rows of a COPY, about CHUNK_BYTES at a time."""
    held, size = list[bytes](), 0
    for row in copy:
        held.append(bytes(row))
        size += len(row)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def instant_of(text: str | None, option: str, pack: CityPack, now: datetime) -> datetime | None:
    """`30d` before now, or a time (of the city's clock where it has no offset); SettingsError where it is neither."""
    if text is None:
        return None
    with suppress(SettingsError):
        return now - span(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{option} is {text!r}; write 30d, or a time such as 2026-11-24 or 2026-11-24T14:00"
        ) from None
    return time.replace(tzinfo=pack.zone) if time.tzinfo is None else time
