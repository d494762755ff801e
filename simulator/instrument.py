"""What an instrument makes of the truth: its own offset, a scatter from reading to reading, its range and its digits.

Ranges and digits are those of the S-DoT packet of 2020 (its sensor_data_information.csv): whole µg/m³, percent,
decibels and people, tenths of a degree. Offsets and scatters are assumptions for class-2 counters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Keys, Whole, gaussian, key, keys, uniform
from simulator.field import KNOT_S, Curve, Curves
from simulator.weather import magnus

Values = NDArray[np.float32]

#: What an environment sensor sends, with the digits after the point that its packet has; and who counts people.
ENVIRONMENT = {"pm25": 0, "pm10": 0, "temperature": 1, "humidity": 0, "noise": 0}
FOOTFALL = {"visitors": 0}
DIGITS = ENVIRONMENT | FOOTFALL

_KNOT_US = KNOT_S * 1_000_000
#: s.d. of the logarithm: lasting offset of one counter, scatter of a 2-minute mean, scatter of its ratio.
_PM_OFFSET, _PM_SCATTER, _RATIO_SCATTER = 0.10, 0.07, 0.04
#: PM2.5 is a part of PM10.
_MOST_RATIO = float(np.log(0.97))
#: s.d. in °C, % and dB: scatter of a 2-minute mean.
_TEMPERATURE_SCATTER, _HUMIDITY_SCATTER, _NOISE_SCATTER = 0.1, 1.0, 1.2
#: Ranges of the packet: µg/m³, tenths of a °C, %, dB, people (four digits).
_PM, _TENTHS, _PERCENT, _DECIBEL, _PERSONS = (0, 1500), (-500, 800), (0, 100), (35, 85), (0, 9999)
#: Up to this expectation a count is drawn exactly, beyond it by the normal of its square root (Anscombe 1948).
_EXACT, _TERMS = 12.0, 36


@dataclass(frozen=True)
class Moments:
    """Where n readings lie among the curves of some sites."""

    #: site of the city, int64[n]
    site: Whole
    #: microseconds of the epoch, int64[n]
    time_us: Whole
    #: flat place of the knot before each reading, int64[n]; the next knot follows it
    before: Whole
    #: share of the way to the next knot, float32[n]
    share: Values


def moments(site: Whole, row: Whole, time_us: Whole, knots: Whole) -> Moments:
    """Readings of `site`, whose curves are row `row` at `knots` (which hold the knots around every reading)."""
    knot, rest = np.divmod(time_us, _KNOT_US)
    before = row * len(knots) + np.searchsorted(knots, knot)
    return Moments(site, time_us, before, (rest / _KNOT_US).astype(np.float32))


class Instruments:
    """The instruments of all sites."""

    def __init__(self, seed: int, count: int) -> None:
        every = np.arange(count)
        self._offset = _PM_OFFSET * gaussian(keys(key(seed, "instrument/pm"), every))
        self._keys = {name: keys(key(seed, f"instrument/{name}"), every) for name in (*DIGITS, "ratio")}

    def read(self, at: Moments, curves: Curves) -> dict[str, Values]:
        """The environment's values, float32[n] each, as sent."""
        pm25, pm10 = self._particles(at, curves)
        celsius = _along(curves.temperature, at)
        dew = _along(curves.dew_point, at)
        percent = 100 * np.exp(magnus(dew) - magnus(celsius))
        return {
            "pm25": _shown(pm25, _PM),
            "pm10": _shown(pm10, _PM),
            "temperature": _tenths(celsius + self._scatter("temperature", _TEMPERATURE_SCATTER, at)),
            "humidity": _shown(percent + self._scatter("humidity", _HUMIDITY_SCATTER, at), _PERCENT),
            "noise": _shown(_along(curves.noise, at) + self._scatter("noise", _NOISE_SCATTER, at), _DECIBEL),
        }

    def count(self, at: Moments, curves: Curves, interval_s: float) -> Values:
        """People counted in the `interval_s` up to each reading, float32[n]."""
        expected = _along(curves.people, at) * (interval_s / KNOT_S)
        return _shown(_poisson(expected, self._draw("visitors", at)), _PERSONS)

    def _particles(self, at: Moments, curves: Curves) -> tuple[Values, Values]:
        log_pm25 = (
            _along(curves.log_pm25, at) + self._offset[at.site] + self._scatter("pm25", _PM_SCATTER, at)
        )
        log_ratio = _along(curves.log_ratio, at) + self._scatter("ratio", _RATIO_SCATTER, at)
        pm25 = np.exp(log_pm25)
        return pm25, pm25 * np.exp(-np.minimum(log_ratio, _MOST_RATIO))

    def _scatter(self, name: str, spread: float, at: Moments) -> Values:
        return spread * gaussian(self._draw(name, at))

    def _draw(self, name: str, at: Moments) -> Keys:
        return keys(self._keys[name][at.site], at.time_us)


def _along(curve: Curve, at: Moments) -> Values:
    flat = curve.reshape(-1)
    before = flat[at.before]
    return np.asarray(before + (flat[at.before + 1] - before) * at.share)


def _shown(values: Values, limits: tuple[int, int]) -> Values:
    return np.asarray(np.clip(np.rint(values), *limits))


def _tenths(values: Values) -> Values:
    # whole tenths through ten: the float32 nearest to the decimal that a message carries
    return np.asarray(np.rint(values * 10).clip(*_TENTHS) / 10, np.float32)


def _poisson(expected: Values, of: Keys) -> Values:
    few = expected <= _EXACT
    result: Values = np.square(np.sqrt(expected + 0.375) + gaussian(of) / 2) - 0.375
    result[few] = _inverted(expected[few], uniform(of[few]))
    return result


def _inverted(expected: Values, drawn: NDArray[np.float64]) -> Values:
    """The count at which the Poisson distribution passes `drawn`."""
    term = np.exp(-expected.astype(np.float64))
    total, count = term.copy(), np.zeros(len(expected), np.float32)
    for number in range(1, _TERMS):
        count += drawn >= total
        term *= expected / number
        total += term
    return count
