"""`sdot db`: migrate the database, and tell what is in it."""

from __future__ import annotations

from typing import Annotated

import typer

from sdot.commands.options import Data

app = typer.Typer(no_args_is_help=True, help="Migrate the database; tell what is in it.")


@app.command()
def migrate(
    data: Data = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a database that is not there yet.")] = False,
    logins: Annotated[
        bool, typer.Option("--logins", help="Give the roles in the other URLs the passwords written there.")
    ] = False,
) -> None:
    """Bring the database to this version: relations, the metrics' columns, the pack's districts, roles."""
    from sdot import migration
    from sdot.running import find_settings

    settings = find_settings(data, "admin_database_url")
    if wait:
        migration.wait(settings, _say)
    if not migration.migrate(settings, _say):
        _say("The database is up to date.")
    if logins:
        migration.give_logins(settings, _say)


def _say(line: str) -> None:
    print(line, flush=True)  # a container's log shows it now, not at the end


@app.command()
def status(data: Data = None) -> None:
    """Engine, version, sizes, rows and time span."""
    from rich.console import Console

    from sdot.running import find_settings
    from sdot.status import read_status, table

    Console().print(table(read_status(find_settings(data, "admin_database_url"))))
