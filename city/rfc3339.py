"""Times of messages as columns: RFC 3339 texts, upper-case T and Z, an offset, at most nine digits after the point."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

#: A text that is no such time, or one that a calendar has not.
NO_TIME = np.iinfo(np.int64).min
#: Microseconds of a day and of a minute
DAY_US, MINUTE_US = 86_400_000_000, 60_000_000
_MONTHS_OF_2000 = (2000 - 1970) * 12
_DAYS_OF_2000 = 10_957
#: `2026-11-24T14:29:05`, and with an offset
_CLOCK, _OFFSET = "0000-00-00T00:00:00", "+00:00"
#: of a fraction so many digits are told, so many are kept (a timestamptz has microseconds)
_MAX_FRACTION, _KEPT_FRACTION = 9, 6


def since_2000(texts: Sequence[str]) -> Column:
    """int64 microseconds since 2000-01-01T00:00Z, NO_TIME where a text is none; digits beyond them are cut."""
    lengths = set(map(len, texts))
    if len(lengths) == 1:
        return _of_one_length(texts, lengths.pop())
    found = np.full(len(texts), NO_TIME)
    for length in lengths:
        places = [place for place, text in enumerate(texts) if len(text) == length]
        found[places] = _of_one_length([texts[place] for place in places], length)
    return found


def _of_one_length(texts: Sequence[str], length: int) -> Column:
    found = np.full(len(texts), NO_TIME)
    if not length:
        return found
    joined = "".join(texts).encode("ascii", "replace")
    letters = np.frombuffer(joined, dtype=np.uint8).reshape(len(texts), length)
    utc = letters[:, -1] == ord("Z")
    for mask in (utc, ~utc):
        if mask.all():
            return _of_one_kind(letters, utc=bool(utc[0]))
        if mask.any():
            found[mask] = _of_one_kind(letters[mask], utc=mask is utc)
    return found


def _of_one_kind(letters: Column, *, utc: bool) -> Column:
    layout = _layout(letters.shape[1], utc=utc)
    if layout is None:
        return np.full(len(letters), NO_TIME)
    digits_at, weights, others_at, others, sign_at = layout
    digits = letters[:, digits_at] - ord("0")  # anything else wraps round to more than 9
    sound = (digits <= 9).all(axis=1) & (letters[:, others_at] == others).all(axis=1)  # noqa: PLR2004
    # Whole numbers, which numpy multiplies itself: BLAS wakes a thread a core, and those spin after each batch: with
    # arrays of 100 readings that was most of a worker's processor time (measured: 19 µs a reading, 7 without).
    numbers = (digits.astype(np.int64) @ weights).T
    offset = numbers[6] * 60 + numbers[7]
    if sign_at is not None:
        sign = letters[:, sign_at]
        sound &= (sign == ord("+")) | (sign == ord("-"))
        sound &= (numbers[6] < 24) & (numbers[7] < 60)  # noqa: PLR2004 as a clock has
        offset = np.where(sign == ord("-"), -offset, offset)
    instants, there = _instants(numbers[:6], numbers[8])
    return np.where(sound & there, instants - offset * MINUTE_US, NO_TIME)


def _instants(parts: Column, micro: Column) -> tuple[Column, Column]:
    """Microseconds since 2000 of (year, month, day, hour, minute, second), and which of them a calendar has."""
    year, month, day, hour, minute, second = parts
    there = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004 the calendar
    there &= (hour < 24) & (minute < 60) & (second < 60)  # noqa: PLR2004 the clock, without leap seconds
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    start = first.astype("datetime64[D]").astype(np.int64)
    there &= day <= (first + 1).astype("datetime64[D]").astype(np.int64) - start
    days = start + day - 1 - _DAYS_OF_2000
    return days * DAY_US + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro, there


@cache
def _layout(length: int, *, utc: bool) -> tuple[Column, Column, Column, Column, int | None] | None:
    """Of a text that long: places of digits, what each counts in, places of the rest, the rest, place of the sign.

    Counts are year … second, the offset's hours and minutes, microseconds. None where no time has that length.
    """
    tail = "Z" if utc else _OFFSET
    fraction = length - len(_CLOCK) - len(tail) - 1
    if fraction not in (-1, *range(1, _MAX_FRACTION + 1)):
        return None
    text = _CLOCK + ("" if fraction < 0 else "." + "0" * fraction) + tail
    sign = None if utc else text.index("+")
    digits = [place for place, letter in enumerate(text) if letter == "0"]
    others = [place for place, letter in enumerate(text) if letter != "0" and place != sign]
    weights = np.zeros((len(digits), 9), dtype=np.int64)
    widths = [(0, 4), (1, 2), (2, 2), (3, 2), (4, 2), (5, 2)]
    row = 0
    for column, width in [*widths, (8, max(fraction, 0)), *([] if utc else [(6, 2), (7, 2)])]:
        for place in range(width):
            power = (_KEPT_FRACTION if column == 8 else width) - 1 - place  # noqa: PLR2004 microseconds
            weights[row, column] = 10**power if power >= 0 else 0
            row += 1
    told = np.array([ord(text[place]) for place in others], dtype=np.uint8)
    return np.array(digits), weights, np.array(others), told, sign
