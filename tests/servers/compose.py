"""docker-compose.yml as an engine reads it, for running its services without one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import ROOT

FILE = ROOT / "docker-compose.yml"
#: `${NAME}`, `${NAME:-default}`, `${NAME:?what to do}` and `$$`.
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


def read() -> dict[str, Any]:
    """The file as YAML has it, its variables not replaced."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def secrets(folder: Path) -> dict[str, str]:
    """What the documented command writes to `.env` in a folder."""
    subprocess.run([ROOT / "deploy" / "make-env"], cwd=folder, check=True, capture_output=True, timeout=30)
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@dataclass(frozen=True)
class Service:
    """One service, its variables replaced."""

    command: list[str]
    environment: dict[str, str]
    #: Of its healthcheck, with CMD or CMD-SHELL resolved into a command line; empty where there is none.
    healthcheck: list[str]
    #: (source, target) of each mount; a source is a file of the checkout, or a named volume.
    mounts: list[tuple[str, str]]
    #: `user`, else that of our Dockerfile for services built from it; None: the image's.
    user: int | None


def service(name: str, variables: Mapping[str, str]) -> Service:
    """A service of the file; KeyError where a variable is missing that has no default."""
    found = _replaced(read()["services"][name], variables)
    check = found.get("healthcheck", {}).get("test", ["CMD"])
    user = found.get("user") or (_dockerfile_user() if "build" in found else None)
    return Service(
        command=found.get("command", []),
        environment={key: str(value) for key, value in found.get("environment", {}).items()},
        healthcheck=["/bin/sh", "-c", *check[1:]] if check[0] == "CMD-SHELL" else check[1:],
        mounts=[tuple(volume.split(":")[:2]) for volume in found.get("volumes", [])],
        user=int(str(user).split(":", maxsplit=1)[0]) if user else None,
    )


def _dockerfile_user() -> str:
    (user,) = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return str(user)


def _replaced(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, variables) for one in value]
    return _VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    if found[2] == "-":
        return variables.get(found[1]) or found[3]
    return variables[found[1]]
