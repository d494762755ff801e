"""The newest value of each metric of a sensor: what a batch means for `latest`, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ingest.fold import Fact
from ingest.plausible import Plausible


@dataclass(slots=True)
class Newest:
    """One sensor's row of `latest`, as far as a batch tells."""

    time: datetime
    changed_at: datetime
    #: metric → (value, its time, whether it is flagged); a null value clears
    values: dict[str, tuple[float | None, datetime, bool]] = field(default_factory=dict)


def newest(accepted: Iterable[Fact], plausible: Plausible) -> dict[int, Newest]:
    """Sensor → its newest values among readings that were stored or revised, in order of arrival."""
    found: dict[int, Newest] = {}
    for fact in accepted:
        row = found.get(fact.sensor_id)
        if row is None:
            row = found[fact.sensor_id] = Newest(fact.time, fact.received_at)
        row.time = max(row.time, fact.time)
        row.changed_at = max(row.changed_at, fact.received_at)
        for key, value in fact.values.items():
            old = row.values.get(key)
            if old is None or fact.time >= old[1]:
                row.values[key] = (value, fact.time, plausible.is_flagged(key, value))
    return found
