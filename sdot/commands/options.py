"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

Data = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option(
        "--data", help="Data folder of the `sdot up` to use (default: SDOT_DATA, else the platform's)."
    ),
]

#: Sensors of the simulated city: as many as the network it is modelled on has (S-DoT).
SENSORS = 1100

Sensors = Annotated[
    int, typer.Option("--sensors", min=1, max=100_000, help="How many sensors the simulated city has.")
]

Connections = Annotated[
    Literal["shared", "per-device"],
    typer.Option(help="A few connections for all simulated sensors, or one each, with a last will."),
]

Speed = Annotated[float, typer.Option(min=0.01, max=1000, help="How much more often than in life they send.")]

Faults = Annotated[
    Optional[str],  # noqa: UP045 typer reads it at run time
    typer.Option(
        metavar="FILE|RATE",
        help="Faults: a TOML file (docs/faults.md), or the share of sensor-days with one.",
    ),
]
TruthFile = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option("--truth", help="Write what was injected to this .csv or .parquet file, while it happens."),
]
ScenarioName = Annotated[
    Optional[str],  # noqa: UP045 typer reads it at run time
    typer.Option(help="Play a scenario: a shipped one's name, or a TOML file (docs/scenarios.md)."),
]
District = Annotated[
    Optional[str],  # noqa: UP045 typer reads it at run time
    typer.Option(
        help="Where a scenario of one district plays (default: the district where most sensors count people)."
    ),
]
Files = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        dir_okay=False,
        help="CSV files, gzip or not; `sdot import` takes Parquet of `sdot export`, too.",
        show_default=False,
    ),
]

Columns = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option(
        exists=True,
        dir_okay=False,
        help="A map of the columns (TOML, docs/import.md); default: the city's own layouts, known by their header.",
    ),
]
