"""Errors of the database: those that pass are waited out with the same batch, those that stay cost one message only."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from city.db import is_permanent
from city.reading import Reading
from ingest.message import Message
from ingest.writer import Marks
from tests.inlet import AT, Inlet, message, outcomes
from tests.servers.postgres import Database

TIME = AT - timedelta(hours=1)


@pytest.fixture
def inlet(database: Database) -> Iterator[Inlet]:
    with Inlet(database) as inlet:
        inlet.send("known", {"time": TIME, "pm25": 1})
        yield inlet


@pytest.fixture
def person(inlet: Inlet) -> Iterator[psycopg.Connection[Any]]:
    with inlet.owner() as conn:
        yield conn


def batch(count: int = 20) -> list[Message]:
    """Good messages with a time and without, a repeat and a bad one."""
    good = [
        message(f"s{number % 5}", {"time": TIME + timedelta(seconds=number), "pm25": number})
        for number in range(count)
    ]
    return [*good, message("s0", {"pm25": 5}), message("s0", {"pm25": 5}), good[0], message("s1", b"{")]


EXPECTED = {"stored": 23, "duplicate": 1, "quarantined": 1, "readings": 23, "messages": 25}


def totals(inlet: Inlet) -> dict[str, int]:
    (sums,) = inlet.conn.execute(
        "SELECT sum(stored)::int, sum(duplicate)::int, sum(quarantined)::int, (SELECT count(*)::int FROM reading),"
        " sum(messages)::int FROM ledger_minute"
    ).fetchall()
    return dict(zip(EXPECTED, sums, strict=True))


FAIL = """
CREATE SEQUENCE failures;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF nextval('failures') <= 2 THEN  -- a sequence forgets no number when the transaction fails
        RAISE EXCEPTION 'made to fail' USING ERRCODE = '{code}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fail BEFORE INSERT ON ledger_minute_writer FOR EACH ROW EXECUTE FUNCTION fail();
