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
