"""What has just changed is rolled up at the next look, whatever clocks say and however long a batch was under way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from maintain.rollup import Refresher
from tests.inlet import AT, Inlet, message, seoul
from tests.servers.postgres import Database

#: The look's moment; messages arrived (AT) longer before than clocks may differ.
NOW = AT + timedelta(minutes=2)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as conn:
        yield conn


@pytest.fixture
def inlet(database: Database) -> Iterator[Inlet]:
    with Inlet(database) as inlet:
        yield inlet


@pytest.fixture
def refresher(inlet: Inlet, owner: psycopg.Connection[Any]) -> Refresher:
    """One that has looked at everything once, and will not again for a while."""
    send(inlet, 1, pm25=10.0)
    refresher = Refresher(owner, seoul().catalogue)
    refresher.refresh(NOW)
    refresher._whole_due = float("inf")
    assert means(owner) == [10.0]
    return refresher


def send(inlet: Inlet, minutes_ago: int, **values: float) -> None:
    at = AT - timedelta(minutes=minutes_ago)
    inlet.write(message("s1", {"time": at.isoformat(), "district": "jongno-gu", **values}))


def means(owner: psycopg.Connection[Any]) -> list[float]:
    """Of the sensor's buckets by time."""
    rows = owner.execute("SELECT pm25_mean FROM sensor_10min ORDER BY bucket").fetchall()
    return [mean for (mean,) in rows]


def test_a_batch_that_waited_for_a_lost_database(
    inlet: Inlet, owner: psycopg.Connection[Any], refresher: Refresher
) -> None:
    send(inlet, 0, pm25=20.0)
    refresher.refresh(NOW)
    assert means(owner) == [10.0, 20.0]


def test_a_reading_out_of_order(inlet: Inlet, owner: psycopg.Connection[Any], refresher: Refresher) -> None:
    send(inlet, 2, pm25=40.0)
    refresher.refresh(NOW)
    assert means(owner) == [25.0]


def test_a_batch_that_was_under_way_at_the_last_look(
    owner: psycopg.Connection[Any], refresher: Refresher, database: Database
) -> None:
    with database.connect() as other:
        with other.transaction():
            other.execute("SELECT pg_current_xact_id()")
            with other.transaction():  # a savepoint has a number of its own
                other.execute("UPDATE reading SET pm25 = 50")
                other.execute("UPDATE latest SET pm25 = 50")
            for _ in range(2):
                with database.connect() as later:  # its number is higher, and it ends first
                    later.execute("UPDATE checkpoint SET registry_version = registry_version")
                refresher.refresh(NOW)
                assert means(owner) == [10.0]
        refresher.refresh(NOW)
    assert means(owner) == [50.0]


def test_the_present_does_not_wait_for_a_batch_that_does_not_end(
    inlet: Inlet, owner: psycopg.Connection[Any], database: Database
) -> None:
    """Of a new database everything is open until the first close, which waits for batches."""
    send(inlet, 1, pm25=10.0)
    refresher = Refresher(owner, seoul().catalogue)
    with database.connect() as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock_shared(53001, 1)")
        done = refresher.refresh(NOW)
        assert (done.busy, means(owner)) == (True, [10.0])
    assert not refresher.refresh(NOW).busy


def test_what_did_not_change_is_left(owner: psycopg.Connection[Any], refresher: Refresher) -> None:
    before = owner.execute("SELECT ctid, xmin FROM sensor_10min").fetchall()
    refresher.refresh(NOW)
    assert owner.execute("SELECT ctid, xmin FROM sensor_10min").fetchall() == before


def test_a_look_that_takes_long_is_put_off(
    inlet: Inlet, owner: psycopg.Connection[Any], refresher: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maintain.rollup.LOOK_FREE_S", 0.0)
    monkeypatch.setattr("maintain.rollup.LOOK_SHARE", 1e6)
    refresher.refresh(NOW)  # however fast: the next is 20 s away
    send(inlet, 2, pm25=40.0)
    refresher.refresh(NOW)
    assert means(owner) == [10.0]
    refresher._look = None
    refresher.refresh(NOW)
    assert means(owner) == [25.0]