"""
#: deadlock, serialization failure, lock timeout, statement timeout, disk full, too many connections, out of memory,
#: a read-only standby, and a column that a migration is about to make
PASSING = ["40P01", "40001", "55P03", "57014", "53100", "53300", "53200", "25006", "42703"]


@pytest.mark.parametrize("code", PASSING)
def test_an_error_that_passes_costs_nothing(embedded_database: Database, code: str):
    with embedded_database.connect() as person:
        person.execute(FAIL.replace("{code}", code))  # type: ignore[arg-type]
    with Inlet(embedded_database) as inlet:
        messages = [message("known", {"time": TIME, "pm25": 1}), *batch()]
        for _ in range(2):
            with pytest.raises(psycopg.Error) as failed:
                inlet.write(*messages)
            assert failed.value.sqlstate == code
            assert not is_permanent(failed.value)
        report = inlet.write(*messages)
        assert (report.error, len(report.batches)) == (None, 1)
        assert totals(inlet) == EXPECTED


def test_a_lock_that_somebody_holds_is_waited_for(inlet: Inlet, person: psycopg.Connection[Any]):
    inlet.conn.execute("SET lock_timeout = '50ms'")
    with person.transaction():
        person.execute("LOCK TABLE latest IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            inlet.write(*batch())
    inlet.write(*batch())
    assert totals(inlet) == EXPECTED


def test_a_connection_that_is_lost_in_the_middle(database: Database):
    messages = [message("known", {"time": TIME, "pm25": 1}), *batch()]
    with Inlet(database) as inlet, database.connect() as person:

        def terminated(conn: psycopg.Connection[Any], *_: Any) -> None:
            person.execute("SELECT pg_terminate_backend(%s, 5000)", [conn.info.backend_pid])

        with pytest.raises(psycopg.OperationalError):
            inlet.writer.write(inlet.conn, messages, Marks((), terminated))
        assert inlet.conn.closed
    with Inlet(database) as inlet:
        inlet.write(*messages)
        assert totals(inlet) == EXPECTED


def test_two_workers_in_each_others_way_lose_nothing(database: Database, monkeypatch: pytest.MonkeyPatch):
    """Locks are taken in one order: neither ever has to be tried again."""
    rounds = [
        [message(f"s{n % 9}", {"pm25": n % 4, "time": TIME + timedelta(seconds=n % 30)}) for n in range(90)]
        for _ in range(10)
    ]
    with Inlet(database) as one, Inlet(database, name="ingest/1") as two, ThreadPoolExecutor(2) as pool:
        order = {one: rounds, two: [list(reversed(each)) for each in rounds]}
        writing = [
            pool.submit(lambda i=inlet, r=each: [i.write(*b) for b in r]) for inlet, each in order.items()
        ]
        for future in writing:
            future.result()
    sums = "SELECT sum(stored + revised + duplicate)::int, sum(stored)::int FROM ledger_minute"
    assert database.rows(sums) == [(1800, database.value("SELECT count(*) FROM reading"))]


# Errors that stay


def refused(inlet: Inlet) -> list[Any]:
    return inlet.conn.execute(
        "SELECT serial, code, reason, repeats FROM quarantine ORDER BY serial"
    ).fetchall()


def test_what_the_database_will_never_take_is_isolated(inlet: Inlet, person: psycopg.Connection[Any]):
    person.execute("ALTER TABLE reading ADD CONSTRAINT not_7 CHECK (pm25 <> 7)")
    values = [1, 2, 7, 4, 5, 6, 7, 8, 9, 10, 11]
    report = inlet.write(
        *(message(f"s{place}", {"time": TIME, "pm25": value}) for place, value in enumerate(values))
    )
    assert outcomes(report) == ["quarantined" if value == 7 else "stored" for value in values]
    assert [row[:2] for row in refused(inlet)] == [("s2", "database"), ("s6", "database")]
    assert all("not_7" in row[2] for row in refused(inlet))
    assert totals(inlet) == {"stored": 10, "duplicate": 0, "quarantined": 2, "readings": 10, "messages": 12}


def test_the_message_at_fault_is_refused_whole(inlet: Inlet, person: psycopg.Connection[Any]):
    person.execute("ALTER TABLE reading ADD CONSTRAINT not_7 CHECK (pm25 <> 7)")
    array = [{"time": TIME + timedelta(seconds=number), "pm25": number} for number in range(9)]
    report = inlet.write(message("s", array), message("t", {"pm25": 1}))
    assert outcomes(report) == ["quarantined", "stored"]


def test_what_psycopg_itself_refuses_is_isolated(inlet: Inlet):
    bad = message("s", {"time": TIME, "pm25": 1, "a": 1})
    (reading,) = bad.items
    assert isinstance(reading, Reading)
    reading.extra = {"a": "\x00"}  # as if the contract had let it through
    report = inlet.write(message("t", {"pm25": 1}), bad, message("u", {"pm25": 1}))
    assert outcomes(report) == ["stored", "quarantined", "stored"]


def test_an_error_that_stays_everywhere_stops_the_batch_and_is_told(
    inlet: Inlet, person: psycopg.Connection[Any]
):
    person.execute("ALTER TABLE ledger_minute_writer ADD CONSTRAINT nothing CHECK (messages < 0) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        inlet.write(message("s", {"time": TIME, "pm25": 1}))
    person.execute("ALTER TABLE ledger_minute_writer DROP CONSTRAINT nothing")
    assert inlet.conn.execute("SELECT count(*) FROM reading").fetchone() == (1,)


def test_an_isolation_that_is_interrupted_goes_on_where_it_was(inlet: Inlet, person: psycopg.Connection[Any]):
    """A bad message in the first half, a database that fails in the second: nothing is written or counted twice."""
    person.execute("ALTER TABLE reading ADD CONSTRAINT not_7 CHECK (pm25 <> 7)")
    messages = [message(f"s{number}", {"time": TIME, "pm25": 7 if number == 1 else 1}) for number in range(8)]
    parts = 0

    def fails(conn: psycopg.Connection[Any], *_: Any) -> None:
        nonlocal parts
        parts += 1
        if parts == 3:
            raise psycopg.errors.SerializationFailure("made to fail")

    report = inlet.writer.write(inlet.conn, messages, Marks((), fails))
    assert isinstance(report.error, psycopg.errors.SerializationFailure)
    written = sum(len(part.messages) for part in report.batches)
    assert 0 < written < 8
    inlet.write(*messages[written:])
    assert totals(inlet) == {"stored": 8, "duplicate": 0, "quarantined": 1, "readings": 8, "messages": 9}


def test_digests_are_written_with_the_last_part_only(inlet: Inlet, person: psycopg.Connection[Any]):
    person.execute("ALTER TABLE reading ADD CONSTRAINT not_7 CHECK (pm25 <> 7)")
    seen: list[list[Any]] = []

    def note(conn: psycopg.Connection[Any], *_: Any) -> None:
        seen.append(conn.execute("SELECT digests FROM timeless").fetchall())

    messages = [message(f"s{number}", {"pm25": 7 if number == 0 else 1}) for number in range(4)]
    inlet.writer.write(inlet.conn, messages, Marks([(0, b"12345678")], note))
    assert len(seen) > 1
    assert not any(seen[:-1])
    assert seen[-1] == [(b"12345678",)]


# Weeks


#: Days around ends of weeks, years and ISO years.
DAYS = [
    datetime(*day, 12, tzinfo=UTC)
    for day in ((2020, 12, 31), (2021, 1, 1), (2021, 1, 3), (2021, 1, 4), (2019, 12, 30))
]
EDGES = [datetime(2021, 1, 4, tzinfo=UTC) - timedelta(microseconds=1), datetime(2021, 1, 4, tzinfo=UTC)]


def test_weeks_without_a_partition(inlet: Inlet):
    times = [*DAYS, *EDGES, datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 3, tzinfo=UTC)]
    report = inlet.write(*(message("s", {"time": time, "pm25": 1}) for time in times))
    assert outcomes(report) == ["stored"] * len(times)
    found = inlet.conn.execute("SELECT time FROM reading WHERE time < '2022-01-01' ORDER BY 1").fetchall()
    assert [row[0] for row in found] == sorted(times)


def test_workers_that_need_the_same_week_at_once(database: Database):
    weeks = [datetime(2010, 1, 6, tzinfo=UTC) + timedelta(weeks=number) for number in range(12)]
    with Inlet(database) as one, Inlet(database, name="ingest/1") as two, ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(lambda i=i: [i.send("s", {"time": time, "pm25": 1}) for time in weeks])
            for i in (one, two)
        ]
        found = sorted(outcome for each in both for (outcome,) in each.result())
    assert found == ["duplicate"] * 12 + ["stored"] * 12


def test_a_partition_that_was_dropped_is_made_again(embedded_database: Database):
    """A worker remembers which weeks have one; a dropped one costs a second try."""
    time = datetime(2021, 1, 6, tzinfo=UTC)
    with Inlet(embedded_database) as inlet, inlet.owner() as person:
        inlet.send("s", {"time": time, "pm25": 1})
        person.execute("DROP TABLE reading_2021w01")
        again = message("s", {"time": time, "pm25": 2})
        with pytest.raises(psycopg.errors.CheckViolation):
            inlet.write(again)
        assert outcomes(inlet.write(again)) == ["stored"]


def test_a_week_is_made_while_somebody_reads_another(embedded_database: Database):
    with Inlet(embedded_database) as inlet, inlet.owner() as reader:
        inlet.send("s", {"time": TIME, "pm25": 1})
        with reader.transaction():
            reader.execute("SELECT count(*) FROM reading")
            inlet.conn.execute("SET lock_timeout = '500ms'")
            assert inlet.send("s", {"time": datetime(2015, 5, 5, tzinfo=UTC), "pm25": 1}) == ["stored"]


def test_no_week_is_made_for_what_is_refused(embedded_database: Database):
    query = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"
    with Inlet(embedded_database, register=None) as inlet:
        before = embedded_database.value(query)
        assert inlet.send("s", {"time": datetime(2015, 5, 5, tzinfo=UTC), "pm25": 1}) == ["quarantined"]
    assert embedded_database.value(query) == before
