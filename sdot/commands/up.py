"""`sdot up`: everything on this machine with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from sdot.commands.options import (
    SENSORS,
    Connections,
    District,
    Faults,
    ScenarioName,
    Sensors,
    Speed,
    TruthFile,
)

Broker = Annotated[
    Literal["auto", "mosquitto", "iotcore"], typer.Option(help="auto: mosquitto where it is on PATH.")
]
Folder = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option(
        "--data", help="Folder of all data (default: SDOT_DATA, else the platform's; as root /var/lib/sdot)."
    ),
]
History = Annotated[
    float, typer.Option(min=0, max=3660, help="Days of simulated history that a first start writes.")
]
HttpPort = Annotated[
    Optional[int],  # noqa: UP045 typer reads it at run time
    typer.Option(
        min=1, max=65535, help="First port to try for the dashboard (default: SDOT_HTTP_PORT, 8050)."
    ),
]
Listen = Annotated[str, typer.Option(help="Address for sensors; beyond this machine it needs mosquitto.")]
Simulated = Annotated[
    bool, typer.Option("--simulator/--no-simulator", help="Simulated sensors, or wait for real ones.")
]
Workers = Annotated[
    Optional[int],  # noqa: UP045 typer reads it at run time
    typer.Option(min=1, max=64, help="Ingest processes (more than one needs mosquitto)."),
]


def up(  # noqa: PLR0913, PLR0917 one parameter an option
    data: Folder = None,
    simulator: Simulated = True,
    workers: Workers = None,
    listen: Listen = "127.0.0.1",
    broker: Broker = "auto",
    mqtt_port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try for sensors.")] = 1883,
    http_port: HttpPort = None,
    history_days: History = 7.0,
    speed: Speed = 1.0,
    sensors: Sensors = SENSORS,
    connections: Connections = "shared",
    faults: Faults = None,
    truth: TruthFile = None,
    scenario: ScenarioName = None,
    district: District = None,
) -> None:
    """Run database, broker, ingest, dashboard and a simulated city here, until Ctrl-C."""
    wishes = locals()  # the options, by their names
    from city.settings import load_settings
    from sdot.stack import Stack, Wishes

    Stack(Wishes(**wishes), load_settings()).run()
