"""Texts of time into instants, a column at once: several formats, 24:00, offsets, a time zone that skips hours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Instants = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]

#: Letter of a format → its pattern: those of strftime, and as much as a clock can say.
_PARTS = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "M": r"\d{1,2}",
    "S": r"\d{1,2}", "f": r"\d{1,9}", "z": r"Z|[+-]\d{2}:?\d{2}",
}  # fmt: skip
_TOKEN = re.compile(r"%(.)|([\[\]])|([^%\[\]]+)", re.DOTALL)
#: Seconds since 1970, or milliseconds, as a format.
UNIX, UNIX_MS = "unix", "unix_ms"
_MICROSECONDS = {UNIX: 1e6, UNIX_MS: 1e3}
_DAY_HOURS, _HOUR_MINUTES, _MINUTE_SECONDS = 24, 60, 60


def check_format(text: str) -> None:
    """ValueError where a format cannot be read, or does not tell a day."""
    if text not in _MICROSECONDS:
        _pattern(text)


@cache
def _pattern(text: str) -> tuple[str, frozenset[str]]:
    """(RE2 pattern, its letters) of a format such as `%Y-%m-%d %H:%M[:%S]`."""
    parts, letters = [], []
    for letter, bracket, literal in _TOKEN.findall(text):
        if letter:
            if letter not in _PARTS or letter in letters:
                raise ValueError(
                    f"time format {text!r}: %{letter} is none of %{', %'.join(_PARTS)}, each once"
                )
            letters.append(letter)
            parts.append(f"(?P<{letter}>{_PARTS[letter]})")
        else:
            parts.append({"[": "(?:", "]": ")?"}.get(bracket, re.escape(literal)))
    if not {"m", "d"} <= set(letters) or not {"Y", "y"} & set(letters):
        raise ValueError(f"time format {text!r} tells no day; write for example %Y-%m-%d %H:%M[:%S]")
    if text.count("[") != text.count("]"):
        raise ValueError(f"time format {text!r} has a bracket without its other half")
    return f"^(?:{''.join(parts)})$", frozenset(letters)


def instants(texts: pa.Array, formats: Sequence[str], zone: str) -> Instants:
    """UTC instants (datetime64[us]) of trimmed texts, by the first format that fits; NaT where none does.

    A local time that comes twice in `zone` is the first of the two, one that the clocks skipped is NaT.
    """
    unique = pc.dictionary_encode(texts)
    if isinstance(unique, pa.ChunkedArray):
        unique = unique.combine_chunks()
    found = np.full(len(unique.dictionary), np.datetime64("NaT", "us"))
    for text in formats:
        open_ = np.isnat(found)
        if not open_.any():
            break
        found[open_] = _by_format(unique.dictionary.filter(pa.array(open_)), text, zone)
    places = unique.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(
        places >= 0, np.append(found, np.datetime64("NaT", "us"))[places], np.datetime64("NaT", "us")
    )


def _by_format(texts: pa.Array, text: str, zone: str) -> Instants:
    if text in _MICROSECONDS:
        return _of_the_epoch(texts, _MICROSECONDS[text])
    pattern, letters = _pattern(text)
    groups = pc.extract_regex(texts, pattern)
    matched = groups.is_valid().to_numpy(zero_copy_only=False)
    parts = {letter: _numbers(groups, letter) for letter in letters - {"f", "z"}}
    local, valid = _local(parts)
    if "f" in letters:
        local = local + _fraction(groups).astype("timedelta64[us]")
    local[~(matched & valid)] = np.datetime64("NaT", "us")
    naive = _in_utc(local, zone)
    if "z" not in letters:
        return naive
    offset, given = _offset(groups)
    return np.where(given, local - offset, naive)


def _of_the_epoch(texts: pa.Array, microseconds: float) -> Instants:
    sound = pc.match_substring_regex(texts, r"^-?\d{1,14}(\.\d+)?$")
    numbers = pc.cast(pc.if_else(sound, texts, None), pa.float64()).to_numpy(zero_copy_only=False)
    known: Instants = np.nan_to_num(numbers * microseconds).astype("int64").astype("datetime64[us]")
    known[np.isnan(numbers)] = np.datetime64("NaT", "us")
    return known


def _group(groups: Any, letter: str) -> Any:
    return pc.struct_field(groups, letter)


def _numbers(groups: Any, letter: str) -> npt.NDArray[np.int64]:
    """Whole numbers of a group, 0 where it matched nothing."""
    text = _group(groups, letter).fill_null("0")
    text = pc.if_else(pc.equal(text, ""), "0", text)
    numbers: npt.NDArray[np.int64] = pc.cast(text, pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _fraction(groups: Any) -> npt.NDArray[np.int64]:
    text = pc.utf8_slice_codeunits(pc.utf8_rpad(_group(groups, "f").fill_null(""), 6, "0"), 0, 6)
    micro: npt.NDArray[np.int64] = pc.cast(text, pa.int64()).to_numpy(zero_copy_only=False)
    return micro


def _local(parts: dict[str, npt.NDArray[np.int64]]) -> tuple[Instants, Mask]:
    """Times of the wall, and whether the calendar and the clock have them; 24:00 is the next day's 0:00."""
    month, day = parts["m"], parts["d"]
    nothing = np.zeros_like(month)
    year = parts["Y"] if "Y" in parts else 2000 + parts["y"]
    hour, minute, second = (parts.get(letter, nothing) for letter in "HMS")
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype("int64")
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (day <= days)  # noqa: PLR2004 the calendar
    valid &= (minute < _HOUR_MINUTES) & (second < _MINUTE_SECONDS)
    valid &= (hour < _DAY_HOURS) | ((hour == _DAY_HOURS) & (minute == 0) & (second == 0))
    seconds = (hour * _HOUR_MINUTES + minute) * _MINUTE_SECONDS + second
    midnight = (first.astype("datetime64[D]") + (day - 1)).astype("datetime64[us]")
    return midnight + (seconds * 1_000_000).astype("timedelta64[us]"), valid


def _offset(groups: Any) -> tuple[npt.NDArray[np.timedelta64], Mask]:
    text = _group(groups, "z").fill_null("")
    given = pc.not_equal(text, "").to_numpy(zero_copy_only=False)
    plain = pc.replace_substring(pc.if_else(pc.is_in(text, pa.array(["", "Z"])), "+0000", text), ":", "")
    number = pc.cast(pc.utf8_slice_codeunits(plain, 1), pa.int64()).to_numpy(zero_copy_only=False)
    minutes = number // 100 * _HOUR_MINUTES + number % 100
    back = pc.starts_with(plain, "-").to_numpy(zero_copy_only=False)
    return np.where(back, -minutes, minutes).astype("timedelta64[m]"), given


def _in_utc(local: Instants, zone: str) -> Instants:
    index = pd.DatetimeIndex(local)
    first = np.ones(len(index), dtype=bool)
    there = index.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    utc: Instants = there.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
    return utc
