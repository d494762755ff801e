"""Ingest, database, broker or the page's own server stops: the page names it while the age grows, and recovers by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.broker import Broker
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool, memory
from tests.servers.postgres import Server, embedded
from tests.servers.product import Dashboard, Ingest, Product
from tests.servers.publisher import Publisher
from tests.waiting import until

#: The promise, milliseconds: from the outage to its name on the page.
NAMED_MS = 10_000
#: From the end of the outage to a page without it: the longest back-off (5 s), a time-out (10 s) and some.
RECOVERED_MS = 45_000
#: How the page names them.
INGEST = re.compile("Ingest does not answer")
DATABASE = re.compile("The database (gave no answer|cannot be reached|answered with an error)")
BROKER = re.compile("Ingest cannot reach the broker")
SERVER = re.compile("Connection to the server lost")
TOPIC = "sdot/v1/lonely/reading"


@dataclass
class Chain:
    """Everything between a sensor and the page, each to be stopped alone."""

    product: Product
    server: Server
    broker: Broker
    ingest: Ingest
    dashboard: Dashboard

    def publish(self, pm25: float) -> None:
        """A reading of now, from a verified sensor."""
        with Publisher(self.broker.port) as device:
            device.publish([(TOPIC, json.dumps({"time": datetime.now(UTC).isoformat(), "pm25": pm25}))])


@pytest.fixture(scope="module")
def chain(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Servers of this module's own."""
    base = pool.place.path
    try:
        broker = pool.new_broker("mosquitto")
        server = Server(embedded(memory() or base, copies=base / "outage"))
    except Missing as missing:
        pytest.skip(str(missing))
    product = Product(server.create(migrated(server)), broker, "sdot/v1", tmp_path_factory.mktemp("outage"))
    product.settings["SDOT_REGISTER"] = "open"
    try:
        yield Chain(product, server, broker, product.ingest(), product.dashboard())
    finally:
        product.stop()
        broker.stop()
        server.stop()


@pytest.fixture
def page(chain: Chain, browser: Browser) -> Iterator[Page]:
    """The live page, all well and a reading on it."""
    chain.publish(11)
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(chain.dashboard.url)
    expect(page.locator("#live-header .state")).to_have_class("state up", timeout=RECOVERED_MS)
    expect(page.locator("#live-header .data-age")).to_have_text(re.compile(r"\d+ s old"))
    yield page
    context.close()


def _age_s(page: Page) -> int:
    found = re.search(r"data (\d+) (s|min) old", page.locator("#live-header .data-age").inner_text())
    assert found, page.locator("#live-header .data-age").inner_text()
    return int(found[1]) * {"s": 1, "min": 60}[found[2]]


def _outage(
    page: Page, chain: Chain, stop: Callable[[], None], go_on: Callable[[], None], cause: str
) -> None:
    stop()
    try:
        expect(page.locator("#live-cause")).to_contain_text(cause, timeout=NAMED_MS)
        expect(page.locator("#live-header .state")).to_have_class("state down")
        first = _age_s(page)
        until(lambda: _age_s(page) > first, "the age to grow", 10)
    finally:
        go_on()
    expect(page.locator("#live-header .state")).to_have_class("state up", timeout=RECOVERED_MS)
    expect(page.locator("#live-cause")).to_be_empty()
    before = _age_s(page)
    chain.publish(12)
    until(lambda: _age_s(page) < before, "a new reading on the page", RECOVERED_MS / 1000)


def test_ingest_hangs(page: Page, chain: Chain) -> None:
    ingest = chain.ingest.process
    _outage(page, chain, ingest.pause, ingest.go_on, INGEST)


def test_the_database_hangs(page: Page, chain: Chain) -> None:
    server = chain.server.process
    _outage(page, chain, server.pause, server.go_on, DATABASE)


def test_the_broker_hangs(page: Page, chain: Chain) -> None:
    broker = chain.broker.process
    _outage(page, chain, broker.pause, broker.go_on, BROKER)


def test_the_pages_server_hangs(page: Page, chain: Chain) -> None:
    dashboard = chain.dashboard.process
    _outage(page, chain, dashboard.pause, dashboard.go_on, SERVER)


def test_the_database_is_killed_and_comes_back(page: Page, chain: Chain) -> None:
    _outage(page, chain, chain.server.process.kill, chain.server.restart, DATABASE)


def test_the_broker_is_killed_and_comes_back(page: Page, chain: Chain) -> None:
    _outage(page, chain, chain.broker.process.kill, chain.broker.restart, BROKER)


def test_one_outage_after_the_other_without_a_reload(page: Page, chain: Chain) -> None:
    for process, cause in (
        (chain.ingest.process, INGEST),
        (chain.server.process, DATABASE),
        (chain.broker.process, BROKER),
    ):
        _outage(page, chain, process.pause, process.go_on, cause)


def test_nothing_was_lost(chain: Chain) -> None:
    ledger = chain.product.ledger()
    assert ledger["stored"] == chain.product.database.value("SELECT count(*) FROM reading")
    assert (ledger["quarantined"], ledger["rejected"], ledger["revised"]) == (0, 0, 0)
    assert Path(chain.ingest.process.log).read_text().count("Traceback") == 0
