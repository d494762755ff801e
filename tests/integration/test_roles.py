"""Least privilege: what each role may do to each relation and function, tried against what the design says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql

from tests.servers.postgres import Database

ROLES = ("sdot_ingest", "sdot_dashboard", "sdot_broker")
READ, WRITE, ADD = {"select"}, {"select", "insert", "update"}, {"select", "insert"}
ALL = {"select", "insert", "update", "delete"}

#: Relation → what sdot_ingest may do to it.
INGEST: dict[str, set[str]] = {
    "backfill": READ,
    "broker": WRITE,
    "broker_login": set(),
    "checkpoint": READ,  # and raise the registry's version
    "credential": set(),
    "district": READ,
    "district_10min": READ,
    "district_day": READ,
    "district_hour": READ,
    "extra_key": WRITE,
    "flag": {"select", "insert", "delete"},
    "gap": WRITE,
    "lag_minute": WRITE,
    "latest": WRITE,
    "ledger_dropped": READ,
    "ledger_minute": READ,
    "ledger_minute_writer": WRITE,
    "ledger_reason": WRITE,
    "ledger_sensor_day": READ,
    "ledger_sensor_day_writer": WRITE,
    "maintenance": READ,
    "metric": READ,
    "migration": READ,
    "quarantine": WRITE,
    "quarantine_gone": READ,
    "reading": WRITE,
    "reading_revision": ADD,
    "sensor": WRITE,
    "sensor_10min": READ,
    "sensor_hour": READ,
    "site": WRITE,
    "timeless": ALL,
    "touched": ADD,
    "touched_span": READ,
    "watch": ALL,
    "worker": ALL,
}
#: What the dashboard may not read: hashes of passwords are nobody's but the broker's.
UNREAD = {"broker_login", "credential"}

#: Functions that sdot_ingest may call; nobody else any, but those that only reckon (not volatile).
CALLED = {"batch_begin", "ensure_partition", "registration_begin", "registry_begin"}

STATEMENTS = {
    "select": "SELECT * FROM {} LIMIT 0",
    "insert": "INSERT INTO {} ({column}) VALUES (NULL)",
    "update": "UPDATE {} SET {column} = {column} WHERE false",
    "delete": "DELETE FROM {} WHERE false",
    "truncate": "TRUNCATE {}",
    "alter": "ALTER TABLE {} ADD COLUMN mine integer",
    "drop": "DROP TABLE {} CASCADE",
    "trigger": "CREATE TRIGGER mine AFTER INSERT ON {} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "index": "CREATE INDEX ON {} (({column}))",
}

#: What nobody may, whoever he is: to write to a view that sums, to truncate a view or give it an index.
IMPOSSIBLE = (errors.ObjectNotInPrerequisiteState, errors.WrongObjectType, errors.FeatureNotSupported)

RELATIONS = """
    SELECT c.relname, c.relkind FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.objid = c.oid AND e.deptype = 'e')
    ORDER BY 1
"""
#: A column that may be set: neither generated nor an identity.
COLUMN = """
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
        AND attidentity = '' ORDER BY attnum DESC LIMIT 1
"""
FUNCTIONS = """
    SELECT p.oid::regprocedure::text, p.proname, p.provolatile <> 'v',
        ARRAY(SELECT r FROM unnest(%s::text[]) AS r WHERE has_function_privilege(r, p.oid, 'EXECUTE'))
    FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.objid = p.oid AND e.deptype = 'e')
"""


def _expected(role: str, relation: str) -> set[str]:
    if role == "sdot_ingest":
        return INGEST[relation]
    if role == "sdot_dashboard":
        return set() if relation in UNREAD else READ
    return READ if relation == "broker_login" else set()


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest, database: Database) -> Iterator[psycopg.Connection]:
    """Each role's connection in turn, on each engine."""
    with database.connect(request.param) as connection:
        yield connection


def _tried(connection: psycopg.Connection, statement: str, relation: str, column: str) -> bool:
    """Whether the server lets it happen; what it did is undone."""
    name = sql.Identifier(relation)
    text = sql.SQL(statement).format(name, column=sql.Identifier(column))  # type: ignore[arg-type]
    with connection.transaction(force_rollback=True), contextlib.suppress(errors.IntegrityError):
        try:
            with connection.transaction():
                connection.execute(text)
        except (errors.InsufficientPrivilege, *IMPOSSIBLE):
            return False
    return True


def test_each_role_may_do_to_each_relation_what_the_design_says(
    role: psycopg.Connection, database: Database
) -> None:
    name = role.info.user
    relations = [str(row[0]) for row in database.rows(RELATIONS)]
    assert set(relations) == set(INGEST), "say in INGEST what the role may do to it"
    for relation in relations:
        column = str(database.value(COLUMN, relation))
        may = {verb for verb, text in STATEMENTS.items() if _tried(role, text, relation, column)}
        assert may == _expected(name, relation), f"{name} on {relation}"


def test_ingest_raises_the_registrys_version_and_nothing_else_of_the_checkpoint(database: Database) -> None:
    columns = [
        str(row[0])
        for row in database.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'checkpoint'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    ]
    with database.connect("sdot_ingest") as ingest:
        may = {column for column in columns if _tried(ingest, STATEMENTS["update"], "checkpoint", column)}
    assert may == {"registry_version"}


def test_functions_that_change_anything_are_ingests_alone(database: Database) -> None:
    for signature, name, only_reckons, allowed in database.rows(FUNCTIONS, list(ROLES)):
        expected = ["sdot_ingest"] if name in CALLED else list(ROLES) if only_reckons else []
        assert allowed == expected, signature


SCHEMA = [
    "CREATE TABLE mine (a integer)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "ALTER ROLE sdot_ingest SUPERUSER",
    "SET ROLE postgres",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "COPY migration FROM PROGRAM 'id'",
    "ALTER SYSTEM SET log_min_messages = 'panic'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT rolpassword FROM pg_authid",
]


@pytest.mark.parametrize("statement", SCHEMA)
def test_no_role_makes_anything_or_reaches_out(role: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        role.execute(statement)


def test_what_writes_the_brokers_file_sees_no_retired_sensor(database: Database) -> None:
    with database.connect() as owner:
        for serial, state in (("here", "verified"), ("new", "unverified"), ("gone", "retired")):
            owner.execute(
                "WITH s AS (INSERT INTO sensor (serial, state, registered_by, version) VALUES (%s, %s, 'test', 0)"
                " RETURNING sensor_id) INSERT INTO credential (sensor_id, hash) SELECT sensor_id, '$7$x' FROM s",
                [serial, state],
            )
    with database.connect("sdot_broker") as broker:
        rows = broker.execute("SELECT serial FROM broker_login ORDER BY 1").fetchall()
    assert rows == [("here",), ("new",)]
