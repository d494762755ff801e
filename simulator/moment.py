"""Times as people write them in faults and scenarios: `+10m` after the start, `2h`, or RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from city.errors import SettingsError

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def span_ms(text: str) -> int:
    """Milliseconds of a length such as `90s`, `20m`, `1h30m` or `2d`; ValueError with what it should be."""
    found = _SPAN.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no length of time; write such as 90s, 20m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return round(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) / _MS)


def moment_ms(text: str, start_ms: int) -> int:
    """Milliseconds of the epoch of `+10m` (after the start), `-2h` (before it), `now` (it) or RFC 3339.

    ValueError with what it should be.
    """
    if text == "now":
        return start_ms
    if text[:1] in ("+", "-"):
        return start_ms + (-1 if text[0] == "-" else 1) * span_ms(text[1:])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{text!r} is no time; write such as +10m, -2h or 2026-11-24T14:30:00+09:00")
    return (moment - _EPOCH) // _MS


def start_of(text: str, now_ms: int) -> int:
    """As `moment_ms`, for an option; SettingsError with what it should be."""
    try:
        return moment_ms(text, now_ms)
    except ValueError as error:
        raise SettingsError(f"--start: {error}") from None
