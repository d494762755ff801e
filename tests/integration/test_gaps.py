"""What ingest knows of losses and waits: sessions, queues, slots, the window and the database; and floods."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from city.settings import Settings
from ingest import gaps
from ingest.gaps import Gap, Gaps
from ingest.pulse import Beat, Pulse
from sdot.recount import recount
from tests.servers.broker import Broker
from tests.servers.missing import Missing
from tests.servers.mosquitto import Mosquitto
from tests.servers.place import Place
from tests.servers.pool import Pool
from tests.servers.postgres import Database
from tests.servers.product import Product, get
from tests.servers.publisher import Publisher
from tests.waiting import until

TIME = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
ROWS = "SELECT kind, slot, lossy, size, ended_at IS NULL FROM gap ORDER BY gap_id"
IOTCORE = pytest.mark.parametrize("own_broker", ["iotcore"], indirect=True)


class Small(Mosquitto):
    """A broker whose queues are soon full, and which tells of it each second."""

    others = {"max_queued_messages": 50, "max_inflight_messages": 20, "sys_interval": 1}  # noqa: RUF012 a constant


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Broker]:
    try:
        broker = Small(Place(Path("/tmp")))
    except Missing as missing:
        pytest.skip(str(missing))
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto(pool: Pool) -> Broker:
    try:
        return pool.broker("mosquitto")
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def product(
    embedded_database: Database, mosquitto: Broker, unique_prefix: str, tmp_path: Path
) -> Iterator[Product]:
    product = Product(embedded_database, mosquitto, unique_prefix, tmp_path)
    yield product
    product.stop()


def send(product: Product, device: Publisher, serial: str, start: int, count: int) -> None:
    device.publish(
        (
            f"{product.prefix}/{serial}/reading",
            f'{{"time": "{(TIME + timedelta(seconds=n)).isoformat()}", "pm25": {n % 50}}}',
        )
        for n in range(start, start + count)
    )


def metrics(port: int) -> str:
    return get(f"http://127.0.0.1:{port}/metrics")[1].decode()


def forget_session(product: Product, slot: int) -> None:
    """The broker loses it, as by its expiry."""
    connected: list[bool] = []
    name = f"{product.prefix.split('/')[0]}-{slot}"
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
    client.on_connect = lambda *_: connected.append(True)
    client.connect("127.0.0.1", product.broker.port)
    until(lambda: client.loop(0.05) is not None and connected, "the broker's answer")
    client.disconnect()


# Sessions


def test_a_session_the_broker_forgot_is_a_gap(product: Product, mosquitto: Broker) -> None:
    worker = product.ingest()
    with Publisher(mosquitto.port) as device:
        send(product, device, "a", 0, 10)
    product.until_counted(10)
    until(lambda: product.database.value("SELECT session_since FROM worker"), "the session to be known")
    assert worker.process.stop() == 0
    product.started.clear()
    forget_session(product, 0)
    again = product.ingest()
    until(lambda: product.database.rows(ROWS), "the gap to be written")
    assert product.database.rows(ROWS) == [("session_lost", 0, True, None, False)]
    (span,) = product.database.rows(
        "SELECT began_at < ended_at AND began_at > now() - interval '5 minutes' FROM gap"
    )
    assert span == (True,)
    assert 'sdot_gaps_total{kind="session_lost"} 1.0' in metrics(again.port)


def test_a_session_that_was_kept_and_one_that_never_was_are_none(product: Product) -> None:
    for _ in range(2):
        worker = product.ingest()
        until(lambda: product.database.value("SELECT session_since FROM worker"), "the session to be known")
        assert worker.process.stop() == 0
        product.started.clear()
    worker = product.ingest()
    until(lambda: product.database.value("SELECT broker_ok FROM worker"), "the next beat")
    assert product.database.rows(ROWS) == []


@IOTCORE
def test_a_broker_that_keeps_no_sessions_loses_one_by_its_restart(
    embedded_database: Database, own_broker: Broker, unique_prefix: str, tmp_path: Path
) -> None:
    product = Product(embedded_database, own_broker, unique_prefix, tmp_path)
    try:
        product.ingest()
        own_broker.process.kill()
        own_broker.restart()
        until(lambda: product.database.rows(ROWS), "the gap to be written")
        assert product.database.rows(ROWS) == [("session_lost", 0, True, None, False)]
    finally:
        product.stop()


# Queues


def test_what_a_full_queue_dropped_is_a_gap_of_that_size(
    embedded_database: Database, small: Broker, unique_prefix: str, tmp_path: Path
) -> None:
    product = Product(embedded_database, small, unique_prefix, tmp_path)
    dropped = "SELECT dropped FROM broker"
    try:
        worker = product.ingest()
        until(lambda: product.database.rows(dropped), "the broker to tell")
        before = int(str(product.database.value(dropped)))
        assert worker.process.stop() == 0
        product.started.clear()
        with Publisher(small.port) as device:
            send(product, device, "a", 0, 500)
        worker = product.ingest()
        until(lambda: product.database.rows(ROWS), "the gap to be written", 60)
        sizes = "SELECT sum(size)::int FROM gap WHERE kind = 'queue_overflow'"
        until(lambda: product.database.value(sizes) == product.database.value(dropped) - before, "all of it")  # type: ignore[operator]
        stored = product.ledger()["stored"]
        until(lambda: product.ledger()["stored"] + int(str(product.database.value(sizes))) == 500, "the sum")
        assert 0 < stored <= 70
        assert {row[:3] for row in product.database.rows(ROWS)} == {("queue_overflow", 0, True)}
        assert "sdot_broker_stored nan" not in metrics(worker.port).lower()
    finally:
        product.stop()


# Conditions


@pytest.fixture
def pulse(embedded_database: Database, monkeypatch: pytest.MonkeyPatch) -> Pulse:
    """A pulse for which whatever is seen is a gap at once, in the lowest slot and for long."""
    monkeypatch.setattr(gaps, "OPENS_AFTER", timedelta())
    monkeypatch.setattr(gaps, "ENDS_AFTER", timedelta())
    pulse = Pulse(Settings(database_url=embedded_database.url, inflight=10))
    pulse._started -= 1000
    return pulse


def beat(pulse: Pulse, database: Database) -> list[Any]:
    with database.connect("sdot_ingest") as conn:
        pulse.beat(conn, 0, "ingest/0", Beat(True, TIME, "connected", None, None, 7), retries=3)
    return database.rows("SELECT kind, ended_at IS NULL FROM gap ORDER BY gap_id")


def test_a_full_window_and_a_slow_database_are_told_apart(pulse: Pulse, embedded_database: Database) -> None:
    pulse.look(0, broker=True, database=True)
    pulse.observe(10)
    pulse._observed -= 5
    pulse._looked -= 5
    pulse.observe(9)
    assert pulse.window_full_s == pytest.approx(5, abs=1)
    pulse.look(0, broker=True, database=True)
    assert beat(pulse, embedded_database) == [("window_full", True)]
    pulse.database_full_s += 9
    pulse._looked -= 10
    pulse.look(0, broker=True, database=True)
    assert beat(pulse, embedded_database) == [("window_full", False), ("database_slow", True)]
    assert [gap["kind"] for gap in pulse.open_gaps()] == ["database_slow"]
    pulse.look(0, broker=True, database=True)
    assert beat(pulse, embedded_database) == [("window_full", False), ("database_slow", False)]
    assert beat(pulse, embedded_database) == [("window_full", False), ("database_slow", False)]


def test_a_drain_at_full_speed_is_no_gap(pulse: Pulse, embedded_database: Database) -> None:
    pulse.database_full_s += 5
    pulse.window_full_s += 5
    pulse._looked -= 10
    pulse.look(0, broker=True, database=True)
    assert beat(pulse, embedded_database) == []


def test_what_was_away_is_written_when_it_is_back(pulse: Pulse, embedded_database: Database) -> None:
    pulse.look(0, broker=False, database=False)
    pulse.look(0, broker=True, database=True)
    assert sorted(beat(pulse, embedded_database)) == [("broker_away", False), ("database_away", False)]
    assert pulse.counts["database_away"] == 1


def test_who_takes_a_slot_ends_what_its_last_holder_left_open(
    pulse: Pulse, embedded_database: Database
) -> None:
    pulse.look(0, broker=False, database=True)
    assert beat(pulse, embedded_database) == [("broker_away", True)]
    with embedded_database.connect("sdot_ingest") as conn:
        pulse.sit(conn, 0, is_new=False)
        assert beat(pulse, embedded_database) == [("broker_away", True)]
        pulse.sit(conn, 0, is_new=True)
    assert beat(pulse, embedded_database) == [("broker_away", False)]


def test_an_orphan_is_one_gap_until_somebody_holds_it(pulse: Pulse, embedded_database: Database) -> None:
    embedded_database.rows(
        "INSERT INTO worker (slot, writer, host, pid, started_at, seen_at, broker_ok, broker_since)"
        " SELECT n, 'ingest/' || n, 'h', 1, now(), now() - interval '20 s' * n, true, now()"
        " FROM generate_series(0, 1) AS n RETURNING 1"
    )
    with embedded_database.connect("sdot_ingest") as conn:
        for orphans in ([1], [1], []):
            pulse.serve(conn, 0, "ingest/0", orphans)
            assert embedded_database.rows(ROWS) == [("orphaned_slot", 1, False, None, bool(orphans))]
        assert pulse.is_lowest
        pulse.serve(conn, 1, "ingest/1", [0])
        assert not pulse.is_lowest
    assert len(embedded_database.rows(ROWS)) == 1


def test_a_crew_that_starts_leaves_no_orphans(pulse: Pulse, embedded_database: Database) -> None:
    pulse._started = time.monotonic()
    with embedded_database.connect("sdot_ingest") as conn:
        pulse.serve(conn, 0, "ingest/0", [1])
    assert embedded_database.rows(ROWS) == []


def test_a_gap_that_never_was_open_is_written_whole(embedded_database: Database) -> None:
    known = Gaps()
    known.add(Gap("database_away", 3, TIME, None, None, "x"))
    known.add(Gap("database_away", 3, TIME, TIME + timedelta(seconds=9), None, "x"))
    known.add(Gap("session_lost", 3, TIME, TIME, None, "x"))
    with embedded_database.connect("sdot_ingest") as conn:
        known.write(conn, "ingest/3")
        known.write(conn, "ingest/3")
    assert embedded_database.rows("SELECT kind, ended_at - began_at FROM gap ORDER BY gap_id") == [
        ("database_away", timedelta(seconds=9)),
        ("session_lost", timedelta()),
    ]


def test_a_workers_row_tells_its_load(product: Product, mosquitto: Broker) -> None:
    product.ingest()
    with Publisher(mosquitto.port) as device:
        send(product, device, "a", 0, 10)
    product.until_counted(10)
    load = "SELECT inflight, busy BETWEEN 0 AND 1, window_full_s, retries FROM worker WHERE busy IS NOT NULL"
    until(lambda: product.database.rows(load), "a beat")
    assert product.database.rows(load) == [(16000, True, 0.0, 0)]
    lag = "SELECT sum(n)::int FROM lag_minute WHERE kind = 'arrival' AND writer = 'ingest/0'"
    until(lambda: product.database.value(lag) == 10, "the lag to be written")


# Floods


def test_a_flood_is_turned_away_counted_and_sampled_while_others_are_taken(
    product: Product, mosquitto: Broker
) -> None:
    worker = product.ingest(SDOT_READINGS_PER_MINUTE="1")
    with Publisher(mosquitto.port) as device:
        device.listen(f"{product.prefix}/+/error")
        send(product, device, "loop", 0, 500)
        send(product, device, "good", 0, 30)
        ledger = product.until_counted(530)
        until(lambda: [topic for topic, line in device.heard if line], "the device to be told")
    by_sensor = dict(
        product.database.rows(
            "SELECT serial, stored::int FROM ledger_sensor_day JOIN sensor USING (sensor_id)"
        )  # type: ignore[arg-type]
    )
    assert by_sensor["good"] == 30
    assert 60 <= by_sensor["loop"] <= 64
    assert ledger["rejected"] == 500 - by_sensor["loop"]
    assert product.database.rows("SELECT serial, code, outcome, repeats FROM quarantine") == [
        ("loop", "flood", "rejected", 1)
    ]
    assert f'sdot_refusals_total{{code="flood"}} {float(ledger["rejected"])}' in metrics(worker.port)
    with product.database.connect() as owner:
        assert [line for line in recount(owner) if not line.agrees] == []


def test_a_flood_of_new_serials_fills_neither_registry_nor_quarantine(
    product: Product, mosquitto: Broker
) -> None:
    product.ingest(SDOT_READINGS_PER_MINUTE="2", SDOT_REGISTER_PER_HOUR="5")
    with Publisher(mosquitto.port) as device:
        for number in range(500):
            send(product, device, f"n{number}", 0, 1)
    ledger = product.until_counted(500)
    assert ledger["stored"] == 5
    assert product.database.value("SELECT count(*)::int FROM sensor") == 5
    rows = dict(product.database.rows("SELECT code, count(*)::int FROM quarantine GROUP BY 1"))  # type: ignore[arg-type]
    assert rows["flood_unknown"] == 1
    assert 20 <= rows["registration_limit"] <= 60
    assert ledger["rejected"] == 495 - rows["registration_limit"]
    with product.database.connect() as owner:
        assert [line for line in recount(owner) if not line.agrees] == []
