"""Blocks of readings by the wire contract's rules at COPY's speed: new rows, repeats found by columns, the rest folded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
from psycopg import errors

from city.db import statement
from city.metrics import Catalogue
from ingest import findings, ledger, quarantine
from ingest.binary import columns, copy_in, pieces, since_2000
from ingest.block import Block, Column
from ingest.bulk import BulkWriter
from ingest.findings import Found
from ingest.fold import Fact, Outcome, fold
from ingest.newest import Newest, newest
from ingest.quarantine import Case
from ingest.series import keys_of
from ingest.tally import NO_SENSOR
from ingest.writer import MAX_COLLISIONS

#: Readings that are folded one by one at a time.
_FOLDED = 20_000


class MergeWriter(BulkWriter):
    """Merges blocks into what is there; an equal reading changes nothing, another one revises or is kept aside.

    Call it inside one transaction and end with `finish()`, as BulkWriter.
    """

    def __init__(self, conn: psycopg.Connection[Any], catalogue: Catalogue, writer: str) -> None:
        super().__init__(conn, catalogue, writer)
        self._cases: list[Case] = []
        self._found: list[Found] = []
        conn.execute(statement("stage_wanted"))

    def merge(self, block: Block, *, look_first: bool) -> bool:
        """Write a block; whether some of it was there. With `look_first` that is expected."""
        block = block.only(block.order())
        rank = _ranks(block)
        met = self._turn(block.only(rank == 0), look_first=look_first)
        self._turn(block.only(rank == 1), look_first=True)
        self._fold(block.only(rank > 1))
        return met

    def refuse(self, cases: Sequence[Case]) -> None:
        """Keep and count what is quarantined."""
        self._cases += cases
        now = datetime.now(UTC)
        for case in cases:
            self._tally.add_readings(now, case.sensor_id or NO_SENSOR, case.outcome, 1)
            self._tally.add_reason(now, case.refusal.code, case.outcome)

    def flag(self, found: Sequence[Found]) -> None:
        """Take over what was found of values that were merged before."""
        self._found += found

    def finish(self) -> None:
        """Write the newest values, the quarantine and the ledger, and wake the dashboards."""
        self._series.write_latest(self._conn, self._newest)
        findings.apply(self._conn, self._catalogue, self._found, self._writer, self._open_from)
        if self._cases:
            quarantine.keep(self._conn, self._cases, self._writer)
        ledger.raise_counts(self._conn, self._writer, self._tally)
        self._conn.execute(statement("notify"), ["sdot_commit", ""])

    def outcomes(self) -> list[int]:
        """Readings by Outcome, so far."""
        return self._tally.totals()[1]

    def _turn(self, block: Block, *, look_first: bool) -> bool:
        """A block that has no key twice."""
        for _ in range(MAX_COLLISIONS if len(block) else 0):
            try:
                if not look_first:
                    self._store(block)
                    return False
                return self._merge_known(block)
            except errors.UniqueViolation:  # it was there, or came from elsewhere since we looked
                look_first = True
        return False

    def _merge_known(self, block: Block) -> bool:
        with self._conn.transaction():
            known = self._known(block)
            places = known.pop("place")
            same = _equal(block, places, known)
            fresh = np.ones(len(block), dtype=bool)
            fresh[places] = False
            if fresh.any():
                self._store(block.only(fresh))
        self._count(block.only(places[same]), datetime.now(UTC), Outcome.DUPLICATE)
        differ = {key: column[~same] for key, column in known.items()}
        self._fold(block.differing(places[~same], differ))
        return bool(len(places))

    def _known(self, block: Block) -> dict[str, Column]:
        """What is there: place in the block, revision, and the block's metrics, NaN for null."""
        self._conn.execute(statement("delete_wanted"))
        count = len(block)
        fields = [
            ("place", ">i4", np.arange(count)),
            ("sensor_id", ">i4", block.sensor_ids),
            ("time", ">i8", since_2000(block.times)),
        ]
        copy_in(self._conn, statement("copy_wanted"), pieces(fields, count))
        keys = tuple(block.values)
        found = [("place", ">i4"), ("revision", ">i4"), *((key, ">f4") for key in keys)]
        rows = self._conn.execute(statement("known_readings", keys), binary=True)
        return columns(b"".join(row[0] for row in rows), found)

    def _fold(self, block: Block) -> None:
        for start in range(0, len(block), _FOLDED):
            part = block.only(np.arange(start, min(start + _FOLDED, len(block))))
            now = datetime.now(UTC)  # the minute of arrival, in rows and in the ledger
            self._fold_facts(list(part.facts(self._districts, now)), now)

    def _fold_facts(self, facts: list[Fact], now: datetime) -> None:
        existing = self._series.existing(self._conn, keys_of(facts))
        folded = fold(facts, existing)
        self._conn.execute(statement("clear_staged_reading"))  # an earlier part of this transaction was there
        self._series.write(self._conn, folded, self._open_from)
        for sensor, row in newest(folded.accepted, self._series.plausible).items():
            self._add_newest(sensor, row)
        for fact, outcome in zip(facts, folded.outcomes, strict=True):
            self._tally.add_readings(now, fact.sensor_id, outcome, 1)

    def _add_newest(self, sensor: int, row: Newest) -> None:
        known = self._newest.setdefault(sensor, row)
        known.time = max(known.time, row.time)
        known.changed_at = max(known.changed_at, row.changed_at)
        for key, value in row.values.items():
            if key not in known.values or value[1] >= known.values[key][1]:
                known.values[key] = value


def _ranks(block: Block) -> Column:
    """How often the key of each row of a sorted block came before it."""
    same = np.zeros(len(block), dtype=bool)
    same[1:] = (block.sensor_ids[1:] == block.sensor_ids[:-1]) & (block.times[1:] == block.times[:-1])
    count = np.arange(len(block))
    first = np.maximum.accumulate(np.where(same, 0, count))
    ranks: Column = count - first
    return ranks


def _equal(block: Block, places: Column, known: dict[str, Column]) -> Column:
    """Which of the rows at `places` say what is known, with no higher revision."""
    same: Column = block.revision_column()[places] <= known["revision"]
    for key, column in block.values.items():
        told, stored = column[places], known[key]
        same &= (told == stored) | (np.isnan(told) & np.isnan(stored)) | ~block.says(key)[places]
    return same
