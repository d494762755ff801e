"""Kinds of fault that a simulated sensor can have: one table, which the commands, the docs and the tests read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
#: One reading's time (S-DoT sends every 2 minutes).
_READING = 2 * _MINUTE

#: What a fault hits: one of a sensor's metrics, each of those that can have it, or the whole device.
Hits = Literal["one", "each", "device"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault."""

    #: as written in files and in the truth
    key: str
    hits: Hits
    #: what it does, in a sentence
    what: str
    #: what `size` means, "" where it means nothing
    size: str
    #: default of `size`; where `share` is set, that share of the metric's plausible range instead
    default: float
    #: shortest and longest, where faults are drawn by rate
    lasts: tuple[timedelta, timedelta]
    #: whether a back-fill has it, too
    past: bool
    #: what the product makes of it
    outcome: str
    #: default size as a share of the metric's plausible range
    share: float = 0.0
    #: largest size there can be
    most: float = float("inf")
    #: the size is a delay, which is shorter at higher speed
    delays: bool = False
    #: drawn sizes have either sign
    signed: bool = False
    #: metrics that can have it; none named: all
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrongUnit:
    """What a reading looks like in a unit that is not the contract's."""

    unit: str
    factor: float
    add: float = 0.0
    #: digits after the point
    digits: int = 1


_FAHRENHEIT = WrongUnit("°F", 1.8, 32.0)
_MILLIGRAM = WrongUnit("mg/m³", 0.001, digits=3)
_PPB = WrongUnit("ppb", 1000.0)
_KMH = WrongUnit("km/h", 3.6)
#: Metric → the unit it is mixed up with.
WRONG_UNITS = {
    "temperature": _FAHRENHEIT,
    "black_globe": _FAHRENHEIT,
    "pm25": _MILLIGRAM,
    "pm10": _MILLIGRAM,
    "humidity": WrongUnit("1", 0.01, digits=2),
    "wind_speed": _KMH,
    "gust_speed": _KMH,
} | dict.fromkeys(("no2", "co", "so2", "nh3", "h2s", "o3"), _PPB)

_FLAGGED = "stored; flagged where it leaves the plausible range, quarantined (`impossible`) far beyond it"

#: In the order in which they change a value; then what changes the sending.
FAULTS = (
    FaultKind(
        "humidity_bias", "each", "An optical counter reads more the damper it is, beyond what all of them do: wet particles look like more dust.",
        # κ of urban PM2.5, 0.38–0.41: Crilley et al., Atmos. Meas. Tech. 11 (2018) 709
        "κ of the particles: readings × 1 + κ/1.65 · RH/(1 − RH)", 0.4, (6 * _HOUR, 24 * _HOUR), True,
        "stored: every value is plausible by itself", metrics=("pm25", "pm10"),
    ),
    FaultKind(
        "offset", "one", "The instrument reads the same amount too much or too little.",
        "the amount, in the metric's unit (2 % of the plausible range)", 0.0, (2 * _HOUR, 24 * _HOUR), True,
        _FLAGGED, share=0.02, signed=True,
    ),
    FaultKind(
        "drift", "one", "The reading moves away evenly, from nothing at the start (which the truth tells, and how far it has come).",
        "how far at the end, in the metric's unit (4 % of the plausible range)", 0.0, (6 * _HOUR, 24 * _HOUR), True,
        _FLAGGED, share=0.04, signed=True,
    ),
    FaultKind(
        "spike", "one", "Readings jump and come back.",
        "the jump, in the metric's unit (10 % of the plausible range)", 0.0, (_READING, _READING), True,
        _FLAGGED, share=0.1,
    ),
    FaultKind(
        "stuck", "one", "The same value again and again: the one read at the start.",
        "", 0.0, (_HOUR, 12 * _HOUR), True, "stored: every value is plausible by itself",
    ),
    FaultKind(
        "unit", "one", "The value comes in another unit, such as °F for °C, mg for µg, ppb for ppm.",
        "", 0.0, (2 * _HOUR, 24 * _HOUR), True, _FLAGGED, metrics=tuple(WRONG_UNITS),
    ),
    FaultKind(
        "dropout", "device", "Readings are missing here and there.",
        "the share that is missing, 0 to 1", 0.5, (_HOUR, 6 * _HOUR), True, "nothing arrives; fewer rows than due",
        most=1.0,
    ),
    FaultKind(
        "silence", "device", "The device leaves the network without a word; what it would have measured never comes.",
        "", 0.0, (20 * _MINUTE, 12 * _HOUR), True, "no rows; status `offline` (last will), shown as stale",
    ),
    FaultKind(
        "swapped", "device", "Two devices carry each other's serial, so each one's readings come under the other's.",
        "", 0.0, (6 * _HOUR, 24 * _HOUR), True, "stored under the wrong sensor",
    ),
    FaultKind(
        "burst", "device", "The device loses its link, goes on measuring, and sends all of it at once afterwards.",
        "", 0.0, (10 * _MINUTE, 4 * _HOUR), False, "stored, late, out of arrays; status `offline` meanwhile",
    ),
    FaultKind(
        "late", "device", "Each reading arrives so long after it was measured.",
        "the delay, s", 600.0, (_HOUR, 6 * _HOUR), False, "stored at its time", delays=True,
    ),
    FaultKind(
        "out_of_order", "device", "Readings overtake each other on the way.",
        "the longest delay, s; each reading has its own", 600.0, (_HOUR, 6 * _HOUR), False,
        "stored at its time", delays=True,
    ),
    FaultKind(
        "duplicate", "device", "Each reading is sent again, byte for byte the same instant and values.",
        "how many more times (rounded)", 1.0, (_HOUR, 6 * _HOUR), False, "`duplicate` in the ledger, one row",
    ),
    FaultKind(
        "clock_skew", "device", "The device's clock is wrong.",
        "seconds ahead, or behind where negative", 900.0, (_HOUR, 12 * _HOUR), False,
        "over 5 minutes ahead: quarantined (`future`); else stored at the wrong time", signed=True,
    ),
    FaultKind(
        "clock_reset", "device", "The device's clock starts again at 1970-01-01 00:00 UTC.",
        "", 0.0, (10 * _MINUTE, 2 * _HOUR), False, "quarantined (`too_old`)",
    ),
    FaultKind(
        "broken_json", "device", "Messages are cut off on the way out of the device.",
        "the share that is cut, 0 to 1", 1.0, (10 * _MINUTE, 2 * _HOUR), False, "quarantined (`not_json`)", most=1.0,
    ),
    FaultKind(
        "flood", "device", "The device sends many readings where one is due, each a message of its own.",
        "readings in the place of one (rounded)", 20.0, (4 * _MINUTE, 20 * _MINUTE), False, "stored, each a row",
    ),
)  # fmt: skip
#: key → kind
BY_KEY = {kind.key: kind for kind in FAULTS}
#: Place in the order above.
RANK = {kind.key: place for place, kind in enumerate(FAULTS)}
