"""Small delays that look like chance and come out the same each time."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from simulator.chance import Whole, key, keys, uniform

#: A device wakes, measures, sends: the message leaves at most this part of its interval after the instant it tells,
#: 1.2 s of 2 minutes; an assumption.
LATEST = 0.01
_SENDING = key(0, "jitter/sending")


def share(name: str, number: int) -> float:
    """A number in [0, 1) that belongs to this name and its so-manieth attempt."""
    return crc32(f"{name}/{number}".encode()) / 2**32


def sending_ms(sensors: Whole, time_ms: Whole, interval_ms: int) -> Whole:
    """When readings taken at `time_ms` leave their sensors (indices), milliseconds of the epoch, int64[n]."""
    drawn = uniform(keys(keys(_SENDING, sensors), time_ms))
    return time_ms + (drawn * (interval_ms * LATEST)).astype(np.int64)
