"""Fixtures of all tests, and the rule that nothing skips where everything is required.

`--require-servers` (or SDOT_TEST_REQUIRE=1, as CI sets it) turns each skip into a failure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import hypothesis
import pytest

from tests.faults.rig_figures import summarise
from tests.servers.broker import Broker
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.mosquitto import mosquitto_program
from tests.servers.path import without
from tests.servers.pglite import PGlite
from tests.servers.place import Place
from tests.servers.pool import BROKERS, ENGINES, Pool
from tests.servers.postgres import Database, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


# How long an example takes is the machine's business, not a test's.
hypothesis.settings.register_profile("sdot", deadline=None)
hypothesis.settings.load_profile("sdot")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sdot")
    group.addoption(
        "--require-servers",
        action="store_true",
        default=os.environ.get("SDOT_TEST_REQUIRE", "") not in ("", "0"),
        help="fail what would skip (default: SDOT_TEST_REQUIRE)",
    )
    group.addoption(
        "--test-cache",
        type=Path,
        default=Path(os.environ.get("SDOT_TEST_CACHE") or _default_cache()),
        help="folder of parts that are fetched once: the Debian root with TimescaleDB, node packages (SDOT_TEST_CACHE)",
    )


def _default_cache() -> Path:
    return Path("/var/cache/sdot") if os.getuid() == 0 else Path.home() / ".cache" / "sdot"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    summarise(terminalreporter)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _no_skip((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _no_skip((yield), collector.config)


def _no_skip(report: R, config: pytest.Config) -> R:
    if report.skipped and config.getoption("--require-servers") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}: nothing may skip where servers are required"
    return report


@pytest.fixture(scope="session")
def test_cache(request: pytest.FixtureRequest) -> Path:
    """Folder of parts that are fetched once."""
    path: Path = request.config.getoption("--test-cache")
    return path


@pytest.fixture(scope="session")
def pool(test_cache: Path) -> Iterator[Pool]:
    """The servers of this run."""
    trixie = os.environ.get("SDOT_TEST_TRIXIE") or test_cache / "trixie"
    pool = Pool(Path(trixie))
    yield pool
    pool.stop()


@pytest.fixture(params=ENGINES)
def server(request: pytest.FixtureRequest, pool: Pool) -> Server:
    """A running server of each engine in turn."""
    return _server(pool, request.param)


def _server(pool: Pool, name: str) -> Server:
    try:
        return pool.server(name)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    """A new database of each engine in turn, nothing in it."""
    database = server.create()
    yield database
    server.drop(database)


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A new database of each engine in turn, migrated for the shipped city pack."""
    database = server.create(migrated(server))
    yield database
    server.drop(database)


@pytest.fixture
def embedded_database(pool: Pool) -> Iterator[Database]:
    """A new migrated database of the embedded engine alone, for tests that no engine can change."""
    server = _server(pool, "embedded")
    database = server.create(migrated(server))
    yield database
    server.drop(database)


@pytest.fixture(scope="session")
def community_program(test_cache: Path) -> Path:
    """The program that serves TimescaleDB's community edition."""
    try:
        return PGlite.install(test_cache)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def community(community_program: Path, pool: Pool) -> Iterator[PGlite]:
    """TimescaleDB's community edition, compiled for node; it takes one connection at a time and no COPY."""
    with PGlite(community_program, Place(pool.place.path)) as server:
        yield server


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, pool: Pool) -> Broker:
    """Each broker in turn, shared by all tests: keep to topics under `unique_prefix`."""
    try:
        return pool.broker(request.param)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=BROKERS)
def own_broker(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Broker]:
    """Each broker in turn, this test's own: to pause, kill and start again."""
    try:
        broker = pool.new_broker(request.param)
    except Missing as missing:
        pytest.skip(str(missing))
    yield broker
    broker.stop()


@pytest.fixture
def unique_prefix() -> str:
    """A topic prefix that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}/v1"


@pytest.fixture(params=["mosquitto on PATH", "no mosquitto on PATH"])
def stack_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """PATH for the embedded stack: as it is with mosquitto, and stripped of it."""
    path = os.environ["PATH"]
    if request.param.startswith("no"):
        return without("mosquitto", path, tmp_path_factory.mktemp("path"))
    try:
        return os.pathsep.join([path, str(Path(mosquitto_program()).parent)])
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium (of one module, since Playwright keeps an event loop running as long as it lives)."""
    from tests.servers.browser import chromium

    try:
        with chromium() as running:
            yield running
    except Missing as missing:
        pytest.skip(str(missing))
