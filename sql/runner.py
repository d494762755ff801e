"""Migrations: small, ordered, forward only; each runs with its record in one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

import psycopg
from psycopg.types.json import Jsonb

import sql

#: `0002_series.timescaledb.sql`: number, name, and the engine it is for (none: all).
_FILE = re.compile(r"(\d{4})_(\w+?)(?:\.(postgresql|timescaledb))?\.sql")
#: PostgreSQL 15 is the oldest whose partitioning and MERGE we test; older servers are refused.
OLDEST_SERVER = 150000


class MetricLike(Protocol):
    """What migration needs of a metric."""

    @property
    def key(self) -> str: ...
    @property
    def bit(self) -> int: ...
    @property
    def unit(self) -> str: ...
    @property
    def aggregation(self) -> str: ...


class DistrictLike(Protocol):
    """What migration needs of a district."""

    @property
    def code(self) -> str: ...
    @property
    def official_code(self) -> str | None: ...
    @property
    def names(self) -> Mapping[str, str]: ...


class MigrationError(Exception):
    """The database cannot be brought to this version; the text says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What the database turned out to be."""

    #: `timescaledb` or `postgresql`
    kind: str
    #: `community`, `apache` or None
    edition: str | None
    #: as the server and the extension call themselves, e.g. `17.5`
    server: str
    extension: str | None

    def __str__(self) -> str:
        if self.kind == "postgresql":
            return f"PostgreSQL {self.server}, native partitions"
        return f"TimescaleDB {self.extension} ({self.edition} edition) on PostgreSQL {self.server}"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `sql/migrations`."""

    number: int
    name: str
    engine: str | None
    text: str


