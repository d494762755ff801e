"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Data = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option(
        "--data", help="Data folder of the `sdot up` to use (default: SDOT_DATA, else the platform's)."
    ),
]

Files = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=False, help="CSV files, gzip or not.", show_default=False),
]

Columns = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option(
        exists=True,
        dir_okay=False,
        help="A map of the columns (TOML, docs/import.md); default: the city's own layouts, known by their header.",
    ),
]
