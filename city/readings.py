"""Readings out of a file, as columns, and the rows of it that are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from city.reading import MAX_LABEL, About

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no reading."""

    line: int
    code: str
    text: str
    serial: str | None
    #: the row as JSON, or as it stands where it has another number of cells
    row: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """A flag of another kind than a plausible range sets."""

    #: place of the reading among those of its chunk
    row: int
    #: the metric's
    bit: int
    kind: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Then:
    """What an exported row tells beside its values, as columns: how it stood when it was written."""

    #: code of the district in whose figure it entered, or None
    districts: Column
    #: whether its sensor was unverified
    unverified: Column
    #: JSON as bytes, or None
    extra: Column
    findings: tuple[Finding, ...]

    def only(self, rows: Column) -> Then:
        """Some of the rows, by their places (rising)."""
        places = {row: place for place, row in enumerate(rows.tolist())} if self.findings else {}
        found = tuple(replace(one, row=places[one.row]) for one in self.findings if one.row in places)
        return Then(self.districts[rows], self.unverified[rows], self.extra[rows], found)


@dataclass(frozen=True)
class Readings:
    """The readings of a chunk, as columns of one length."""

    #: distinct serials
    serials: tuple[str, ...]
    #: place in `serials`, int32
    who: Column
    #: datetime64[us], UTC
    times: Column
    #: int32
    revisions: Column
    #: metric → float32; NaN where the file says that nothing was measured
    values: Mapping[str, Column]
    #: line in the file, int64
    lines: Column
    #: what the file tells of a sensor
    about: Mapping[str, About]
    refused: tuple[Refused, ...]
    #: rows of the file behind all this
    rows: int
    #: metric → whether the reading carries it at all; None: all carry all
    carried: Mapping[str, Column] | None = None
    #: rows that were left out because the layout does not map their metric
    unmapped: int = 0
    #: row of the chunk that each reading begins with, and how to show one
    source: Column = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    quote: Callable[[int], bytes] = field(default=lambda _: b"", repr=False)
    #: of an exported file
    then: Then | None = None

    def __len__(self) -> int:
        return len(self.times)

    def row(self, place: int) -> bytes:
        """The file's row behind a reading, as JSON: header → text."""
        return self.quote(int(self.source[place]))


def described(told: Mapping[str, str]) -> About:
    """What can be used of a description; a place that is none is left out, as is a text that is too long."""
    labels = {key: text for key, text in told.items() if text and len(text) <= MAX_LABEL}
    latitude, longitude = _degrees(told.get("latitude"), 90), _degrees(told.get("longitude"), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    return About(labels.get("district"), latitude, longitude, labels.get("model"), labels.get("kind"))


def _degrees(text: str | None, limit: int) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) <= limit else None
