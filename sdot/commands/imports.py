"""`sdot import`: files of readings."""

from __future__ import annotations

from typing import Annotated

import typer

from sdot.commands.options import Columns, Data, Files


def import_(
    files: Files,
    columns: Columns = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be taken and refused.")
    ] = False,
    verified: Annotated[
        bool, typer.Option("--verified", help="New sensors are verified: somebody vouches for the file.")
    ] = False,
    rollups: Annotated[
        bool,
        typer.Option(
            "--rollups",
            help="Take what is older than raw readings are kept as hours and days, marked as imported.",
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Import CSV files, or what `sdot export` wrote, by the rules that hold for messages, tell what was refused and why; status 1 if nothing could be taken."""
    from city.pack import load_pack
    from sdot import importer
    from sdot.running import find_settings

    settings = find_settings(data, "admin_database_url")
    account = importer.run(settings, files, columns, dry=dry_run, verified=verified, rollups=rollups)
    for line in importer.told(account, load_pack(settings.city).zone, dry=dry_run):
        typer.echo(line)
    if not account.taken:
        typer.echo("sdot: no row could be taken", err=True)
        raise typer.Exit(1)
