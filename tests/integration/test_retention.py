"""Retention on every engine: the horizon first, then whole weeks; what lies below is never computed again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from city.retention import midnight
from maintain.ahead import make_ahead
from maintain.books import sum_up
from maintain.job import Result
from maintain.retention import Retention
from maintain.rollup import Refresher
from sdot.recount import recount
from tests.inlet import Inlet, message, seoul
from tests.servers.postgres import Database

NOW = datetime(2026, 6, 17, 5, 20, tzinfo=UTC)
KEPT = timedelta(days=10)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as conn:
        conn.execute("SET timezone = 'UTC'")
        yield conn


@pytest.fixture
def inlet(database: Database) -> Iterator[Inlet]:
    with Inlet(database) as inlet:
        yield inlet


def hourly(inlet: Inlet, days: int) -> None:
    """A reading of two sensors every three hours, up to NOW."""
    for serial in ("a", "b"):
        bodies = [
            {"time": (NOW - timedelta(hours=3 * k)).isoformat(), "pm25": k % 50, "district": "mapo-gu"}
            for k in range(8 * days)
        ]
        inlet.write(*(message(serial, body) for body in bodies))


def settle(owner: psycopg.Connection[Any], now: datetime = NOW) -> None:
    refresher = Refresher(owner, seoul().catalogue)
    while refresher.refresh(now, patience_s=60).more:
        pass


def table(owner: psycopg.Connection[Any], name: str, below: datetime) -> list[Any]:
    query = f"SELECT * FROM {name} WHERE bucket < %s ORDER BY bucket, 1"
    return owner.execute(query, [below]).fetchall()  # type: ignore[call-overload]


def count(owner: psycopg.Connection[Any], query: str) -> Any:
    return owner.execute(query).fetchone()[0]  # type: ignore[call-overload,index]


def test_below_the_horizon_nothing_is_ever_computed_again(inlet: Inlet, owner: psycopg.Connection[Any]):
    hourly(inlet, 30)
    inlet.send("a", {"time": (NOW - timedelta(days=25)).isoformat(), "pm25": 99, "revision": 1})
    settle(owner)
    levels = ("sensor_hour", "district_10min", "district_hour", "district_day")
    before = {level: table(owner, level, NOW - timedelta(days=1)) for level in levels}
    stored, revised = (
        count(owner, "SELECT sum(stored) FROM ledger_minute"),
        count(owner, "SELECT sum(revised) FROM ledger_minute"),
    )

    Retention(owner, KEPT, None).run(NOW)
    horizon = count(owner, "SELECT horizon FROM checkpoint")
    assert horizon == midnight(NOW - KEPT, seoul().zone)
    oldest = count(owner, "SELECT min(time) FROM reading")
    assert horizon - timedelta(days=7) < oldest  # whole weeks go
    left = count(owner, "SELECT count(*) FROM reading")
    dropped = count(owner, "SELECT sum(stored) FROM ledger_dropped")
    assert (left + dropped, revised) == (stored, count(owner, "SELECT sum(revised) FROM ledger_dropped"))

    # A late row below the horizon is refused; one that came in by another way is not looked at either.
    late = NOW - timedelta(days=12)
    assert inlet.send("a", {"time": late.isoformat(), "pm25": 1}) == ["quarantined"]
    owner.execute("INSERT INTO touched (sensor_id, time) SELECT sensor_id, %s FROM sensor", [late])
    owner.execute("INSERT INTO touched_span (low, high) VALUES (%s, %s)", [NOW - timedelta(days=28), NOW])
    settle(owner)
    assert {level: table(owner, level, NOW - timedelta(days=1)) for level in levels} == before
    assert count(owner, "SELECT count(*) FROM touched") == 0


def test_what_is_not_rolled_up_is_not_dropped(inlet: Inlet, owner: psycopg.Connection[Any]):
    hourly(inlet, 30)
    before = count(owner, "SELECT count(*) FROM reading")
    Retention(owner, KEPT, None).run(NOW)
    assert count(owner, "SELECT count(*) FROM reading") == before
    settle(owner)
    owner.execute(
        "INSERT INTO touched (sensor_id, time) SELECT sensor_id, %s FROM sensor", [NOW - timedelta(days=20)]
    )
    Retention(owner, KEPT, None).run(NOW)
    assert count(owner, "SELECT count(*) FROM reading") == before


def test_an_open_batch_is_not_waited_for_long(
    database: Database, inlet: Inlet, owner: psycopg.Connection[Any]
):
    hourly(inlet, 20)
    settle(owner)
    with database.connect("sdot_ingest") as other, other.transaction():
        other.execute("SELECT * FROM batch_begin()")
        Retention(owner, KEPT, None).run(NOW)
        assert count(owner, "SELECT horizon FROM checkpoint").year == 1900
    Retention(owner, KEPT, None).run(NOW)
    assert count(owner, "SELECT horizon FROM checkpoint").year == 2026


def test_hours_go_in_their_time_and_days_stay(inlet: Inlet, owner: psycopg.Connection[Any]):
    hourly(inlet, 30)
    settle(owner)
    days = count(owner, "SELECT count(*) FROM district_day")
    Retention(owner, None, KEPT).run(NOW)
    border = midnight(NOW - KEPT, seoul().zone)
    for level in ("district_10min", "district_hour"):
        assert count(owner, f"SELECT min(bucket) FROM {level}") >= border
    assert count(owner, "SELECT count(*) FROM district_day") == days == 31


def test_coming_weeks_stand_ready(owner: psycopg.Connection[Any], database: Database):
    make_ahead(owner, NOW)
    assert make_ahead(owner, NOW).detail.startswith("0 weeks made")
    if database.engine in ("embedded", "postgres15"):
        parts = owner.execute("SELECT high FROM series_parts('reading')").fetchall()
        assert max(parts)[0] > NOW + timedelta(weeks=2)


BOOKS = """SELECT (SELECT sum(messages) FROM ledger_minute_writer), (SELECT sum(stored) FROM ledger_minute_writer),
    (SELECT sum(quarantined) FROM ledger_minute_writer), (SELECT sum(readings) FROM ledger_reason),
    (SELECT sum(stored) FROM ledger_dropped), (SELECT sum(revised) FROM ledger_dropped)"""


def test_minutes_of_which_no_row_is_left_become_hours(database: Database, owner: psycopg.Connection[Any]):
    with Inlet(database) as inlet:
        for minute in (3, 4, 5, 64, 60 * 24 * 29):
            at = NOW - timedelta(days=30) + timedelta(minutes=minute)
            told = {"time": at.isoformat(), "pm25": minute % 50, "district": "mapo-gu"}
            inlet.send("a", told, told | {"pm25": 51, "revision": 1}, {"pm25": "x"}, at=at)
    assert sum_up(owner) == Result("every minute is kept")
    settle(owner)
    Retention(owner, KEPT, None).run(NOW)
    sums = owner.execute(BOOKS).fetchone()
    days = 0
    while sum_up(owner).more:
        days += 1
    assert days >= 1
    assert owner.execute(BOOKS).fetchone() == sums
    minutes = [
        row[0] for row in owner.execute("SELECT minute FROM ledger_minute_writer ORDER BY 1").fetchall()
    ]
    first = (NOW - timedelta(days=30)).replace(minute=0)
    assert minutes == [first, first + timedelta(hours=1), NOW - timedelta(days=1)]
    assert [line for line in recount(owner) if not line.agrees] == []
