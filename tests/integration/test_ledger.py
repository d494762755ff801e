"""The books: they balance, they agree with the rows, and a made error is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from ingest.bulk import Block, BulkWriter
from sdot.books import Gap, read_books, read_sensor_books
from sdot.cli import app
from sdot.recount import ALWAYS, Line, recount
from tests.inlet import AT, Inlet, message, seoul
from tests.servers.postgres import Database

TIME = AT - timedelta(hours=1)


@pytest.fixture
def inlet(database: Database) -> Iterator[Inlet]:
    with Inlet(database) as inlet:
        yield inlet


@pytest.fixture
def plain(embedded_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inlet]:
    """On the embedded engine alone, with the command line led to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDOT_DATA", str(tmp_path))
    monkeypatch.setenv("SDOT_DATABASE_URL", embedded_database.url)
    with Inlet(embedded_database) as inlet:
        yield inlet


def told(second: int = 0, **values: Any) -> dict[str, Any]:
    return {"time": TIME + timedelta(seconds=second), **(values or {"pm25": 1})}


def mixed(inlet: Inlet, serial: str = "a") -> None:
    """Of each outcome at least one, in messages of one reading and of several, over two minutes."""
    inlet.send(serial, told(1), told(1), told(1, pm25=2), told(2, revision=3, pm25=1))
    inlet.send(serial, told(2, revision=1, pm25=9))  # a lower revision: a duplicate that leaves a row
    inlet.send(serial, [told(3), told(4), {"pm25": "x"}, told(3)], at=AT + timedelta(minutes=1))
    inlet.send(serial, b"{", b"{", b"x" * 300_000, {"pm25": 5})
    inlet.send("bad serial", told(1))


def backfill(inlet: Inlet) -> None:
    """A writer without messages."""
    sensor = inlet.conn.execute("SELECT min(sensor_id) FROM sensor").fetchone()
    start = np.datetime64((TIME - timedelta(days=1)).replace(tzinfo=None), "us")
    times = start + np.arange(5) * np.timedelta64(1, "m")
    block = Block(np.full(5, sensor[0] if sensor else 0, "int32"), times, {"pm10": np.ones(5, "float32")})
    with inlet.owner() as owner, owner.transaction():
        writer = BulkWriter(owner, seoul().catalogue)
        writer.write(block)
        writer.write(block)
        writer.finish()


def lines(inlet: Inlet, since: datetime = ALWAYS) -> dict[str, Line]:
    with inlet.owner() as owner:
        return {line.what.split(":")[0]: line for line in recount(owner, since)}


def test_the_equation_holds_and_reasons_add_up(inlet: Inlet):
    mixed(inlet)
    backfill(inlet)
    books = read_books(inlet.conn, AT - timedelta(hours=1))
    assert [account.writer for account in books.accounts] == ["backfill", "ingest/0"]
    total = books.total
    assert (total.messages, list(total.message_outcomes)) == (11, [3, 1, 2, 4, 1])
    assert list(total.readings) == [10, 1, 8, 4, 1]
    assert total.unaccounted == 0
    assert {(reason.code, reason.outcome): reason.readings for reason in books.reasons} == {
        ("not_json", "quarantined"): 2,
        ("not_number", "quarantined"): 1,
        ("serial", "quarantined"): 1,
        ("too_large", "rejected"): 1,
    }


def test_books_and_rows_agree_after_everything_that_may_happen(inlet: Inlet):
    mixed(inlet)
    mixed(inlet, "b")
    backfill(inlet)
    with inlet.owner() as owner:
        owner.execute("UPDATE sensor SET state = 'unverified'")
        owner.execute("UPDATE reading SET district_id = 3")
        owner.execute(
            "SELECT quarantine_leave(ARRAY(SELECT quarantine_id FROM quarantine LIMIT 2), 'purged')"
        )
    found = lines(inlet)
    assert [line for line in found.values() if not line.agrees] == []
    assert (found["stored"].books, found["revised"].books) == (15, 2)
    assert (
        lines(inlet, AT + timedelta(minutes=1))["stored"].books == 9
    )  # two minutes' second ones, and the back-fill


def test_what_retention_took_and_counted_is_no_difference(inlet: Inlet):
    mixed(inlet)
    with inlet.owner() as owner, owner.transaction():
        owner.execute(
            "INSERT INTO ledger_dropped (minute, stored) SELECT date_trunc('minute', received_at), count(*)"
            " FROM reading WHERE pm25 = 1 GROUP BY 1"
        )
        owner.execute("DELETE FROM reading WHERE pm25 = 1")
    assert lines(inlet)["stored"].agrees


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ("DELETE FROM reading WHERE time = (SELECT min(time) FROM reading)", "stored"),
        ("UPDATE reading SET received_at = received_at + interval '1 minute' WHERE pm25 = 2", "stored"),
        ("DELETE FROM reading_revision WHERE NOT carried", "revised"),
        ("DELETE FROM quarantine WHERE code = 'serial'", "whole books, quarantined"),
        ("UPDATE quarantine SET repeats = repeats + 5 WHERE outcome = 'rejected'", "whole books, rejected"),
        ("UPDATE ledger_minute_writer SET messages = messages + 1", "messages"),
        ("UPDATE ledger_reason SET readings = 0 WHERE code = 'not_json'", "quarantined"),
        ("UPDATE ledger_sensor_day_writer SET stored = stored - 1 WHERE stored > 0", "whole books, readings"),
    ],
)
def test_a_made_error_is_found(plain: Inlet, damage: str, line: str):
    mixed(plain)
    with plain.owner() as owner:
        owner.execute(damage)  # type: ignore[call-overload]
    assert [what for what, found in lines(plain).items() if not found.agrees] == [line]
    result = CliRunner().invoke(app, ["ledger", "verify"])
    assert result.exit_code == 1
    assert "do NOT agree in 1 of 8 lines" in result.output


