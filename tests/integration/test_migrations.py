"""Migrations on every engine: what DESIGN's section on storage promises exists, and running them again changes nothing."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from city.metrics import Catalogue, load_catalogue
from city.pack import CityPack, load_pack
from sql.runner import MigrationError, detect_engine, migrate, migrations
from tests.servers.migrated import fill
from tests.servers.pglite import PGlite
from tests.servers.postgres import Database, Server

TINY = Path(__file__).parents[1] / "packs" / "tiny"

READING = {
    "time": "timestamp with time zone",
    "sensor_id": "integer",
    "district_id": "smallint",
    "received_at": "timestamp with time zone",
    "revision": "integer",
    "flags": "bigint",
    "extra": "jsonb",
}
COUNTS = dict.fromkeys(("messages", "stored", "revised", "duplicate", "quarantined", "rejected"), "numeric")
SENSOR_ROLLUP = {"bucket": "timestamp with time zone", "sensor_id": "integer"}
DISTRICT_ROLLUP = {"bucket": "timestamp with time zone", "district_id": "smallint"}

#: Relation → columns that others build on, as the design names them; a relation may have more.
RELATIONS: dict[str, dict[str, str]] = {
    "reading": READING,
    "reading_revision": {key: READING[key] for key in ("time", "sensor_id", "revision", "flags", "extra")},
    "flag": {"sensor_id": "integer", "time": "timestamp with time zone", "kind": "text", "detail": "text"},
    "latest": {"sensor_id": "integer", "time": "timestamp with time zone"},
    "sensor": {
        "sensor_id": "integer",
        "serial": "text",
        "model": "text",
        "state": "text",
        "site_id": "integer",
    },
    "site": {
        "site_id": "integer",
        "kind": "text",
        "latitude": "double precision",
        "longitude": "double precision",
    },
    "district": {"district_id": "smallint", "code": "text", "names": "jsonb"},
    "quarantine": {"topic": "text", "reason": "text", "payload": "bytea"},
    "quarantine_gone": {"cause": "text", "code": "text", "cases": "bigint", "readings": "bigint"},
    "ledger_reason": {
        "writer": "text",
        "minute": "timestamp with time zone",
        "code": "text",
        "outcome": "text",
    },
    "ledger_dropped": {"minute": "timestamp with time zone", "stored": "numeric", "revised": "numeric"},
    "lag_minute": {
        "writer": "text",
        "minute": "timestamp with time zone",
        "kind": "text",
        "bucket": "smallint",
    },
    "gap": {"kind": "text", "slot": "integer", "began_at": "timestamp with time zone", "size": "bigint"},
    "worker": {"slot": "integer", "inflight": "integer", "unacknowledged": "integer", "busy": "real"},
    "broker": {"seen_at": "timestamp with time zone", "dropped": "bigint"},
    "touched": {"sensor_id": "integer", "time": "timestamp with time zone"},
    "ledger_minute": {"minute": "timestamp with time zone", **COUNTS},
    "ledger_sensor_day": {"sensor_id": "integer", "day": "date", **COUNTS},
    "sensor_10min": SENSOR_ROLLUP,
    "sensor_hour": SENSOR_ROLLUP,
    "district_10min": DISTRICT_ROLLUP,
    "district_hour": DISTRICT_ROLLUP,
    "district_day": DISTRICT_ROLLUP,
}
ROLLUP = {"_mean": "double precision", "_min": "real", "_max": "real", "_n": "integer"}

#: Relation → ending of a metric's columns → type.
METRIC_COLUMNS: dict[str, dict[str, str]] = {
    "reading": {"": "real"},
    "reading_revision": {"": "real"},
    "latest": {"": "real", "_time": "timestamp with time zone", "_flagged": "boolean"},
    "sensor_10min": ROLLUP,
    "sensor_hour": ROLLUP,
    "district_10min": ROLLUP | {"_sensors": "integer"},
    "district_hour": ROLLUP | {"_sensors": "integer"},
    "district_day": ROLLUP | {"_sensors": "integer"},
}
SERIES = {"reading", "sensor_10min", "sensor_hour"}

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')
"""
REST = """
    SELECT 'index', indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
    UNION ALL
    SELECT 'function', p.proname, p.prosrc FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')
    UNION ALL
    SELECT 'relation', relname, coalesce(relacl::text, '') || coalesce(reloptions::text, '')
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
"""
DATA = """
    SELECT 'metric', key, bit::text FROM metric UNION ALL
    SELECT 'district', code, district_id::text FROM district UNION ALL
    SELECT 'migration', name, applied_at::text FROM migration
"""


