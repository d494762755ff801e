"""Spans as a person writes them: 15m, 1h, 7d."""

from __future__ import annotations

import re
from datetime import timedelta

from city.errors import SettingsError

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """The length that `text` means; SettingsError where it is none."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise SettingsError(f"{text!r} is no span; write 15m, 1h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
