"""100,000 messages while ingest is killed between its commit and its acknowledgement: each reading is stored once.

A proxy stands between ingest and broker. It holds what ingest sends until acknowledgements are among it, which ingest
sends after the commit only (had it not, there were fewer duplicates than acknowledgements held). Then ingest gets
SIGKILL, and the proxy throws away what it held: the broker never heard of messages that are in the database, and sends
them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.broker import Broker
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.postgres import Database
from tests.servers.product import Ingest, Product
from tests.servers.proxy import Proxy
from tests.servers.publisher import Publisher
from tests.waiting import until

MESSAGES, SENSORS = 100_000, 150
#: Seconds in which a worker that nobody replaces has its backlog in the database.
BACKLOG_S = 120
#: Acknowledgements that may be of a worker's own round trips to the broker (one each 2 s), and so of no reading.
ROUND_TRIPS = 10
#: Packet types of MQTT 3.1.1, the upper half of the first byte.
PUBACK = 4


def _messages(prefix: str) -> Iterator[tuple[str, str]]:
    first = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)
    for number in range(MESSAGES):
        time = first + timedelta(seconds=number // SENSORS)
        body = f'{{"time": "{time.isoformat()}", "pm25": {number % 90}, "district": "jongno-gu"}}'
        yield f"{prefix}/k{number % SENSORS:03}/reading", body


@pytest.fixture
def mosquitto(pool: Pool) -> Iterator[Broker]:
    """A mosquitto of this test's own."""
    yield from _broker(pool, "mosquitto")


@pytest.fixture
def iotcore(pool: Pool) -> Iterator[Broker]:
    """An iotcore of this test's own."""
    yield from _broker(pool, "iotcore")


def _broker(pool: Pool, name: str) -> Iterator[Broker]:
    try:
        broker = pool.new_broker(name)
    except Missing as missing:
        pytest.skip(str(missing))
    yield broker
    broker.stop()


@pytest.fixture(params=["embedded", "timescale"])
def either_database(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Database]:
    """Of partitions and of hypertables."""
    try:
        server = pool.server(request.param)
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    yield database
    server.drop(database)


def _packets(data: bytes) -> list[int]:
    """Types of the MQTT packets in a stretch of one connection."""
    found, at = [], 0
    while at + 1 < len(data):
        found.append(data[at] >> 4)
        length, shift, at = 0, 0, at + 1
        while True:
            byte = data[at]
            length, shift, at = length | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                break
        at += length
    return found


def _acknowledgements(proxy: Proxy) -> int:
    """How many are held back of the worker's session, its first connection (another fetches what is retained)."""
    return _packets(proxy.kept("up")[0]).count(PUBACK)


def _kill_before_acknowledgement(product: Product, worker: Ingest, proxy: Proxy) -> int:
    """SIGKILL a worker after a commit whose acknowledgements never leave; how many readings' did not, at least."""
    proxy.hold("up")
    until(lambda: _acknowledgements(proxy) > ROUND_TRIPS, "ingest to acknowledge what it committed")
    worker.process.kill()
    unheard = _acknowledgements(proxy) - ROUND_TRIPS
    assert product.ledger()["stored"] < MESSAGES, "killed in the middle, not at the end"
    proxy.cut()
    proxy.release("up")
    return unheard


def _check_all_stored_once(product: Product, unheard: int) -> None:
    ledger = product.ledger()
    assert product.database.value("SELECT count(*) FROM reading") == MESSAGES
    assert ledger["stored"] == MESSAGES
    assert (ledger["revised"], ledger["quarantined"], ledger["rejected"]) == (0, 0, 0)
    assert ledger["duplicate"] >= unheard > 0, "acknowledged before the commit"
    assert ledger["messages"] == MESSAGES + ledger["duplicate"]
    by_day = product.database.rows("SELECT sum(messages), sum(stored), sum(duplicate) FROM ledger_sensor_day")
    assert by_day == [(ledger["messages"], ledger["stored"], ledger["duplicate"])]
    wrong = "SELECT count(*) FROM (SELECT sensor_id FROM reading GROUP BY 1 HAVING count(*) NOT IN (%s, %s)) AS odd"
    assert product.database.value(wrong, MESSAGES // SENSORS, MESSAGES // SENSORS + 1) == 0


def _three_kills(product: Product, proxy: Proxy) -> int:
    unheard = 0
    worker = product.ingest()
    with Publisher(product.broker.port) as device, ThreadPoolExecutor(1) as thread:
        sending = thread.submit(device.publish, _messages(product.prefix), seconds=300)
        for kill in (1, 2, 3):
            until(lambda: product.ledger()["stored"] > kill * MESSAGES // 6, f"kill {kill} to be due", 120)  # noqa: B023
            unheard += _kill_before_acknowledgement(product, worker, proxy)
            worker = product.ingest()
        sending.result()
    until(lambda: product.ledger()["stored"] >= MESSAGES, "the rest to be stored", 120)
    return unheard


def test_one_slot_on_mosquitto(either_database: Database, mosquitto: Broker, tmp_path: Path) -> None:
    with Proxy(mosquitto.port) as proxy:
        product = Product(either_database, mosquitto, "kill/v1", tmp_path, broker_port=proxy.port)
        try:
            _check_all_stored_once(product, _three_kills(product, proxy))
        finally:
            product.stop()


def test_one_slot_on_iotcore(embedded_database: Database, iotcore: Broker, tmp_path: Path) -> None:
    with Proxy(iotcore.port) as proxy:
        product = Product(embedded_database, iotcore, "kill/v1", tmp_path, broker_port=proxy.port)
        try:
            _check_all_stored_once(product, _three_kills(product, proxy))
        finally:
            product.stop()


def test_two_slots_of_which_one_is_killed_for_good(
    embedded_database: Database, mosquitto: Broker, tmp_path: Path
) -> None:
    with Proxy(mosquitto.port) as proxy:
        product = Product(embedded_database, mosquitto, "kill/v1", tmp_path)
        try:
            _check_all_stored_once(product, _one_killed_for_good(product, proxy))
        finally:
            product.stop()


def _one_killed_for_good(product: Product, proxy: Proxy) -> int:
    stays = product.ingest()
    goes = product.ingest(SDOT_MQTT_URL=Broker.url_through(proxy.port))
    assert [worker.standing()["slot"] for worker in (stays, goes)] == [0, 1]
    with Publisher(product.broker.port) as device, ThreadPoolExecutor(1) as thread:
        sending = thread.submit(device.publish, _messages(product.prefix), seconds=300)
        until(lambda: product.ledger()["stored"] > MESSAGES // 5, "the kill to be due", 120)
        unheard = _kill_before_acknowledgement(product, goes, proxy)
        until(
            lambda: stays.standing()["orphaned_slots"] == [1], "the orphaned slot to be reported", BACKLOG_S
        )
        sending.result()
    until(lambda: product.ledger()["stored"] >= MESSAGES, "the dead worker's backlog to be stored", BACKLOG_S)
    until(lambda: stays.standing()["orphaned_slots"] == [], "the orphan to be gone")
    return unheard
