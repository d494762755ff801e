"""`sdot simulate`: sensors that do not exist, live or in the past."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from sdot.commands.options import SENSORS, Connections, Data, Sensors, Speed

app = typer.Typer(no_args_is_help=True, help="Simulated sensors: live, or their history.")


@app.command()
def live(
    data: Data = None,
    sensors: Sensors = SENSORS,
    speed: Speed = 1.0,
    connections: Connections = "shared",
    credentials: Annotated[
        Optional[Path],  # noqa: UP045 typer reads it at run time
        typer.Option(
            help="CSV of serial and password, as `sdot sensor credentials` prints it: each connection logs in as its "
            "sensor (with --connections per-device)."
        ),
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="What they speak: a module of simulator/protocols.")
    ] = "json_v1",
) -> None:
    """Register the simulated sensors and publish for them from where they left off (an hour at most), until Ctrl-C."""
    import signal
    import threading

    from city import logs
    from city.pack import load_pack
    from sdot.history import register
    from sdot.running import find_settings
    from simulator import live as simulation
    from simulator.city import SimCity

    settings = find_settings(data)
    logs.set_up(settings.log_format)
    pack = load_pack(settings.city)
    city = SimCity(pack, sensors)
    options = simulation.Options(speed, connections == "per-device", credentials, protocol)
    simulation.check(options, city)
    newest = register(settings, pack, city)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    simulation.run(settings, pack, options, stop, newest=newest, city=city)


@app.command()
def backfill(
    data: Data = None,
    sensors: Sensors = SENSORS,
    days: Annotated[float, typer.Option(min=0, max=28, help="How far back it begins.")] = 7.0,
) -> None:
    """Write the history of the simulated sensors that have none, up to now; an interrupted one is continued."""
    from sdot.history import backfill as write
    from sdot.running import find_settings

    write(find_settings(data), days, sensors)
