"""Other programs that bring MQTT into PostgreSQL: how they are installed, and what all of them write to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import METRICS, PREFIX
from city.errors import SdotError

TOPIC = f"{PREFIX}/+/reading"
TABLE = "peer_reading"
#: Of their own, without a key or an index, which is in their favour; Pathway wants `time` and `diff`.
CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (serial text, at timestamptz,"
    f" {', '.join(f'{name} double precision' for name in METRICS)}, time bigint, diff integer)"
)


class NotInstalledError(SdotError):
    """A peer that cannot be had here, and why."""


@dataclass(frozen=True)
class Where:
    """What a peer is told."""

    #: port of the broker on loopback
    port: int
    #: URL of the database
    dsn: str
    #: a folder of its own, kept over its restarts
    folder: Path


@dataclass(frozen=True)
class Peer:
    """One of them."""

    #: in the tables
    name: str
    #: of its session at the broker
    client_id: str
    #: makes it ready in a folder of the cache, at most once; NotInstalledError where it cannot
    install: Callable[[Path], Path]
    #: its command line, from what `install` gave
    command: Callable[[Path, Where], Sequence[str]]


def cache() -> Path:
    """Where peers are installed, once: beside what the tests fetch."""
    given = os.environ.get("SDOT_TEST_CACHE")
    base = Path("/var/cache/sdot") if os.geteuid() == 0 else Path.home() / ".cache" / "sdot"
    return (Path(given) if given else base) / "peers"


def python_with(requirement: str, folder: Path) -> Path:
    """The Python of an environment that has this package and nothing of ours."""
    program = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists() or done.read_text() != requirement:
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], requirement)
        _run([str(program), "-m", "pip", "install", "--quiet", requirement], requirement)
        done.write_text(requirement)
    return program


def node_with(packages: Sequence[str], folder: Path) -> Path:
    """A folder with these node packages."""
    done, wanted = folder / "installed", "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        _run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *packages], packages[0])
        done.write_text(wanted)
    return folder


def _run(command: Sequence[str], what: str) -> None:
    if not shutil.which(command[0]):
        raise NotInstalledError(f"{what}: there is no {command[0]} here")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["it says nothing"]
        raise NotInstalledError(f"{what} cannot be installed: {said[-1]}")
