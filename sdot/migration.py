"""Bring a city's database to this version."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from city import db
from city.errors import DatabaseError
from city.pack import load_pack
from city.settings import Settings, require
from sql import runner


def migrate(settings: Settings, say: Callable[[str], None]) -> bool:
    """Migrate the owner's database for the pack of these settings; whether anything was done.

    Raises DatabaseError where the server is too old, belongs to another city, or refuses.
    """
    pack = load_pack(settings.city)
    url = require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL")
    with db.connect(url, "sdot db migrate", bounded=False) as connection:
        try:
            done = runner.migrate(
                connection, pack.catalogue.metrics, pack.districts, city=pack.name, time_zone=pack.timezone
            )
        except runner.MigrationError as error:
            raise DatabaseError(str(error)) from None
        except psycopg.Error as error:
            raise DatabaseError(f"the migration failed: {db.one_line(error)}") from error
    for line in done:
        say(f"Migrated: {line}")
    return bool(done)
