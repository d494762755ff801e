"""Where what is kept for a time only ends: at a midnight of the city's clock, since days are never half gone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def midnight(instant: datetime, zone: ZoneInfo) -> datetime:
    """The last local midnight at or before."""
    return instant.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
