"""How serials become sensors: the three modes, the hourly limit, what sensors say of themselves, gateways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ingest import roster
from ingest.registry import NewSensor, Registry, register_many
from tests.inlet import AT, Inlet, message, outcomes, seoul
from tests.servers.postgres import Database

#: In Jongno, in Gangnam, and in the sea off Incheon.
JONGNO, GANGNAM, SEA = (
    {"lat": 37.5735, "lon": 126.9788},
    {"lat": 37.4979, "lon": 127.0276},
    {"lat": 37.3, "lon": 126.4},
)
READING = {"time": AT, "pm25": 1}


@pytest.fixture
def inlet(embedded_database: Database) -> Iterator[Inlet]:
    with Inlet(embedded_database, register="unverified") as inlet:
        yield inlet


def told(inlet: Inlet, serial: str, **content: Any) -> tuple[Any, ...]:
    """Send a reading with this self-description; the registry's row afterwards."""
    inlet.send(serial, {"pm25": 1} | content, at=AT - timedelta(hours=1))
    return sensor(inlet, serial)


def sensor(inlet: Inlet, serial: str) -> tuple[Any, ...]:
    """(state, district, model, kind, latitude) of a serial."""
    query = (
        "SELECT s.state, d.code, s.model, p.kind, p.latitude FROM sensor AS s JOIN site AS p USING (site_id)"
        " LEFT JOIN district AS d USING (district_id) WHERE serial = %s"
    )
    (row,) = inlet.conn.execute(query, [serial]).fetchall()
    return row


def district(inlet: Inlet, serial: str) -> Any:
    return sensor(inlet, serial)[1]


# Modes and the limit


@pytest.mark.parametrize(("state", "counts"), [("verified", True), ("unverified", False)])
def test_an_unknown_serial_is_registered(embedded_database: Database, state: Any, counts: bool):
    with Inlet(embedded_database, register=state) as inlet:
        assert inlet.send("new", READING | {"district": "gangnam-gu"}) == ["stored"]
    row = embedded_database.rows(
        "SELECT s.state, s.registered_by, s.verified_at IS NOT NULL, r.district_id = s.district_id"
        " FROM sensor AS s JOIN reading AS r USING (sensor_id)"
    )
    assert row == [(state, "mqtt", counts, True if counts else None)]


def test_where_registration_is_closed_an_unknown_serial_is_refused(embedded_database: Database):
    with Inlet(embedded_database, register=None) as inlet:
        register_many(inlet.conn, seoul(), [NewSensor("known")], state="verified", by="operator")
        assert inlet.send("known", READING) == ["stored"]
        (refusal,) = inlet.refusals("unknown", READING)
    assert refusal.code == "unknown_sensor"
    assert "sdot sensor add" in refusal.text
    assert embedded_database.rows("SELECT serial FROM sensor") == [("known",)]


def test_the_hourly_limit_is_counted_in_the_database(embedded_database: Database):
    with (
        Inlet(embedded_database, per_hour=3) as one,
        Inlet(embedded_database, per_hour=3, name="ingest/1") as two,
    ):
        report = one.write(*(message(serial, READING) for serial in ("a", "b")))
        assert outcomes(report) == ["stored", "stored"]
        report = two.write(*(message(serial, READING) for serial in ("c", "d", "a", "d")))
        assert outcomes(report) == ["stored", "quarantined", "duplicate", "quarantined"]
        assert {case.refusal.code for batch in report.batches for case in batch.cases()} == {
            "registration_limit"
        }
        embedded_database.rows("UPDATE sensor SET registered_at = now() - interval '61 minutes' RETURNING 1")
        assert one.send("d", READING) == ["stored"]


def test_what_people_and_the_simulator_register_does_not_count(embedded_database: Database):
    with Inlet(embedded_database, per_hour=1) as inlet:
        crowd = [NewSensor(f"s{number}") for number in range(50)]
        assert len(register_many(inlet.conn, seoul(), crowd, state="verified", by="simulator")) == 50
        assert inlet.send("s7", READING) == ["stored"]
        assert inlet.send("first", READING) == ["stored"]
        assert inlet.send("second", READING) == ["quarantined"]