def _columns(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for relation, column, kind, *_ in connection.execute(COLUMNS):
        found.setdefault(relation, {})[column] = kind
    return found


def _schema(database: Database) -> set[tuple[Any, ...]]:
    """Everything that migration makes, as rows to compare."""
    return {*database.rows(COLUMNS), *database.rows(REST), *database.rows(DATA)}


def _check_relations(columns: dict[str, dict[str, str]]) -> None:
    for relation, expected in RELATIONS.items():
        found = columns.get(relation, {})
        got = {name: found.get(name) for name in expected}
        wide = {
            name: "numeric" if kind == "bigint" and relation[:6] == "ledger" else kind
            for name, kind in got.items()
        }
        assert wide == expected, relation


def _check_metrics(columns: dict[str, dict[str, str]], catalogue: Catalogue) -> None:
    for relation, endings in METRIC_COLUMNS.items():
        expected = {metric.key + ending: kind for metric in catalogue for ending, kind in endings.items()}
        assert expected.items() <= columns[relation].items(), relation


@pytest.fixture
def tiny() -> CityPack:
    """A made-up city with a metric of its own."""
    return load_pack(TINY)


def test_migrated_from_nothing_has_what_the_design_names(empty_database: Database) -> None:
    done = fill(empty_database)
    assert len(done) > 1
    with empty_database.connect() as connection:
        columns = _columns(connection)
    _check_relations(columns)
    _check_metrics(columns, load_catalogue())


def test_migrating_again_changes_nothing(database: Database) -> None:
    before = _schema(database)
    assert fill(database) == []
    assert _schema(database) == before


def test_every_engine_gets_the_same_columns(database: Database, embedded_database: Database) -> None:
    assert set(database.rows(COLUMNS)) == set(embedded_database.rows(COLUMNS))


def test_a_metric_added_later_makes_the_same_columns_as_from_the_start(
    server: Server, tiny: CityPack
) -> None:
    assert tiny.metrics
    later, at_once = server.create(), server.create()
    with later.connect() as connection:
        migrate(connection, load_catalogue())
        done = migrate(connection, tiny.catalogue)
        assert all(metric.key in " ".join(done) for metric in tiny.metrics)
        _check_metrics(_columns(connection), tiny.catalogue)
    with at_once.connect() as connection:
        migrate(connection, tiny.catalogue)
    assert set(later.rows(COLUMNS)) == set(at_once.rows(COLUMNS))
    for each in (later, at_once):
        server.drop(each)


def test_two_migrations_at_once_wait_for_each_other(empty_database: Database) -> None:
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: fill(empty_database), range(2)))
    assert sorted(map(bool, done)) == [False, True]


def test_an_owner_without_privileges_can_migrate(server: Server) -> None:
    database = server.create()
    owner = f"owner_{uuid.uuid4().hex[:8]}"
    with database.connect() as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB")
        connection.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
        connection.execute(f"ALTER SCHEMA public OWNER TO {owner}")
    with database.connect(owner) as connection:
        migrate(connection, load_catalogue())
        _check_relations(_columns(connection))
    server.drop(database)
    with server.create().connect() as connection:
        connection.execute(f"DROP ROLE {owner}")


def test_series_are_hypertables_or_partitioned(database: Database) -> None:
    with database.connect() as connection:
        kind = detect_engine(connection).kind
    if database.engine == "timescale":
        assert kind == "timescaledb"
        found = database.rows("SELECT hypertable_name FROM timescaledb_information.hypertables")
    else:
        assert kind == "postgresql"
        found = database.rows(
            "SELECT partrelid::regclass::text FROM pg_partitioned_table WHERE partdefid = 0"
        )
    assert {row[0] for row in found} == SERIES


