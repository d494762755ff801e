"""Packages for node, installed once into the cache of the tests."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.missing import Missing

HERE = Path(__file__).parent


def folder_with(packages: tuple[str, ...], script: str, cache: Path) -> Path:
    """A script of this folder, copied beside its installed packages, where node looks for them.

    Missing without node or npm, or where npm cannot get the packages.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing(f"node and npm are not installed, which {script} needs")
    folder = cache / Path(script).stem
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"{folder} cannot be made for node packages: {error.strerror}") from None
    with _alone(folder):
        done = folder / "installed"
        wanted = "\n".join(packages)
        if not done.exists() or done.read_text() != wanted:
            _install(packages, folder)
            done.write_text(wanted)
        return _copied(script, folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of all test runs: several share the cache."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copied(script: str, folder: Path) -> Path:
    # Whole at any moment: node of another run may be reading it.
    part = Path(shutil.copy(HERE / script, folder / f"{script}.part"))
    return part.replace(folder / script)


def _install(packages: tuple[str, ...], folder: Path) -> None:
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *packages]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if installed.returncode:
        raise Missing(f"npm could not install {', '.join(packages)}: {installed.stderr.strip()[-300:]}")
