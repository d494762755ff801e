"""Write `docs/settings.md` and `docs/commands.md` from the code: `python docs/reference.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from city.settings import Settings, environment_name

DOCS = Path(__file__).parent
SOUGHT = (
    "Each is looked up in the environment, then in `sdot.toml` of the working folder, then in a running `sdot up`; "
    "else the default holds. `sdot env` prints them all."
)
WRITTEN_BY = "*Written by `python docs/reference.py`; a test fails when it lags.*"


def settings() -> str:
    """The table of settings, as Markdown."""
    rows = [
        f"| `{environment_name(name)}` | `{name}` | {_default(field.default)} | {_cell(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    head = [
        "# Settings",
        WRITTEN_BY,
        SOUGHT,
    ]
    table = ["| environment | `sdot.toml` | default | what it means |", "|---|---|---|---|", *rows]
    return "\n\n".join([*head, "\n".join(table)]) + "\n"


def _default(value: Any) -> str:
    return (
        "" if value is None or value == "" else f"`{str(value).lower() if value in (True, False) else value}`"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def commands() -> str:
    """All commands with their arguments and options, as Markdown."""
    from sdot.cli import app

    root = typer.main.get_command(app)
    parts = ["# Commands", WRITTEN_BY, *_described(root, "sdot")]
    return "\n\n".join(parts) + "\n"


def _described(command: Any, path: str) -> Iterator[str]:
    if hasattr(command, "list_commands"):
        if command.invoke_without_command:
            yield from _one(command, path)
        context = command.make_context(path, [], resilient_parsing=True)
        for name in command.list_commands(context):
            yield from _described(command.get_command(context, name), f"{path} {name}")
        return
    yield from _one(command, path)


def _one(command: Any, path: str) -> Iterator[str]:
    yield f"## `{' '.join([path, *_usage(command.params)])}`"
    yield _paragraph(command.help or "")
    options = [line for parameter in command.params for line in _option(parameter)]
    if options:
        yield "\n".join(options)


def _usage(parameters: Any) -> Iterator[str]:
    for one in parameters:
        if one.param_type_name == "argument":
            yield _metavar(one) if one.required else f"[{_metavar(one)}]"


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper() + ("…" if argument.nargs == -1 else "")


def _option(parameter: Any) -> Iterator[str]:
    if parameter.name == "help" or getattr(parameter, "hidden", False):
        return
    argument = parameter.param_type_name == "argument"
    names = _metavar(parameter) if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
    yield f"- `{names}`: {_paragraph(getattr(parameter, 'help', None) or '')}"


def _paragraph(text: str) -> str:
    return " ".join(text.replace("\b", "").split())


def main() -> None:
    """Write both files."""
    (DOCS / "settings.md").write_text(settings(), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands(), encoding="utf-8")


if __name__ == "__main__":
    main()
