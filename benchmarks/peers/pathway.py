"""Pathway (PyPI, Business Source License 1.1): its MQTT connector, its PostgreSQL writer, and its persistence.

With persistence it acknowledges what a checkpoint covers, which its documentation calls at least once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.load import METRICS
from benchmarks.peers.peer import TABLE, TOPIC, Peer, Where, python_with

REQUIREMENT = "pathway==0.33.0"
CLIENT_ID = "peer-pathway"
#: Between two of its commits, and two of its checkpoints; its default for the first is 1500.
EVERY_MS = 200


def _command(python: Path, where: Where) -> list[str]:
    words = ["--port", str(where.port), "--dsn", where.dsn, "--folder", str(where.folder)]
    return [str(python), "-m", "benchmarks.peers.pathway", *words]


PEER = Peer(
    f"Pathway {REQUIREMENT.partition('==')[2]}, with persistence",
    CLIENT_ID,
    lambda folder: python_with(REQUIREMENT, folder / "pathway"),
    _command,
)


def settings(dsn: str) -> dict[str, str]:
    """The URL in words, as its writer wants it."""
    from urllib.parse import parse_qs, unquote, urlsplit

    parts = urlsplit(dsn)
    more = {name: values[0] for name, values in parse_qs(parts.query).items()}
    found = {"host": parts.hostname, "port": parts.port, "user": parts.username, "dbname": parts.path[1:]}
    password = {"password": unquote(parts.password)} if parts.password else {}
    return {name: str(value) for name, value in found.items() if value is not None} | password | more


def main() -> None:
    import pathway as pw  # of the peer's own environment

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    columns = {"serial": str, "time": str} | dict.fromkeys(METRICS, float)
    messages = pw.io.mqtt.read(
        f"mqtt://127.0.0.1:{given.port}/?client_id={CLIENT_ID}",
        TOPIC,
        qos=1,
        schema=pw.schema_from_types(**columns),
        format="json",
        autocommit_duration_ms=EVERY_MS,
        name="readings",
    )
    rows = messages.select(
        pw.this.serial,
        *(pw.this[name] for name in METRICS),
        at=pw.this.time.dt.strptime("%Y-%m-%dT%H:%M:%S.%f%z"),
    )
    pw.io.postgres.write(rows, settings(given.dsn), TABLE)
    backend = pw.persistence.Backend.filesystem(given.folder)
    kept = pw.persistence.Config(backend, snapshot_interval_ms=EVERY_MS)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE, persistence_config=kept)


if __name__ == "__main__":
    main()
