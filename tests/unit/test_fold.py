"""What becomes of readings of the same sensor and instant, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.fold import Fact, Folded, Outcome, Row, fold, holds

AT = datetime(2026, 11, 24, 5, tzinfo=UTC)
S, R, D = Outcome.STORED, Outcome.REVISED, Outcome.DUPLICATE


def fact(
    revision: int = 0, time: datetime = AT, sensor: int = 1, extra: Any = None, **values: float | None
) -> Fact:
    return Fact(sensor, time, values, revision, extra, 7, AT)


def row(revision: int = 0, **values: float | None) -> Row:
    """A row of the database, in which every metric is a column."""
    return Row(
        {"pm25": None, "pm10": None} | values, revision, {"old": 1}, 3, AT - timedelta(hours=1), new=False
    )


def folded(*facts: Fact, stored: Row | None = None) -> Folded:
    return fold(facts, {} if stored is None else {(1, AT): stored})


def the_row(result: Folded) -> Row:
    return result.rows[1, AT]


def test_outcomes_are_ordered_as_the_design_says():
    assert [each.label for each in sorted(Outcome)] == [
        "stored",
        "revised",
        "duplicate",
        "quarantined",
        "rejected",
    ]


def test_the_first_is_stored():
    result = folded(fact(pm25=1.0))
    assert result.outcomes == [S]
    assert the_row(result).new
    assert result.accepted
    assert not result.snapshots


@pytest.mark.parametrize(
    ("revisions", "ends_with"), [((0, 0), 0), ((0, 5), 5), ((5, 0), 5), ((0, 5, 3), 5)], ids=str
)
def test_equal_is_a_duplicate_and_the_row_keeps_the_higher_revision(
    revisions: tuple[int, ...], ends_with: int
):
    result = folded(*(fact(revision, pm25=1.0) for revision in revisions))
    assert result.outcomes == [S] + [D] * (len(revisions) - 1)
    assert the_row(result).revision == ends_with
    assert not result.snapshots
    assert len(result.accepted) == 1


def test_a_part_of_what_is_stored_is_a_duplicate():
    assert folded(fact(pm25=1.0, pm10=2.0), fact(pm10=2.0)).outcomes == [S, D]


def test_a_null_for_what_is_not_there_is_a_duplicate():
    assert folded(fact(pm25=1.0), fact(pm10=None)).outcomes == [S, D]


@pytest.mark.parametrize("revision", [0, 1])
def test_another_value_revises(revision: int):
    result = folded(fact(pm25=1.0), fact(revision, pm25=2.0))
    assert result.outcomes == [S, R]
    assert (the_row(result).values, the_row(result).revision) == ({"pm25": 2.0}, revision)
    (old,) = result.snapshots
    assert (old.key, old.revision, old.values) == ((1, AT), 0, {"pm25": 1.0})


def test_a_revision_replaces_what_it_carries_null_clears_and_absent_keeps():
    result = folded(fact(pm25=1.0, pm10=2.0, noise=3.0), fact(pm25=9.0, pm10=None))
    assert the_row(result).values == {"pm25": 9.0, "pm10": None, "noise": 3.0}


def test_a_late_redelivery_of_a_replaced_value_is_a_duplicate():
    result = folded(fact(pm25=1.0), fact(pm25=2.0), fact(pm25=1.0))
    assert result.outcomes == [S, R, D]
    assert the_row(result).values == {"pm25": 2.0}
    assert len(result.snapshots) == 1


def test_a_replaced_value_of_a_higher_revision_is_news():
    result = folded(fact(pm25=1.0), fact(pm25=2.0), fact(1, pm25=1.0))
    assert result.outcomes == [S, R, R]
    assert the_row(result).values == {"pm25": 1.0}


def test_a_lower_revision_is_a_duplicate_and_kept_once():
    result = folded(fact(2, pm25=1.0), fact(1, pm25=5.0), fact(1, pm25=5.0))
    assert result.outcomes == [S, D, D]
    assert (the_row(result).values, the_row(result).revision) == ({"pm25": 1.0}, 2)
    (kept,) = result.snapshots
    assert (kept.revision, kept.values) == (1, {"pm25": 5.0})


def test_extra_is_merged_by_a_revision_only():
    result = folded(
        fact(extra={"a": 1}, pm25=1.0),
        fact(extra={"a": 9}, pm25=1.0),
        fact(pm25=2.0),
        fact(extra={"b": 2}, pm25=3.0),
    )
    assert the_row(result).extra == {"a": 1, "b": 2}


def test_a_stored_row_keeps_its_district_and_its_arrival():
    result = folded(fact(1, pm25=9.0), stored=row(pm25=1.0))
    found = the_row(result)
    assert result.outcomes == [R]
    assert (found.district_id, found.received_at, found.new, found.changed) == (
        3,
        AT - timedelta(hours=1),
        False,
        True,
    )


def test_a_repeat_of_a_stored_row_changes_nothing():
    result = folded(fact(pm25=1.0), stored=row(pm25=1.0))
    assert result.outcomes == [D]
    assert not the_row(result).changed


def test_what_reading_revision_holds_counts_as_in_the_batch():
    stored = row(1, pm25=2.0)
    stored.held.append((0, {"pm25": 1.0, "pm10": None}))
    assert folded(fact(0, pm25=1.0), stored=stored).outcomes == [D]


def test_sensors_and_instants_do_not_meet():
    result = folded(
        fact(pm25=1.0), fact(sensor=2, pm25=2.0), fact(time=AT + timedelta(microseconds=1), pm25=3.0)
    )
    assert result.outcomes == [S, S, S]
    assert len(result.rows) == 3


def test_holds_takes_zero_for_minus_zero():
    assert holds({"pm25": 0.0}, {"pm25": -0.0})
    assert not holds({"pm25": 0.0}, {"pm25": None})
    assert holds({}, {"pm25": None})
