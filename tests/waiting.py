"""Waiting for something that another process does: by asking, with an end, and with words for when it never came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Between two questions, seconds: short beside every promise of the product, long beside a query.
EVERY_S = 0.05
#: The end of waiting, seconds: no promise, only when a test that hangs is given up; long enough for a busy machine.
PATIENCE_S = 120.0


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_S, every: float = EVERY_S) -> T:
    """Return the first true value of `condition`; AssertionError naming `what` when it stays false for `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}; the last answer was {value!r}")
        time.sleep(every)
