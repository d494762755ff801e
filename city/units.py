"""Units by name: what a number in one unit is in another, as a factor and an offset."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

#: Molar masses, g/mol (IUPAC standard atomic weights, 2021).
_GRAMS = {"no2": 46.0055, "co": 28.010, "so2": 64.064, "o3": 47.998, "nh3": 17.031, "h2s": 34.081}
#: Litres of a mole of an ideal gas at 1 atm (0.082057 l·atm/(mol·K)): reports of the EU are at 20 °C
#: (Directive 2008/50/EC, annex VI), those of the US EPA at 25 °C (40 CFR 50.3).
_LITRES = {20: 24.055, 25: 24.465}

#: (unit, unit of the catalogue) → (factor, offset)
_LINEAR: Mapping[tuple[str, str], tuple[float, float]] = {
    ("°F", "°C"): (5 / 9, -160 / 9),
    ("K", "°C"): (1.0, -273.15),
    ("ppb", "ppm"): (1e-3, 0.0),
    ("mg/m³", "µg/m³"): (1e3, 0.0),
    ("ng/m³", "µg/m³"): (1e-3, 0.0),
    ("km/h", "m/s"): (1 / 3.6, 0.0),
    ("mph", "m/s"): (0.44704, 0.0),
    ("kn", "m/s"): (1852 / 3600, 0.0),
    ("klux", "lux"): (1e3, 0.0),
    ("lx", "lux"): (1.0, 0.0),
    ("mg", "g"): (1e-3, 0.0),
    ("m/s²", "g"): (1 / 9.80665, 0.0),
    ("1", "%"): (100.0, 0.0),
    ("dBA", "dB"): (1.0, 0.0),
    ("dB(A)", "dB"): (1.0, 0.0),
    ("rad", "°"): (57.29577951308232, 0.0),
}
_MASSES = {"µg/m³": 1e-3, "mg/m³": 1.0}


def plain_unit(text: str) -> str:
    """A unit as it is compared: `㎍/㎥`, `μg/m3` and `µg/m³` are one."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def conversion(unit: str, target: str, metric: str) -> tuple[float, float]:
    """(factor, offset) from `unit` to `target` of a metric; ValueError with the units that can be given."""
    given = plain_unit(unit)
    if given == plain_unit(target):
        return 1.0, 0.0
    known = _known(target, metric)
    for name, linear in known.items():
        if plain_unit(name) == given:
            return linear
    names = ", ".join([target, *known])
    raise ValueError(
        f"unit {unit!r} of {metric} is none of {names}; write one of them, or a factor and an offset"
    )


def _known(target: str, metric: str) -> dict[str, tuple[float, float]]:
    known = {source: linear for (source, to), linear in _LINEAR.items() if to == target}
    if target == "ppm" and metric in _GRAMS:
        for unit, milligrams in _MASSES.items():
            for celsius, litres in _LITRES.items():
                known[f"{unit} at {celsius} °C"] = (milligrams * litres / _GRAMS[metric], 0.0)
    return known