def migrations(engine: str) -> list[Migration]:
    """All migrations for an engine, in order."""
    found = []
    for entry in files("sql").joinpath("migrations").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match and match[3] in (None, engine):
            found.append(Migration(int(match[1]), match[2], match[3], entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def detect_engine(conn: psycopg.Connection[Any]) -> Engine:
    """The engine behind an open connection; makes the TimescaleDB extension where the server has it loaded."""
    server = conn.execute("SHOW server_version").fetchone()
    extension = _extension(conn)
    if extension is None:
        return Engine("postgresql", None, _first(server).split()[0], None)
    licence = _first(conn.execute("SELECT current_setting('timescaledb.license', true)").fetchone())
    edition = "apache" if licence == "apache" else "community"
    return Engine("timescaledb", edition, _first(server).split()[0], extension)


def _first(row: Any) -> str:
    return str(row[0]) if row else ""


def _extension(conn: psycopg.Connection[Any]) -> str | None:
    row = conn.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    if row:
        return _first(row)
    offered = conn.execute(
        "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
    ).fetchone()
    # Its loader's own setting tells that it is preloaded; without, CREATE EXTENSION ends the connection.
    loaded = conn.execute("SELECT current_setting('timescaledb.disable_load', true)").fetchone()
    if not offered or not loaded or loaded[0] is None or _relation(conn, "reading"):
        return None
    conn.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return _first(offered)


def _relation(conn: psycopg.Connection[Any], name: str) -> bool:
    row = conn.execute("SELECT to_regclass(%s)", [name]).fetchone()
    return bool(row and row[0])


def migrate(
    conn: psycopg.Connection[Any],
    metrics: Iterable[MetricLike],
    districts: Sequence[DistrictLike] = (),
    city: str | None = None,
    time_zone: str = "UTC",
) -> list[str]:
    """Bring the database to this version; returns what was done, a line each (empty: nothing to do).

    `conn` is the owner's, in autocommit mode. Raises MigrationError where the database is too old, belongs to
    another city, or a metric's bit changed.
    """
    if not conn.autocommit:
        raise MigrationError("migrate() wants a connection in autocommit mode")
    if conn.info.server_version < OLDEST_SERVER:
        raise MigrationError(
            f"the server is PostgreSQL {conn.info.server_version // 10000}; 15 or newer is needed"
        )
    conn.execute("SELECT pg_advisory_lock(53001, 4)")  # two migrations wait for each other
    try:
        done = _run_files(conn, detect_engine(conn))  # which makes the extension, so inside the lock
        done += _add_metrics(conn, tuple(metrics))
        _describe_city(conn, districts, city, time_zone)
        conn.execute(sql.literal(sql.text("roles.sql")))
    finally:
        conn.execute("SELECT pg_advisory_unlock(53001, 4)")
    return done


def _run_files(conn: psycopg.Connection[Any], engine: Engine) -> list[str]:
    conn.execute(
        "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text NOT NULL,"
        " engine text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied = {row[0] for row in conn.execute("SELECT number FROM migration")}
    done = []
    for step in migrations(engine.kind):
        if step.number in applied:
            continue
        with conn.transaction():
            conn.execute(sql.literal(step.text))
            record = "INSERT INTO migration (number, name, engine) VALUES (%s, %s, %s)"
            conn.execute(record, [step.number, step.name, engine.kind])
        done.append(f"{step.number:04} {step.name} ({engine.kind})")
    return done


def _add_metrics(conn: psycopg.Connection[Any], metrics: Sequence[MetricLike]) -> list[str]:
    known = {row[0]: row[1] for row in conn.execute("SELECT key, bit FROM metric")}
    for metric in metrics:
        if known.get(metric.key, metric.bit) != metric.bit:
            raise MigrationError(
                f"metric {metric.key} had bit {known[metric.key]} and now has {metric.bit}; restore it"
            )
        if metric.key not in known and metric.bit in known.values():
            raise MigrationError(
                f"metric {metric.key} takes bit {metric.bit}, used before; bits are never reused"
            )
    new = [metric for metric in metrics if metric.key not in known]
    lacking = {metric.key for metric in new} | _lacking(conn, metrics)
    if not lacking:
        return []
    with conn.transaction():
        wanted = [metric for metric in metrics if metric.key in lacking]
        for template in sql.blocks("metrics.sql").values():
            conn.execute(sql.literal(sql.expand_metrics(template, wanted)))
        insert = "INSERT INTO metric (key, bit, unit, aggregation) VALUES (%s, %s, %s, %s)"
        for metric in new:
            conn.execute(insert, [metric.key, metric.bit, metric.unit, metric.aggregation])
    return [f"columns for {len(lacking)} metrics: {', '.join(metric.key for metric in wanted)}"]


def _lacking(conn: psycopg.Connection[Any], metrics: Sequence[MetricLike]) -> set[str]:
    """Keys of metrics whose columns an earlier version made without what this one adds."""
    rows = conn.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'district_day'::regclass AND NOT attisdropped"
    )
    there = {row[0] for row in rows}
    added = {"sum": "sum", "vector": "east"}  # by aggregation, the last column of each
    return {
        metric.key for metric in metrics if f"{metric.key}_{added.get(metric.aggregation, 'n')}" not in there
    }


def _describe_city(
    conn: psycopg.Connection[Any], districts: Sequence[DistrictLike], city: str | None, time_zone: str
) -> None:
    row = conn.execute("SELECT city FROM checkpoint").fetchone()
    if city and row and row[0] and row[0] != city:
        raise MigrationError(f"this database belongs to the city {row[0]!r}, not {city!r}; use another one")
    with conn.transaction():
        if city:
            conn.execute("UPDATE checkpoint SET city = %s, time_zone = %s", [city, time_zone])
        for district in districts:
            conn.execute(
                "INSERT INTO district (code, official_code, names) VALUES (%s, %s, %s)"
                " ON CONFLICT (code) DO UPDATE SET official_code = excluded.official_code, names = excluded.names",
                [district.code, district.official_code, Jsonb(dict(district.names))],
            )
