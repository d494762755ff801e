"""The command `sdot`. Each sub-command's module is imported when it is called, so that all start fast."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from city.errors import SdotError

#: Command → module and the function or group (a typer.Typer) in it; in the order of `sdot --help`.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("sdot.commands.up", "up"),
    "env": ("sdot.commands.env", "env"),
    "publish": ("sdot.commands.publish", "publish"),
    "watch": ("sdot.commands.watch", "watch"),
    "ledger": ("sdot.commands.ledger", "app"),
    "quarantine": ("sdot.commands.quarantine", "app"),
    "sensor": ("sdot.commands.sensor", "app"),
    "metric": ("sdot.commands.metric", "app"),
    "broker": ("sdot.commands.broker", "app"),
    "city": ("sdot.commands.city", "app"),
    "db": ("sdot.commands.db", "app"),
    "ingest": ("sdot.commands.run", "ingest"),
    "dashboard": ("sdot.commands.run", "dashboard"),
    "import": ("sdot.commands.imports", "import_"),
    "export": ("sdot.commands.exports", "export"),
    "maintain": ("sdot.commands.run", "maintain"),
    "simulate": ("sdot.commands.simulate", "app"),
}


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and imports one when asked for it."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 the base class's signature
        """Names, in the order of the help."""
        return [name for name, (module, _) in COMMANDS.items() if find_spec(module)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None where there is none."""
        return load(cmd_name) if cmd_name in self.list_commands(ctx) else None


def load(name: str) -> Any:
    """Import a command."""
    module, attribute = COMMANDS[name]
    target = getattr(import_module(module), attribute)
    if not isinstance(target, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(target)
        target = single
    command = get_command(target)
    command.name = name
    return command


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sdot {version('sdot')}")
        raise typer.Exit


@app.callback()
def _sdot(
    version: Annotated[  # noqa: ARG001 its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version and end.")
    ] = False,
) -> None:
    """City sensors in, a city's air and footfall on screen."""
    from city.settings import misspelt

    for sentence in misspelt():
        typer.echo(f"sdot: {sentence}", err=True)


def main() -> None:
    """Run the command line; what a person can mend is told in one sentence, with status 1."""
    try:
        app()
    except SdotError as error:
        print(f"sdot: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has left, as `| head` does
        sys.stderr.close()
        sys.exit(1)
