"""Workers that are killed in the middle of a batch, and whose number changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.rig import BACK_S, Rig
from tests.waiting import until

KILLS = 5


@contextmanager
def _in_the_middle_of_a_batch(rig: Rig) -> Iterator[int]:
    """Readings are in, the ledger is not: held there by a lock on the ledger; the process id of that worker."""
    with rig.product.database.connect() as person, person.transaction():
        person.execute("LOCK TABLE ledger_minute_writer IN ACCESS EXCLUSIVE MODE")
        query = (
            "SELECT w.pid FROM pg_locks AS waits JOIN pg_locks AS slot USING (pid) JOIN worker AS w ON w.slot = slot.objid"
            " WHERE NOT waits.granted AND waits.relation = 'ledger_minute_writer'::regclass"
            " AND slot.locktype = 'advisory' AND slot.classid = 53002 AND slot.granted ORDER BY w.slot DESC"
        )
        rows = until(lambda: person.execute(query).fetchall(), "a batch to reach the ledger", BACK_S, 0.01)
        yield rows[0][0]


def test_ingest_is_killed_in_the_middle_of_a_batch_five_times(rig: Rig) -> None:
    rig.crew(2)
    rig.publish()
    for _ in range(KILLS):
        rig.flow()
        with rig.fault():
            with _in_the_middle_of_a_batch(rig) as pid:
                rig.kill(pid)
            until(lambda: pid not in rig.pids() and len(rig.pids()) == 2, "another worker", BACK_S)
    rig.settle()


def test_three_workers_become_one(rig: Rig) -> None:
    crew = rig.crew(3)
    rig.publish()
    rig.flow()
    with rig.fault():
        rig.dismiss(crew)
        rig.worker()
    until(lambda: _slots(rig) == [0], "the other slots to be drained and gone", BACK_S)
    rig.settle()


def test_one_worker_becomes_three(rig: Rig) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        rig.dismiss(worker.process)
        rig.crew(3)
    rig.flow()
    shares = rig.product.database.rows("SELECT DISTINCT writer FROM ledger_minute_writer ORDER BY writer")
    assert shares == [("ingest/0",), ("ingest/1",), ("ingest/2",)]
    rig.settle()


def test_two_workers_are_fed_the_same_sensors_in_opposite_order(rig: Rig) -> None:
    rig.crew(2)
    rig.publish("--opposite", "--connections", "2")
    rig.flow(rig.scale.steady_s * 4)
    rig.settle()
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert rig.product.database.value(query) == 0


def _slots(rig: Rig) -> list[object]:
    return [row[0] for row in rig.product.database.rows("SELECT slot FROM worker ORDER BY slot")]
