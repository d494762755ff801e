"""Start-up is as patient as running: broker and database that are not there yet are waited for, by name."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.faults.rig import BACK_S, Rig
from tests.servers.broker import Broker
from tests.servers.postgres import Server
from tests.servers.process import free_port
from tests.servers.product import Ingest, get
from tests.waiting import until


def _standing(worker: Ingest) -> dict[str, Any]:
    status, body = get(f"http://127.0.0.1:{worker.port}/readyz")
    return {"status": status} | (json.loads(body) if status else {})


def _until(worker: Ingest, *, broker: bool, database: bool) -> dict[str, Any]:
    def found() -> dict[str, Any]:
        assert worker.process.alive, worker.process.log_text()[-3000:]
        now = _standing(worker)
        as_wanted = now["status"] and (now["broker"]["ok"], now["database"]["ok"]) == (broker, database)
        return now if as_wanted else {}

    return until(found, f"/readyz to say broker {broker}, database {database}", BACK_S)


@pytest.mark.parametrize("first", ["broker", "database"])
def test_ingest_waits_for_broker_and_database(rig: Rig, server: Server, broker: Broker, first: str) -> None:
    broker.process.stop()
    server.process.stop(signal.SIGINT)
    port = free_port()
    worker = Ingest(rig.product.run("ingest", SDOT_METRICS_PORT=str(port)), port)
    now = _until(worker, broker=False, database=False)
    assert now["status"] == 503
    until(lambda: "the database is away" in worker.process.log_text(), "the log to name the database", BACK_S)
    if first == "broker":
        broker.restart()
        now = _until(worker, broker=False, database=False)
        assert now["broker"]["detail"] == "waiting for the database"
        server.restart()
    else:
        server.restart()
        now = _until(worker, broker=False, database=True)
        assert now["status"] == 503
        until(lambda: "no broker at" in worker.process.log_text(), "the log to name the broker", BACK_S)
        assert "no broker at" in _until(worker, broker=False, database=True)["broker"]["detail"]
        broker.restart()
    assert _until(worker, broker=True, database=True)["status"] == 200
    rig.publish()
    rig.flow()
    rig.settle()
