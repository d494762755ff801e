"""Packages for node, installed once into the cache of the tests."""

from __future__ import annotations

import shutil
import subprocess
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
    done = folder / "installed"
    wanted = "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        _install(packages, folder)
        done.write_text(wanted)
    return Path(shutil.copy(HERE / script, folder))


def _install(packages: tuple[str, ...], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"{folder} cannot be made for node packages: {error.strerror}") from None
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *packages]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if installed.returncode:
        raise Missing(f"npm could not install {', '.join(packages)}: {installed.stderr.strip()[-300:]}")
