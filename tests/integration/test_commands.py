"""Commands that look into the database, against one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from city.errors import RegistryError
from ingest import roster
from sdot.cli import app
from tests.inlet import Inlet
from tests.servers.postgres import Database


@pytest.fixture(autouse=True)
def _settings(embedded_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDOT_DATA", str(tmp_path))
    monkeypatch.setenv("SDOT_DATABASE_URL", embedded_database.url)


def sdot(*arguments: str) -> str:
    return CliRunner().invoke(app, arguments, catch_exceptions=False).output


def test_verify_tells_what_a_sensor_was_before(embedded_database: Database):
    with Inlet(embedded_database, register="unverified") as inlet, inlet.owner() as person:
        for serial in ("new", "known", "gone"):
            inlet.send(serial, {"pm25": 1, "district": "jongno-gu"})
        roster.verify(person, "known")
        roster.retire(person, "gone")
    assert sdot("sensor", "verify", "new", "known", "gone").splitlines() == [
        "new is verified and counts in jongno-gu, with 1 earlier readings brought in",
        "known was verified already and counts in jongno-gu, with 0 earlier readings brought in",
        "gone was retired; it is verified again and counts in jongno-gu, with 1 earlier readings brought in",
    ]


def test_one_serial_that_nobody_knows_and_none_is_verified(embedded_database: Database):
    with Inlet(embedded_database, register="unverified") as inlet:
        inlet.send("a", {"pm25": 1})
    with pytest.raises(RegistryError, match="no sensor is called 'b'"):
        sdot("sensor", "verify", "a", "b")
    assert embedded_database.value("SELECT state FROM sensor WHERE serial = 'a'") == "unverified"


def test_the_list_of_one_state_says_so(embedded_database: Database):
    with Inlet(embedded_database, register="unverified") as inlet:
        inlet.send("a", {"pm25": 1})
    assert sdot("sensor", "list").rstrip().endswith("1 sensors, 1 unverified")
    assert sdot("sensor", "list", "--state", "retired").rstrip().endswith("0 retired sensors")


def test_small_relations_are_counted_though_never_analysed(embedded_database: Database):
    with Inlet(embedded_database) as inlet:
        inlet.send("a", *({"pm25": number} for number in range(3)))
    output = sdot("db", "status")
    assert (
        len(re.findall(r"\n  \w+ +[\d.]+ MB, \d+ rows\b", output))
        == len(re.findall(r"\n  \w+ +[\d.]+ MB, ", output))
        == 11
    )
    told = re.findall(r"\n  (\w+) +[\d.]+ MB, ", output)
    assert set(told[:6]) == {
        "reading",
        "sensor_10min",
        "sensor_hour",
        "district_10min",
        "district_hour",
        "district_day",
    }
    assert "none on this engine" in output
    assert not re.search("about|not counted yet", output)
