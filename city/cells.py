"""Cells of a CSV column as numbers: missing markers, fillers, a comma for a point, and what is no number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True, slots=True)
class CellRule:
    """How numbers are written."""

    #: texts that mean "not measured"
    missing: Iterable[str]
    #: as does a cell of nothing but this character; "": none
    filler: str = ""
    decimal: str = "."


def numbers(cells: pa.Array, rule: CellRule) -> tuple[Numbers, Mask]:
    """(float64 with NaN where nothing was measured, whether a cell holds something that is no number)."""
    missing = pa.array(list(rule.missing), pa.string())
    quick = _cast(cells, missing) if rule.decimal == "." else None
    if quick is not None:
        return quick, np.zeros(len(cells), dtype=bool)
    text = pc.utf8_trim_whitespace(cells)
    absent = pc.is_in(text, missing)
    if rule.filler:
        absent = pc.or_(absent, pc.equal(pc.utf8_trim(text, rule.filler), ""))
    if rule.decimal != ".":
        text = pc.replace_substring(text, rule.decimal, ".")
    sound = pc.and_(pc.match_substring_regex(text, _NUMBER), pc.invert(absent))
    found = pc.cast(pc.if_else(sound, text, None), pa.float64()).to_numpy(zero_copy_only=False)
    return found, ~_flat(sound) & ~_flat(absent)


def _cast(cells: pa.Array, missing: pa.Array) -> Numbers | None:
    """The quick way, for a column of numbers and of missing markers alone; None where it is not one."""
    absent = pc.is_in(cells, missing)
    try:
        found = pc.cast(pc.if_else(absent, None, cells), pa.float64())
    except pa.ArrowInvalid:
        return None
    numbers: Numbers = found.to_numpy(zero_copy_only=False)
    return numbers if (np.isfinite(numbers) | _flat(absent)).all() else None  # it takes `nan` and `inf`, too


def _flat(mask: pa.Array) -> Mask:
    flat: Mask = mask.to_numpy(zero_copy_only=False)
    return flat
