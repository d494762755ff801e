"""Rows into and out of the time series: binary COPY, look-up of what is there, revisions, newest values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from city.db import statement
from city.metrics import Catalogue
from ingest.fold import Fact, Folded, Key, Row, Snapshot
from ingest.newest import Newest
from ingest.plausible import Plausible

_READING_TYPES = ["timestamptz", "int4", "int2", "timestamptz", "int4", "int8", "jsonb"]
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

    def write(self, conn: psycopg.Connection[Any], folded: Folded, open_from: datetime) -> None:
        """Write a folded batch but for `latest`: new rows, changed rows, revisions, flags, touched."""
        new = {key: row for key, row in folded.rows.items() if row.new}
        changed = {key: row for key, row in folded.rows.items() if row.changed and not row.new}
        if new:
            self._copy_rows(conn, "copy_reading", new)
        if changed:
            self._copy_rows(conn, "copy_staged_reading", changed)
            conn.execute(statement("upsert_reading", self._present(row.values for row in changed.values())))
        if folded.snapshots:
            self._copy_snapshots(conn, folded.snapshots)
        self._write_flags(conn, new, changed)
        touched = sorted({(f.sensor_id, f.time) for f in folded.accepted if f.time < open_from})
        if touched:
            conn.execute(statement("insert_touched"), _columns(touched))

    def _copy_rows(self, conn: psycopg.Connection[Any], name: str, rows: Mapping[Key, Row]) -> None:
        keys = self._present(row.values for row in rows.values())
        with conn.cursor() as cursor, cursor.copy(statement(name, keys)) as copy:
            copy.set_types([*_READING_TYPES, *["float4"] * len(keys)])
            for (sensor_id, time), row in sorted(rows.items(), key=_by_key):
                values = row.values
                extra = Jsonb(row.extra) if row.extra else None
                flags = self.plausible.after(row.flags, row.replaced, values)
                head = (time, sensor_id, row.district_id, row.received_at, row.revision, flags, extra)
                copy.write_row(head + tuple(map(values.get, keys)))

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
        self, conn: psycopg.Connection[Any], new: Mapping[Key, Row], changed: Mapping[Key, Row]
    ) -> None:
        if changed:
            replaced = [
                (*key, self.plausible.bits(row.replaced)) for key, row in sorted(changed.items(), key=_by_key)
            ]
            conn.execute(statement("delete_flags"), [*_columns(replaced), Plausible.KIND])
        flags = [
            (*key, bit, detail)
            for rows in (new, changed)
            for key, row in rows.items()
            for bit, detail in self.plausible.details(row.values)
        ]
        if flags:
            conn.execute(statement("insert_flags"), [Plausible.KIND, self._writer, *_columns(sorted(flags))])

    def write_latest(self, conn: psycopg.Connection[Any], rows: Mapping[int, Newest]) -> None:
        """Bring `latest` up to date, in the order of the sensors."""
        if not rows:
            return
        keys = self._present(row.values for row in rows.values())
        blank = (None, None, None)
        with conn.cursor() as cursor, cursor.copy(statement("copy_staged_latest", keys)) as copy:
            copy.set_types(
                ["int4", "timestamptz", "timestamptz", *["float4", "timestamptz", "bool"] * len(keys)]
            )
            for sensor_id, row in sorted(rows.items()):
                fields: list[Any] = [sensor_id, row.time, row.changed_at]
                for key in keys:
                    fields += row.values.get(key, blank)
                copy.write_row(fields)
        conn.execute(statement("upsert_latest", keys))


def _by_key(item: tuple[Key, Row]) -> Key:
    return item[0]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def keys_of(facts: Iterable[Fact]) -> list[Key]:
    """The keys of facts, each once, in order: the order in which rows are locked and written."""
    return sorted({(fact.sensor_id, fact.time) for fact in facts})
