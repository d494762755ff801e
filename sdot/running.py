"""How other commands find a running `sdot up`: `running.json` in its data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from city.errors import SettingsError
from city.settings import Settings, environment_name, load_settings
from sdot.folder import DataFolder, write_private
from sdot.process import Process, identify


@dataclass(frozen=True, slots=True)
class Running:
    """A stack as it described itself."""

    process: Process
    #: NAME → value of the settings that lead to it.
    environment: Mapping[str, str]
    #: Name of a program → its process.
    children: Mapping[str, Process]


def describe(folder: DataFolder, environment: Mapping[str, str], children: Mapping[str, Process]) -> None:
    """Write what others need to find this process's stack."""
    me = identify(os.getpid())
    content = {
        "process": _pair(me) if me else None,
        "environment": dict(environment),
        "children": {name: _pair(child) for name, child in children.items()},
    }
    write_private(folder.running, json.dumps(content, indent=1))


def forget(folder: DataFolder) -> None:
    """The stack of this folder has ended."""
    folder.running.unlink(missing_ok=True)


def last(folder: DataFolder) -> Running | None:
    """What the file says, whether its stack still runs or not; None where there is none to read."""
    try:
        content = json.loads(folder.running.read_text(encoding="utf-8"))
        children = {name: Process(*pair) for name, pair in content["children"].items()}
        return Running(Process(*content["process"]), content["environment"], children)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # none, another user's, or not written by us
        return None


def running(folder: DataFolder) -> Running | None:
    """The stack that runs on this folder now, or None; a file left by a killed one does not count."""
    found = last(folder)
    return found if found is not None and found.process.alive else None


def find_settings(data: Path | None = None, need: str = "") -> Settings:
    """Settings of a command: the environment's and `sdot.toml`'s, then those of the running stack.

    `data` is the command's `--data`; without, SDOT_DATA or the default folder leads to the stack.
    SettingsError where nobody gave the setting `need`: a default is no place to send to.
    """
    settings = load_settings()
    folder = DataFolder(data or settings.data)
    found = running(folder)
    settings = load_settings(found.environment) if found else settings
    if need and not _given(settings, need):
        name = environment_name(need)
        missing = f"no `sdot up` runs on {folder.path}, and {name} is not set; "
        raise SettingsError(missing + f"start one, pass the --data of the one that runs, or set {name}")
    return settings


def _given(settings: Settings, name: str) -> bool:
    if name == "admin_database_url":
        return bool(settings.admin_url)
    return name in settings.model_fields_set and bool(getattr(settings, name))


def _pair(process: Process) -> list[Any]:
    return [process.pid, process.started]
