"""A reading: the values of one sensor at one instant, and why one may be refused."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: Serials: safe in topics, files, URLs and shells.
SERIAL = re.compile(r"[A-Za-z0-9._:-]{1,64}")
#: A message over this many bytes is rejected (wire contract v1).
MAX_MESSAGE_BYTES = 256 * 1024
#: A message with more readings is quarantined.
MAX_READINGS = 1000
#: Arrays and objects inside each other, the outermost counted.
MAX_NESTING = 3
#: `extra` keeps at most so many keys and so many bytes as JSON; beyond, keys are dropped and counted.
MAX_EXTRA_KEYS, MAX_EXTRA_BYTES = 32, 2048
#: `revision` is a PostgreSQL integer.
MAX_REVISION = 2**31 - 1
#: Model and kind are short labels.
MAX_LABEL = 64

_FLOAT32 = struct.Struct("<f")


def float32(value: float) -> float:
    """`value` as a `real` column gives it back; OverflowError beyond float32."""
    rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    return rounded


@dataclass(frozen=True, slots=True)
class About:
    """What a sensor says of itself; None where it says nothing."""

    district: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    model: str | None = None
    kind: str | None = None


@dataclass(slots=True)
class Reading:
    """One reading as a message carries it, before anything is known of its sensor."""

    #: instant of measurement, timezone-aware; None where the time of arrival counts
    time: datetime | None
    #: metric key → value rounded to float32, or None to clear it
    values: dict[str, float | None]
    #: 0 where the message has none
    revision: int = 0
    #: serial of the sensor behind a gateway
    sensor: str | None = None
    about: About | None = None
    #: unknown keys, personal ones nulled, cut to the limits
    extra: Mapping[str, Any] | None = None
    #: keys that the limits of `extra` cost, cut to MAX_LABEL characters
    extra_dropped: tuple[str, ...] = ()
    #: place in the message's array; 0 for a lone object
    index: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message, or one reading of it, is quarantined or rejected."""

    #: stable name for counters
    code: str
    #: one line a person can act on
    text: str
    #: place in the message's array; None for the whole message
    index: int | None = None
    #: goes to quarantine; False: counted only, since enough like it are kept
    kept: bool = True
