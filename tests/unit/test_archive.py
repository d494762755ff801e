"""Which level answers: the finest that a chart can show and that is kept, told with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.archive import LEVELS, MAX_POINTS, Kept, Level, choose

NOW = datetime(2026, 6, 17, 5, 20, tzinfo=UTC)
KEPT = Kept(raw=NOW - timedelta(days=400), hours=NOW - timedelta(days=1826))


@pytest.mark.parametrize(
    ("unit", "days", "level", "why"),
    [
        ("district", 1, Level.TEN_MINUTES, "finest"),
        ("district", 13.8, Level.TEN_MINUTES, "finest"),
        ("district", 14, Level.HOUR, "points"),
        ("district", 83, Level.HOUR, "points"),
        ("district", 84, Level.DAY, "points"),
        ("district", 20 * 365, Level.DAY, "points"),
        ("sensor", 1, Level.RAW, "finest"),
        ("sensor", 2.7, Level.RAW, "finest"),
        ("sensor", 3, Level.TEN_MINUTES, "points"),
        ("sensor", 30, Level.HOUR, "points"),
        ("sensor", 365, Level.DAY, "points"),
    ],
)
def test_the_finest_that_fits(unit, days, level, why):
    chosen = choose(unit, NOW - timedelta(days=days), NOW, KEPT)
    assert (chosen.level, chosen.why) == (level, why)


def test_what_is_gone_is_not_offered():
    start = NOW - timedelta(days=500)
    assert choose("sensor", start, start + timedelta(days=1), KEPT).why == "kept"
    assert choose("sensor", start, start + timedelta(days=1), KEPT).level is Level.HOUR
    assert choose("district", NOW - timedelta(days=2000), NOW - timedelta(days=1999), KEPT).level is Level.DAY


def test_a_coarser_level_may_be_asked_for():
    assert choose("district", NOW - timedelta(days=1), NOW, KEPT, Level.DAY).level is Level.DAY


@pytest.mark.parametrize("unit", LEVELS)
@pytest.mark.parametrize("hours", [1, 24, 24 * 7, 24 * 60, 24 * 1500])
def test_never_more_points_than_a_chart_shows(unit, hours):
    span = timedelta(hours=hours)
    assert span / choose(unit, NOW - span, NOW, KEPT).level.step <= MAX_POINTS
