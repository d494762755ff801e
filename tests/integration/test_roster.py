"""What a person does with sensors, also while batches are open and on every engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import psycopg
import pytest

from city.errors import RegistryError
from ingest import roster
from ingest.batch import Batch
from ingest.roster import Place
from ingest.writer import Marks, Writer
from tests.inlet import AT, Inlet, message, seoul
from tests.servers.postgres import Database
from tests.waiting import until

JONGNO, GANGNAM = Place(district="jongno-gu"), Place(district="gangnam-gu")
HOUR = timedelta(hours=1)
TIMES = [AT - number * HOUR for number in (3, 2, 1)]


@pytest.fixture
def inlet(database: Database) -> Iterator[Inlet]:
    with Inlet(database, register="unverified") as inlet:
        yield inlet


@pytest.fixture
def person(inlet: Inlet) -> Iterator[psycopg.Connection[Any]]:
    """A person's connection."""
    with inlet.owner() as conn:
        yield conn


def readings(inlet: Inlet, serial: str) -> list[str | None]:
    """Districts in which a sensor's readings count, in order of time."""
    query = (
        "SELECT d.code FROM reading AS r JOIN sensor AS s USING (sensor_id)"
        " LEFT JOIN district AS d ON d.district_id = r.district_id WHERE s.serial = %s ORDER BY r.time"
    )
    return [row[0] for row in inlet.conn.execute(query, [serial])]


def touched(conn: psycopg.Connection[Any]) -> list[datetime]:
    rows = conn.execute("SELECT DISTINCT time FROM touched ORDER BY time").fetchall()
    conn.execute("DELETE FROM touched")
    return [row[0] for row in rows]


def send(inlet: Inlet, serial: str, *times: datetime, **more: Any) -> None:
    inlet.send(serial, *({"time": time, "pm25": 1} | more for time in times))