def test_an_open_batch_is_in_both_counts_or_in_none(plain: Inlet):
    mixed(plain)
    with psycopg.connect(plain.database.url) as other:
        other.execute("INSERT INTO reading (time, sensor_id, received_at) VALUES (now(), 1, now())")
        assert lines(plain)["stored"].agrees
        other.rollback()


def test_revisions_of_before_are_left_out(plain: Inlet):
    mixed(plain)
    with plain.owner() as owner:
        owner.execute("UPDATE reading_revision SET carried = NULL")
    found = lines(plain)["revised"]
    assert (found.books, found.rows, found.agrees) == (0, 0, True)


def test_a_sensors_books_are_by_city_days(plain: Inlet):
    mixed(plain)
    plain.send("b", told(1))
    sensor = plain.registry.get("a")
    assert sensor is not None
    books = read_sensor_books(plain.conn, "a", sensor.sensor_id, AT)
    assert list(books.total.readings) == [5, 1, 3, 3, 1]
    assert books.total.messages == 10
    assert {reason.code for reason in books.reasons} == {"not_json", "not_number", "too_large"}


def test_the_command_says_it_in_a_table_and_in_json(plain: Inlet):
    mixed(plain)
    with plain.owner() as owner:
        owner.execute(
            "INSERT INTO gap (kind, slot, writer, began_at, ended_at, size, lossy, detail)"
            " VALUES ('queue_overflow', 0, 'ingest/0', now() - interval '3 minutes', now(), 7, true, 'dropped')"
        )
    result = CliRunner().invoke(app, ["ledger", "--since", "1d"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "11 messages = 3 + 1 + 2 + 4 + 1; 0 unaccounted for" in result.output
    assert "queue overflow at the broker (slot 0, 7 messages), may be lost: dropped" in result.output
    assert max(map(len, result.output.splitlines())) <= 200
    told = json.loads(CliRunner().invoke(app, ["ledger", "--since", "1d", "--json"]).output)
    counts = {"stored": 5, "revised": 1, "duplicate": 3, "quarantined": 4, "rejected": 1}
    assert told["total"]["readings"] == {"received": sum(counts.values()), **counts}
    assert told["balanced"] is True
    assert told["gaps"][0]["size"] == 7
    output = (
        CliRunner().invoke(app, ["ledger", "--sensor", "a", "--since", "1d"], catch_exceptions=False).output
    )
    assert "whole city days" in output
    assert "Books and rows agree" in CliRunner().invoke(app, ["ledger", "verify", "--since", "1d"]).output


def test_a_message_without_an_outcome_ends_with_status_1(plain: Inlet):
    plain.send("a", told(1))
    with plain.owner() as owner:
        owner.execute("UPDATE ledger_minute_writer SET messages = 2")
    result = CliRunner().invoke(app, ["ledger", "--since", "1d"])
    assert (result.exit_code, "1 unaccounted for" in result.output) == (1, True)


def test_a_gap_that_lasts_is_in_every_span(plain: Inlet):
    with plain.owner() as owner:
        owner.execute(
            "INSERT INTO gap (kind, slot, writer, began_at, ended_at, lossy, detail) VALUES"
            " ('orphaned_slot', 1, 'ingest/1', now() - interval '3 days', NULL, false, 'x'),"
            " ('window_full', 1, 'ingest/1', now() - interval '3 days', now() - interval '2 days', false, 'x')"
        )
    gaps: list[Gap] = list(read_books(plain.conn, datetime.now(UTC) - timedelta(hours=1)).gaps)
    assert [gap.kind for gap in gaps] == ["orphaned_slot"]


def test_the_median_and_the_95th_are_found_by_sql(inlet: Inlet):
    def quantile(buckets: list[int], counts: list[int], q: float) -> float | None:
        row = inlet.conn.execute(
            "SELECT lag_quantile(%s::smallint[], %s::bigint[], %s)", [buckets, counts, q]
        ).fetchone()
        return row[0] if row else None

    assert quantile([], [], 0.5) is None
    assert quantile([0], [10], 0.5) == pytest.approx(0.005)
    assert quantile([2, 0, 2], [5, 10, 5], 0.5) == pytest.approx(0.01)
    assert quantile([2, 0, 2], [5, 10, 5], 0.75) == pytest.approx((0.01 * 2**0.5 + 0.02) / 2)
    assert quantile([38], [1], 0.95) == pytest.approx(0.01 * 2**18.5)


def test_a_message_of_each_kind_is_written_once(plain: Inlet):
    """The ledger's reasons go by the minute of arrival, as its counts do."""
    plain.write(message("a", b"{", AT), message("a", b"{", AT + timedelta(minutes=1)))
    rows = plain.conn.execute("SELECT minute, code, readings FROM ledger_reason ORDER BY minute").fetchall()
    assert rows == [(AT, "not_json", 1), (AT + timedelta(minutes=1), "not_json", 1)]
