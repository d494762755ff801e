"""What was refused: kept, listed, replayed after a cure, purged, and bounded by age and size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from city.errors import RegistryError, SettingsError
from ingest import roster
from maintain.books import trim_lag, trim_quarantine
from sdot.cli import app
from sdot.recount import recount
from tests.inlet import AT, Inlet, message
from tests.servers.postgres import Database

TIME = AT - timedelta(hours=1)
MICRO = timedelta(microseconds=1)


@pytest.fixture
def closed(embedded_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inlet]:
    """A city that takes registered serials only, with the command line led to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDOT_DATA", str(tmp_path))
    monkeypatch.setenv("SDOT_DATABASE_URL", embedded_database.url)
    monkeypatch.setenv("SDOT_REGISTER", "closed")
    with Inlet(embedded_database, register=None) as inlet:
        yield inlet
        with inlet.owner() as owner:
            assert [line for line in recount(owner) if not line.agrees] == []


def sdot(*arguments: str, status: int = 0, answer: str | None = None) -> str:
    result: Result = CliRunner().invoke(app, ["quarantine", *arguments], answer, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output


def add(*serials: str) -> None:
    for serial in serials:
        CliRunner().invoke(app, ["sensor", "add", serial], catch_exceptions=False)


def rows(inlet: Inlet, query: str) -> list[Any]:
    return inlet.conn.execute(query).fetchall()  # type: ignore[call-overload]


def outcomes(inlet: Inlet, writer: str = "replay") -> tuple[int, ...]:
    (row,) = rows(
        inlet,
        "SELECT coalesce(sum(messages), 0)::int, coalesce(sum(stored), 0)::int, coalesce(sum(duplicate), 0)::int,"
        f" coalesce(sum(quarantined), 0)::int FROM ledger_minute_writer WHERE writer = '{writer}'",
    )
    return tuple(row)


def told(second: int, **values: Any) -> dict[str, Any]:
    return {"time": TIME + timedelta(seconds=second), **(values or {"pm25": second})}


def test_what_came_before_its_sensor_was_registered_is_replayed_once(closed: Inlet):
    closed.send("late", told(1), told(2), told(1))
    closed.send("late", b"{")
    assert rows(closed, "SELECT count(*)::int, sum(repeats)::int FROM quarantine") == [(3, 4)]
    add("late")
    assert sdot("replay", "--code", "unknown_sensor").splitlines() == ["2 cases: 2 taken (2 stored), 0 stay"]
    assert rows(closed, "SELECT pm25 FROM reading ORDER BY 1") == [(1.0,), (2.0,)]
    assert rows(closed, "SELECT code FROM quarantine") == [("not_json",)]
    assert rows(closed, "SELECT cases, readings FROM quarantine_gone WHERE cause = 'replayed'") == [(2, 3)]
    assert outcomes(closed) == (2, 2, 0, 0)
    assert "0 cases: 0 taken" in sdot("replay", "--code", "unknown_sensor")
    assert outcomes(closed) == (2, 2, 0, 0)
    assert rows(closed, "SELECT count(*)::int FROM reading") == [(2,)]


def test_the_same_case_twice_changes_nothing(closed: Inlet):
    closed.send("late", told(1))
    add("late")
    (number,) = rows(closed, "SELECT quarantine_id FROM quarantine")[0]
    assert "1 taken (1 stored)" in sdot("replay", str(number))
    assert "0 cases" in sdot("replay", str(number))
    closed.send("late", told(1))
    assert outcomes(closed) == (1, 1, 0, 0)


def test_a_reading_that_is_there_by_now_is_a_duplicate(closed: Inlet):
    closed.send("late", told(1))
    add("late")
    closed.send("late", b"{")  # from here on ingest knows the sensor
    closed.send("late", told(1))
    assert "1 taken (1 duplicate)" in sdot("replay", "--code", "unknown_sensor")
    assert outcomes(closed) == (1, 0, 1, 0)


def test_readings_without_a_time_keep_their_arrival_and_are_all_kept(closed: Inlet):
    for minute in range(3):
        closed.send("late", {"pm25": 7}, at=AT + timedelta(minutes=minute))
    closed.send("late", [{"pm25": 1}, {"pm25": 2}], at=AT)
    add("late")
    assert "5 taken (5 stored)" in sdot("replay", "--serial", "late")
    times = [row[0] for row in rows(closed, "SELECT time FROM reading ORDER BY time")]
    assert times == [AT, AT + MICRO, AT + 2 * MICRO, *(AT + timedelta(minutes=minute) for minute in (1, 2))]
    assert rows(closed, "SELECT min(received_at) > now() - interval '1 minute' FROM reading") == [(True,)]


def test_what_is_refused_again_stays_with_todays_reason_and_is_not_counted(closed: Inlet):
    closed.send("late", told(1))
    add("late")
    with closed.owner() as person:
        roster.retire(person, "late")
    output = sdot("replay", "--all", "--yes")
    assert "0 taken (no reading), 1 stay" in output
    assert "1: sensor is retired" in output
    assert rows(closed, "SELECT code, replays, repeats FROM quarantine") == [("retired", 1, 1)]
    assert outcomes(closed) == (0, 0, 0, 0)
    with closed.owner() as person:
        roster.verify(person, "late")
    assert "1 taken" in sdot("replay", "--all", "--yes")


def test_of_an_array_what_is_good_is_taken_and_what_is_bad_stays_alone(closed: Inlet):
    closed.send("late", [told(1), told(2)])
    long = closed.send("gone", *[b"[" + b",".join([b'{"pm25": 1}'] * 1001) + b"]"])
    assert long == ["quarantined"]
    add("late", "gone")
    with closed.owner() as owner:  # as if the limit had been raised: half of it is good now
        owner.execute(
            """UPDATE quarantine SET payload = '[{"pm25": 1}, {"pm25": "x"}]' WHERE code = 'too_many_readings'"""
        )
    assert "3 cases: 3 taken (1 quarantined, 3 stored), 0 stay" in sdot("replay", "--all", "--yes")
    assert rows(closed, "SELECT writer, code, element FROM quarantine") == [("replay", "not_number", 1)]
    assert outcomes(closed) == (3, 3, 0, 1)


def test_what_cannot_be_replayed_says_why(closed: Inlet):
    closed.send("a", b"x" * 300_000, b'{"mac": "00:11:22:33:44:55", ')
    closed.send("a", {"pm25": 1}, retained=True)
    output = sdot("replay", "--all", "--yes")
    assert "only its beginning was kept" in output
    assert "its body was not kept" in output
    assert "retained" in output


def test_listing_and_showing(closed: Inlet):
    closed.send("a", {"pm25": "1\x1b[2J"}, b"\x00\xff\x1b[31m")
    closed.send("b", [told(1), {"noise": 1e6}])
    output = sdot("list")
    assert "4 shown of 4 cases (4 readings" in output
    assert "1 shown" in sdot("list", "--serial", "a", "--limit", "1")
    assert "1 shown" in sdot("list", "--code", "not_utf8")
    assert "0 shown" in sdot("list", "--since", "1m", "--serial", "a")
    numbers = dict(rows(closed, "SELECT code, quarantine_id FROM quarantine"))
    for text in (output, *(sdot("show", str(number)) for number in numbers.values())):
        assert "\x1b" not in text
    assert "  000000  00 ff 1b 5b 33 31 6d" in sdot("show", str(numbers["not_utf8"]))
    assert "(reading 2 of its array)" in sdot("show", str(numbers["impossible"]))
    with pytest.raises(RegistryError, match="no case 999999"):
        sdot("show", "999999")


def test_purging_asks_and_counts(closed: Inlet):
    closed.send("a", b"{", b"{", b"[")
    with pytest.raises(SettingsError, match="say which"):
        sdot("purge")
    sdot("purge", "--all", answer="n\n", status=1)
    assert "0 cases are gone" in sdot("purge", "--older-than", "7d", "--yes")
    assert "2 cases are gone" in sdot("purge", "--code", "not_json", "--yes")
    assert "left before (purged): 2 cases, 3 readings" in sdot("list")


def age(closed: Inlet, code: str, days: int) -> None:
    with closed.owner() as owner:
        owner.execute(
            "UPDATE quarantine SET last_at = now() - make_interval(days => %s) WHERE code = %s", [days, code]
        )


def trimmed(closed: Inlet, days: int, megabytes: int) -> int:
    with closed.owner() as owner:
        return trim_quarantine(owner, days, megabytes)


def test_cases_leave_of_age_and_are_counted(closed: Inlet):
    closed.send("a", b"{", {"pm25": "x"})
    age(closed, "not_json", 31)
    assert trimmed(closed, 30, 512) == 1
    assert rows(closed, "SELECT code FROM quarantine") == [("not_number",)]
    assert rows(closed, "SELECT cause, code, cases FROM quarantine_gone") == [("age", "not_json", 1)]


def test_the_longest_quiet_cases_leave_for_size(closed: Inlet):
    for minute in range(12):
        closed.send("a", b"{" + b"x" * 200_000 + str(minute).encode(), at=AT + timedelta(minutes=minute))
    assert trimmed(closed, 3000, 1) == 7
    assert trimmed(closed, 3000, 1) == 0
    assert rows(closed, "SELECT min(arrived_at), count(*)::int FROM quarantine") == [
        (AT + timedelta(minutes=7), 5)
    ]
    assert rows(closed, "SELECT cause, cases, bytes > 1400000 FROM quarantine_gone") == [("size", 7, True)]


def test_trimming_waits_for_nobody(closed: Inlet):
    closed.send("a", b"{", b"[")
    age(closed, "not_json", 40)
    with closed.owner() as other, other.transaction():
        other.execute("SELECT FROM quarantine WHERE payload = '{' FOR UPDATE")
        assert trimmed(closed, 30, 512) == 1
    assert trimmed(closed, 30, 512) == 1


def test_histograms_of_long_ago_go(closed: Inlet):
    closed.conn.execute(
        "INSERT INTO lag_minute VALUES ('w', now() - interval '31 days', 'arrival', 1, 1), ('w', now(), 'arrival', 1, 1)"
    )
    with closed.owner() as owner:
        trim_lag(owner)
    assert rows(closed, "SELECT count(*)::int FROM lag_minute") == [(1,)]


def test_the_same_body_again_is_counted_not_kept_again(closed: Inlet):
    closed.write(*(message("late", told(1), AT + timedelta(seconds=n)) for n in range(3)))
    assert rows(closed, "SELECT repeats, last_at - arrived_at FROM quarantine") == [(3, timedelta(seconds=2))]
