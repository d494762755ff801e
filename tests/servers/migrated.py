"""A migrated database to copy: migrations run once an engine, not once a test."""

from __future__ import annotations

from tests.servers.postgres import Database, Server

#: Roles that migration makes without login; a test logs in as them.
ROLES = ("sdot_ingest", "sdot_dashboard", "sdot_broker")


def migrated(server: Server, pack: str = "seoul") -> str:
    """Name of the template database for that city pack."""
    return server.template(pack, lambda database: fill(database, pack))


def fill(database: Database, pack: str = "seoul") -> list[str]:
    """Migrate it as `sdot db migrate` does; what was done, a line each."""
    from city.pack import load_pack
    from sql.runner import migrate

    city = load_pack(pack)
    with database.connect() as connection:
        done = migrate(connection, city.catalogue, city.districts, city.name, city.timezone)
        for role in ROLES:
            connection.execute(f"ALTER ROLE {role} LOGIN")
    return done