def test_reading_has_one_index(database: Database) -> None:
    keys = database.rows("SELECT indexdef FROM pg_indexes WHERE tablename = 'reading'")
    assert len(keys) == 1, "a second index halves ingest"
    assert '(sensor_id, "time")' in str(keys[0][0])


@pytest.fixture
def ingest(database: Database) -> Iterator[psycopg.Connection]:
    """A connection as the role that ingest has."""
    with database.connect("sdot_ingest") as connection:
        yield connection


@pytest.mark.parametrize("instant", ["2000-01-01", "2020-05-01 12:00+09", "2026-12-31 23:59:59Z"])
def test_ingest_makes_the_week_that_is_missing(
    ingest: psycopg.Connection, database: Database, instant: str
) -> None:
    insert = "INSERT INTO reading (time, sensor_id, received_at, pm25) VALUES (%s, 1, now(), 1)"
    if database.engine != "timescale":
        with pytest.raises(psycopg.errors.CheckViolation):
            ingest.execute(insert, [instant])
        assert ingest.execute("SELECT ensure_partition(%s)", [instant]).fetchone() == (True,)
    assert ingest.execute("SELECT ensure_partition(%s)", [instant]).fetchone() == (False,)
    ingest.execute(insert, [instant])
    assert database.value("SELECT count(*) FROM reading WHERE time = %s", instant) == 1


def test_partitions_meet_without_gap_or_overlap(database: Database) -> None:
    query = """
        SELECT count(*) FROM generate_series(timestamptz '2025-12-01Z', '2026-02-01Z', interval '6 hours') AS t
        CROSS JOIN LATERAL (SELECT ensure_partition(t)) AS made
    """
    assert database.value(query) == 249
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO reading (time, sensor_id, received_at)"
            " SELECT t, 1, now() FROM generate_series(timestamptz '2025-12-01Z', '2026-02-01Z', interval '1 hour') AS t"
        )
    assert database.value("SELECT count(*) FROM reading") == 1489


ALLOWED_INGEST = [
    "UPDATE reading SET flags = 0",
    "INSERT INTO touched (sensor_id, time) VALUES (1, now())",
    "UPDATE checkpoint SET registry_version = registry_version + 1",
    "SELECT * FROM ledger_minute, sensor, district, metric",
    "CREATE TEMP TABLE staging (LIKE reading)",
    "NOTIFY sdot_commit",
]
REFUSED_INGEST = [
    "DELETE FROM reading",
    "TRUNCATE reading",
    "DROP TABLE reading",
    "UPDATE checkpoint SET horizon = now()",
    "DELETE FROM sensor",
    "DELETE FROM quarantine",
    "SELECT quarantine_leave('{1}', 'purged')",
    "SELECT quarantine_trim(now(), 0, 10)",
    "DELETE FROM lag_minute",
    "UPDATE quarantine_gone SET cases = 0",
    "UPDATE reading_revision SET revision = 0",
    "DELETE FROM ledger_minute_writer",
    "CREATE TABLE mine (a int)",
    "INSERT INTO metric VALUES ('mine', 62, 'm', 'mean')",
    "INSERT INTO district (code, names) VALUES ('x', '{}')",
]
REFUSED_DASHBOARD = [
    "INSERT INTO reading (time, sensor_id, received_at) VALUES (now(), 1, now())",
    "UPDATE latest SET time = now()",
    "UPDATE sensor SET state = 'verified'",
    "DELETE FROM quarantine",
    "INSERT INTO watch VALUES ('x', now())",
    "UPDATE checkpoint SET registry_version = 0",
    "SELECT quarantine_trim(now(), 0, 10)",
    "SELECT registration_begin()",
    "CREATE TABLE mine (a int)",
]


@pytest.mark.parametrize("statement", ALLOWED_INGEST)
def test_ingest_may(ingest: psycopg.Connection, statement: str) -> None:
    ingest.execute(statement)