def test_known_sensors_stay_as_they_are_when_registered_again(inlet: Inlet):
    known = inlet.send("a", READING | {"district": "gangnam-gu", "model": "M1"})
    assert known == ["stored"]
    found = register_many(
        inlet.conn,
        seoul(),
        [NewSensor("a", model="M2", district="jongno-gu"), NewSensor("b")],
        state="verified",
        by="x",
    )
    assert set(found) == {"a", "b"}
    assert sensor(inlet, "a")[:3] == ("unverified", "gangnam-gu", "M1")


def test_many_sensors_keep_their_places(inlet: Inlet):
    places = [
        NewSensor("p", kind="park", latitude=JONGNO["lat"], longitude=JONGNO["lon"], district="gangnam-gu"),
        NewSensor("q", kind="street", district="강남구"),
        NewSensor("r", model="M", latitude=SEA["lat"], longitude=SEA["lon"]),
    ]
    register_many(inlet.conn, seoul(), places, state="verified", by="operator")
    assert sensor(inlet, "p") == ("verified", "jongno-gu", None, "park", JONGNO["lat"])
    assert sensor(inlet, "q") == ("verified", "gangnam-gu", None, "street", None)
    assert sensor(inlet, "r") == ("verified", None, "M", None, SEA["lat"])


# Self-description


@pytest.mark.parametrize("name", ["gangnam-gu", "강남구", "Gangnam-gu", "강남"])
def test_a_district_is_found_by_code_and_by_name(inlet: Inlet, name: str):
    assert told(inlet, "a", district=name)[1] == "gangnam-gu"


def test_an_unknown_district_leaves_it_unset_and_is_tried_again_when_it_changes(inlet: Inlet):
    assert told(inlet, "a", district="atlantis")[1] is None
    assert told(inlet, "a", district="jongno-gu")[1] == "jongno-gu"


def test_a_description_fills_what_is_unset(inlet: Inlet):
    assert told(inlet, "a") == ("unverified", None, None, None, None)
    assert told(inlet, "a", model="M1") == ("unverified", None, "M1", None, None)
    assert told(inlet, "a", kind="park", district="jongno-gu") == (
        "unverified",
        "jongno-gu",
        "M1",
        "park",
        None,
    )


def test_the_first_description_holds(inlet: Inlet):
    told(inlet, "a", model="M1", kind="park", district="jongno-gu")
    expected = ("unverified", "jongno-gu", "M1", "park", None)
    assert told(inlet, "a", model="M2", kind="street", district="gangnam-gu") == expected


def test_the_first_description_of_a_batch_holds(inlet: Inlet):
    inlet.send("a", {"pm25": 1}, {"pm25": 2, "district": "jongno-gu"}, {"pm25": 3, "district": "gangnam-gu"})
    assert district(inlet, "a") == "jongno-gu"


def test_a_position_beats_a_name(inlet: Inlet):
    assert told(inlet, "a", district="gangnam-gu", **JONGNO)[1] == "jongno-gu"
    told(inlet, "b", district="gangnam-gu")
    assert told(inlet, "b", **JONGNO)[1] == "jongno-gu"
    assert told(inlet, "b", district="gangnam-gu")[1] == "jongno-gu"


def test_the_first_position_holds(inlet: Inlet):
    told(inlet, "a", **JONGNO)
    assert told(inlet, "a", **GANGNAM) == ("unverified", "jongno-gu", None, None, JONGNO["lat"])


def test_a_position_outside_the_city_is_in_no_district_whatever_the_name_says(inlet: Inlet):
    assert told(inlet, "a", district="gangnam-gu", **SEA)[1] is None
    assert told(inlet, "a", district="gangnam-gu")[1] is None


def test_a_verified_sensor_is_never_moved(inlet: Inlet):
    told(inlet, "a", district="gangnam-gu")
    with inlet.owner() as conn:
        roster.verify(conn, "a")
    assert told(inlet, "a", model="M1", **JONGNO) == ("verified", "gangnam-gu", "M1", None, JONGNO["lat"])


def test_a_verified_sensor_without_a_district_gets_one(embedded_database: Database):
    with Inlet(embedded_database, register="verified") as inlet:
        assert told(inlet, "a")[1] is None
        assert told(inlet, "a", **JONGNO)[1] == "jongno-gu"


