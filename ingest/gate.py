"""How much of one sensor, and of what nobody knows, is taken: allowances that a flood uses up and a city does not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from city.reading import Reading, Refusal

#: A burst of so many minutes' worth is taken at once: at the default rate 36,000 readings, which is what a sensor
#: that measures every 2 minutes saves up in 50 days without a connection.
BURST_MINUTES = 60
#: Serials that nobody knows have together the rate of so many sensors (100 readings a second by default: what
#: 12,000 sensors send that are yet to be registered), and a minute's worth at once: each is a row of quarantine, which
#: costs several times what a reading does.
STRANGERS, STRANGERS_BURST_MINUTES = 10, 1
#: Of what is turned away one in so many is kept.
KEPT_ONE_IN = 1000
FLOOD_UNKNOWN = Refusal(
    "flood_unknown",
    "too many messages from serials that nobody knows; register them (`sdot sensor add --file`) and send again",
)


@dataclass(slots=True)
class Bucket:
    """What is left of an allowance, at an instant (seconds of the clock); below zero it is overdrawn."""

    left: float
    at: float
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """Readings a second, and how many may come at once."""

    rate: float
    burst: float

    def fill(self, bucket: Bucket, now: float) -> float:
        """Bring a bucket up to `now`; what is left in it."""
        bucket.left = min(bucket.left + (now - bucket.at) * self.rate, self.burst)
        bucket.at = now
        return bucket.left


class Sampled:
    """A refusal of which the first, and then one in KEPT_ONE_IN, is kept as a sample."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self._counted_only = replace(refusal, kept=False)

    def after(self, others: int) -> Refusal:
        """The refusal after so many others like it."""
        return self._counted_only if others % KEPT_ONE_IN else self.refusal


class Gate:
    """The allowance of each sensor, in one worker's memory; asked before a message is decoded, charged after.

    What each has spent lately is all that is kept, and grows less with `refill`: two looks into a dictionary a message.
    A gateway's messages are let through; each sensor behind it has its own allowance.
    """

    def __init__(self, per_minute: int, is_gateway: Callable[[str], bool]) -> None:
        self._rate, self._burst = per_minute / 60, per_minute * BURST_MINUTES
        self._is_gateway = is_gateway
        self._spent: dict[str, float] = {}
        self._refused: Counter[str] = Counter()
        self._spared = 0
        told = f"over {per_minute} readings a minute from one sensor, for long; nothing above is kept"
        self._flood = Sampled(Refusal("flood", told))

    @property
    def refusal(self) -> Refusal:
        """Why readings above it are turned away."""
        return self._flood.refusal

    def spare(self, messages: int) -> None:
        """So many messages may be sent again, which were charged before."""
        self._spared = max(self._spared, messages)

    def refill(self, seconds: float) -> None:
        """So much time has passed; who is whole again is forgotten."""
        back = self._rate * seconds
        self._spent = {serial: spent - back for serial, spent in self._spent.items() if spent > back}
        for serial in [serial for serial in self._refused if serial not in self._spent]:
            del self._refused[serial]

    def check(self, serial: str) -> Refusal | None:
        """Why the next message of a serial is turned away undecoded, or None. The empty serial is that of none."""
        if self._spent.get(serial, 0.0) < self._burst or self._spared or self._is_gateway(serial):
            return None
        return self._turn_away(serial)

    def take(self, serial: str, readings: int) -> bool:
        """Take a message of so many readings off its sensor's allowance; False where it was charged before."""
        if self._spared:
            self._spared -= 1
            return False
        self._spent[serial] = self._spent.get(serial, 0.0) + readings
        return True

    def charge(self, serial: str, items: list[Reading | Refusal]) -> None:
        """Take what a message held off its sensor's allowance; of a gateway's, turn away whose sensor has none."""
        if not self.take(serial, len(items) or 1):
            return
        first = items[0] if items else None
        alone = len(items) == 1 and (type(first) is not Reading or first.sensor is None)
        if not alone and self._is_gateway(serial):
            for place, item in enumerate(items):
                if isinstance(item, Reading) and item.sensor is not None and item.sensor != serial:
                    items[place] = self._carried(item, item.sensor, place if len(items) > 1 else None)

    def _carried(self, reading: Reading, serial: str, place: int | None) -> Reading | Refusal:
        spent = self._spent.get(serial, 0.0)
        if spent >= self._burst:
            return replace(self._turn_away(serial), index=place)
        self._spent[serial] = spent + 1
        return reading

    def _turn_away(self, serial: str) -> Refusal:
        self._refused[serial] += 1
        return self._flood.after(self._refused[serial] - 1)


class Strangers:
    """The one allowance of all serials that nobody knows; what a batch takes of it counts once it is committed."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        rate = per_minute * STRANGERS
        self._allowance = Allowance(rate / 60, rate * STRANGERS_BURST_MINUTES)
        self._clock = clock
        self._bucket = Bucket(self._allowance.burst, clock())
        self._flood = Sampled(FLOOD_UNKNOWN)
        self._taken = self._refused = 0

    def begin(self) -> None:
        """A batch is judged, perhaps again."""
        self._taken = self._refused = 0
        self._allowance.fill(self._bucket, self._clock())

    def check(self) -> Refusal | None:
        """Why a stranger's reading is not even kept, or None; one in KEPT_ONE_IN is a sample."""
        if self._bucket.left - self._taken > 0:
            self._taken += 1
            return None
        self._refused += 1
        return self._flood.after(self._bucket.refused + self._refused - 1)

    def settle(self) -> None:
        """The batch is committed."""
        self._bucket.left -= self._taken
        self._bucket.refused += self._refused
        self._taken = self._refused = 0
