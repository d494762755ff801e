"""TimescaleDB's Community edition: old chunks become columns, and what comes late still reaches every level."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from city.db import statement
from city.metrics import load_catalogue
from city.pack import load_pack
from maintain.columnstore import Columnstore
from maintain.rollup import Refresher
from sql.runner import migrate
from tests.servers.pglite import PGlite

NOW = datetime(2026, 6, 17, 5, 20, tzinfo=UTC)
DAYS = 40
LATE = NOW - timedelta(days=30, minutes=7)


@pytest.fixture
def conn(community: PGlite) -> Iterator[psycopg.Connection[Any]]:
    city = load_pack("seoul")
    with community.connect() as conn:
        migrate(conn, city.catalogue, city.districts, city.name, city.timezone)
        conn.execute("SET timezone = 'UTC'")
        yield conn


def fill(conn: psycopg.Connection[Any]) -> None:
    """Two sensors of one district, a reading an hour; by INSERT, since COPY crashes this build."""
    conn.execute(
        "INSERT INTO sensor (serial, district_id, state, registered_by, version) SELECT s, 1, 'verified', 'test', 0"
        " FROM unnest(ARRAY['a', 'b']) AS s"
    )
    conn.execute(
        "INSERT INTO reading (time, sensor_id, district_id, received_at, pm25)"
        " SELECT %s - interval '1 hour' * k, sensor_id, 1, now(), (k * sensor_id) %% 70 FROM sensor, generate_series(0, %s) AS k",
        [NOW, 24 * DAYS],
    )
    conn.execute(
        "INSERT INTO latest (sensor_id, time, changed_at) SELECT sensor_id, %s, now() FROM sensor", [NOW]
    )


def settle(conn: psycopg.Connection[Any]) -> None:
    refresher = Refresher(conn, load_catalogue())
    while refresher.refresh(NOW, patience_s=60).more:
        pass


def one(conn: psycopg.Connection[Any], query: str, *given: Any) -> Any:
    return conn.execute(query, given).fetchone()[0]  # type: ignore[call-overload,index]


def upsert(conn: psycopg.Connection[Any], sensor: int, time: datetime, value: float) -> None:
    conn.execute(
        "INSERT INTO reading (time, sensor_id, district_id, received_at, pm25) VALUES (%s, %s, 1, now(), %s)"
        " ON CONFLICT (sensor_id, time) DO UPDATE SET pm25 = excluded.pm25",
        [time, sensor, value],
    )
    conn.execute("INSERT INTO touched (sensor_id, time) VALUES (%s, %s)", [sensor, time])


def test_late_readings_reach_every_level_of_packed_chunks(conn: psycopg.Connection[Any]) -> None:
    fill(conn)
    settle(conn)
    columnstore, runs = Columnstore(conn), 0
    while columnstore.run(NOW).more:
        runs += 1
    assert runs > 3
    assert one(conn, "SELECT count(*) FROM reading") == 2 * (24 * DAYS + 1)
    before, after = conn.execute(statement("status_compression")).fetchone() or (0, 0)
    assert before > 0
    assert after > 0

    upsert(conn, 1, LATE, 500.0)  # new
    upsert(conn, 2, NOW - timedelta(days=30), 300.0)  # in place of another
    settle(conn)
    assert one(conn, "SELECT count(*) FROM reading") == 2 * (24 * DAYS + 1) + 1
    bucket = "date_bin('10 minutes', %s, '2000-01-01 00:00:00+00')"
    assert one(conn, f"SELECT pm25_max FROM district_10min WHERE bucket = {bucket}", LATE) == 500.0
    assert one(conn, "SELECT max(pm25_max) FROM sensor_hour WHERE sensor_id = 2") == 300.0
    assert one(conn, "SELECT max(pm25_max) FROM district_day") == 500.0

    radon = dataclasses.replace(load_catalogue()["pm25"], key="radon", bit=60)
    assert any("radon" in line for line in migrate(conn, (*load_catalogue(), radon)))
    conn.execute("UPDATE reading SET radon = 7 WHERE sensor_id = 1 AND time = %s", [NOW - timedelta(days=30)])
    assert one(conn, "SELECT sum(radon) FROM reading") == 7.0
