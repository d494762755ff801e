"""Faults as a person asks for them: a file, or a rate.

```toml
[rates]                # share of sensor-days, by kind or for all kinds together
all = 0.02

[[fault]]
sensor = "SIM-0001"    # or a list of serials
kind = "stuck"
metric = "pm25"        # left out: each metric that can have it
from = "+10m"          # after the start, or RFC 3339
for = "2h"
size = 40              # left out: the kind's default
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import msgspec

from city.errors import SettingsError
from simulator.city import INTERVAL_MS, SimSensor
from simulator.episode import Episode
from simulator.faults import BY_KEY, FAULTS, FaultKind
from simulator.moment import moment_ms, span_ms
from simulator.plan import Plan, default_size, metrics_of, whole_cycles

#: The rate of all kinds together, in `[rates]`.
ALL = "all"
T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `[[fault]]` table."""

    #: a serial, or several
    sensor: str | list[str]
    #: key of the kind
    kind: str
    start: str = msgspec.field(name="from")
    lasts: str = msgspec.field(name="for")
    #: key of the metric; None: each that can have it
    metric: str | None = None
    size: float | None = None
    #: of `swapped`: the other serial
    other: str | None = None


class FaultFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of faults."""

    fault: list[Asked] = []
    rates: dict[str, float] = {}


def load_faults(
    given: str | None,
    sensors: Sequence[SimSensor],
    start_ms: int,
    speed: float = 1.0,
    also: Sequence[Episode] = (),
) -> Plan:
    """The plan that `--faults` asks for, a rate (`0.02`) or a file, and what else is to happen.

    SettingsError with what is wrong.
    """
    rates: Mapping[str, float] = {}
    asked: Sequence[Episode] = ()
    try:
        rates = {} if given is None else rates_of({ALL: float(given)}, "--faults")
    except ValueError:
        file = read_toml(Path(given or ""), FaultFile)
        rates = rates_of(file.rates, str(given))
        asked = episodes(
            file.fault, sensors, start_ms, where=str(given), interval_ms=round(INTERVAL_MS / speed)
        )
    return Plan(sensors, (*asked, *also), rates, speed=speed)


def read_toml(path: Path, kind: type[T]) -> T:
    """A TOML file as `kind`; SettingsError with what is wrong and where."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), kind)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {_placed(str(error))}") from None


def _placed(text: str) -> str:
    """Where a table stands, counted from 1 (msgspec says `$.fault[0]`)."""
    what, _, where = text.partition(" - at `$")
    name, _, number = where.rstrip("`").lstrip(".").partition("[")
    digits = number.partition("]")[0]
    place = f"{name} {int(digits) + 1}" if digits.isdigit() else name
    return f"{place}: {what}" if place else what


def rates_of(rates: Mapping[str, float], where: str) -> dict[str, float]:
    """Kind → share of sensor-days; `all` is shared evenly by the kinds that are not named."""
    for name, rate in rates.items():
        if name != ALL and name not in BY_KEY:
            raise SettingsError(f"{where}: there is no kind {name!r}; {_KINDS}")
        if not 0 <= rate <= 1:
            raise SettingsError(f"{where}: a rate of {rate:g} is none; give the share of sensor-days, 0 to 1")
    named = {name: rate for name, rate in rates.items() if name != ALL}
    rest = [kind.key for kind in FAULTS if kind.key not in named]
    return named | {key: rates.get(ALL, 0.0) / len(rest) for key in rest}


def episodes(
    asked: Sequence[Asked],
    sensors: Sequence[SimSensor],
    start_ms: int,
    *,
    where: str,
    interval_ms: int = INTERVAL_MS,
) -> tuple[Episode, ...]:
    """What `[[fault]]` tables mean in a city; SettingsError naming the table that cannot be."""
    found: list[Episode] = []
    for number, one in enumerate(asked, start=1):
        try:
            found += _episodes(one, _Roster(sensors), start_ms, interval_ms)
        except ValueError as error:
            raise SettingsError(f"{where}: fault {number}: {error}") from None
    _check_swaps(found, sensors, where)
    return tuple(found)


class _Roster:
    """Sensors by serial."""

    def __init__(self, sensors: Sequence[SimSensor]) -> None:
        self.sensors = sensors
        self._by_serial = {sensor.serial: place for place, sensor in enumerate(sensors)}

    def __getitem__(self, serial: str) -> int:
        if serial not in self._by_serial:
            first, last = self.sensors[0].serial, self.sensors[-1].serial
            raise ValueError(f"there is no simulated sensor {serial!r}; they are {first} to {last}")
        return self._by_serial[serial]


def _episodes(one: Asked, roster: _Roster, start_ms: int, interval_ms: int) -> Iterator[Episode]:
    kind = kind_of(one.kind)
    begin = moment_ms(one.start, start_ms)
    end = begin + span_ms(one.lasts)
    if end <= begin:
        raise ValueError('"for" is nothing; a fault has to last')
    for serial in [one.sensor] if isinstance(one.sensor, str) else one.sensor:
        if kind.key == "swapped":
            yield from _swap(roster, serial, one.other, whole_cycles(begin, end, interval_ms))
            continue
        for metric in _metrics(kind, roster.sensors[roster[serial]], one.metric):
            yield Episode(roster[serial], kind.key, begin, end, metric, size_of(kind, metric, one.size))


def kind_of(name: str) -> FaultKind:
    """The kind of that key; ValueError with those there are."""
    if name not in BY_KEY:
        raise ValueError(f"there is no kind {name!r}; {_KINDS}")
    return BY_KEY[name]


def size_of(kind: FaultKind, metric: str, given: float | None) -> float:
    """The size asked for, or the kind's; ValueError where it can be none."""
    size = default_size(kind, metric) if given is None else given
    if not kind.signed and not 0 <= size <= kind.most:
        raise ValueError(f"a size of {size:g} is none for {kind.key}: {kind.size or 'it has no size'}")
    return size


def _metrics(kind: FaultKind, sensor: SimSensor, wanted: str | None) -> tuple[str, ...]:
    able = metrics_of(kind, sensor)
    if wanted is None:
        return able
    if wanted not in able:
        can = ", ".join(able) if able != ("",) else ""
        tail = f"those that can: {can}" if can else 'it is the whole device\'s; leave "metric" out'
        raise ValueError(f"{kind.key} of {wanted!r} at {sensor.serial} cannot be; {tail}")
    return (wanted,)


def _swap(roster: _Roster, serial: str, other: str | None, span: tuple[int, int]) -> Iterator[Episode]:
    if other is None or other == serial:
        raise ValueError('"swapped" needs "other", the serial that it changes with')
    one, two = roster[serial], roster[other]
    yield Episode(one, "swapped", *span, other=two)
    yield Episode(two, "swapped", *span, other=one)


def _check_swaps(found: Sequence[Episode], sensors: Sequence[SimSensor], where: str) -> None:
    swaps = sorted((one.sensor, one.start_ms, one.end_ms) for one in found if one.kind == "swapped")
    for (one, _, end), (other, start, _) in pairwise(swaps):
        if one == other and start < end:
            raise SettingsError(f"{where}: {sensors[one].serial} changes its serial with two at once")


_KINDS = f"the kinds are {', '.join(BY_KEY)}"
