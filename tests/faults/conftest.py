"""Servers of the faults' own: what is killed here is nobody else's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Rig
from tests.faults.rig_figures import PROPERTY, Figures
from tests.faults.rig_scale import Scale, scale
from tests.servers.broker import Broker
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool, memory
from tests.servers.postgres import Database, Server, embedded
from tests.servers.product import Product
from tests.servers.proxy import Proxy

#: As shipped where a kill is to be survived; few connections, so that a test can use them up.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "max_connections": "40"}


@pytest.fixture(scope="session", name="scale")
def _scale() -> Scale:
    return scale()


@pytest.fixture(scope="session")
def faults_server(pool: Pool) -> Iterator[Server]:
    base = pool.place.path
    try:
        engine = embedded(memory() or base, copies=base / "faults")
    except Missing as missing:
        pytest.skip(str(missing))
    server = Server(dataclasses.replace(engine, settings=SETTINGS))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def faults_broker(pool: Pool) -> Iterator[Broker]:
    try:
        broker = pool.new_broker("mosquitto")
    except Missing as missing:
        pytest.skip(str(missing))
    yield broker
    broker.stop()


@pytest.fixture
def broker(faults_broker: Broker) -> Iterator[Broker]:
    """A mosquitto that a test may stop."""
    yield faults_broker
    if not faults_broker.process.alive:
        faults_broker.restart()


@pytest.fixture
def server(faults_server: Server) -> Iterator[Server]:
    """A PostgreSQL that a test may stop."""
    yield faults_server
    if not faults_server.process.alive:
        faults_server.restart()


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A new one, migrated."""
    database = server.create(migrated(server))
    yield database
    if not server.process.alive:
        server.restart()
    server.drop(database)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    figures = Figures(request.node.name.removeprefix("test_").replace("_", " "))
    yield figures
    figures.keep()
    request.node.user_properties.append((PROPERTY, figures.line()))


@pytest.fixture
def rig(
    database: Database,
    broker: Broker,
    unique_prefix: str,
    tmp_path: Path,
    scale: Scale,
    figures: Figures,
) -> Iterator[Rig]:
    """All of it; nothing runs yet but the servers."""
    rig = Rig(Product(database, broker, unique_prefix, tmp_path), scale, figures)
    yield rig
    rig.close()


@pytest.fixture
def broker_proxy(rig: Rig) -> Iterator[Proxy]:
    """Between ingest and the broker."""
    with Proxy(rig.product.broker.port) as proxy:
        rig.product.broker_port = proxy.port
        yield proxy


@pytest.fixture
def database_proxy(rig: Rig) -> Iterator[Proxy]:
    """Between ingest and the database."""
    with Proxy(rig.product.database.server.port) as proxy:
        rig.product.database_port = proxy.port
        yield proxy
