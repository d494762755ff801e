"""What `sdot up` asks of a city's database: to be of this version, and whether its past is still to be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from city import db
from city.errors import DatabaseError
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from sql import runner


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


def lacks_history(settings: Settings) -> bool:
    """Whether a simulated sensor has no reading yet, or none is registered: there is a past to write."""
    with db.connect(require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL"), "sdot up") as connection:
        row = connection.execute(db.statement("lacks_history")).fetchone()
        return bool(row and row[0])


def _migrate(connection: Any, pack: CityPack) -> list[str]:
    return runner.migrate(
        connection, pack.catalogue.metrics, pack.districts, city=pack.name, time_zone=pack.timezone
    )
