"""`sdot db`: migrate the database, and tell what is in it."""

from __future__ import annotations

import typer

from sdot.commands.options import Data

app = typer.Typer(no_args_is_help=True, help="Migrate the database; tell what is in it.")


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database to this version: relations, the metrics' columns, the pack's districts, roles."""
    from sdot import migration
    from sdot.running import find_settings

    if not migration.migrate(find_settings(data, "admin_database_url"), print):
        print("The database is up to date.")


@app.command()
def status(data: Data = None) -> None:
    """Engine, version, sizes, rows and time span."""
    from rich.console import Console

    from sdot.running import find_settings
    from sdot.status import read_status, table

    Console().print(table(read_status(find_settings(data, "admin_database_url"))))
