"""Rows into and out of the time series: binary COPY, look-up of what is there, revisions, newest values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from city.db import statement
from city.metrics import Catalogue
from ingest import rows
from ingest.binary import copy_rows
from ingest.block import Column
from ingest.fold import Fact, Folded, Key, Row, Snapshot
from ingest.newest import Newest
from ingest.plausible import Plausible
from ingest.sheet import Sheet, instant

_REVISION_TYPES = ["int4", "timestamptz", "int4", "timestamptz", "int8", "jsonb", "bool"]


class Series:
    """Reads and writes `reading`, `reading_revision`, `flag`, `touched` and `latest` for one catalogue."""

    def __init__(self, catalogue: Catalogue, writer: str) -> None:
        self._keys = catalogue.keys
        self._writer = writer
        self.plausible = Plausible(catalogue)

    def _present(self, rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
        """The metrics that occur: a COPY of six columns costs a fraction of one of thirty."""
        seen: set[str] = set()
        for values in rows:
            seen.update(values)
        return tuple(key for key in self._keys if key in seen) or self._keys[:1]

    def prepare(self, conn: psycopg.Connection[Any]) -> None:
        """Make the session's staging tables, outside any batch."""
        conn.execute(statement("stage_reading"))
        conn.execute(statement("stage_latest"))

    def existing(self, conn: psycopg.Connection[Any], keys: Sequence[Key]) -> dict[Key, Row]:
        """The rows of these keys (sorted), locked, with what `reading_revision` holds of them."""
        arrays = [[key[0] for key in keys], [key[1] for key in keys]]
        found: dict[Key, Row] = {}
        # Binary: as text a `real` comes with its fewest digits (12.133333), another float than the one stored.
        for row in conn.execute(statement("existing_readings", self._keys), arrays, binary=True):
            sensor_id, time, district, received, revision, flags, extra, *values = row
            stored = dict(zip(self._keys, values, strict=True))
            found[sensor_id, time] = Row(stored, revision, extra, district, received, new=False, flags=flags)
        if found:
            self._add_held(conn, found)
        return found

    def _add_held(self, conn: psycopg.Connection[Any], found: dict[Key, Row]) -> None:
        keys = list(found)
        arrays = [[key[0] for key in keys], [key[1] for key in keys]]
        for sensor_id, time, revision, *values in conn.execute(
            statement("existing_revisions", self._keys), arrays, binary=True
        ):
            held = dict(zip(self._keys, values, strict=True))
            found[sensor_id, time].held.append((revision, held))

    def known(self, conn: psycopg.Connection[Any], sheet: Sheet) -> Column:
        """Mask of the messages of a sheet between whose first and last reading others have committed some."""
        mask = np.zeros(len(sheet.columns.messages), dtype=bool)
        for (place,) in conn.execute(statement("known_spans"), list(map(_literal, sheet.spans()))):
            mask[place - 1] = True
        return mask

    def write(
        self, conn: psycopg.Connection[Any], folded: Folded, open_from: datetime, sheet: Sheet | None = None
    ) -> None:
        """Write a folded batch and its sheet: new rows, changed rows, revisions, flags, touched; not `latest`."""
        new = {key: row for key, row in folded.rows.items() if row.new}
        changed = {key: row for key, row in folded.rows.items() if row.changed and not row.new}
        if new or sheet:
            self._copy_new(conn, new, sheet)
        if changed:
            keys = self._present(row.values for row in changed.values())
            lines = [line for _, line in self._lines(changed, keys)]
            copy_rows(conn, statement("copy_staged_reading", keys), lines)
            conn.execute(statement("upsert_reading", keys))
        if folded.snapshots:
            self._copy_snapshots(conn, folded.snapshots)
        self._write_flags(conn, new, changed, sheet)
        touched = sorted({(f.sensor_id, f.time) for f in folded.accepted if f.time < open_from})
        if touched:
            conn.execute(statement("insert_touched"), _columns(touched))
        if sheet:
            conn.execute(statement("insert_marks"), list(map(_literal, sheet.marks(open_from))))

    def _copy_new(self, conn: psycopg.Connection[Any], new: Mapping[Key, Row], sheet: Sheet | None) -> None:
        """All new rows in the order of their keys, or two workers with the same readings lock each other out."""
        keys = self._present([row.values for row in new.values()] + ([sheet.columns.values] if sheet else []))
        lines = self._lines(new, keys)
        if sheet is not None:
            flags = np.zeros(len(sheet), dtype=np.int64)
            for key, outside in sheet.flagged.items():
                flags |= np.where(outside, self.plausible.limits[key][2], 0)
            packed = rows.of_sheet(sheet, keys, flags)
            if lines:
                lines = sorted([*lines, *zip(sheet.sorted_keys(), packed, strict=True)], key=_by_key)
            else:
                copy_rows(conn, statement("copy_reading", keys), packed)
                return
        copy_rows(conn, statement("copy_reading", keys), [line for _, line in lines])

    def _lines(self, readings: Mapping[Key, Row], keys: Sequence[str]) -> list[tuple[Key, bytes]]:
        return [
            (key, rows.of_row(key, row, self.plausible.after(row.flags, row.replaced, row.values), keys))
            for key, row in sorted(readings.items(), key=_by_key)
        ]

    def _found(self, sheet: Sheet) -> list[tuple[int, datetime, int, str]]:
        """(sensor, time, bit, words) of each flagged value of a sheet."""
        return [
            (int(sheet.sensor_ids[row]), instant(int(sheet.columns.times[row])), *detail)
            for key, outside in sheet.flagged.items()
            for row in np.flatnonzero(outside)
            for detail in self.plausible.details({key: float(sheet.columns.values[key][row])})
        ]

    def _copy_snapshots(self, conn: psycopg.Connection[Any], snapshots: Sequence[Snapshot]) -> None:
        keys = self._present(snapshot.values for snapshot in snapshots)
        with conn.cursor() as cursor, cursor.copy(statement("copy_revision", keys)) as copy:
            copy.set_types([*_REVISION_TYPES, *["float4"] * len(keys)])
            for snap in snapshots:
                flags = self.plausible.flags(snap.values)
                extra = Jsonb(snap.extra) if snap.extra else None
                head = (*snap.key, snap.revision, snap.replaced_at, flags, extra, snap.carried)
                copy.write_row(head + tuple(map(snap.values.get, keys)))

    def _write_flags(
        self,
        conn: psycopg.Connection[Any],
        new: Mapping[Key, Row],
        changed: Mapping[Key, Row],
        sheet: Sheet | None,
    ) -> None:
        if changed:
            replaced = [
                (*key, self.plausible.bits(row.replaced)) for key, row in sorted(changed.items(), key=_by_key)
            ]
            conn.execute(statement("delete_flags"), [*_columns(replaced), Plausible.KIND])
        flags = [
            (*key, bit, detail)
            for readings in (new, changed)
            for key, row in readings.items()
            for bit, detail in self.plausible.details(row.values)
        ]
        flags += self._found(sheet) if sheet else []
        if flags:
            conn.execute(statement("insert_flags"), [Plausible.KIND, self._writer, *_columns(sorted(flags))])

    def write_latest(
        self, conn: psycopg.Connection[Any], found: Mapping[int, Newest], sheet: Sheet | None = None
    ) -> None:
        """Bring `latest` up to date."""
        if not found and sheet is None:
            return
        latest = sheet.latest() if sheet else None
        if found:
            self._stage_latest(conn, found)
        if latest is not None:
            copy_rows(conn, statement("copy_staged_latest", tuple(latest.values)), rows.of_latest(latest))
        seen = [row.values for row in found.values()] + ([latest.values] if latest else [])
        conn.execute(statement("upsert_latest", self._present(seen)))

    def _stage_latest(self, conn: psycopg.Connection[Any], found: Mapping[int, Newest]) -> None:
        keys = self._present(row.values for row in found.values())
        blank = (None, None, None)
        with conn.cursor() as cursor, cursor.copy(statement("copy_staged_latest", keys)) as copy:
            copy.set_types(
                ["int4", "timestamptz", "timestamptz", *["float4", "timestamptz", "bool"] * len(keys)]
            )
            for sensor_id, row in sorted(found.items()):
                fields: list[Any] = [sensor_id, row.time, row.changed_at]
                for key in keys:
                    fields += row.values.get(key, blank)
                copy.write_row(fields)


def _by_key(item: tuple[Key, Any]) -> Key:
    return item[0]


def _literal(column: Column) -> str:
    """A column of whole numbers as PostgreSQL's array literal: a tenth of the time that a list takes the driver."""
    return f"{{{','.join(map(str, column.tolist()))}}}"


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def keys_of(facts: Iterable[Fact]) -> list[Key]:
    """The keys of facts, each once, in order: the order in which rows are locked and written."""
    return sorted({(fact.sensor_id, fact.time) for fact in facts})
