"""`sdot ledger`: the books from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from sdot.commands.options import Data

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

app = typer.Typer(help="What came, what became of it, and which gaps there were.")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def _open(data: Path | None) -> Any:
    from city.db import connect
    from sdot.running import find_settings

    settings = find_settings(data, "database_url")
    return connect(settings.read_url, "sdot ledger", bounded=False)


def _zone(conn: Any) -> ZoneInfo:
    from zoneinfo import ZoneInfo

    from city.db import statement

    return ZoneInfo(conn.execute(statement("read_zone")).fetchone()[0])


def _ago(since: str) -> datetime:
    from datetime import UTC, datetime

    from sdot.span import span

    return datetime.now(UTC) - span(since)


def _print_json(content: Any) -> None:
    import json

    typer.echo(json.dumps(content, default=lambda value: value.isoformat(), ensure_ascii=False, indent=1))


@app.callback(invoke_without_command=True)
def ledger(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="How far back: 15m, 1h, 7d.")] = "1h",
    sensor: Annotated[
        Optional[str],  # noqa: UP045 typer
        typer.Option(help="One sensor's books, by city days (the finest that is kept of a sensor)."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the books of a span: received = stored + revised + duplicate + quarantined + rejected, and the gaps.

    Ends with status 1 where a message is unaccounted for.
    """
    if context.invoked_subcommand:
        return
    begin = _ago(since)
    with _open(data) as conn:
        books, zone = _read(conn, sensor, begin), _zone(conn)
    if as_json:
        _print_json(books.as_json())
    else:
        _show(books, zone, since, sensor)
    if books.total.unaccounted:
        raise typer.Exit(1)


def _read(conn: Any, sensor: str | None, begin: datetime) -> Any:
    from city.db import statement
    from city.errors import RegistryError
    from sdot.books import read_books, read_sensor_books

    if sensor is None:
        return read_books(conn, begin)
    row = conn.execute(statement("find_sensor"), [sensor]).fetchone()
    if row is None:
        raise RegistryError(
            f"no sensor is called {sensor!r}; `sdot quarantine list --serial` shows what came"
        )
    return read_sensor_books(conn, sensor, row[0], begin)


def _show(books: Any, zone: ZoneInfo, since: str, sensor: str | None) -> None:
    from sdot.booktable import book_parts
    from sdot.screen import screen

    out = screen()
    start = books.since.astimezone(zone)
    if sensor is None:
        out.print(f"The books since {start:%Y-%m-%d %H:%M} ({since}), {zone.key}")
    else:
        out.print(f"The books of {sensor}, whole city days from {start:%Y-%m-%d} on, {zone.key}")
    for part in book_parts(books, zone):
        out.print(part)


@app.command()
def verify(
    since: Annotated[
        Optional[str],  # noqa: UP045 typer
        typer.Option(help="How far back: 15m, 1h, 7d (default: everything)."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Count again from the tables what leaves rows, and say whether books and rows agree.

    Reads every raw reading; ends with status 1 where they do not agree.
    """
    from sdot.booktable import recount_parts
    from sdot.recount import ALWAYS, recount
    from sdot.screen import screen

    with _open(data) as conn:
        lines, zone = recount(conn, _ago(since) if since else ALWAYS), _zone(conn)
    agrees = all(line.agrees for line in lines)
    if as_json:
        from dataclasses import asdict

        _print_json({"agrees": agrees, "lines": [asdict(line) | {"agrees": line.agrees} for line in lines]})
    else:
        out = screen()
        for part in recount_parts(lines, zone):
            out.print(part)
    if not agrees:
        raise typer.Exit(1)
