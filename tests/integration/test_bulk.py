"""The bulk writer in each engine's tables: rows as ingest would have written them, and books that agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

import sql
from city.db import connect
from city.errors import DatabaseError
from ingest import roster
from ingest.block import Block
from ingest.bulk import BulkWriter
from ingest.registry import NewSensor, register_many
from maintain import levels, rollup
from tests.inlet import Inlet, seoul
from tests.servers.postgres import Database

FIRST = np.datetime64("2024-12-29T22:00:00.000001", "us")  # two weeks, two years
HOUR = np.timedelta64(1, "h")
NAN = float("nan")


@pytest.fixture
def conn(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.url_as("sdot_ingest"), "test of bulk") as conn:
        yield conn


@pytest.fixture
def ids(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """Two verified sensors and one that is not, all of a district."""
    given = [NewSensor(serial, district="jongno-gu") for serial in ("a", "b")]
    found = register_many(conn, seoul(), given, state="verified", by="operator")
    return found | register_many(
        conn, seoul(), [NewSensor("c", district="jongno-gu")], state="unverified", by="x"
    )


def block(sensors: list[int], hours: list[int], **values: list[float]) -> Block:
    columns = {key: np.array(column, dtype=np.float32) for key, column in values.items()}
    return Block(np.array(sensors, dtype=np.int32), FIRST + np.array(hours) * HOUR, columns)


def at(hour: int) -> datetime:
    return datetime(2024, 12, 29, 22, 0, 0, 1, tzinfo=UTC) + timedelta(hours=hour)


def write(conn: psycopg.Connection[Any], *blocks: Block, writer: str = "backfill") -> list[int]:
    with conn.transaction():
        bulk = BulkWriter(conn, seoul().catalogue, writer)
        found = [bulk.write(each) for each in blocks]
        bulk.finish()
    return found


def rows(conn: psycopg.Connection[Any], query: str) -> list[Any]:
    return conn.execute(query, binary=True).fetchall()  # type: ignore[call-overload]


def counts(conn: psycopg.Connection[Any]) -> Any:
    """(messages, stored, duplicate) of the ledger by minute and by day, and rows."""
    sums = "sum(messages)::int, sum(stored)::int, sum(duplicate)::int"
    by_minute, by_day = (
        rows(conn, f"SELECT {sums} FROM ledger_{name}")[0] for name in ("minute", "sensor_day")
    )
    assert by_minute == by_day
    return *by_minute, rows(conn, "SELECT count(*) FROM reading")[0][0]


def test_every_value_comes_back(conn: psycopg.Connection[Any], ids: dict[str, int]):
    values = np.random.default_rng(7).uniform(0, 90, 600).astype(np.float32)
    values[::7] = np.nan
    a, c = ids["a"], ids["c"]
    given = block(
        [a] * 300 + [c] * 300, [*range(300)] * 2, pm25=values.tolist(), temperature=[NAN] * 599 + [1.5]
    )
    assert write(conn, given) == [600]
    found = rows(
        conn, "SELECT sensor_id, time, pm25, temperature, revision, flags, extra FROM reading ORDER BY 1, 2"
    )
    expected = [
        (sensor, at(hour), None if np.isnan(value) else float(value), None, 0, 0, None)
        for sensor, hour, value in zip([a] * 300 + [c] * 300, [*range(300)] * 2, values, strict=True)
    ]
    expected[-1] = (*expected[-1][:3], 1.5, 0, 0, None)
    assert found == expected
    assert counts(conn) == (0, 600, 0, 600)


def test_only_verified_sensors_count_in_a_district(conn: psycopg.Connection[Any], ids: dict[str, int]):
    write(conn, block([ids["a"], ids["c"]], [0, 0], pm25=[1, 1]))
    assert rows(conn, "SELECT sensor_id, district_id IS NULL FROM reading ORDER BY 1") == [
        (ids["a"], False),
        (ids["c"], True),
    ]


def test_what_is_there_is_a_duplicate_and_changes_nothing(conn: psycopg.Connection[Any], ids: dict[str, int]):
    a = ids["a"]
    assert write(conn, block([a] * 3, [0, 1, 2], pm25=[1, 2, 3])) == [3]
    assert write(conn, block([a] * 4, [1, 2, 3, 4], pm25=[9, 9, 4, 5])) == [2]
    assert rows(conn, "SELECT pm25 FROM reading ORDER BY time") == [(1,), (2,), (3,), (4,), (5,)]
    assert counts(conn) == (0, 5, 2, 5)
    assert rows(conn, "SELECT pm25, pm25_time FROM latest") == [(5, at(4))]


def test_a_block_that_is_there_as_a_whole(conn: psycopg.Connection[Any], ids: dict[str, int]):
    given = block([ids["a"]] * 2, [0, 1], pm25=[1, 2])
    assert write(conn, given) == [2]
    assert write(conn, given) == [0]
    assert counts(conn) == (0, 2, 2, 2)


def test_an_hour_that_a_block_has_twice_is_stored_once(conn: psycopg.Connection[Any], ids: dict[str, int]):
    a = ids["a"]
    assert write(conn, block([a] * 4, [0, 1, 1, 2], pm25=[1, 2, 2, 3])) == [3]
    assert counts(conn) == (0, 3, 1, 3)


def test_blocks_of_one_transaction_that_overlap(conn: psycopg.Connection[Any], ids: dict[str, int]):
    a = ids["a"]
    assert write(conn, block([a] * 2, [0, 1], pm25=[1, 2]), block([a] * 2, [1, 2], pm25=[2, 3])) == [2, 1]
    assert counts(conn) == (0, 3, 1, 3)


def test_newest_values_by_metric(conn: psycopg.Connection[Any], ids: dict[str, int]):
    a = ids["a"]
    write(conn, block([a] * 3, [5, 3, 4], pm25=[NAN, 3, 1600], noise=[50, 40, 45]))
    columns = "time, pm25, pm25_time, pm25_flagged, noise, noise_time"
    assert rows(conn, f"SELECT {columns} FROM latest") == [(at(5), 1600, at(4), True, 50, at(5))]


def test_an_older_block_leaves_newer_values(
    database: Database, conn: psycopg.Connection[Any], ids: dict[str, int]
):
    with Inlet(database) as inlet:
        inlet.send("a", {"time": at(5), "pm25": 7})
    write(conn, block([ids["a"]], [4], pm25=[1], noise=[40]))
    assert rows(conn, "SELECT time, pm25, pm25_time, noise, noise_time FROM latest") == [
        (at(5), 7, at(5), 40, at(4))
    ]


def test_ingest_takes_what_is_in_a_block_for_a_duplicate(
    database: Database, conn: psycopg.Connection[Any], ids: dict[str, int]
):
    write(conn, block([ids["a"]], [0], pm25=[0.1]))
    with Inlet(database) as inlet:
        assert inlet.send("a", {"time": at(0), "pm25": 0.1}) == ["duplicate"]


def test_implausible_values_are_flagged(conn: psycopg.Connection[Any], ids: dict[str, int]):
    write(conn, block([ids["a"]] * 2, [0, 1], pm25=[1600, 1500], temperature=[-60, NAN]), writer="import")
    assert rows(conn, "SELECT flags FROM reading ORDER BY time") == [(1 << 0 | 1 << 4,), (0,)]
    found = rows(conn, "SELECT time, bit, kind, detail, flagged_by FROM flag ORDER BY bit")
    assert found == [
        (at(0), 0, "range", "over 1500 µg/m³", "import"),
        (at(0), 4, "range", "under -50 °C", "import"),
    ]
    assert rows(conn, "SELECT DISTINCT writer FROM ledger_minute_writer") == [("import",)]


def test_closed_buckets_are_touched(database: Database, conn: psycopg.Connection[Any], ids: dict[str, int]):
    database.rows("UPDATE checkpoint SET open_from = %s RETURNING 1", at(2))
    write(conn, block([ids["a"]] * 4, [0, 1, 2, 3], pm25=[1, 2, 3, 4]))
    tick = timedelta(microseconds=1)
    assert rows(conn, "SELECT time FROM touched ORDER BY 1") == [(at(0) - tick,), (at(1) - tick,)]


def test_a_closed_bucket_is_touched_once_a_sensor(
    database: Database, conn: psycopg.Connection[Any], ids: dict[str, int]
):
    database.rows("UPDATE checkpoint SET open_from = %s RETURNING 1", at(9))
    minutes = np.arange(60) * np.timedelta64(1, "m")
    sensors = np.repeat(np.array([ids["a"], ids["b"]], np.int32), 60)
    times = FIRST + np.tile(minutes, 2)
    write(conn, Block(sensors, times, {"pm25": np.ones(120, np.float32)}))
    found = rows(
        conn,
        "SELECT sensor_id, date_bin('10 minutes', time, '2000-01-01Z'), count(*) FROM touched GROUP BY 1, 2",
    )
    assert len(found) == 2 * 6
    assert {count for *_, count in found} == {2}


@pytest.mark.parametrize("value", [float("inf"), -float("inf")])
def test_infinite_values_are_refused(conn: psycopg.Connection[Any], ids: dict[str, int], value: float):
    with pytest.raises(ValueError, match="infinite"):
        write(conn, block([ids["a"]], [0], pm25=[value]))


def test_what_is_below_the_floor_is_refused(
    database: Database, conn: psycopg.Connection[Any], ids: dict[str, int]
):
    database.rows("UPDATE checkpoint SET horizon = %s RETURNING 1", at(0))
    with pytest.raises(DatabaseError, match="not taken any more"):
        write(conn, block([ids["a"]] * 2, [23, 25], pm25=[1, 2]))
    assert write(conn, block([ids["a"]], [24], pm25=[1])) == [1]


def test_an_interrupted_transaction_leaves_nothing(conn: psycopg.Connection[Any], ids: dict[str, int]):
    with conn.transaction():
        BulkWriter(conn, seoul().catalogue).write(block([ids["a"]], [0], pm25=[1]))
        raise psycopg.Rollback
    assert rows(conn, "SELECT count(*) FROM reading") == [(0,)]
    assert write(conn, block([ids["a"]], [0], pm25=[1])) == [1]


def test_a_person_waits_for_a_back_fill(
    database: Database, conn: psycopg.Connection[Any], ids: dict[str, int]
):
    """What it writes is brought into the district by a verify that comes meanwhile."""
    with database.connect() as person:
        person.execute("SET lock_timeout = '50ms'")
        with conn.transaction():
            bulk = BulkWriter(conn, seoul().catalogue)
            bulk.write(block([ids["c"]], [0], pm25=[1]))
            with pytest.raises(psycopg.errors.LockNotAvailable):
                roster.verify(person, "c")
            bulk.finish()
        assert roster.verify(person, "c") == 1


def test_an_empty_block(conn: psycopg.Connection[Any], ids: dict[str, int]):
    assert write(conn, block([], [], pm25=[])) == [0]
    assert rows(conn, "SELECT count(*) FROM ledger_minute_writer") == [(0,)]


def test_spans_that_overlap_are_rolled_up_as_one(embedded_database: Database) -> None:
    start = datetime(2026, 5, 4, tzinfo=UTC)

    def hours(*given: tuple[int, int]) -> list[tuple[datetime, datetime]]:
        return [(start + timedelta(hours=low), start + timedelta(hours=high)) for low, high in given]

    with embedded_database.connect() as owner:
        for low, high in hours((4, 6), (0, 5), (6, 9), (20, 30), (22, 24), (40, 41)):
            owner.execute("INSERT INTO touched_span (low, high) VALUES (%s, %s)", [low, high])
        for _ in range(2):
            owner.execute(sql.query("merge_spans"))
            found = owner.execute("SELECT low, high FROM touched_span ORDER BY low").fetchall()
            assert found == hours((0, 9), (20, 30), (40, 41))


def test_what_a_back_fill_wrote_is_rolled_up_from_its_newest_day(
    embedded_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators look at the last day first."""
    monkeypatch.setattr(levels, "PORTION", 25 * 144)  # a day of the districts
    with embedded_database.connect() as owner:
        rollup.Refresher(owner, seoul().catalogue).refresh()  # from now on the past is closed
    with connect(embedded_database.url, "test of bulk") as conn:
        ids = register_many(
            conn, seoul(), [NewSensor("a", district="jongno-gu")], state="verified", by="operator"
        )
        with conn.transaction():
            writer = BulkWriter(conn, seoul().catalogue, spans=True)
            times = np.datetime64("2026-05-04", "us") + np.arange(72) * HOUR
            writer.write(Block(np.full(72, ids["a"], np.int32), times, {"pm25": np.ones(72, np.float32)}))
            writer.finish()
    with embedded_database.connect() as owner:
        refresher = rollup.Refresher(owner, seoul().catalogue)
        rolled = [
            (finished, owner.execute("SELECT count(*), min(bucket) FROM district_hour").fetchone())
            for finished in refresher._spans()
        ]
        assert owner.execute("SELECT count(*) FROM touched_span").fetchone() == (0,)
    assert [finished for finished, _ in rolled] == [0] * (len(rolled) - 1) + [1]
    # from 09:00 in Seoul, three days reach into a fourth
    firsts = [found[1] for _, found in rolled if found and found[0]]
    assert firsts == sorted(firsts, reverse=True)
    assert (len(set(firsts)), rolled[-1][1]) == (4, (72, datetime(2026, 5, 4, tzinfo=UTC)))
