"""`sdot broker`: what the broker has to be told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sdot.commands.options import Data

app = typer.Typer(no_args_is_help=True)

#: How often the database is asked whether a login came or went.
LOOK_EVERY_S = 2.0


@app.callback()
def _broker() -> None:
    """Tell the broker who may log in."""  # makes it a group while it has a single command


@app.command()
def passwords(
    file: Annotated[Path, typer.Option(dir_okay=False, help="Mosquitto's password file.")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on, and write it anew at each change.")
    ] = False,
    data: Data = None,
) -> None:
    """Write the logins of devices, and of the services in SDOT_BROKER_USERS, for mosquitto (SIGHUP has it read them)."""
    from city import logs
    from city.errors import SettingsError
    from city.settings import require
    from sdot.logins import hashed
    from sdot.running import find_settings

    settings = find_settings(data)
    logs.set_up(settings.log_format)
    if not file.parent.is_dir():
        raise SettingsError(f"there is no folder {file.parent}; make it, or give another --file")
    url = require(settings.broker_url, "SDOT_BROKER_DATABASE_URL or SDOT_ADMIN_DATABASE_URL")
    services = {name: hashed(password) for name, password in settings.services.items()}
    if follow:
        _follow(url, file, services)
    _write(url, file, services)


def _write(url: str, file: Path, services: Mapping[str, str]) -> None:
    from city.db import connect

    with connect(url, "sdot broker") as conn:
        _put(conn, file, services)


def _put(conn: Any, file: Path, services: Mapping[str, str]) -> None:
    import logging

    from city.db import told
    from sdot import logins

    with told("the logins cannot be read"):
        devices = logins.devices_of(conn)
    if logins.write(file, logins.password_file(devices, services)):
        logging.getLogger("sdot.broker").info(
            "%s holds %d devices and %d services now", file, len(devices), len(services)
        )


def _follow(url: str, file: Path, services: Mapping[str, str]) -> None:
    """Until SIGINT or SIGTERM. A database that is away is waited for; the file stays as it is meanwhile."""
    import logging

    from city.db import connect
    from city.errors import DatabaseError

    told = ""
    while True:
        try:
            with connect(url, "sdot broker") as conn:
                while True:
                    _put(conn, file, services)
                    told = ""
                    time.sleep(LOOK_EVERY_S)
        except DatabaseError as error:
            if str(error) != told:
                told = str(error)
                logging.getLogger("sdot.broker").warning("%s; trying again", told)
            time.sleep(LOOK_EVERY_S)
