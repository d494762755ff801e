"""What an instrument makes of the truth: its own offset, a scatter from reading to reading, its range and its digits.

Ranges and digits are those of the S-DoT packet of 2020 (its sensor_data_information.csv). Offsets and scatters are
assumptions for instruments of that class unless a source is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Keys, Whole, gaussian, key, keys, uniform
from simulator.field import KNOT_S, Curve, Curves
from simulator.fitted import DIGITS, GASES, Fitted
from simulator.weather import magnus

Values = NDArray[np.float32]

_KNOT_US = KNOT_S * 1_000_000
#: s.d. of the logarithm: lasting offset of one counter, scatter of a 2-minute mean, scatter of its ratio.
_PM_OFFSET, _PM_SCATTER, _RATIO_SCATTER = 0.10, 0.07, 0.04
#: PM2.5 is a part of PM10.
_MOST_RATIO = float(np.log(0.97))
#: Humid air makes particles grow and an optical counter read high: 1 + (κ / 1.65) a / (1 − a) for a relative humidity
#: a (Crilley et al. 2018, Atmos. Meas. Tech. 11, 709–720, with κ 0.38 to 0.41 in situ; 0.3 for city air with more that
#: does not take up water), against the air in which the counter was set. Above 95 % it grows no further.
_GROWTH, _SET_AT, _DAMPEST = 0.3 / 1.65, 0.5, 0.95
#: Such a counter sees about half of what is coarser than 2.5 µm (medians of 845 poles on 2020-05-01: 8 of 18 µg/m³).
_COARSE_SEEN = 0.5
#: The corrected value: s.d. of the logarithm that is left of the offset, µg/m³ of scatter for PM2.5 and PM10 (so that
#: in clean air a few are negative: 0.6 % and 0.3 % of the hours of that day).
_CORRECTED_OFFSET, _CORRECTED_SCATTER = 0.05, (2.0, 3.0)
#: s.d. in °C, % and dB, and of the logarithm of light, UV and a globe's warmth: scatter of a 2-minute mean.
_TEMPERATURE_SCATTER, _HUMIDITY_SCATTER, _NOISE_SCATTER = 0.1, 1.0, 1.2
_LIGHT_SCATTER, _UV_SCATTER, _GLOBE_SCATTER = 0.05, 0.05, 0.05
#: g, axes x, y, z: how a pole stands (median, s.d. of the logarithm; quartiles .018 .035, .028 .079, 1.006 1.050),
#: what a maximum adds (median), both by the poles of 2020-05-01; and scatters, an assumption.
_AXES = {"x": (0.024, 0.48, 0.062), "y": (0.047, 0.75, 0.078), "z": (1.028, 0.0325, 0.079)}
_VIBRATION_SCATTER, _JOLT_SCATTER = 0.004, 0.15
#: A street's noise shakes its poles: the maximum grows by 10 in so many dB about the level; an assumption.
_JOLT_DB, _JOLT_LEVEL = 120.0, 48.0
#: A vane's scatter (rad) and a cup's (s.d. of the logarithm); a gust against the mean of 2 minutes.
_VANE_SCATTER, _CUP_SCATTER, _GUST, _GUST_SCATTER = 0.15, 0.10, 1.45, 0.25
#: Gas cells: s.d. of the logarithm of one cell's slope, and ppm of scatter.
_CELL_OFFSET = 0.08
_CELL_SCATTER = {"no2": 0.0015, "co": 0.02, "so2": 0.0005, "nh3": 0.001, "h2s": 0.0003, "o3": 0.0015}
#: Ranges of the packet: µg/m³, °C, %, dB, m/s, lux, UV index, g, people (four digits); corrected values and gases
#: have a sign.
_PM, _CELSIUS, _PERCENT, _DECIBEL, _PERSONS = (0, 1500), (-50, 80), (0, 100), (35, 85), (0, 9999)
_SPEED, _DIRECTION, _LUX, _UVI, _G = (0.1, 100), (0.1, 359.9), (1, 120000), (0, 16), (0, 16)
_CORRECTED, _PPM = (-1500, 1500), (0, 20)
#: Up to this expectation a count is drawn exactly, beyond it by the normal of its square root (Anscombe 1948).
_EXACT, _TERMS = 12.0, 36
_CIRCLE = np.float32(2 * np.pi)


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

    def where(self, chosen: NDArray[np.bool_]) -> Moments:
        """Those of the chosen readings (bool[n])."""
        return Moments(self.site[chosen], self.time_us[chosen], self.before[chosen], self.share[chosen])


def moments(site: Whole, row: Whole, time_us: Whole, knots: Whole) -> Moments:
    """Readings of `site`, whose curves are row `row` at `knots` (which hold the knots around every reading)."""
    knot, rest = np.divmod(time_us, _KNOT_US)
    before = row * len(knots) + np.searchsorted(knots, knot)
    return Moments(site, time_us, before, (rest / _KNOT_US).astype(np.float32))


class Instruments:
    """The instruments of all sites."""

    def __init__(self, seed: int, fitted: Fitted) -> None:
        self._fitted = fitted
        every = np.arange(len(fitted.wind))
        lasting = {
            name: gaussian(keys(key(seed, f"instrument/{name}"), every))
            for name in ("pm", "corrected", *GASES, *_AXES)
        }
        self._offset = _PM_OFFSET * lasting["pm"]
        self._left = np.exp(_CORRECTED_OFFSET * lasting["corrected"])
        self._slope = {gas: np.exp(_CELL_OFFSET * lasting[gas]) for gas in GASES}
        self._rest = {
            axis: middle * np.exp(spread * lasting[axis]) for axis, (middle, spread, _) in _AXES.items()
        }
        self._keys = {
            name: keys(key(seed, f"instrument/{name}/reading"), every) for name in (*DIGITS, "ratio")
        }

    def read(self, at: Moments, curves: Curves, interval_s: float) -> dict[str, Values]:
        """What the sensors send, metric → float32[n]: 0 where a pole lacks an instrument, NaN where a model does.

        Visitors are those of the `interval_s` up to each reading.
        """
        climate, percent = self._climate(at, curves)
        values = climate | self._particles(at, curves, percent) | self._light(at, curves)
        loud = _along(curves.noise, at)
        values["noise"] = _shown(loud + self._scatter("noise", _NOISE_SCATTER, at), "noise", _DECIBEL)
        values |= self._vibration(at, loud)
        nothing = np.zeros(len(at.site), np.float32)
        values |= _where(self._fitted.wind, at, nothing, lambda there: self._wind(there, curves))
        values |= _where(self._fitted.globe, at, nothing, lambda there: self._globe(there, curves))
        unknown = np.full(len(at.site), np.nan, np.float32)
        values |= _where(self._fitted.gases, at, unknown, lambda there: self._gases(there, curves))
        values |= _where(
            self._fitted.footfall, at, unknown, lambda there: self._people(there, curves, interval_s)
        )
        return {metric: values[metric] for metric in DIGITS}

    def _climate(self, at: Moments, curves: Curves) -> tuple[dict[str, Values], Values]:
        """Temperature and humidity as sent, and the true humidity, %."""
        celsius, dew = _along(curves.temperature, at), _along(curves.dew_point, at)
        percent = 100 * np.exp(magnus(dew) - magnus(celsius))
        warmth = celsius + self._scatter("temperature", _TEMPERATURE_SCATTER, at)
        damp = percent + self._scatter("humidity", _HUMIDITY_SCATTER, at)
        shown = {
            "temperature": _shown(warmth, "temperature", _CELSIUS),
            "humidity": _shown(damp, "humidity", _PERCENT),
        }
        return shown, percent

    def _particles(self, at: Moments, curves: Curves, percent: Values) -> dict[str, Values]:
        fine = np.exp(_along(curves.log_pm25, at))
        ratio = np.minimum(_along(curves.log_ratio, at), _MOST_RATIO)
        coarse = fine * (np.exp(-ratio) - 1)
        seen = np.exp(self._offset[at.site] + self._scatter("pm25", _PM_SCATTER, at))
        raw = fine * seen * _growth(percent)
        share = _COARSE_SEEN * np.exp(self._scatter("ratio", _RATIO_SCATTER, at))
        left = self._left[at.site]
        true25 = fine * left + self._scatter("pm25_corrected", _CORRECTED_SCATTER[0], at)
        true10 = (fine + coarse) * left + self._scatter("pm10_corrected", _CORRECTED_SCATTER[1], at)
        return {
            "pm25": _shown(raw, "pm25", _PM),
            "pm10": _shown(raw + coarse * seen * share, "pm10", _PM),
            "pm25_corrected": _shown(true25, "pm25_corrected", _CORRECTED),
            "pm10_corrected": _shown(true10, "pm10_corrected", _CORRECTED),
        }

    def _light(self, at: Moments, curves: Curves) -> dict[str, Values]:
        lux = _along(curves.light, at) * (1 + self._scatter("illuminance", _LIGHT_SCATTER, at))
        index = _along(curves.uv, at) * (1 + self._scatter("uv", _UV_SCATTER, at))
        return {"illuminance": _shown(lux, "illuminance", _LUX), "uv": _shown(index, "uv", _UVI)}

    def _vibration(self, at: Moments, loud: Values) -> dict[str, Values]:
        jolt = np.exp((np.log(10.0) / _JOLT_DB) * (loud - _JOLT_LEVEL))
        values: dict[str, Values] = {}
        for axis, (_, _, most) in _AXES.items():
            mean, peak = f"vibration_{axis}", f"vibration_{axis}_max"
            level = np.abs(self._rest[axis][at.site] + self._scatter(mean, _VIBRATION_SCATTER, at))
            more = most * jolt * (1 + self._scatter(peak, _JOLT_SCATTER, at))
            values |= {mean: _shown(level, mean, _G), peak: _shown(level + more, peak, _G)}
        return values

    def _wind(self, at: Moments, curves: Curves) -> dict[str, Values]:
        east, north = _along(curves.wind_east, at), _along(curves.wind_north, at)
        speed = np.hypot(east, north) * np.exp(self._scatter("wind_speed", _CUP_SCATTER, at))
        gust = speed * np.maximum(_GUST * (1 + self._scatter("gust_speed", _GUST_SCATTER, at)), 1)
        origin = np.arctan2(-east, -north)  # a wind is called by where it comes from
        values = {
            "wind_speed": _shown(speed, "wind_speed", _SPEED),
            "gust_speed": _shown(gust, "gust_speed", _SPEED),
        }
        for metric in ("wind_direction", "gust_direction"):
            angle = np.mod(origin + self._scatter(metric, _VANE_SCATTER, at), _CIRCLE)
            values[metric] = _shown(angle * (360 / _CIRCLE), metric, _DIRECTION)
        return values

    def _globe(self, at: Moments, curves: Curves) -> dict[str, Values]:
        warmer = _along(curves.globe, at) * (1 + self._scatter("black_globe", _GLOBE_SCATTER, at))
        return {"black_globe": _shown(_along(curves.temperature, at) + warmer, "black_globe", _CELSIUS)}

    def _gases(self, at: Moments, curves: Curves) -> dict[str, Values]:
        values = {}
        for gas, scatter in _CELL_SCATTER.items():
            ppm = np.exp(_along(getattr(curves, f"log_{gas}"), at)) * self._slope[gas][at.site]
            values[gas] = _shown(ppm + self._scatter(gas, scatter, at), gas, _PPM)
        return values

    def _people(self, at: Moments, curves: Curves, interval_s: float) -> dict[str, Values]:
        expected = _along(curves.people, at) * (interval_s / KNOT_S)
        return {"visitors": _shown(_poisson(expected, self._draw("visitors", at)), "visitors", _PERSONS)}

    def _scatter(self, name: str, spread: float, at: Moments) -> Values:
        return spread * gaussian(self._draw(name, at))

    def _draw(self, name: str, at: Moments) -> Keys:
        return keys(self._keys[name][at.site], at.time_us)


def _where(
    fitted: NDArray[np.bool_], at: Moments, else_: Values, read: Callable[[Moments], dict[str, Values]]
) -> dict[str, Values]:
    """Readings of those sites that have the instrument, and the others' in their places."""
    chosen = fitted[at.site]
    values = {}
    for metric, column in read(at.where(chosen)).items():
        values[metric] = else_.copy()
        values[metric][chosen] = column
    return values


def _growth(percent: Values) -> Values:
    """What an optical counter reads against the dry mass in air of so many percent."""
    activity = np.minimum(percent * np.float32(0.01), np.float32(_DAMPEST))
    grown = 1 + _GROWTH * activity / (1 - activity)
    return np.asarray(grown / (1 + _GROWTH * _SET_AT / (1 - _SET_AT)), np.float32)


def _along(curve: Curve, at: Moments) -> Values:
    flat = curve.reshape(-1)
    before = flat[at.before]
    return np.asarray(before + (flat[at.before + 1] - before) * at.share)


def _shown(values: Values, metric: str, limits: tuple[float, float]) -> Values:
    """Within the limits, and with the metric's digits: the float32 nearest to the decimal that a message carries."""
    scale = np.float32(10 ** DIGITS[metric])
    whole = np.rint(values * scale).clip(round(limits[0] * scale), round(limits[1] * scale))
    return np.asarray((whole + 0.0) / scale, np.float32)  # + 0.0: no negative zero


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