@pytest.mark.parametrize("statement", REFUSED_INGEST)
def test_ingest_may_not(ingest: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ingest.execute(statement)


def test_the_dashboard_reads_everything(database: Database) -> None:
    with database.connect("sdot_dashboard") as connection:
        for relation in RELATIONS:
            connection.execute(f"SELECT * FROM {relation}")


@pytest.mark.parametrize("statement", REFUSED_DASHBOARD)
def test_the_dashboard_changes_nothing(database: Database, statement: str) -> None:
    with (
        database.connect("sdot_dashboard") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_districts_keep_their_number_when_names_change(empty_database: Database) -> None:
    fill(empty_database)
    before = empty_database.rows("SELECT code, district_id FROM district ORDER BY 2")
    assert [code for code, _ in before] == [district.code for district in load_pack("seoul").districts]
    renamed = [
        dataclasses.replace(one, names={"en": "New"}) for one in reversed(load_pack("seoul").districts)
    ]
    with empty_database.connect() as connection:
        migrate(connection, load_catalogue(), renamed)
    assert empty_database.rows("SELECT code, district_id FROM district ORDER BY 2") == before
    assert empty_database.value("SELECT DISTINCT names FROM district") == {"en": "New"}


def test_a_bit_that_moved_is_refused(embedded_database: Database) -> None:
    first, *others = load_catalogue()
    moved = [dataclasses.replace(first, bit=62), *others]
    with (
        embedded_database.connect() as connection,
        pytest.raises(MigrationError, match=f"{first.key} had bit"),
    ):
        migrate(connection, moved)


def test_a_bit_used_before_is_refused(embedded_database: Database) -> None:
    first, *_ = load_catalogue()
    with embedded_database.connect() as connection, pytest.raises(MigrationError, match="never reused"):
        migrate(connection, [dataclasses.replace(first, key="another")])


def test_another_citys_database_is_refused(embedded_database: Database, tiny: CityPack) -> None:
    with (
        embedded_database.connect() as connection,
        pytest.raises(MigrationError, match="belongs to the city 'seoul'"),
    ):
        migrate(connection, tiny.catalogue, tiny.districts, tiny.name, tiny.timezone)


def test_a_connection_inside_a_transaction_is_refused(embedded_database: Database) -> None:
    with (
        psycopg.connect(embedded_database.url) as connection,
        pytest.raises(MigrationError, match="autocommit"),
    ):
        migrate(connection, load_catalogue())


def test_the_community_edition_takes_the_same_migrations(community: PGlite) -> None:
    city = load_pack("seoul")
    with community.connect() as connection:
        engine = detect_engine(connection)
        assert (engine.kind, engine.edition) == ("timescaledb", "community")
        assert migrate(connection, city.catalogue, city.districts, city.name, city.timezone)
        columns = _columns(connection)
        found = connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
        ).fetchall()
        assert {row[0] for row in found} == SERIES
        assert migrate(connection, city.catalogue, city.districts, city.name, city.timezone) == []
    _check_relations(columns)
    _check_metrics(columns, city.catalogue)


def test_a_database_of_the_first_version_is_brought_here_with_its_partitions(server: Server) -> None:
    """Its series have partitions already, with keys of their own."""
    old, new = server.create(), server.create()
    fill(new)
    with old.connect() as connection:
        kind = detect_engine(connection).kind
        connection.execute(
            "CREATE TABLE migration (number integer PRIMARY KEY, name text NOT NULL, engine text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        for step in migrations(kind)[:2]:
            connection.execute(step.text)
            connection.execute("INSERT INTO migration VALUES (%s, %s, %s)", [step.number, step.name, kind])
        connection.execute("SELECT ensure_partition('2026-05-01'), ensure_partition('2025-12-31')")
    assert fill(old)
    assert set(old.rows(COLUMNS)) == set(new.rows(COLUMNS))
    with old.connect() as connection:
        row = "INSERT INTO sensor_10min (sensor_id, bucket, district_id) VALUES (1, '2026-05-01 00:00Z', %s)"
        for district in (1, 2):
            connection.execute(row, [district])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(row, [1])
        connection.execute("SELECT ensure_partition('2026-07-01')")
    for each in (old, new):
        server.drop(each)
