"""A PostgreSQL that is restarted, killed, away, full of connections, locked, and that hangs up on ingest."""

from __future__ import annotations

import contextlib
import signal
import time

import psycopg

from tests.faults.rig import BACK_S, Rig
from tests.servers.postgres import Database, Server
from tests.servers.product import Ingest
from tests.waiting import until

OURS = "datname = current_database() AND application_name = 'sdot ingest'"


def test_postgresql_is_restarted(rig: Rig, server: Server) -> None:
    rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        server.process.stop(signal.SIGINT)  # a fast shutdown, as a restart does
        server.restart()
    rig.flow()
    rig.settle()


def test_postgresql_is_killed(rig: Rig, server: Server) -> None:
    rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        server.process.kill()
        server.restart()
    rig.flow()
    rig.settle()


def test_postgresql_is_away(rig: Rig, server: Server) -> None:
    """In long runs for longer than a slot is kept (30 s): the session is let go and taken again."""
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        server.process.stop(signal.SIGINT)
        time.sleep(rig.scale.away_s)
        assert worker.standing()["ready"] is False
        assert worker.standing()["database"]["ok"] is False
        server.restart()
    worker.until_ready()
    rig.settle()


def test_connections_are_killed_one_by_one(rig: Rig) -> None:
    rig.crew(2)
    rig.publish()
    rig.flow()
    with rig.fault(), rig.product.database.connect() as person:
        for _ in range(rig.scale.terminations):
            pid = until(lambda: _a_backend(person), "a connection of ingest", BACK_S)
            person.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            before = rig.stored()
            until(lambda: rig.stored() > before, "readings to flow", BACK_S)  # noqa: B023
    rig.settle()
    rows = rig.product.database.rows("SELECT slot FROM worker ORDER BY slot")
    assert rows == [(0,), (1,)], "each has its slot again"


def _a_backend(person: psycopg.Connection) -> int | None:
    """The one that is connected for longest."""
    row = person.execute(
        f"SELECT pid FROM pg_stat_activity WHERE {OURS} ORDER BY backend_start LIMIT 1"
    ).fetchone()
    return row[0] if row else None


def test_a_lock_is_held_on_the_table_also_while_a_batch_retries(rig: Rig) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        _lock(rig.product.database, rig.scale.lock_s)
        _lock(rig.product.database, 1.0)
    rig.settle()
    said = worker.process.log_text().count("does not take it yet")
    assert said >= 1, "the lock was longer than ingest waits"
    rig.figures.notes["batches tried again"] = said


def _lock(database: Database, seconds: float) -> None:
    with database.connect() as person, person.transaction():
        person.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        time.sleep(seconds)


def test_the_connection_limit_is_reached(rig: Rig) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault(), contextlib.ExitStack() as others:
        person = others.enter_context(rig.product.database.connect())  # one of the superuser's own places
        _fill(rig.product.database, others)
        person.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS}")
        _fill(rig.product.database, others)
        until(lambda: _is_full(worker), "ingest to be refused", BACK_S)
        time.sleep(rig.scale.cut_s)
    rig.settle()


def _is_full(worker: Ingest) -> bool:
    detail = worker.standing()["database"]["detail"]
    return "too many" in detail or "remaining connection" in detail


def _fill(database: Database, others: contextlib.ExitStack) -> None:
    """Connections of others until there is no place."""
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            others.enter_context(database.connect("sdot_dashboard"))
