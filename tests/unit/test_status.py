"""How large the levels will be a year from now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sdot.status import Level

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "kept", "times"), [
        (10, None, 37.5),  # for ever: what is there, and a year more
        (100, 400, 4.0),  # as long as it is kept
        (1095, 1825, 4 / 3),
        (500, 400, 0.8),  # a shorter retention than what is there
    ],
)  # fmt: skip
def test_a_level_is_as_large_as_what_is_kept_a_year_from_now(
    days: int, kept: int | None, times: float
) -> None:
    level = Level("reading", 1_000_000, NOW - timedelta(days=days), NOW, raw=True)
    lives = None if kept is None else timedelta(days=kept)
    assert level.in_a_year(lives) == pytest.approx(1_000_000 * times, rel=1e-6)


def test_of_less_than_a_day_nothing_is_told() -> None:
    assert Level("reading", 1, NOW - timedelta(hours=20), NOW, raw=True).in_a_year(None) is None
    assert Level("reading", 1, None, None, raw=True).in_a_year(None) is None
