"""What becomes of readings of the same sensor and instant: the rules of the wire contract, pure.

Folding a batch gives the same rows, revisions and outcomes as writing its readings one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

Values = Mapping[str, float | None]
Key = tuple[int, datetime]


class Outcome(IntEnum):
    """What became of a reading; a message's outcome is the highest of its readings'."""

    STORED = 0
    REVISED = 1
    DUPLICATE = 2
    QUARANTINED = 3
    REJECTED = 4

    @property
    def label(self) -> str:
        """Lower-case name, as in the ledger's columns."""
        return self.name.lower()


@dataclass(slots=True)
class Fact:
    """A reading whose sensor and instant are known."""

    sensor_id: int
    time: datetime
    values: dict[str, float | None]
    revision: int
    extra: Mapping[str, Any] | None
    district_id: int | None
    received_at: datetime


@dataclass(slots=True)
class Snapshot:
    """A row as it stood before a revision, or what a lower revision carried."""

    key: Key
    revision: int
    values: Values
    extra: Mapping[str, Any] | None
    replaced_at: datetime
    #: a lower revision carried it: the row never held these values
    carried: bool = False


@dataclass(slots=True)
class Row:
    """The stored row of one sensor and instant, and what is to be done with it."""

    values: dict[str, float | None]
    revision: int
    extra: Mapping[str, Any] | None
    district_id: int | None
    received_at: datetime
    #: not in the database yet
    new: bool
    #: differs from the database
    changed: bool = False
    #: flags as stored, whoever set them
    flags: int = 0
    #: metrics that a revision replaced: what was found of their old values holds no longer
    replaced: set[str] = field(default_factory=set)
    #: (revision, values) that `reading_revision` holds of this key
    held: list[tuple[int, Values]] = field(default_factory=list)


@dataclass(slots=True)
class Folded:
    """The result of a batch."""

    rows: dict[Key, Row]
    #: one a fact, in order
    outcomes: list[Outcome]
    #: to be added to `reading_revision`, in order
    snapshots: list[Snapshot]
    #: facts that were stored or revised, in order: what `latest` and `touched` look at
    accepted: list[Fact]


def fold(facts: Iterable[Fact], existing: Mapping[Key, Row]) -> Folded:
    """Apply `facts` in order of arrival to the rows that exist.

    The rows of `existing` are changed in place and appear in the result.
    """
    result = Folded(dict(existing), [], [], [])
    rows = result.rows
    for fact in facts:
        key = (fact.sensor_id, fact.time)
        row = rows.get(key)
        if row is None:
            rows[key] = Row(
                fact.values, fact.revision, fact.extra, fact.district_id, fact.received_at, new=True
            )
            outcome = Outcome.STORED
        else:
            outcome = _again(key, row, fact, result.snapshots)
        if outcome is not Outcome.DUPLICATE:
            result.accepted.append(fact)
        result.outcomes.append(outcome)
    return result


def _again(key: Key, row: Row, fact: Fact, snapshots: list[Snapshot]) -> Outcome:
    """A further fact of a key that has a row."""
    if holds(row.values, fact.values):
        if fact.revision > row.revision:
            row.revision, row.changed = fact.revision, True
        return Outcome.DUPLICATE
    if any(revision == fact.revision and holds(values, fact.values) for revision, values in row.held):
        return Outcome.DUPLICATE
    if fact.revision < row.revision:
        late = Snapshot(key, fact.revision, fact.values, fact.extra, fact.received_at, carried=True)
        _keep(row, snapshots, late)
        return Outcome.DUPLICATE
    _keep(row, snapshots, Snapshot(key, row.revision, row.values, row.extra, fact.received_at))
    row.replaced.update(key for key, value in fact.values.items() if row.values.get(key) != value)
    row.values = {**row.values, **fact.values}
    row.extra = {**(row.extra or {}), **fact.extra} if fact.extra else row.extra
    row.revision, row.changed = fact.revision, True
    return Outcome.REVISED


def _keep(row: Row, snapshots: list[Snapshot], snapshot: Snapshot) -> None:
    snapshots.append(snapshot)
    row.held.append((snapshot.revision, snapshot.values))


def holds(stored: Values, carried: Values) -> bool:
    """Whether every value carried is the one stored; a metric not stored is null."""
    return all(stored.get(key) == value for key, value in carried.items())
