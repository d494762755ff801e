"""A worker as a process between a real broker and a real database."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.servers.broker import Broker
from tests.servers.migrated import fill
from tests.servers.postgres import Database
from tests.servers.process import free_port
from tests.servers.product import Ingest, Product, get
from tests.servers.proxy import Proxy
from tests.servers.publisher import Publisher
from tests.waiting import until

TIME = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
OUTCOMES = ("stored", "revised", "duplicate", "quarantined", "rejected")
#: For what no broker can change.
MOSQUITTO = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
#: of a PUBACK with its packet id, MQTT 3.1.1
PUBACK = re.compile(rb"\x40\x02..", re.DOTALL)


@pytest.fixture
def product(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path
) -> Iterator[Product]:
    product = Product(embedded_database, broker, unique_prefix, tmp_path)
    yield product
    product.stop()


@pytest.fixture
def device(broker: Broker) -> Iterator[Publisher]:
    with Publisher(broker.port) as device:
        yield device


def send(
    product: Product,
    device: Publisher,
    serial: str,
    *bodies: Any,
    leaf: str = "reading",
    retain: bool = False,
) -> None:
    """Publish bodies (bytes, or what becomes JSON) as messages of a serial."""
    texts = (body if isinstance(body, bytes) else json.dumps(body, default=str) for body in bodies)
    device.publish([(f"{product.prefix}/{serial}/{leaf}", text) for text in texts], retain=retain)


def timed(number: int, **values: Any) -> dict[str, Any]:
    return {"time": (TIME + timedelta(seconds=number)).isoformat(), **(values or {"pm25": number})}


def metrics(worker: Ingest) -> dict[str, float]:
    """Name with labels → value."""
    text = get(f"http://127.0.0.1:{worker.port}/metrics")[1].decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


# Ordinary days


@MOSQUITTO
def test_what_is_counted_agrees_with_the_ledger(product: Product, device: Publisher) -> None:
    worker = product.ingest()
    for number in range(40):
        send(
            product,
            device,
            f"s{number % 4}",
            timed(number),
            [timed(number), timed(number, pm25=99)],
            b"{",
            timed(number, pm25=99),
        )
    send(product, device, "big", b"x" * 300_000)
    ledger = product.until_counted(161)
    assert ledger == {
        "messages": 161,
        "stored": 40,
        "revised": 40,
        "duplicate": 80,
        "quarantined": 40,
        "rejected": 1,
    }
    found = metrics(worker)
    assert {name: found[f'sdot_readings_total{{outcome="{name}"}}'] for name in OUTCOMES} == {
        name: ledger[name] for name in OUTCOMES
    }
    columns = ", ".join(f"sum(messages_{name})::int" for name in OUTCOMES)
    (messages,) = product.database.rows(f"SELECT {columns} FROM ledger_minute")
    assert tuple(found[f'sdot_messages_total{{outcome="{name}"}}'] for name in OUTCOMES) == messages
    assert found['sdot_refusals_total{code="not_json"}'] == 40
    assert found['sdot_refusals_total{code="too_large"}'] == 1
    assert found["sdot_broker_up"] == found["sdot_database_up"] == 1
    assert found["sdot_batch_seconds_count"] >= 1
    assert get(f"http://127.0.0.1:{worker.port}/healthz")[0] == 200


@MOSQUITTO
def test_devices_hear_why(product: Product, device: Publisher) -> None:
    product.ingest()
    device.listen(f"{product.prefix}/+/error")
    send(product, device, "a", timed(1), {"pm25": "12.5"})
    send(product, device, "b", [timed(1), {"pm2_5": 3}])
    send(product, device, "c", timed(1))
    until(lambda: len([line for _, line in device.heard if line]) >= 2, "two devices to be told")
    told = {topic.split("/")[-2]: line.decode() for topic, line in device.heard if line}
    assert set(told) == {"a", "b"}
    assert "send 12.5 without the quotation marks" in told["a"]
    assert 'did you mean "pm25"?' in told["b"]
    assert product.ledger()["messages"] == 4


def test_statuses_and_what_the_broker_retained(product: Product, device: Publisher) -> None:
    send(product, device, "a", b"online", leaf="status", retain=True)
    send(product, device, "b", timed(1), retain=True)
    send(product, device, "c", {"pm25": 1}, retain=True)
    product.database.rows(
        "INSERT INTO sensor (serial, state, registered_by, version) VALUES ('a', 'verified', 'x', 0) RETURNING 1"
    )
    product.ingest()
    online = "SELECT online FROM sensor WHERE serial = 'a'"
    until(lambda: product.database.value(online), "the retained status")
    assert product.until_counted(2)["stored"] == 1
    assert product.database.rows("SELECT code FROM quarantine") == [("retained",)]
    send(product, device, "a", b"offline", leaf="status", retain=True)
    until(lambda: product.database.value(online) is False, "the live status")
    for serial, leaf in (
        ("a", "status"),
        ("b", "reading"),
        ("c", "reading"),
    ):  # the broker is other tests', too
        send(product, device, serial, b"", leaf=leaf, retain=True)


@MOSQUITTO
def test_a_commit_wakes_dashboards(product: Product, device: Publisher) -> None:
    with product.database.connect("sdot_dashboard") as listener:
        listener.execute("LISTEN sdot_commit")
        product.ingest()
        send(product, device, "a", timed(1))
        assert len(list(listener.notifies(timeout=20, stop_after=1))) == 1


def test_a_clean_stop_commits_what_is_open_and_acknowledges_it(product: Product, device: Publisher) -> None:
    worker = product.ingest()
    send(product, device, "a", *(timed(number) for number in range(500)), {"pm25": 1})
    assert worker.process.stop(signal.SIGTERM) == 0
    product.started.clear()
    assert product.database.rows("SELECT slot FROM timeless") == []
    product.ingest()
    send(product, device, "a", {"pm25": 1})
    ledger = product.until_counted(502)
    assert (ledger["stored"], ledger["duplicate"]) == (502, 0)  # nothing that was stored before came again


# Timeless messages


def _kill_after_commit(product: Product, worker: Ingest, proxy: Proxy, messages: int) -> None:
    """SIGKILL after the commit, its acknowledgements never leave."""
    product.until_counted(messages)
    until(lambda: any(map(PUBACK.search, proxy.kept("up"))), "ingest to acknowledge what it committed")
    worker.process.kill()
    product.started.remove(worker.process)
    proxy.cut()
    proxy.release("up")


def test_timeless_messages_are_stored_once_through_a_kill(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path, device: Publisher
) -> None:
    with Proxy(broker.port) as proxy:
        product = Product(embedded_database, broker, unique_prefix, tmp_path, broker_port=proxy.port)
        product.settings["SDOT_INFLIGHT"] = "50"
        try:
            worker = product.ingest()
            proxy.hold("up")
            for number in range(20):
                send(product, device, f"s{number % 3}", {"pm25": number % 2})
            _kill_after_commit(product, worker, proxy, 20)
            product.ingest()
            ledger = product.until_counted(40)
            assert (ledger["stored"], ledger["duplicate"]) == (20, 20)
            # The window after the session was resumed passes; from then on equal messages are news again.
            send(product, device, "other", *(timed(number) for number in range(50)))
            product.until_counted(90)
            send(product, device, "s0", {"pm25": 0})
            assert product.until_counted(91)["stored"] == 71
        finally:
            product.stop()
    assert embedded_database.value("SELECT count(*) FROM reading") == 71


def test_timeless_messages_are_stored_once_through_a_lost_connection(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path, device: Publisher
) -> None:
    with Proxy(broker.port) as proxy:
        product = Product(embedded_database, broker, unique_prefix, tmp_path, broker_port=proxy.port)
        try:
            worker = product.ingest()
            proxy.hold("up")
            send(product, device, "a", *({"pm25": number % 3} for number in range(15)))
            product.until_counted(15)
            until(
                lambda: any(map(PUBACK.search, proxy.kept("up"))), "ingest to acknowledge what it committed"
            )
            proxy.cut()
            proxy.release("up")
            ledger = product.until_counted(30)
            assert (ledger["stored"], ledger["duplicate"]) == (15, 15)
            worker.until_ready()
        finally:
            product.stop()


# Bad days


def test_readyz_names_a_broker_that_is_away(
    embedded_database: Database, own_broker: Broker, unique_prefix: str, tmp_path: Path
) -> None:
    product = Product(embedded_database, own_broker, unique_prefix, tmp_path)
    try:
        worker = product.ingest()
        own_broker.process.kill()
        until(lambda: not worker.standing()["ready"], "ingest to notice")
        standing = worker.standing()
        assert (standing["broker"]["ok"], standing["database"]["ok"]) == (False, True)
        assert standing["broker"]["detail"] not in {"", "connected"}
        assert metrics(worker)["sdot_broker_up"] == 0
        until(
            lambda: product.database.rows(
                "SELECT 1 FROM worker WHERE NOT broker_ok AND broker_detail <> 'connected'"
            ),
            "its row to tell",
        )
        own_broker.restart()
        worker.until_ready()
        with Publisher(own_broker.port) as device:
            send(product, device, "a", timed(1))
        assert product.until_counted(1)["stored"] == 1
    finally:
        product.stop()


@MOSQUITTO
def test_readyz_names_a_database_that_is_away(product: Product, device: Publisher) -> None:
    worker = product.ingest()
    database = product.database
    with psycopg.connect(database.url.replace(database.name, "postgres"), autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name]
        )
        send(product, device, "a", *(timed(number) for number in range(30)))
        why = "not currently accepting connections"
        until(lambda: why in worker.standing()["database"]["detail"], "ingest to say why")
        standing = worker.standing()
        assert (standing["ready"], standing["broker"]["ok"], standing["database"]["ok"]) == (
            False,
            True,
            False,
        )
        until(lambda: metrics(worker)["sdot_open_messages"] == 30, "the messages to wait")
        assert get(f"http://127.0.0.1:{worker.port}/healthz")[0] == 200
        owner.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    worker.until_ready()
    assert product.until_counted(30)["stored"] == 30
    assert product.ledger()["duplicate"] == 0


@MOSQUITTO
def test_a_worker_that_comes_before_the_schema(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path, device: Publisher
) -> None:
    server = embedded_database.server
    database = server.create()
    port = free_port()
    product = Product(database, broker, unique_prefix, tmp_path)
    try:
        worker = Ingest(product.run("ingest", SDOT_METRICS_PORT=str(port)), port)
        until(lambda: get(f"http://127.0.0.1:{port}/healthz")[0] == 200, "the worker to run")
        until(
            lambda: "does not exist" in worker.standing()["database"]["detail"],
            "the worker to miss its tables",
        )
        fill(database)
        worker.until_ready()
        send(product, device, "a", timed(1))
        assert product.until_counted(1)["stored"] == 1
        assert database.rows("SELECT DISTINCT writer FROM ledger_minute_writer") == [("ingest/0",)]
    finally:
        product.stop()
        server.drop(database)


@MOSQUITTO
def test_errors_that_pass_cost_nothing(product: Product, device: Publisher) -> None:
    worker = product.ingest()
    send(product, device, "a", timed(0))
    product.until_counted(1)
    with product.database.connect() as person, person.transaction():
        person.execute("LOCK TABLE latest IN ACCESS EXCLUSIVE MODE")
        send(product, device, "a", *(timed(number) for number in range(1, 50)))
        until(lambda: metrics(worker)["sdot_batch_retries_total"] >= 1, "the batch to be tried again")
    ledger = product.until_counted(50)
    assert (ledger["stored"], ledger["messages"]) == (50, 50)
