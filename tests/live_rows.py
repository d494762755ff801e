"""Rows of the live page, written into PostgreSQL as ingest would write them, without ingest."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from city.metrics import load_catalogue
from tests.servers.postgres import Database

BITS = {metric.key: metric.bit for metric in load_catalogue()}


class LiveRows:
    """Registers sensors, stores readings, beats ingest's heart; each call is committed and told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _commit(self, *statements: tuple[str, tuple[object, ...]]) -> list[object]:
        with self._database.connect() as connection, connection.transaction():
            found = [_first(connection.execute(query, values)) for query, values in statements]  # type: ignore[call-overload]
            connection.execute("SELECT pg_notify('sdot_commit', '')")
        return found

    def register(self, serial: str, district: str | None = None, state: str = "verified") -> int:
        """A new sensor; its id."""
        [*_, sensor_id] = self._commit(
            ("SELECT registration_begin()", ()),
            (
                (
                    "INSERT INTO sensor (serial, district_id, state, registered_by, version) VALUES "
                    "(%s, (SELECT district_id FROM district WHERE code = %s), %s, 'test', "
                    "(SELECT registry_version FROM checkpoint)) RETURNING sensor_id"
                ),
                (serial, district, state),
            ),
        )
        assert isinstance(sensor_id, int)
        return sensor_id

    def verify(self, serial: str) -> None:
        """Bring a sensor into its district's figure."""
        self._commit(
            ("SELECT registry_begin()", ()),
            (
                (
                    "UPDATE sensor SET state = 'verified', version = (SELECT registry_version FROM checkpoint) "
                    "WHERE serial = %s"
                ),
                (serial,),
            ),
        )

    def store(
        self, sensor_id: int, time: datetime, flagged: tuple[str, ...] = (), **values: float | None
    ) -> None:
        """A reading, its values in `latest` (where they are the newest) and in the ledger."""
        keys = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        flags = sum(1 << BITS[key] for key in flagged)
        newest = ", ".join(f"{key}, {key}_time, {key}_flagged" for key in values)
        cells = [cell for key, value in values.items() for cell in (value, time, key in flagged)]
        update = ", ".join(
            f"{column} = CASE WHEN excluded.{key}_time >= coalesce(l.{key}_time, '-infinity') "
            f"THEN excluded.{column} ELSE l.{column} END"
            for key in values
            for column in (key, f"{key}_flagged", f"{key}_time")
        )
        self._commit(
            ("SELECT ensure_partition(%s)", (time,)),
            (
                (
                    f"INSERT INTO reading (time, sensor_id, received_at, flags, {keys}) VALUES (%s, %s, now(), %s, {marks}) "
                    f"ON CONFLICT (sensor_id, time) DO UPDATE SET {', '.join(f'{key} = excluded.{key}' for key in values)}"
                ),
                (time, sensor_id, flags, *values.values()),
            ),
            (
                (
                    f"INSERT INTO latest AS l (sensor_id, time, changed_at, {newest}) VALUES "
                    f"(%s, %s, now(), {', '.join(['%s'] * len(cells))}) ON CONFLICT (sensor_id) DO UPDATE SET "
                    f"time = greatest(l.time, excluded.time), changed_at = now(), {update}"
                ),
                (sensor_id, time, *cells),
            ),
            (
                (
                    "INSERT INTO ledger_sensor_day_writer AS l (writer, sensor_id, day, messages, stored) "
                    "VALUES ('test', %s, '2026-01-01', 1, 1) ON CONFLICT (sensor_id, day, writer) "
                    "DO UPDATE SET messages = l.messages + 1, stored = l.stored + 1"
                ),
                (sensor_id,),
            ),
        )

    def beat(
        self, slot: int = 0, *, seconds_ago: float = 0, broker_ok: bool = True, released: bool = False
    ) -> None:
        """Ingest's heart beat so long ago."""
        self._commit(
            (
                (
                    "INSERT INTO worker AS w (slot, writer, host, pid, started_at, seen_at, released_at, broker_ok, "
                    "broker_since) VALUES (%s, %s, 'here', 1, now(), now() - make_interval(secs => %s), "
                    "CASE WHEN %s THEN now() END, %s, now()) ON CONFLICT (slot) DO UPDATE SET seen_at = excluded.seen_at, "
                    "released_at = excluded.released_at, broker_ok = excluded.broker_ok, "
                    "broker_since = CASE WHEN w.broker_ok = excluded.broker_ok THEN w.broker_since ELSE now() END"
                ),
                (slot, f"ingest/{slot}", seconds_ago, released, broker_ok),
            )
        )


def _first(cursor: psycopg.Cursor[tuple[object, ...]]) -> object:
    return cursor.fetchone()[0] if cursor.description and cursor.rowcount else None  # type: ignore[index]


def now() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)
