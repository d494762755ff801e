"""`sdot metric`: metrics that a pack added after their values came."""

from __future__ import annotations

from typing import Annotated

import typer

from sdot.commands.options import Data

app = typer.Typer(no_args_is_help=True, help="Metrics that came before their pack knew them.")


@app.callback()
def _group() -> None:
    """Keeps `promote` a word of its own: typer would make the only command of a group the group."""


@app.command()
def promote(
    key: Annotated[str, typer.Argument(help="The metric's key, as the pack and the messages have it.")],
    data: Data = None,
) -> None:
    """Bring a metric's values out of `extra` into its column, from the horizon on; rollups follow by themselves."""
    from city import db
    from city.errors import SettingsError
    from city.pack import load_pack
    from city.settings import require
    from maintain.promotion import promote as bring
    from sdot.running import find_settings

    settings = find_settings(data, "admin_database_url")
    catalogue = load_pack(settings.city).catalogue
    if key not in catalogue:
        raise SettingsError(f"the pack has no metric {key!r}; add it to city.toml and run `sdot db migrate`")
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot metric promote", bounded=False) as connection, db.told("it was not promoted"):
        done = bring(connection, catalogue[key])
    print(f"{done.promoted:,} values of {key} came out of `extra`; {done.flagged:,} of them implausible.")
    if done.left:
        print(f"{done.left:,} stay there: no numbers, or beyond what {key} can be.")
