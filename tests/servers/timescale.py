"""TimescaleDB, Apache edition: Debian trixie's package in a root folder of its own, run by chroot."""

from __future__ import annotations

import os
from pathlib import Path

from tests.servers.missing import Missing
from tests.servers.postgres import Engine
from tests.servers.process import Identity

#: Inside the root, as Debian's packages postgresql-17 and postgresql-17-timescaledb lay it out.
BIN = Path("/usr/lib/postgresql/17/bin")
LIBRARY = Path("usr/lib/postgresql/17/lib/timescaledb.so")

SETTINGS = {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}


def timescale(root: Path) -> Engine:
    """The engine in the root folder that `.ci/install` makes."""
    if not (root / LIBRARY).exists():
        raise Missing(f"there is no Debian root with TimescaleDB at {root} (made by .ci/install, as root)")
    if os.getuid() != 0:
        raise Missing("TimescaleDB runs in a root folder of its own, which only root may enter")
    return Engine("timescale", BIN, root / "tmp", _postgres_of(root), SETTINGS)


def _postgres_of(root: Path) -> Identity:
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == "postgres":
            return Identity(int(uid), int(gid), root)
    raise Missing(f"the Debian root at {root} has no user postgres")
