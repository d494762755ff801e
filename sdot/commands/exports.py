"""`sdot export`: readings and rollups into a file."""

from __future__ import annotations

from typing import Annotated, Literal, Optional

import typer

from sdot.commands.options import Data

Districts = Annotated[
    Optional[list[str]],  # noqa: UP045 typer reads it at run time
    typer.Option(
        "--district", help="A district, by code or name; may be given several times (default: the city)."
    ),
]
Serials = Annotated[
    Optional[list[str]],  # noqa: UP045 typer reads it at run time
    typer.Option("--sensor", help="A sensor, by serial; may be given several times."),
]
Metrics = Annotated[
    Optional[list[str]],  # noqa: UP045 typer reads it at run time
    typer.Option("--metric", help="A metric, by key; may be given several times (default: all)."),
]
Since = Annotated[
    Optional[str],  # noqa: UP045 typer reads it at run time
    typer.Option(help="From when on: 7d before now, or a time of the city such as 2026-05-01T14:00."),
]
Until = Annotated[
    Optional[str],  # noqa: UP045 typer reads it at run time
    typer.Option(help="Up to when, itself not included; as --since."),
]
LevelName = Annotated[
    Literal["raw", "sensor_10min", "sensor_hour", "district_10min", "district_hour", "district_day"],
    typer.Option("--level", help="Readings as they came, or a rollup (docs/rollups.md)."),
]
FormatName = Annotated[
    Optional[Literal["csv", "parquet"]],  # noqa: UP045 typer reads it at run time
    typer.Option(
        "--format", help="Default: by the ending .csv, .csv.gz or .parquet; CSV to standard output."
    ),
]


def export(  # noqa: PLR0913, PLR0917 one parameter an option
    file: Annotated[str, typer.Argument(help="The file to write, or - for standard output.")],
    level: LevelName = "raw",
    district: Districts = None,
    sensor: Serials = None,
    metric: Metrics = None,
    since: Since = None,
    until: Until = None,
    kind: FormatName = None,
    data: Data = None,
) -> None:
    """Write readings or rollups as CSV or Parquet; `sdot import` takes the file back without a change (docs/export.md)."""
    from datetime import UTC, datetime

    from city.exchange import Level
    from city.pack import load_pack
    from sdot import exporter
    from sdot.outfile import format_of
    from sdot.running import find_settings

    settings = find_settings(data, "database_url")
    pack, now = load_pack(settings.city), datetime.now(UTC)
    begin = exporter.instant_of(since, "--since", pack, now)
    end = exporter.instant_of(until, "--until", pack, now)
    wish = exporter.Wish(Level(level), district or (), sensor or (), metric or (), begin, end)
    done = exporter.run(settings, file, format_of(file, kind), wish)
    first, last = (one.astimezone(pack.zone) for one in (done.first, done.last))
    typer.echo(
        f"{file}: {done.rows:,} {level} rows of {done.places:,} {'sensors' if wish.level.of_sensors else 'districts'}, "
        f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} ({pack.zone})",
        err=True,
    )
