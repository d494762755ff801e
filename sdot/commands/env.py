"""`sdot env`: the settings in force, a `NAME=value` a line."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from city.settings import Settings, environment_name
from sdot.commands.options import Data

#: The password in `scheme://user:password@host` (up to the last @), and in a query's `password=`.
_PASSWORD = re.compile(r"(?<=://)([^:/?@]*):[^?]*@|(?<=[?&]password=)[^&]*")

#: `user:password` of several.
_LOGIN = re.compile(r"([^\s:]+):\S+")


def lines(settings: Settings, secrets: bool) -> list[str]:
    """`NAME=value` of each setting, sorted by the table's order."""
    values = {environment_name(name): getattr(settings, name) for name in Settings.model_fields}
    texts = {name: _text(value) for name, value in values.items()}
    return [f"{name}={text if secrets else _shown(name, text)}" for name, text in texts.items()]


def _shown(name: str, text: str) -> str:
    return _LOGIN.sub(r"\1:***", text) if name == environment_name("broker_users") else masked(text)


def masked(text: str) -> str:
    """`text` without the password of a URL in it."""
    return _PASSWORD.sub(lambda found: "***" if found[1] is None else f"{found[1]}:***@", text)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def env(
    data: Data = None,
    secrets: Annotated[bool, typer.Option("--secrets", help="Show passwords.")] = False,
) -> None:
    """Print the settings in force, those of a running `sdot up` included; passwords only with --secrets."""
    from sdot.running import find_settings

    for line in lines(find_settings(data), secrets):
        print(line)
