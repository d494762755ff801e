"""Slots of the shared subscription: who shares the load, and who fetches what a lost worker left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from tests.servers.broker import Broker
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.postgres import Database
from tests.servers.process import free_port
from tests.servers.product import Ingest, Product, get
from tests.servers.publisher import Publisher
from tests.waiting import until

#: A crew of two, each a process.
TWO = {"SDOT_WORKERS": "2"}


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


@pytest.fixture
def device(mosquitto: Broker) -> Iterator[Publisher]:
    with Publisher(mosquitto.port) as device:
        yield device


def send(product: Product, device: Publisher, start: int, count: int = 100) -> None:
    """Messages that are told apart by their times."""
    bodies = (
        f'{{"time": "2026-01-01T00:00:{n % 60:02}.{n:06}Z", "pm25": {n % 50}}}'
        for n in range(start, start + count)
    )
    device.publish((f"{product.prefix}/s{n % 5}/reading", body) for n, body in enumerate(bodies))


def slots(product: Product) -> list[int]:
    """Slots that have a row."""
    return [int(str(row[0])) for row in product.database.rows("SELECT slot FROM worker ORDER BY slot")]


def stored_by(product: Product) -> dict[object, object]:
    return dict(product.database.rows("SELECT writer, sum(stored)::int FROM ledger_minute_writer GROUP BY 1"))  # type: ignore[arg-type]


def has_session(product: Product, slot: int) -> bool:
    """Whether the broker keeps a session for a slot; asking takes it away."""
    present: list[bool] = []
    name = f"{product.prefix.split('/')[0]}-{slot}"
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.on_connect = lambda _c, _d, flags, _r, _p: present.append(flags.session_present)
    client.connect("127.0.0.1", product.broker.port)
    with contextlib.suppress(ValueError):
        until(lambda: client.loop(0.05) is not None and present, "the broker's answer")
    client.disconnect()
    return present[0]


def two_workers(product: Product) -> tuple[Ingest, Ingest]:
    first, second = product.ingest(), product.ingest()
    assert [worker.standing()["slot"] for worker in (first, second)] == [0, 1]
    return first, second


def test_two_workers_share_the_load(product: Product, device: Publisher) -> None:
    two_workers(product)
    send(product, device, 0, 400)
    assert product.until_counted(400)["stored"] == 400
    shares = stored_by(product)
    assert set(shares) == {"ingest/0", "ingest/1"}
    assert all(100 <= int(str(count)) <= 300 for count in shares.values())


def test_what_a_killed_worker_left_is_fetched(product: Product, device: Publisher) -> None:
    stays, goes = two_workers(product)
    send(product, device, 0)
    product.until_counted(100)
    goes.process.kill()
    product.started.remove(goes.process)
    send(product, device, 100, 200)
    product.database.rows(
        "UPDATE worker SET seen_at = seen_at - interval '61 seconds' WHERE slot = 1 RETURNING 1"
    )
    until(lambda: stays.standing()["orphaned_slots"] == [1], "the orphan to be told")
    assert stays.standing()["ready"]
    assert b"sdot_orphaned_slots 1.0" in get(f"http://127.0.0.1:{stays.port}/metrics")[1]
    assert product.until_counted(300)["stored"] == 300
    until(lambda: slots(product) == [0], "the slot to be gone")
    until(lambda: stays.standing()["orphaned_slots"] == [], "the orphan to be gone")
    assert product.database.rows("SELECT 1 FROM timeless WHERE slot = 1") == []
    assert not has_session(product, 1)


def test_a_worker_that_starts_takes_the_lowest_free_slot(product: Product, device: Publisher) -> None:
    first, _ = two_workers(product)
    first.process.kill()
    product.started.remove(first.process)
    again = product.ingest()
    assert again.standing()["slot"] == 0
    send(product, device, 0)
    assert product.until_counted(100)["stored"] == 100
    assert slots(product) == [0, 1]


def test_scaling_down_drains_at_once(product: Product, device: Publisher) -> None:
    port = free_port()
    crew = product.run("ingest", SDOT_METRICS_PORT=str(port), **TWO)
    ready = "SELECT 1 FROM worker WHERE broker_ok"
    until(lambda: len(product.database.rows(ready)) == 2, "two workers to be at the broker")
    assert crew.stop() == 0
    product.started.remove(crew)
    assert product.database.value("SELECT count(*) FROM worker WHERE released_at IS NOT NULL") == 2
    send(product, device, 0)
    product.ingest()
    assert product.until_counted(100, seconds=30)["stored"] == 100
    until(lambda: slots(product) == [0], "slot 1 to be gone")
    assert not has_session(product, 1)


def test_a_crew_starts_a_lost_worker_again(product: Product, device: Publisher) -> None:
    crew = product.run("ingest", SDOT_METRICS_PORT=str(free_port()), **TWO)
    query = "SELECT pid FROM worker WHERE broker_ok ORDER BY slot"
    until(lambda: len(product.database.rows(query)) == 2, "two workers to be at the broker")
    before = product.database.rows(query)
    lost = int(str(before[1][0]))
    os.kill(lost, signal.SIGKILL)
    until(lambda: product.database.rows(query)[1:] not in ([], before[1:]), "another one in its place")
    send(product, device, 0)
    assert product.until_counted(100)["stored"] == 100
    assert slots(product) == [0, 1]
    assert crew.alive


def test_a_worker_that_lost_its_connection_takes_the_same_slot_again(
    product: Product, device: Publisher
) -> None:
    workers = two_workers(product)
    for start in (0, 100):
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'sdot ingest%%'"
        assert product.database.value(ended, product.database.name) == 2
        send(product, device, start)
        product.until_counted(start + 100)
        for slot, worker in enumerate(workers):
            worker.until_ready()
            assert worker.standing()["slot"] == slot
    assert product.ledger() == {
        "messages": 200,
        "stored": 200,
        "revised": 0,
        "duplicate": 0,
        "quarantined": 0,
        "rejected": 0,
    }
    assert slots(product) == [0, 1]


def test_a_worker_whose_slot_was_taken_meanwhile_takes_another(product: Product, device: Publisher) -> None:
    worker = product.ingest()
    with product.database.connect() as other:
        pid = product.database.value(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'sdot ingest%%'",
            product.database.name,
        )
        with other.transaction():
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            until(lambda: _takes(other, 0), "the slot to be free", 5, 0.001)
        until(lambda: worker.standing()["slot"] == 1, "the worker to take another slot")
        worker.until_ready()
        send(product, device, 0, 50)
    product.until_counted(10)


def _takes(conn: object, slot: int) -> bool:
    (row,) = conn.execute("SELECT pg_try_advisory_lock(53002, %s)", [slot]).fetchall()  # type: ignore[attr-defined]
    return bool(row[0])


def test_more_than_one_worker_is_refused_without_a_shared_subscription(
    embedded_database: Database, mosquitto: Broker, unique_prefix: str, tmp_path: Path
) -> None:
    product = Product(embedded_database, mosquitto, unique_prefix, tmp_path)
    refused = product.run("ingest", SDOT_MQTT_SHARED="false", **TWO)
    assert refused.wait() == 1
    assert "iotcore" in refused.log_text()
    assert "Traceback" not in refused.log_text()
