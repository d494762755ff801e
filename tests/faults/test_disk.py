"""A full disk under the database, and room again."""

from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from tests.faults.rig import BACK_S, Rig
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.postgres import Server, embedded
from tests.servers.product import Ingest
from tests.waiting import until

SIZE = "256m"
#: Little write-ahead log, so that it does not fill the disk by itself.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "max_wal_size": "48MB", "min_wal_size": "32MB"}


@pytest.fixture
def disk(pool: Pool) -> Iterator[Path]:
    """A small file system of its own."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = pool.place.folder("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@pytest.fixture
def server(pool: Pool, disk: Path) -> Iterator[Server]:
    """A PostgreSQL with all it has on that disk."""
    try:
        engine = embedded(disk, copies=pool.place.path / "disk-copies")
    except Missing as missing:
        pytest.skip(str(missing))
    server = Server(dataclasses.replace(engine, settings=SETTINGS))
    yield server
    server.stop()


def _fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            while _takes(file, size):
                pass


def _takes(file: FileIO, size: int) -> bool:
    try:
        return file.write(b"\0" * size) == size
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


def test_the_disk_is_full_and_has_room_again(rig: Rig, server: Server, disk: Path) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        _fill(disk / "ballast")
        until(lambda: _noticed(worker), "ingest to notice", BACK_S)
        time.sleep(rig.scale.cut_s)
        (disk / "ballast").unlink()
        # PostgreSQL ends itself where its log has no room; then it is whoever runs it that starts it again.
        rig.figures.notes["PostgreSQL ended itself"] = not server.process.alive
        if not server.process.alive:
            server.restart()
    rig.flow()
    rig.settle()


def _noticed(worker: Ingest) -> bool:
    said = worker.process.log_text()
    return "does not take it yet" in said or "the database is away" in said
