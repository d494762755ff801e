"""A PATH without a program."""

from __future__ import annotations

import os
from pathlib import Path


def without(program: str, path: str, shadows: Path) -> str:
    """`path` with each folder that holds `program` replaced by a folder of links to everything else in it."""
    folders = [Path(folder) for folder in path.split(os.pathsep) if folder]
    return os.pathsep.join(str(_shadow(folder, program, shadows)) for folder in folders)


def _shadow(folder: Path, program: str, shadows: Path) -> Path:
    if not (folder / program).exists():
        return folder
    shadow = shadows / str(folder).strip("/").replace("/", "-")
    shadow.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        link = shadow / entry.name
        if entry.name != program and not link.is_symlink():
            link.symlink_to(entry)
    return shadow
