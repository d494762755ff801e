"""Files in each published shape through import and through replay: value for value, twice without a change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from city.errors import BrokerError, SettingsError, TableError
from city.settings import Settings
from ingest import intake, roster
from ingest.fold import Outcome
from ingest.replay import Replayer
from sdot import importer, replay
from sdot.cli import app
from sdot.recount import recount
from tests.inlet import Inlet, seoul
from tests.servers.broker import Broker
from tests.servers.postgres import Database
from tests.servers.process import free_port
from tests.servers.product import Product
from tests.tables import (
    CASES,
    FINAL,
    HOURLY,
    HOURLY_HEADER,
    LATER,
    LIVE,
    NATURE_OLD,
    PUBDATA,
    WALK_NEW,
    Case,
    csv,
    natural,
    nature,
    nature_header,
    utc,
)

MOSQUITTO = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
KEYS = seoul().catalogue.keys


def settings(database: Database, **more: Any) -> Settings:
    return Settings(database_url=database.url, city="seoul", retention_raw="forever", **more)


def stored(database: Database) -> dict[tuple[str, datetime], dict[str, float]]:
    """(serial, time) → what stands there, without nulls."""
    with database.connect() as conn:
        rows = conn.execute(
            f"SELECT s.serial, r.time, {', '.join(KEYS)} FROM reading AS r JOIN sensor AS s USING (sensor_id)",
            binary=True,
        )
        return {
            (serial, time): {key: value for key, value in zip(KEYS, values, strict=True) if value is not None}
            for serial, time, *values in rows
        }


def latest(database: Database) -> list[Any]:
    columns = ", ".join(f"{key}, {key}_time, {key}_flagged" for key in KEYS)
    return database.rows(
        f"SELECT s.serial, l.time, {columns} FROM latest AS l JOIN sensor AS s USING (sensor_id) ORDER BY 1"
    )


def ledger(database: Database, writer: str = "import") -> tuple[int, ...]:
    """(stored, revised, duplicate, quarantined) by minute; those by sensor and day agree."""
    sums = ", ".join(
        f"coalesce(sum({name}), 0)::int" for name in ("stored", "revised", "duplicate", "quarantined")
    )
    minutes, days = (
        database.rows(f"SELECT {sums} FROM {name} WHERE writer LIKE %s", f"{writer}%")[0]
        for name in ("ledger_minute_writer", "ledger_sensor_day_writer")
    )
    assert minutes == days
    with database.connect() as conn:
        assert [line for line in recount(conn) if not line.agrees] == []  # as `sdot ledger verify` says
    return minutes  # type: ignore[return-value]


def revisions(database: Database) -> int:
    return int(str(database.value("SELECT count(*) FROM reading_revision")))


def about(database: Database) -> dict[str, Any]:
    rows = database.rows(
        "SELECT s.serial, d.code, p.kind, s.model FROM sensor AS s LEFT JOIN district AS d USING (district_id) "
        "LEFT JOIN site AS p USING (site_id)"
    )
    return {str(row[0]): row[1:] for row in rows}


# Each shape


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_file_is_imported_value_for_value_and_again_without_a_change(
    case: Case, embedded_database: Database, tmp_path: Path
) -> None:
    path = case.save(tmp_path)
    account = importer.run(settings(embedded_database), [path])
    assert stored(embedded_database) == case.expected
    new, rows = len(case.readings), len(case.readings) + case.replaced
    assert account.outcomes[Outcome.STORED] == new
    assert account.outcomes[Outcome.QUARANTINED] == 0
    assert account.rows == account.readings == rows
    assert {
        serial: told for serial, told in about(embedded_database).items() if serial in case.about
    } == case.about
    before, kept, first = latest(embedded_database), revisions(embedded_database), ledger(embedded_database)
    assert kept == case.replaced
    again = importer.run(settings(embedded_database), [path])
    assert again.outcomes == [0, 0, rows, 0, 0]
    assert stored(embedded_database) == case.expected
    assert latest(embedded_database) == before
    assert revisions(embedded_database) == kept
    assert ledger(embedded_database) == (first[0], first[1], first[2] + rows, 0)


@pytest.fixture
def product(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path
) -> Iterator[Product]:
    product = Product(embedded_database, broker, unique_prefix, tmp_path, {"SDOT_RETENTION_RAW": "forever"})
    yield product
    product.stop()


def replayed(product: Product, *paths: Path, at: str = "original", **more: Any) -> replay.Replayed:
    told = settings(
        product.database,
        mqtt_url=product.broker.url_through(product.broker.port),
        topic_prefix=product.prefix,
        **more,
    )
    return replay.run(told, paths, wish=replay.Wish(at))


@MOSQUITTO
def test_files_are_replayed_value_for_value_and_again_without_a_change(
    product: Product, tmp_path: Path
) -> None:
    """All shapes at once; a serial of several files is described by the first of them."""
    cases = [case for case in CASES if case is not PUBDATA]  # it says otherwise of records that ALLDATA has
    rows = sum(len(case.readings) + case.replaced for case in cases)
    expected = {key: values for case in cases for key, values in case.expected.items()}
    described = {serial: told for case in reversed(cases) for serial, told in case.about.items()}
    product.ingest(SDOT_REGISTER="closed")  # what is not registered before is refused
    paths = [case.save(tmp_path) for case in cases]
    done = replayed(product, *paths)
    assert (done.published, done.readings, done.refused) == (rows, rows, [])
    first = product.until_counted(rows)
    assert (first["stored"], first["quarantined"]) == (len(expected), 0)
    assert stored(product.database) == expected
    assert described.items() <= about(product.database).items()
    before, kept = latest(product.database), revisions(product.database)
    assert kept == sum(case.replaced for case in cases)
    replayed(product, *paths)
    again = product.until_counted(2 * rows)
    assert again == {**first, "messages": 2 * rows, "duplicate": first["duplicate"] + rows}
    assert (stored(product.database), latest(product.database)) == (expected, before)
    assert revisions(product.database) == kept
    account = importer.run(settings(product.database), paths)  # and import agrees
    assert account.outcomes == [0, 0, rows, 0, 0]
    replayed(product, PUBDATA.save(tmp_path))
    product.until_counted(2 * rows + 4)
    assert stored(product.database) == {**expected, **PUBDATA.expected}


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
@pytest.mark.parametrize("files", [1, 2])
def test_the_corrected_row_holds_in_either_order(
    numbers: tuple[int, int], files: int, embedded_database: Database, tmp_path: Path
) -> None:
    rows = {1: ("a", "2025-01-02 03:00:00", "Jung-gu", LIVE, "2025-01-05 03:10:00", 1),
            2: ("a", "2025-01-02 03:00:00", "Jung-gu", FINAL, "2025-01-02 04:10:00", 2)}  # fmt: skip
    parts = [[rows[number] for number in numbers]] if files == 1 else [[rows[number]] for number in numbers]
    paths = []
    for place, part in enumerate(parts):
        path = tmp_path / f"S-DoT_NATURE_{place}.csv"
        path.write_text(csv(nature_header("SERIAL"), *(nature(*row) for row in part)))
        paths.append(path)
    account = importer.run(settings(embedded_database), paths)
    expected = {key: pytest.approx(value) for key, value in natural(FINAL).items()}
    assert stored(embedded_database) == {("a", utc("2025-01-02T03:00")): expected}
    assert account.outcomes == ([1, 1, 0, 0, 0] if numbers == (1, 2) else [1, 0, 1, 0, 0])
    assert revisions(embedded_database) == 1
    assert importer.run(settings(embedded_database), paths).outcomes == [0, 0, 2, 0, 0]


# Chunks, and what was there before


@pytest.mark.parametrize("block_bytes", [300, 900, 100_000])
def test_chunks_do_not_matter(
    block_bytes: int, embedded_database: Database, tmp_path: Path, monkeypatch
) -> None:
    """Rows that come again, in a chunk and in the next ones, with other values and with the same."""
    monkeypatch.setattr("city.table.BLOCK_BYTES", block_bytes)
    monkeypatch.setattr("city.table.CHUNK_ROWS", 1)
    rows = [("a", "2025.1.1", hour % 5, hour // 7, *["1"] * 19) for hour in range(40)]
    path = tmp_path / "20250101.csv"
    path.write_text(csv(HOURLY_HEADER, *rows), encoding="cp949")
    account = importer.run(settings(embedded_database), [path])
    with Inlet(embedded_database) as inlet:
        messages = [
            {"time": utc(f"2025-01-01T{hour:02d}:00"), **dict.fromkeys(KEYS[:6], 1), "pm25": value}
            for _, _, hour, value, *_ in rows
        ]
        alone = [inlet.send("b", {**message}) for message in messages]
    counted = [sum(one == [name] for one in alone) for name in ("stored", "revised", "duplicate")]
    assert account.outcomes[:3] == counted
    values = stored(embedded_database)
    assert {k[1]: v["pm25"] for k, v in values.items() if k[0] == "a"} == {
        k[1]: v["pm25"] for k, v in values.items() if k[0] == "b"
    }
    query = "SELECT count(*) FROM reading_revision JOIN sensor USING (sensor_id) WHERE serial = %s"
    assert embedded_database.rows(query, "a") == embedded_database.rows(query, "b")


def test_what_sensors_sent_is_revised_where_the_file_says_otherwise(
    embedded_database: Database, tmp_path: Path
) -> None:
    """Live values are there; the file repeats one, changes one, clears one; what it has no column for stays."""
    with Inlet(embedded_database) as inlet:
        for hour, values in ((0, {"visitors": 7, "pm25": 7.9}), (23, {"pm25": 1, "o3": 0.02})):
            time = utc(f"2020-05-01T{hour:02d}:00")
            inlet.send("V02Q1940043", {"time": time, **values})
    path = HOURLY.save(tmp_path)
    account = importer.run(settings(embedded_database), [path])
    assert account.outcomes == [1, 2, 0, 0, 0]
    found = stored(embedded_database)
    assert found["V02Q1940043", utc("2020-05-01T00:00")]["visitors"] == 7
    assert found["V02Q1940043", utc("2020-05-01T23:00")]["o3"] == pytest.approx(0.02)
    assert found["V02Q1940043", utc("2020-05-01T23:00")]["pm25"] == pytest.approx(9.4)
    assert revisions(embedded_database) == 2
    assert importer.run(settings(embedded_database), [path]).outcomes == [0, 0, 3, 0, 0]


def test_an_empty_cell_clears(embedded_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "S-DoT_NATURE.csv"
    row = ("a", "2025-01-02 03:00:00", "Jung-gu")
    path.write_text(csv(nature_header("SN"), nature(*row, LIVE, "2025-01-02 04:00", 1)))
    importer.run(settings(embedded_database), [path])
    path.write_text(csv(nature_header("SN"), nature(*row, LATER, "2025-01-03 04:00", 2)))
    importer.run(settings(embedded_database), [path])
    assert "noise" not in stored(embedded_database)["a", utc("2025-01-02T03:00")]
    assert embedded_database.rows("SELECT noise, noise_time FROM latest") == [(None, utc("2025-01-02T03:00"))]


def test_buckets_that_are_closed_are_touched(embedded_database: Database, tmp_path: Path) -> None:
    embedded_database.rows("UPDATE checkpoint SET open_from = now() RETURNING 1")
    importer.run(settings(embedded_database), [NATURE_OLD.save(tmp_path)])
    assert {row[0] for row in embedded_database.rows("SELECT time FROM touched")} == {
        time for _, time in NATURE_OLD.expected
    }


def test_a_killed_import_is_run_again(embedded_database: Database, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("city.table.BLOCK_BYTES", 400)
    monkeypatch.setattr("city.table.CHUNK_ROWS", 1)
    rows = [("a", "2025.1.1", hour, hour, *["1"] * 19) for hour in range(24)]
    path = tmp_path / "20250101.csv"
    path.write_text(csv(HOURLY_HEADER, *rows), encoding="cp949")
    took = intake.Intake.take

    def killed(self: intake.Intake, readings: Any, source: Any) -> Any:
        if readings.lines[0] > 10:
            raise KeyboardInterrupt
        return took(self, readings, source)

    monkeypatch.setattr(intake.Intake, "take", killed)
    with pytest.raises(KeyboardInterrupt):
        importer.run(settings(embedded_database), [path])
    there = len(stored(embedded_database))
    assert 0 < there < 24
    assert ledger(embedded_database) == (there, 0, 0, 0)
    monkeypatch.setattr(intake.Intake, "take", took)
    importer.run(settings(embedded_database), [path])
    assert len(stored(embedded_database)) == 24
    assert ledger(embedded_database) == (24, 0, there, 0)


# What is refused


def test_refused_rows_are_kept_with_their_line_and_reason(
    embedded_database: Database, tmp_path: Path
) -> None:
    ones = ["1"] * 19
    future = f"{datetime.now(UTC) + timedelta(days=3):%Y.%m.%d}"
    path = tmp_path / "20250101.csv"
    rows = [
        ("a", "2025.1.1", 0, 1, *ones),
        ("a", "2025.1.1", 1, 99999, *ones),
        ("a", future, 1, 1, *ones),
        ("a", "1999.1.1", 1, 1, *ones),
        ("gone", "2025.1.1", 0, 1, *ones),
        ("a", "2025.1.1", 2, "hot", *ones),
        ("a", "2025.1.1", 3, "1"),
        ("가", "2025.1.1", 3, 1, *ones),
        ("a", "2025.1.1", 4, 1600, *ones),
    ]
    path.write_text(csv(HOURLY_HEADER, *rows), encoding="cp949")
    with Inlet(embedded_database) as inlet, inlet.owner() as person:
        inlet.send("gone", {"pm25": 1})
        roster.retire(person, "gone")
    account = importer.run(settings(embedded_database), [path])
    assert account.outcomes == [2, 0, 0, 7, 0]
    assert account.flagged == 1 + 2  # a noise of 1 dB is implausible, too
    found = embedded_database.rows(
        "SELECT element, code, reason, serial, decoder, topic, writer FROM quarantine ORDER BY 1"
    )
    assert [row[:2] for row in found] == [
        (3, "impossible"), (4, "future"), (5, "too_old"), (6, "retired"), (7, "not_number"), (8, "cells"), (9, "serial"),
    ]  # fmt: skip
    assert found[0][2:] == (
        'line 3: "pm25" is 99999 µg/m³, which cannot be (possible: -15000 to 15000); check its unit',
        "a", "sdot-hourly", "import/20250101.csv", "import",
    )  # fmt: skip
    payload = embedded_database.value("SELECT payload FROM quarantine WHERE element = 7")
    assert '"초미세먼지 (㎍/㎥)": "hot"'.encode() in bytes(payload)  # type: ignore[call-overload]
    assert ledger(embedded_database) == (2, 0, 0, 7)
    importer.run(settings(embedded_database), [path])
    assert embedded_database.rows("SELECT DISTINCT repeats FROM quarantine") == [(2,)]
    assert (
        embedded_database.value("SELECT sum(repeats)::int FROM quarantine")
        == ledger(embedded_database)[3]
        == 14
    )


def test_a_row_of_a_file_is_not_replayed_out_of_quarantine(
    embedded_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "20250101.csv"
    path.write_text(csv(HOURLY_HEADER, ["a", "2025.1.1", 0, "hot", *["1"] * 19]), encoding="cp949")
    told = settings(embedded_database)
    importer.run(told, [path])
    number, reason = embedded_database.rows("SELECT quarantine_id, reason FROM quarantine")[0]
    with embedded_database.connect() as conn:
        replayer = Replayer(conn, told, seoul().catalogue, seoul(), seoul().zone)
        assert "import the file again" in replayer.replay(int(str(number))).reason
    assert embedded_database.rows("SELECT reason FROM quarantine") == [(reason,)]


def test_the_command_tells_what_it_did(embedded_database: Database, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATA": str(tmp_path),
        "DATABASE_URL": embedded_database.url,
        "RETENTION_RAW": "forever",
    }.items():
        monkeypatch.setenv(f"SDOT_{name}", value)
    path = NATURE_OLD.save(tmp_path)
    done = CliRunner().invoke(app, ["import", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "2 stored, 2 revised, 0 duplicate, 0 quarantined" in done.output
    assert "4 rows, from 2022-10-03 01:00 to 2022-10-04 00:00 (Asia/Seoul)" in done.output
    assert "2 sensors are new: OC3CL200010, OC3CL200011" in done.output
    assert "not read: ADMINISTRATIVE_DISTRICT, MIN_TEMP, MAX_TEMP" in done.output
    path.write_text(path.read_text().replace("_01:00:00", "_1 o'clock").replace("_24:00:00", "_25:00:00"))
    done = CliRunner().invoke(app, ["import", str(path)], catch_exceptions=False)
    assert done.exit_code == 1
    assert "refused, time_format: 4 (S-DoT_NATURE_2022.10.03-10.09.csv line 2" in done.output
    assert "no row could be taken" in done.output


def test_what_would_go_at_once_is_too_old(embedded_database: Database, tmp_path: Path) -> None:
    told = Settings(database_url=embedded_database.url, city="seoul", retention_raw="30d")
    account = importer.run(told, [HOURLY.save(tmp_path)])
    assert account.outcomes == [0, 0, 0, 3, 0]
    assert account.reasons["too_old"].lines == [("20200501.csv", 2), ("20200501.csv", 3), ("20200501.csv", 4)]


def test_personal_values_are_not_kept(embedded_database: Database, tmp_path: Path) -> None:
    path, columns = tmp_path / "phones.csv", tmp_path / "map.toml"
    path.write_text("id,t,n,mac\na,2025-01-01 00:00,many,00:11:22:33:44:55\n")
    columns.write_text('serial.column = "id"\ntime.column = "t"\nmetrics.visitors.column = "n"\n')
    importer.run(settings(embedded_database), [path], columns)
    payload = bytes(embedded_database.value("SELECT payload FROM quarantine"))  # type: ignore[call-overload]
    assert b'"mac":null' in payload
    assert b"33:44" not in payload


@pytest.mark.parametrize(
    ("mode", "verified", "state"),
    [("open", False, "verified"), ("unverified", False, "unverified"), ("unverified", True, "verified"),
     ("closed", True, "verified"), ("closed", False, None)],
)  # fmt: skip
def test_new_serials(
    mode: str, verified: bool, state: str | None, embedded_database: Database, tmp_path: Path
) -> None:
    told = settings(embedded_database, SDOT_REGISTER=mode, register_per_hour=0)
    account = importer.run(told, [NATURE_OLD.save(tmp_path)], verified=verified)
    assert {row[0] for row in embedded_database.rows("SELECT state FROM sensor")} == (
        {state} if state else set()
    )
    homes = [row[0] for row in embedded_database.rows("SELECT district_id IS NOT NULL FROM reading")]
    assert homes == ([state == "verified"] * 2 if state else [])
    assert ("unknown_sensor" in account.reasons) == (state is None)


def test_a_known_sensor_learns_what_it_did_not_know(embedded_database: Database, tmp_path: Path) -> None:
    serial = WALK_NEW.expected.keys().__iter__().__next__()[0]
    with Inlet(embedded_database, register="unverified") as inlet:
        inlet.send(serial, {"pm25": 1, "kind": "park"})
    importer.run(settings(embedded_database), [WALK_NEW.save(tmp_path)])
    assert about(embedded_database)[serial] == ("gangnam-gu", "park", "SDOT003")


def test_a_look_writes_nothing(embedded_database: Database, tmp_path: Path) -> None:
    path = HOURLY.save(tmp_path)
    path.write_bytes(path.read_bytes() + b"x,2020.5.1,0,hot" + b",1" * 19 + b"\n")
    account = importer.run(settings(embedded_database), [path], dry=True)
    assert account.outcomes == [3, 0, 0, 1, 0]
    assert account.registered == ["V02Q1940043", "V02Q1940044"]
    for relation in ("sensor", "reading", "quarantine", "ledger_minute_writer"):
        assert embedded_database.value(f"SELECT count(*) FROM {relation}") == 0


def test_one_file_that_is_of_no_layout_and_nothing_is_imported(
    embedded_database: Database, tmp_path: Path
) -> None:
    other = tmp_path / "bicycles.csv"
    other.write_text("station,bikes\n1,2\n")
    with pytest.raises(TableError, match="bicycles"):
        importer.run(settings(embedded_database), [HOURLY.save(tmp_path), other])
    assert stored(embedded_database) == {}


# Replay


@MOSQUITTO
def test_a_replay_ends_now(product: Product, tmp_path: Path) -> None:
    product.ingest()
    before = datetime.now(UTC)
    done = replayed(product, HOURLY.save(tmp_path), at="now")
    assert done.published == 3
    product.until_counted(3)
    times = sorted(time for _, time in stored(product.database))
    originals = sorted(time for _, time in HOURLY.expected)
    assert before <= times[-1] <= datetime.now(UTC)
    assert [time - times[-1] for time in times] == [time - originals[-1] for time in originals]
    assert product.ledger()["quarantined"] == 0


def test_when_a_replay_ends() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert replay.end_of("original", seoul(), now) is None
    assert replay.end_of("now", seoul(), now) == now
    assert replay.end_of("2026-11-24T14:00", seoul(), now) == datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert replay.end_of("2026-11-24T14:00Z", seoul(), now) == datetime(2026, 11, 24, 14, tzinfo=UTC)
    with pytest.raises(SettingsError, match="in the future"):
        replay.end_of("2026-11-27", seoul(), now)
    with pytest.raises(SettingsError, match="write now, original, or a time"):
        replay.end_of("yesterday", seoul(), now)


@MOSQUITTO
def test_a_replay_keeps_its_pace(product: Product, tmp_path: Path) -> None:
    """Two hours in 7,200 times the pace are a second; the last message is not sent before it is due."""
    path = tmp_path / "20250101.csv"
    rows = [("a", "2025.1.1", hour, hour, *["1"] * 19) for hour in (2, 0, 1)]
    path.write_text(csv(HOURLY_HEADER, *rows), encoding="cp949")
    product.ingest()
    told = settings(
        product.database,
        mqtt_url=product.broker.url_through(product.broker.port),
        topic_prefix=product.prefix,
    )
    replay.run(told, [path], wish=replay.Wish("original", speed=7200.0))
    product.until_counted(3)
    query = "SELECT pm25, received_at FROM reading ORDER BY received_at, time"
    (first, began), _, (last, ended) = product.database.rows(query)
    assert (first, last) == (0, 2)
    assert (ended - began).total_seconds() > 0.8  # type: ignore[operator]


def test_without_a_broker_a_replay_says_so(embedded_database: Database, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("simulator.replay.CONNECT_S", 0.5)
    told = settings(embedded_database, mqtt_url=f"mqtt://127.0.0.1:{free_port()}")
    with pytest.raises(BrokerError, match="no broker takes us"):
        replay.run(told, [HOURLY.save(tmp_path)])
