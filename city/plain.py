"""Plain messages: a time and numbers, nothing else. Most are, and a whole batch of them is read as columns.

What is not plain (a null, an unknown key, a description, a fault) is left to `city.contract.Decoder`, which has the last
word on everything: a reader of columns may refuse to read, but never reads anything else than the decoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from city.metrics import Catalogue
from city.reading import MAX_READINGS

#: What a metric is that a reading does not carry. JSON has no NaN, so no reading carries it.
ABSENT = math.nan

#: A decoded reading: an attribute a metric, and `time`.
PlainReading = Any


class PlainDecoder:
    """Decodes `<prefix>/<serial>/reading` bodies that are plain."""

    def __init__(self, catalogue: Catalogue) -> None:
        #: metric → its attribute
        self.attributes = {metric.key: f"m{place}" for place, metric in enumerate(catalogue)}
        reading = msgspec.defstruct(
            "PlainReading",
            [("time", str), *((name, float, ABSENT) for name in self.attributes.values())],
            rename={name: key for key, name in self.attributes.items()},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(reading | list[reading]).decode  # type: ignore[valid-type]

    def readings(self, payload: bytes) -> Sequence[PlainReading] | None:
        """The readings of a body in order, unchecked but for their types; None where it is not plain."""
        try:
            body = self._decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        if type(body) is not list:
            return (body,)
        return body if 0 < len(body) <= MAX_READINGS else None
