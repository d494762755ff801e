"""What `sdot up` asks of a city's database: to be of this version, and whether its past is still to be written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from city import db
from city.errors import DatabaseError
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from sql import runner

#: Pause between two attempts to reach a database that is not there yet.
WAIT_S = 1.0


def migrate(settings: Settings, say: Callable[[str], None]) -> bool:
    """Migrate the owner's database for the pack of these settings; whether anything was done.

    Raises DatabaseError where the server is too old, belongs to another city, or refuses.
    """
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot db migrate", bounded=False) as connection:
        try:
            with db.told("the migration failed"):
                done = _migrate(connection, load_pack(settings.city))
        except runner.MigrationError as error:
            raise DatabaseError(str(error)) from None
    for line in done:
        say(f"Migrated: {line}")
    return bool(done)


def wait(settings: Settings, say: Callable[[str], None]) -> None:
    """Return once the owner's database takes connections; why it does not is said once a reason."""
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    said = ""
    while True:
        try:
            db.connect(url, "sdot db migrate").close()
        except DatabaseError as error:
            if str(error) != said:
                said = str(error)
                say(f"Waiting for the database: {said}")
            time.sleep(WAIT_S)
        else:
            return


def give_logins(settings: Settings, say: Callable[[str], None]) -> None:
    """Let the roles of the other URLs log in, with the passwords in them; DatabaseError where the owner may not."""
    owner = db.login_of(require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL"))
    urls = (settings.database_url, settings.read_url, settings.broker_url)
    logins = {found[0]: found[1] for url in urls if (found := db.login_of(url))}
    with db.connect(settings.admin_url, "sdot db migrate") as connection, db.told("no login can be given"):
        for role, password in logins.items():
            if owner is None or role != owner[0]:
                make = {"role": role, "password": password}
                for (statement,) in connection.execute(db.statement("stack_role"), make).fetchall():
                    connection.execute(statement)
                say(f"{role} may log in with the password of its URL.")


def lacks_history(settings: Settings) -> bool:
    """Whether a simulated sensor has no reading yet, or none is registered: there is a past to write."""
    with db.connect(require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL"), "sdot up") as connection:
        row = connection.execute(db.statement("lacks_history")).fetchone()
        return bool(row and row[0])


def _migrate(connection: Any, pack: CityPack) -> list[str]:
    return runner.migrate(
        connection, pack.catalogue.metrics, pack.districts, city=pack.name, time_zone=pack.timezone
    )
