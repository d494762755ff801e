"""Where the data of `sdot up` is, and what a command needs to find it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def default_data() -> Path:
    """`/var/lib/sdot` for root (FHS: state of a service), else the platform's folder for a user's data."""
    if os.geteuid() == 0:
        return Path("/var/lib/sdot")
    from platformdirs import user_data_path

    return user_data_path("sdot", appauthor=False)


def data_option(path: Path | None) -> str:
    """` --data FOLDER`, quoted for a shell, as a command finds the stack of `path`; empty for the default folder."""
    default = default_data().resolve()
    data = path.expanduser().resolve() if path else default
    return "" if data == default else f" --data {shlex.quote(str(data))}"
