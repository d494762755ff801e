"""The newest value of each metric of a sensor: what a batch means for `latest`, pure."""

from __future__ import annotations

from collections.abc import Sequence
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


def newest(accepted: Sequence[Fact], plausible: Plausible) -> dict[int, Newest]:
    """Sensor → its newest values among readings that were stored or revised, given in order of arrival."""
    found: dict[int, Newest] = {}
    for fact in reversed(
        accepted
    ):  # the later arrival wins where times are equal, and mostly is the newer one
        time, row = fact.time, found.get(fact.sensor_id)
        if row is None:
            row = found[fact.sensor_id] = Newest(time, fact.received_at)
        row.time = max(row.time, time)
        row.changed_at = max(row.changed_at, fact.received_at)
        values = row.values
        for key, value in fact.values.items():
            old = values.get(key)
            if old is None or time > old[1]:
                values[key] = (value, time, plausible.is_flagged(key, value))
    return found
