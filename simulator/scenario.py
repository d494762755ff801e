"""Scenarios: timetables of what happens to a city and its devices, as TOML files.

`[[event]]` tables say when (`at`, `for`, with a smooth `rise` and `fall` inside), where (`district`, `kinds`,
`around` with `radius_km`, a `front` that crosses the city) and what: `change` bends quantities, `fault` makes devices fail.
"""

from __future__ import annotations

from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import msgspec

from city.errors import SettingsError
from simulator.faultfile import kind_of, read_toml, size_of
from simulator.field import Curves
from simulator.moment import span_ms

SHIPPED = Path(str(files("simulator").joinpath("scenarios")))
#: The district that the person names with `--district`; without, the one where most sensors count people.
CHOSEN = "chosen"
#: Quantity of a message → curve of the field, where the names differ.
CURVES = {"visitors": "people"}
_FIELDS = tuple(field.name for field in fields(Curves))
#: The field keeps PM2.5 and its share of PM10.
PM10, PM25, RATIO = "pm10", "pm25", "log_ratio"


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an event does to one quantity at its height."""

    #: a factor
    times: float | None = None
    #: an amount, in the quantity's unit
    plus: float | None = None


class Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that comes over the city, as weather does."""

    #: where it comes from, degrees clockwise from north
    degrees: float = msgspec.field(name="from_degrees")
    km_per_h: float


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `[[event]]` table."""

    #: what is told when it begins
    say: str
    #: after the scenario's start, such as `+5m`
    at: str
    #: its whole length, rise and fall included
    lasts: str = msgspec.field(name="for")
    rise: str = "0s"
    fall: str = "0s"
    #: quantity → what happens to it
    change: dict[str, Change] = {}
    #: key of a fault that devices have
    fault: str | None = None
    metric: str | None = None
    size: float | None = None
    #: which share of the devices, from … to; two events with [0, 0.7] and [0.7, 1] share them out
    part: tuple[float, float] = (0.0, 1.0)
    #: a district's code or name, or `chosen`; None: everywhere
    district: str | None = None
    #: kinds of site; none named: all
    kinds: list[str] = []
    #: `chosen`, a district (its middle), or latitude and longitude
    around: str | tuple[float, float] | None = None
    radius_km: float | None = None
    front: Front | None = None


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario's file."""

    #: what it is called
    title: str
    #: what happens, in a sentence or two
    what: str
    event: list[Event]


def shipped() -> dict[str, Scenario]:
    """Name → scenario, of those that come with the product."""
    return {path.stem: load_scenario(str(path)) for path in sorted(SHIPPED.glob("*.toml"))}


def load_scenario(given: str) -> Scenario:
    """The scenario of a file, or the shipped one of that name; SettingsError with what is wrong and in which event."""
    path = Path(given)
    if not path.suffix and not path.exists():
        path = SHIPPED / f"{given}.toml"
        if not path.exists():
            names = ", ".join(sorted(one.stem for one in SHIPPED.glob("*.toml")))
            raise SettingsError(f"there is no scenario {given!r}; give a file, or one of {names}")
    scenario = read_toml(path, Scenario)
    if not scenario.event:
        raise SettingsError(f"{path}: no [[event]] in it, so nothing would happen")
    for number, event in enumerate(scenario.event, start=1):
        try:
            _check(event)
        except ValueError as error:
            raise SettingsError(f"{path}: event {number}: {error}") from None
    return scenario


def _check(event: Event) -> None:
    if not event.at.startswith("+"):
        raise ValueError(f'"at" is {event.at!r}; write how long after the start, such as +5m')
    span_ms(event.at[1:])
    lasts, rise, fall = span_ms(event.lasts), span_ms(event.rise), span_ms(event.fall)
    if not lasts or rise + fall > lasts:
        raise ValueError('"for" is the whole length, "rise" and "fall" lie in it; they are longer')
    if bool(event.change) == bool(event.fault):
        raise ValueError('it needs either a "change" or a "fault"')
    if (event.around is None) != (event.radius_km is None) or (event.radius_km or 1) <= 0:
        raise ValueError('"around" and "radius_km" go together, and the radius is above 0')
    if not 0 <= event.part[0] < event.part[1] <= 1:
        raise ValueError('"part" is a share of the devices from … to, such as [0.0, 0.7]')
    if event.front is not None and event.front.km_per_h <= 0:
        raise ValueError("a front moves with more than 0 km/h")
    for name, change in event.change.items():
        _check_change(name, change)
    if event.fault is not None:
        _check_fault(event, event.fault)


def _check_fault(event: Event, fault: str) -> None:
    kind = kind_of(fault)
    if kind.key == "swapped":
        raise ValueError("swapped serials are two sensors' affair; ask for them with --faults")
    if event.size is not None:
        size_of(kind, event.metric or "", event.size)
    if event.metric is not None and kind.hits == "device":
        raise ValueError(f'{fault} is the whole device\'s; leave "metric" out')


def _check_change(name: str, change: Change) -> None:
    if (change.times is None) == (change.plus is None):
        raise ValueError(f'{name} needs either "times" or "plus"')
    if name not in quantities():
        raise ValueError(f"nothing can change {name!r}; what can: {', '.join(quantities())}")
    if change.times is not None and change.times <= 0:
        raise ValueError(f'{name}: "times" is above 0')
    if change.plus is not None and is_logarithmic(name):
        raise ValueError(f'{name} takes "times" only')


def quantities() -> tuple[str, ...]:
    """What a scenario can change: the field's curves by the names that messages use."""
    names = {curve: name for name, curve in CURVES.items()}
    plain = (names.get(name, name) for name in _FIELDS if not name.startswith("log_"))
    return (PM10, *(name[4:] for name in _FIELDS if name.startswith("log_") and name != RATIO), *plain)


def is_logarithmic(name: str) -> bool:
    """Whether the field keeps the logarithm of this quantity."""
    return name == PM10 or f"log_{name}" in _FIELDS


def curve_of(name: str) -> str:
    """The curve of a quantity that the field keeps as it is."""
    return CURVES.get(name, name)