def test_a_description_does_not_undo_what_a_person_did_meanwhile(inlet: Inlet):
    told(inlet, "a")
    with inlet.owner() as conn:  # the writer has not heard of it when the description comes
        roster.move(conn, seoul(), "a", roster.Place(district="gangnam-gu"), AT)
    assert told(inlet, "a", model="M1", district="jongno-gu")[:3] == ("unverified", "gangnam-gu", "M1")


def test_a_retired_sensor_teaches_nothing(inlet: Inlet):
    told(inlet, "a")
    with inlet.owner() as conn:
        roster.retire(conn, "a")
    (refusal,) = inlet.refusals("a", {"pm25": 1, "model": "M1"})
    assert refusal.code == "retired"
    assert inlet.refusals("a", {"pm25": 1, "model": "M1"})[0].code == "retired"
    assert sensor(inlet, "a")[2] is None


# Gateways


def test_a_gateways_message_carries_the_readings_of_others(inlet: Inlet):
    told(inlet, "gate")
    with inlet.owner() as conn:
        roster.make_gateway(conn, "gate")
    report = inlet.write(
        message(
            "gate",
            [
                READING | {"sensor": "a", "district": "jongno-gu"},
                READING | {"sensor": "b"},
                READING | {"sensor": "gate"},
                READING | {"sensor": "a"},
            ],
        )
    )
    assert outcomes(report) == ["stored", "stored", "stored", "duplicate"]
    assert district(inlet, "a") == "jongno-gu"
    assert district(inlet, "gate") is None
    days = inlet.conn.execute(
        "SELECT serial, sum(messages)::int, sum(stored)::int, sum(duplicate)::int"
        " FROM ledger_sensor_day JOIN sensor USING (sensor_id) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert days == [("a", 0, 1, 1), ("b", 0, 1, 0), ("gate", 2, 2, 0)]


def test_another_sensor_may_not(inlet: Inlet):
    told(inlet, "plain")
    (refusal,) = inlet.refusals("plain", READING | {"sensor": "a"})
    assert refusal.code == "not_a_gateway"
    assert inlet.send("plain", READING | {"sensor": "plain"}) == ["stored"]


def test_a_new_serial_that_speaks_for_another_becomes_a_plain_sensor(inlet: Inlet):
    (refusal,) = inlet.refusals("new", READING | {"sensor": "a"})
    assert refusal.code == "not_a_gateway"
    assert inlet.conn.execute("SELECT serial FROM sensor").fetchall() == [("new",)]


# The cache


def test_what_another_worker_registers_is_known_here(embedded_database: Database):
    with Inlet(embedded_database) as one, Inlet(embedded_database, register=None, name="ingest/1") as two:
        assert two.send("a", READING) == ["quarantined"]
        assert one.send("a", READING) == ["stored"]
        assert two.send("a", READING) == ["duplicate"]


def test_a_renamed_sensor_is_not_known_by_its_former_serial(inlet: Inlet):
    told(inlet, "old")
    with inlet.owner() as conn:
        roster.rename(conn, "old", "new")
    report = inlet.write(message("old", READING), message("new", READING))
    assert outcomes(report) == ["stored", "stored"]
    rows = inlet.conn.execute("SELECT serial FROM sensor ORDER BY sensor_id").fetchall()
    assert rows == [("new",), ("old",)]


def test_serials_that_change_places(inlet: Inlet):
    for serial in ("a", "b"):
        told(inlet, serial)
    ids = dict(inlet.conn.execute("SELECT serial, sensor_id FROM sensor").fetchall())
    with inlet.owner() as conn:
        for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
            roster.rename(conn, old, new)
    inlet.write(message("a", READING))
    assert inlet.conn.execute("SELECT sensor_id FROM reading WHERE time = %s", [AT]).fetchall() == [
        (ids["b"],)
    ]
    registry = Registry(seoul())
    registry.refresh(inlet.conn, 10**6)
    for serial, other in (("a", "b"), ("b", "a")):
        found = inlet.registry.get(serial)
        assert found is not None
        assert found == registry.get(serial)
        assert found.sensor_id == ids[other]
