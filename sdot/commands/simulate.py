"""`sdot simulate`: sensors that do not exist, live or in the past."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from sdot.commands.options import (
    SENSORS,
    Columns,
    Connections,
    Data,
    District,
    Faults,
    Files,
    ScenarioName,
    Sensors,
    Speed,
    TruthFile,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Simulated sensors: live, or their history; faults and scenarios; what files recorded.",
)

Credentials = Annotated[
    Optional[Path],  # noqa: UP045 typer reads it at run time
    typer.Option(
        help="CSV of serial and password, as `sdot sensor credentials` prints it: each connection logs in as its "
        "sensor (with --connections per-device)."
    ),
]
Protocol = Annotated[str, typer.Option(help="What they speak: a module of simulator/protocols.")]
Start = Annotated[
    str,
    typer.Option(
        help="When the scenario starts, and what the times of a file of faults count from: now, -2h (it has been on "
        "for so long), or RFC 3339."
    ),
]


@app.command()
def live(  # noqa: PLR0913, PLR0917 one parameter an option
    data: Data = None,
    sensors: Sensors = SENSORS,
    speed: Speed = 1.0,
    connections: Connections = "shared",
    credentials: Credentials = None,
    protocol: Protocol = "json_v1",
    faults: Faults = None,
    truth: TruthFile = None,
    scenario: ScenarioName = None,
    district: District = None,
    start: Start = "now",
) -> None:
    """Register the simulated sensors and publish for them from where they left off (an hour at most), until Ctrl-C."""
    from sdot.simulation import Wanted, run
    from simulator.live import Options

    wanted = Wanted(data, sensors, faults, truth, scenario, start, district)
    run(wanted, Options(speed, connections == "per-device", credentials, protocol))


@app.command()
def scenario(  # noqa: PLR0913, PLR0917 one parameter an option
    name: Annotated[
        Optional[str],  # noqa: UP045 typer reads it at run time
        typer.Argument(metavar="NAME|FILE", help="A shipped scenario, or a TOML file."),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="Tell the shipped scenarios, or the events of this one, and end.")
    ] = False,
    data: Data = None,
    sensors: Sensors = SENSORS,
    speed: Speed = 1.0,
    connections: Connections = "shared",
    district: District = None,
    start: Start = "now",
    faults: Faults = None,
    truth: TruthFile = None,
) -> None:
    """Be the simulated sensors while a scenario plays, until its end or Ctrl-C; tells each event as it happens."""
    from sdot.simulation import Wanted, described, run
    from simulator.live import Options

    wanted = Wanted(data, sensors, faults, truth, name, start, district, to_the_end=True)
    if listing or name is None:
        for line in described(wanted):
            typer.echo(line)
    else:
        run(wanted, Options(speed, connections == "per-device"))


@app.command()
def faults(
    listing: Annotated[
        bool, typer.Option("--list", help="Explain each kind of fault (what it does without any option).")
    ] = True,
) -> None:
    """Explain the kinds of fault that `--faults` of `live`, `scenario` and `backfill` injects."""
    from sdot.faultlist import explained

    if listing:
        explained()


@app.command()
def backfill(
    data: Data = None,
    sensors: Sensors = SENSORS,
    days: Annotated[float, typer.Option(min=0, max=3660, help="How far back it begins.")] = 7.0,
    every: Annotated[
        str, typer.Option(help="Time between two readings of a sensor, such as 10m or 1h: for years.")
    ] = "2m",
    faults: Faults = None,
    truth: TruthFile = None,
    out: Annotated[
        Optional[str],  # noqa: UP045 typer reads it at run time
        typer.Option(
            metavar="FILE",
            help="Write it to this .parquet or .csv file, as `sdot export` would, and to no database.",
        ),
    ] = None,
) -> None:
    """Write what is missing of the simulated sensors' past, up to now; may be stopped, continued and run twice."""
    from sdot.history import Wanted, seconds_of
    from sdot.running import find_settings

    wanted = Wanted(days, sensors, seconds_of(every), faults, truth)
    if out is not None:
        from sdot.simfile import write as write_file

        write_file(find_settings(data), wanted, out)
        return
    from sdot.history import backfill as write

    write(find_settings(data), wanted)


@app.command()
def replay(
    files: Files,
    columns: Columns = None,
    at: Annotated[
        str,
        typer.Option(
            metavar="now|original|TIME",
            help="When the last reading falls: now, as recorded, or a time of the city.",
        ),
    ] = "now",
    speed: Annotated[
        str, typer.Option(metavar="N|max", help="Times the recorded pace, or as fast as the broker takes it.")
    ] = "max",
    verified: Annotated[bool, typer.Option("--verified", help="New sensors are verified.")] = False,
    data: Data = None,
) -> None:
    """Publish the readings of CSV files over MQTT as their sensors would, in the order of time, until Ctrl-C."""
    import signal
    import threading

    from sdot import replay as replaying
    from sdot.running import find_settings

    wish = replaying.Wish(at, replaying.speed_of(speed), verified)
    settings = find_settings(data, "mqtt_url")
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    done = replaying.run(settings, files, columns, wish, stop)
    for line in replaying.told(done):
        typer.echo(line)
    if not done.published:
        raise typer.Exit(1)
