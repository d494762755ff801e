"""Flags that an imported file tells of: what quality control, or a person, found where the file was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from city.db import statement
from city.metrics import Catalogue


@dataclass(frozen=True, slots=True)
class Found:
    """A finding on one value of a known sensor."""

    sensor_id: int
    time: datetime
    #: of the reading that was judged
    revision: int
    #: the metric's
    bit: int
    kind: str
    detail: str | None


def apply(
    conn: psycopg.Connection[Any],
    catalogue: Catalogue,
    found: Sequence[Found],
    writer: str,
    open_from: datetime,
) -> None:
    """Flag the values that are of the revision that was judged, in readings, newest values and, by marks, rollups."""
    if not found:
        return
    rows = sorted(found, key=lambda one: (one.sensor_id, one.time, one.bit, one.kind))
    names = ("sensor_id", "time", "revision", "bit", "kind", "detail")
    given = {name: [getattr(one, name) for one in rows] for name in names}
    given |= {"writer": writer, "low": min(given["time"]), "high": max(given["time"])}  # type: ignore[dict-item]
    flagged = conn.execute(statement("apply_findings"), given).fetchall()
    touched = sorted({(row[0], row[1]) for row in flagged if row[1] < open_from})
    if touched:
        conn.execute(statement("insert_touched"), [list(column) for column in zip(*touched, strict=True)])
    for metric in catalogue:
        of = sorted((row[0], row[1]) for row in flagged if row[2] == metric.bit)
        if of:
            columns = [list(column) for column in zip(*of, strict=True)]
            conn.execute(statement("flag_latest", [metric.key]), columns)
