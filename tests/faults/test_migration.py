"""A migration while ingest runs: columns of a new metric under load, and an ingest that is newer than its database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from shutil import copytree

import pytest

from tests.faults.rig import BACK_S, Rig
from tests.servers.publisher import Publisher
from tests.waiting import until

METRIC = """
[metrics.radon]
bit = 60
unit = "Bq/m³"
plausible = [0, 10000]
possible = [-100000, 100000]
aggregation = "mean"
decimals = 0
names = { ko = "라돈", en = "Radon", es = "Radón" }
"""


@pytest.fixture
def newer(tmp_path: Path) -> dict[str, str]:
    """Settings with the city's pack, one metric richer."""
    folder = tmp_path / "seoul"
    copytree(str(files("city").joinpath("packs", "seoul")), folder)
    with (folder / "city.toml").open("a") as file:
        file.write(METRIC)
    return {"SDOT_CITY": str(folder)}


def _migrate(rig: Rig, settings: dict[str, str]) -> None:
    command = rig.product.run("db", "migrate", **settings)
    assert command.wait(BACK_S) == 0, command.log_text()
    assert "radon" in command.log_text()
    rig.product.started.remove(command)


def _publish_radon(rig: Rig) -> None:
    with Publisher(rig.product.broker.port) as device:
        body = {"time": datetime.now(UTC).isoformat(), "radon": 48}
        device.publish([(f"{rig.product.prefix}/cellar/reading", json.dumps(body))])


def _check_radon(rig: Rig) -> None:
    query = "SELECT radon FROM reading JOIN sensor USING (sensor_id) WHERE serial = 'cellar'"
    assert rig.product.database.rows(query) == [(48,)]


def test_a_migration_while_ingest_runs(rig: Rig, newer: dict[str, str]) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        _migrate(rig, newer)
    rig.flow()
    rig.dismiss(worker.process)
    rig.worker(**newer)
    _publish_radon(rig)
    rig.settle()
    rig.until_empty()
    _check_radon(rig)


def test_ingest_is_newer_than_its_database(rig: Rig, newer: dict[str, str]) -> None:
    worker = rig.worker(**newer)
    rig.publish()
    rig.flow()
    with rig.fault():
        _publish_radon(rig)
        until(lambda: "radon" in worker.process.log_text(), "ingest to name the column", BACK_S)
        _migrate(rig, newer)
    rig.settle()
    rig.until_empty()
    _check_radon(rig)
