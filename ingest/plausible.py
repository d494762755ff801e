"""Values outside their plausible range: stored, flagged, left out of every aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from city.metrics import Catalogue


class Plausible:
    """The plausible ranges of a catalogue."""

    #: kind of these flags in table `flag`
    KIND = "range"

    def __init__(self, catalogue: Catalogue) -> None:
        #: metric → (lowest, highest, its bit)
        self.limits = {m.key: (m.plausible[0], m.plausible[1], 1 << m.bit) for m in catalogue}
        self._metrics = catalogue.by_key

    def flags(self, values: Mapping[str, float | None]) -> int:
        """Bits of the metrics whose value lies outside."""
        flags = 0
        for key, value in values.items():
            if value is not None:
                low, high, bit = self.limits[key]
                if not low <= value <= high:
                    flags |= bit
        return flags

    def after(self, stored: int, replaced: Iterable[str], values: Mapping[str, float | None]) -> int:
        """Flags of a row some metrics of which were replaced: what others found of the rest stays."""
        return (stored & ~self.bits(replaced)) | self.flags(values)

    def bits(self, keys: Iterable[str]) -> int:
        """The bits of these metrics."""
        bits = 0
        for key in keys:
            bits |= self.limits[key][2]
        return bits

    def is_flagged(self, key: str, value: float | None) -> bool:
        """Whether one value lies outside."""
        if value is None:
            return False
        low, high, _ = self.limits[key]
        return not low <= value <= high

    def details(self, values: Mapping[str, float | None]) -> Iterator[tuple[int, str]]:
        """(bit number, words) of each flagged value."""
        for key, value in values.items():
            if value is None:
                continue
            low, high, _ = self.limits[key]
            if not low <= value <= high:
                metric = self._metrics[key]
                words = f"over {high:g}" if value > high else f"under {low:g}"
                yield metric.bit, f"{words} {metric.unit}"
