"""Values that came before their metric had a column: out of `extra`, as if they had come today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from city.db import statement
from city.metrics import Metric

#: Of one transaction: batches of ingest wait for a row at most so long.
STEP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Promoted:
    """What became of a metric's values in `extra`."""

    promoted: int
    #: of these, outside the plausible range
    flagged: int
    #: no numbers, or outside the possible range
    left: int


def promote(conn: psycopg.Connection[Any], metric: Metric) -> Promoted:
    """Bring all values above the horizon into the metric's column; twice changes nothing more.

    `conn` is the owner's, in autocommit mode. A column that holds a value keeps it.
    """
    low, high = _span(conn)
    promoted = flagged = left = 0
    while low is not None and high is not None and low <= high:
        given = _given(metric) | {"low": low, "high": low + STEP}
        row = conn.execute(statement("promote_metric", [metric.key]), given).fetchone() or (0, 0)
        promoted, flagged = promoted + row[0], flagged + row[1]
        row = conn.execute(statement("count_unpromoted"), given).fetchone() or (0,)
        left += row[0]
        low += STEP
    conn.execute(statement("promote_latest", [metric.key]), _given(metric))
    return Promoted(promoted, flagged, left)


def _span(conn: psycopg.Connection[Any]) -> tuple[datetime | None, datetime | None]:
    row = conn.execute(statement("extra_span")).fetchone()
    return (row[0], row[1]) if row else (None, None)


def _given(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key, "bit": metric.bit, "name": metric.key, "unit": metric.unit,
        "least": metric.possible[0], "most": metric.possible[1],
        "low_plausible": metric.plausible[0], "high_plausible": metric.plausible[1],
    }  # fmt: skip
