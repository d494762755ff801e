"""mq-bridge (PyPI, MIT or Apache-2.0): a route from MQTT to PostgreSQL, all of it in its Rust core, written by COPY."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from benchmarks.load import METRICS
from benchmarks.peers.peer import TABLE, TOPIC, Peer, Where, python_with

REQUIREMENT = "mq-bridge==1.2.0"
CLIENT_ID = "peer-mq-bridge"
#: As many as ingest's own batch, and a window of two.
BATCH, WINDOW = 8_000, 16_000
VALUES = ["${payload:serial}", "${payload:time}", *(f"${{payload:{name}}}" for name in METRICS)]
INSERT = f"INSERT INTO {TABLE} (serial, at, {', '.join(METRICS)}) VALUES ({', '.join(VALUES)})"


def route(port: int, dsn: str) -> dict:
    """A session that is kept, acknowledgement after the write (its default), COPY a batch."""
    broker = {
        "url": f"tcp://127.0.0.1:{port}",
        "topic": TOPIC,
        "client_id": CLIENT_ID,
        "qos": 1,
        "clean_session": False,
        "session_expiry_interval": 86_400,
        "max_inflight": WINDOW,
        "queue_capacity": WINDOW,
    }
    # a URL without a host is none to it; the one of the query, a socket's folder, wins
    url = dsn.replace("@/", "@localhost/")
    table = {"url": url, "table": TABLE, "insert_query": INSERT, "bulk_copy": True}
    return {"input": {"mqtt": broker}, "output": {"sqlx": table}, "batch_size": BATCH}


def _command(python: Path, where: Where) -> list[str]:
    return [str(python), "-m", "benchmarks.peers.mqbridge", "--port", str(where.port), "--dsn", where.dsn]


PEER = Peer(
    f"mq-bridge {REQUIREMENT.partition('==')[2]}, COPY in batches of {BATCH:,}",
    CLIENT_ID,
    lambda folder: python_with(REQUIREMENT, folder / "mq-bridge"),
    _command,
)


def main() -> None:
    import mq_bridge  # of the peer's own environment

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dsn", required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    mq_bridge.init_logging()
    mq_bridge.Route.from_config(route(given.port, given.dsn), "bench").run()


if __name__ == "__main__":
    main()
