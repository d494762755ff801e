"""The columnstore of TimescaleDB's Community edition: chunks that are old enough become columns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg

from city.db import statement
from maintain.job import Result

#: Series that have a columnstore, and the time of each.
SERIES = {"reading": "time", "sensor_10min": "bucket", "sensor_hour": "bucket"}
#: Chunks become columns so long after their end: what comes late by days still meets rows, which cost less to change.
AFTER = timedelta(days=14)


class Columnstore:
    """Packs old chunks, one a run, since each takes seconds."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._set = False

    def run(self, now: datetime) -> Result:
        """Pack the oldest chunk that waits; how many wait behind it."""
        if not self._set:
            for series, key in SERIES.items():
                self._conn.execute(statement("set_columnstore"), [series, key])
            self._set = True
        wanted = [list(SERIES), now - AFTER]
        waiting = self._conn.execute(statement("chunks_to_pack"), wanted).fetchall()
        if not waiting:
            return Result("nothing to pack")
        self._conn.execute(statement("pack_chunk"), list(waiting[0]))
        return Result(f"{waiting[0][1]} packed", backlog=len(waiting) - 1, more=len(waiting) > 1)
