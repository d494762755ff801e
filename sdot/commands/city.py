"""`sdot city`: tell what is wrong with a city pack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from city.pack import CityPack

app = typer.Typer(no_args_is_help=True, help="Check city packs.")


@app.callback()
def _group() -> None:
    """Keeps `check` a word of its own: typer would make the only command of a group the group."""


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The pack's folder, or a shipped pack's name.")
    ],
) -> None:
    """Print all that is wrong with a pack and end with status 1, or what is in it."""
    from city.pack import check_pack, folder_of, load_pack

    folder = folder_of(folder)
    problems = check_pack(folder)
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    print(summary(load_pack(folder)))


def summary(pack: CityPack) -> str:
    """What a good pack holds, in a line."""
    own = f", {len(pack.metrics)} of its own" if pack.metrics else ""
    listed = f"; {len(pack.sensors)} sensors" if pack.sensors else ""
    return (
        f"ok: {pack.name}: {pack.city_name('en')}, {len(pack.districts)} districts, "
        f"{len(pack.catalogue)} metrics{own}; {', '.join(pack.languages)}; {pack.timezone}{listed}"
    )