def test_verify_brings_what_was_sent_into_the_district(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    send(inlet, "b", *TIMES)
    assert readings(inlet, "a") == [None] * 3
    assert roster.verify(person, "a") == 3
    assert readings(inlet, "a") == ["jongno-gu"] * 3
    assert readings(inlet, "b") == [None] * 3
    assert touched(person) == TIMES
    send(inlet, "a", AT)
    assert readings(inlet, "a") == ["jongno-gu"] * 4


def test_verify_stops_at_the_horizon(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    person.execute("UPDATE checkpoint SET horizon = %s", [TIMES[1]])
    assert roster.verify(person, "a") == 2
    assert readings(inlet, "a") == [None, "jongno-gu", "jongno-gu"]
    assert touched(person) == TIMES[1:]


def test_verify_without_a_district_changes_no_reading_until_it_has_one(
    inlet: Inlet, person: psycopg.Connection[Any]
):
    send(inlet, "a", *TIMES)
    assert roster.verify(person, "a") == 0
    assert roster.move(person, seoul(), "a", JONGNO, TIMES[0]) == 3
    assert readings(inlet, "a") == ["jongno-gu"] * 3


def test_verify_again_changes_nothing(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    roster.verify(person, "a")
    touched(person)
    assert roster.verify(person, "a") == 0
    assert touched(person) == []


def test_move_takes_readings_along_from_an_instant(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    roster.verify(person, "a")
    touched(person)
    assert roster.move(person, seoul(), "a", GANGNAM, TIMES[1]) == 2
    assert readings(inlet, "a") == ["jongno-gu", "gangnam-gu", "gangnam-gu"]
    assert touched(person) == TIMES[1:]
    send(inlet, "a", AT)
    assert readings(inlet, "a")[-1] == "gangnam-gu"


def test_what_counted_at_a_former_place_stays_there(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    roster.verify(person, "a")
    roster.move(person, seoul(), "a", GANGNAM, TIMES[1])
    roster.retire(person, "a")
    assert roster.verify(person, "a") == 0
    assert readings(inlet, "a") == ["jongno-gu", "gangnam-gu", "gangnam-gu"]


def test_an_unverified_sensor_that_is_moved_counts_nowhere_yet(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    assert roster.move(person, seoul(), "a", GANGNAM, TIMES[0]) == 0
    roster.retire(person, "a")
    assert roster.move(person, seoul(), "a", JONGNO, TIMES[0]) == 0
    assert readings(inlet, "a") == [None] * 3
    assert roster.verify(person, "a") == 3
    assert readings(inlet, "a") == ["jongno-gu"] * 3


def test_a_position_moves_too(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", AT, district="gangnam-gu", kind="park")
    roster.move(person, seoul(), "a", Place(37.5735, 126.9788), AT)
    row = person.execute(
        "SELECT d.code, s.located, p.kind, p.latitude FROM sensor AS s JOIN site AS p USING (site_id)"
        " JOIN district AS d ON d.district_id = s.district_id"
    ).fetchone()
    assert row == ("jongno-gu", True, "park", 37.5735)


@pytest.mark.parametrize(
    ("place", "words"),
    [(Place(district="atlantis"), "no district is called 'atlantis'"), (Place(0.0, 0.0), "outside the city")],
)
def test_nowhere_is_refused(inlet: Inlet, person: psycopg.Connection[Any], place: Place, words: str):
    send(inlet, "a", AT)
    with pytest.raises(RegistryError, match=words):
        roster.move(person, seoul(), "a", place, AT)


def test_a_retired_sensor_is_quarantined_and_its_past_stays(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES, district="jongno-gu")
    roster.verify(person, "a")
    roster.retire(person, "a")
    (refusal,) = inlet.refusals("a", {"pm25": 1})
    assert refusal.code == "retired"
    assert readings(inlet, "a") == ["jongno-gu"] * 3
    roster.verify(person, "a")
    assert inlet.send("a", {"pm25": 1}) == ["stored"]


def test_rename_keeps_the_past(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", *TIMES)
    roster.rename(person, "a", "b")
    send(inlet, "b", AT)
    assert len(readings(inlet, "b")) == 4


@pytest.mark.parametrize(("new", "words"), [("other", "is there already"), ("a b", "is no serial")])
def test_a_serial_that_cannot_be_taken(inlet: Inlet, person: psycopg.Connection[Any], new: str, words: str):
    for serial in ("a", "other"):
        send(inlet, serial, AT)
    version = person.execute("SELECT registry_version FROM checkpoint").fetchone()
    with pytest.raises(RegistryError, match=words):
        roster.rename(person, "a", new)
    assert person.execute("SELECT registry_version FROM checkpoint").fetchone() == version


@pytest.mark.parametrize(
    "change",
    [
        roster.verify,
        roster.retire,
        roster.make_gateway,
        lambda conn, serial: roster.rename(conn, serial, "x"),
        lambda conn, serial: roster.move(conn, seoul(), serial, JONGNO, AT),
    ],
)
def test_a_serial_nobody_has(person: psycopg.Connection[Any], change: Callable[..., Any]):
    with pytest.raises(RegistryError, match="no sensor is called 'nobody'"):
        change(person, "nobody")


def test_a_change_is_told_to_dashboards(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", AT)
    changed = person.execute("SELECT changed_at FROM latest").fetchone()
    with inlet.owner() as listener:
        listener.execute("LISTEN sdot_commit")
        roster.verify(person, "a")
        assert len(list(listener.notifies(timeout=10, stop_after=1))) == 1
    assert person.execute("SELECT changed_at FROM latest").fetchone() != changed


# Races


class Held:
    """A batch that has begun, has judged its messages and waits before its commit."""

    def __init__(self, inlet: Inlet, *messages: Any) -> None:
        self.inside, self.go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=lambda: inlet.writer.write(inlet.conn, messages, Marks((), self._wait))
        )

    def _wait(self, _conn: Any, _batch: Batch, _watched: frozenset[str]) -> None:
        self.inside.set()
        assert self.go_on.wait(20)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.inside.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._thread.join(20)


def waits(person: psycopg.Connection[Any], observer: psycopg.Connection[Any]) -> Callable[[], Any]:
    """Whether the person's connection waits for a lock."""
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid = %s"
    return lambda: observer.execute(query, [person.info.backend_pid]).fetchone()


CHANGES: list[tuple[str, Callable[[psycopg.Connection[Any]], Any]]] = [
    ("verify", lambda conn: roster.verify(conn, "a")),
    ("move", lambda conn: roster.move(conn, seoul(), "a", GANGNAM, datetime(2000, 1, 1, tzinfo=UTC))),
]


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=[name for name, _ in CHANGES])
def test_an_open_batch_is_not_overlooked(
    inlet: Inlet, person: psycopg.Connection[Any], name: str, change: Callable[[psycopg.Connection[Any]], Any]
):
    send(inlet, "a", TIMES[0], district="jongno-gu")
    if name == "move":
        roster.verify(person, "a")
    with inlet.owner() as observer:
        with Held(inlet, message("a", {"time": TIMES[1], "pm25": 1})) as batch:
            thread = threading.Thread(target=change, args=[person])
            thread.start()
            until(waits(person, observer), f"{name} to wait for the batch")
            batch.go_on.set()
            thread.join(20)
        assert readings(inlet, "a") == ["jongno-gu" if name == "verify" else "gangnam-gu"] * 2
        assert touched(observer)[-2:] == TIMES[:2]


def test_a_batch_that_begins_behind_a_change_sees_it(inlet: Inlet, person: psycopg.Connection[Any]):
    send(inlet, "a", TIMES[0], district="jongno-gu")
    with inlet.owner() as observer, Inlet(inlet.database, name="ingest/1", register="unverified") as second:
        second.send("a", {"time": TIMES[0], "pm25": 1})  # so that its cache says unverified
        with Held(inlet, message("a", {"time": TIMES[1], "pm25": 1})) as first:
            verify = threading.Thread(target=roster.verify, args=[person, "a"])
            verify.start()
            until(waits(person, observer), "verify to wait for the first batch")
            later = threading.Thread(target=send, args=[second, "a", TIMES[2]])
            later.start()
            until(waits(second.conn, observer), "the second batch to wait for verify")
            first.go_on.set()
            verify.join(20)
            later.join(20)
    assert readings(inlet, "a") == ["jongno-gu"] * 3


def test_a_description_that_comes_while_verify_waits_is_taken_along(
    inlet: Inlet, person: psycopg.Connection[Any]
):
    """The district is read once no batch is open, not before."""
    send(inlet, "a", TIMES[0])
    with inlet.owner() as observer, inlet.owner() as other:
        with other.transaction():
            other.execute("SELECT registry_begin()")
            verify = threading.Thread(target=roster.verify, args=[person, "a"])
            verify.start()
            until(waits(person, observer), "verify to wait")
            other.execute(
                "UPDATE sensor SET district_id = (SELECT district_id FROM district WHERE code = 'jongno-gu')"
            )
        verify.join(20)
    assert readings(inlet, "a") == ["jongno-gu"]


def test_a_serial_renamed_while_its_batch_is_on_the_way_is_met_again(database: Database):
    """The rename comes after the batch's serials were met and before its transaction."""

    class Overtaken(Writer):
        def _make_partitions(self, conn: psycopg.Connection[Any], messages: Any, columns: Any) -> None:
            super()._make_partitions(conn, messages, columns)
            if self.registry.get("old") and not self.registry.get("new"):
                with database.connect() as person:
                    roster.rename(person, "old", "new")

    with Inlet(database, register="unverified") as inlet:
        send(inlet, "old", TIMES[0])
    with Inlet(database, register="unverified", writer=Overtaken) as inlet:
        send(inlet, "old", TIMES[1])
        assert len(readings(inlet, "new")) == 1
        assert len(readings(inlet, "old")) == 1
        assert inlet.conn.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
