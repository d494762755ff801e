"""Partitions and chunks that are made under load, by two workers at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.rig import Rig
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.postgres import Database
from tests.servers.publisher import Publisher

WEEKS = 40


@pytest.fixture(params=["embedded", "timescale"])
def database(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Database]:
    """With partitions, and with chunks."""
    try:
        server = pool.server(request.param)
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    yield database
    server.drop(database)


def test_weeks_are_made_under_load(rig: Rig) -> None:
    rig.crew(2)
    rig.publish()
    rig.flow()
    now = datetime.now(UTC)
    old = [
        (
            f"{rig.product.prefix}/old-{sensor}/reading",
            json.dumps({"time": (now - timedelta(weeks=week, seconds=sensor)).isoformat(), "pm25": 5}),
        )
        for week in range(1, WEEKS)
        for sensor in range(8)
    ]
    with Publisher(rig.product.broker.port) as device:
        for start in range(0, len(old), 40):
            device.publish(old[start : start + 40])
            rig.flow(0.1)
    rig.settle()
    query = (
        "SELECT count(*), count(DISTINCT date_trunc('week', time)) FROM reading JOIN sensor USING (sensor_id)"
    )
    assert rig.product.database.rows(f"{query} WHERE serial LIKE 'old-%%'".replace("%%", "%")) == [
        (len(old), WEEKS - 1)
    ]
