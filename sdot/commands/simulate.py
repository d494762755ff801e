"""`sdot simulate`: sensors that do not exist, live or in the past."""

from __future__ import annotations

from typing import Annotated

import typer

from sdot.commands.options import Columns, Data, Files

app = typer.Typer(
    no_args_is_help=True, help="Simulated sensors: live, or their history; and what files recorded."
)


@app.command()
def live(
    data: Data = None,
    speed: Annotated[
        float, typer.Option(min=0.01, max=1000, help="How much faster than life they send.")
    ] = 1.0,
) -> None:
    """Register the simulated sensors and publish for them from where they left off (an hour at most), until Ctrl-C."""
    import logging
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
    city = SimCity(pack)
    since = register(settings, pack, city)
    logging.getLogger(__name__).info("the newest simulated reading is before %s", since)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    simulation.run(settings, pack, speed, stop, since=since, city=city)


@app.command()
def backfill(
    data: Data = None,
    days: Annotated[float, typer.Option(min=0, max=28, help="How far back it begins.")] = 7.0,
) -> None:
    """Write the history of the simulated sensors that have none, up to now; an interrupted one is continued."""
    from sdot.history import backfill as write
    from sdot.running import find_settings

    write(find_settings(data), days)


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
