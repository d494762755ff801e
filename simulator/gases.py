"""Gases in the air of a site: NO2, O3, CO and SO2 with their hours, months and each other; NH3 and H2S.

Unless said otherwise, constants are those of the first city's stations, 2018–2022: the hours of one of them, and daily
means of 25 district, 15 roadside and 5 green ones (Open Data Plaza, OA-2218), Korea Open Government License type 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, memory, ripple
from simulator.clock import Clock, by_day, knees, turn
from simulator.kinds import column
from simulator.mesh import Mesh
from simulator.sites import Sites

_HOUR_S = 3600
#: Spreads at which `Gas.gain` is told.
_SPREADS = np.linspace(0, 1.5, 61)
#: Standard normal places at which `Gas.shape` is told: 0.1, 1, 5, 25, 50, 75, 95, 99, 99.9 % and the ends.
_NORMAL = np.array([-3.5, -3.090, -2.326, -1.645, -0.674, 0.0, 0.674, 1.645, 2.326, 3.090, 3.8])


@dataclass(frozen=True)
class Gas:
    """How one gas behaves."""

    #: ppm by month, January first
    months: tuple[float, ...]
    #: hour of day against the mean, 0–1 h first
    hours: tuple[float, ...]
    #: Sunday against the mean of the week (Saturday halfway, workdays by what is left)
    sunday: float
    #: s.d. of the logarithm about month and hour: one number, or one for each hour
    spread: tuple[float, ...]
    #: its quantiles in units of that s.d. (at _NORMAL)
    shape: tuple[float, ...]
    #: weights of the episode of particles, of traffic's air, of a clear sky and of its own process, whose squares add
    #: up to 1: correlations with PM2.5 .51 (NO2), −.13 (O3), .65 (CO), of NO2 with CO .78 and with O3 −.61 (logarithms
    #: about month and hour)
    weights: tuple[float, float, float, float]
    #: memory of its own process, s
    tau_s: float
    #: s.d. of the logarithm: lasting and passing difference of a district
    lasting: float
    passing: float
    #: how it is bound to traffic's air where districts differ for a while: with it, or against it
    sign: float = 1.0
    #: by month, what the spread is multiplied by
    season: tuple[float, ...] = (1.0,) * 12
    #: its own process swings once in so many hours, 0: it does not
    rhythm_h: float = 0.0
    #: what of the spread by hour is left for the whole city, float64[24]
    sd: Float = field(init=False, repr=False)
    #: logarithm of the mean of the exponential of a spread of _SPREADS times the shape
    gain: Float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find what is left for the whole city, and what it adds to the mean (sums over the normal density)."""
        own = self.passing**2 + _LOCAL_SD**2
        places = np.linspace(-3.4, 3.4, 681)
        weight = np.exp(-(places**2) / 2)
        grown = np.exp(_SPREADS[:, None] * np.interp(places, _NORMAL, self.shape))
        object.__setattr__(self, "sd", np.sqrt(np.resize(np.array(self.spread), 24) ** 2 - own))
        object.__setattr__(self, "gain", np.log(grown @ weight / weight.sum()) + own / 2)

    def log_ppm(self, clock: Clock, place: Float) -> Float:
        """The logarithm of ppm over the city where the gas is at `place` (standard normal, float64[n])."""
        hour = clock.week_hour % 24
        spread = turn(self.sd, hour) * turn(np.array(self.season), clock.month)
        mean = turn(knees(np.log(self.months)), clock.month) + turn(np.log(self.hours), hour)
        week = by_day(_week(self.sunday), clock.week_hour)
        level = mean + week - np.interp(spread, _SPREADS, self.gain)
        return np.asarray(level + spread * np.interp(place, _NORMAL, self.shape), np.float64)


#: A site's own hours, s.d. of the logarithm; an assumption.
_LOCAL_SD = 0.08

_NO2 = Gas(
    months=(.0342, .0316, .0313, .0258, .0236, .0213, .0188, .0181, .0190, .0253, .0335, .0320),
    hours=(1.066, .979, .913, .880, .871, .949, 1.092, 1.177, 1.175, 1.117, 1.045, .958,
           .872, .822, .808, .821, .866, .943, 1.049, 1.117, 1.118, 1.114, 1.124, 1.123),
    sunday=.84, spread=(.50,), shape=(-3.1, -2.95, -2.37, -1.75, -.70, .09, .75, 1.50, 1.97, 2.43, 2.7),
    weights=(.60, .80, 0.0, 0.0), tau_s=_HOUR_S, lasting=.14, passing=.2,
)  # fmt: skip
_O3 = Gas(
    months=(.0138, .0202, .0266, .0347, .0385, .0378, .0318, .0285, .0278, .0209, .0147, .0133),
    hours=(.764, .782, .789, .774, .742, .651, .546, .538, .636, .789, .971, 1.173,
           1.374, 1.528, 1.611, 1.628, 1.564, 1.417, 1.222, 1.060, .962, .886, .820, .770),
    sunday=1.12,
    spread=(.91, .92, .90, .90, .90, .91, .88, .76, .65, .59, .55, .51,
            .49, .49, .51, .53, .56, .62, .66, .71, .74, .79, .84, .89),
    shape=(-5.0, -4.70, -3.40, -2.45, -.68, .27, .64, 1.04, 1.32, 1.65, 1.9),
    weights=(-.13, -.60, .63, .475), tau_s=16.0 * _HOUR_S, lasting=.08, passing=.2,
    sign=-1.0, rhythm_h=24.0,
    season=(1.17, 1.15, .95, .83, .80, .80, .92, .87, .90, 1.05, 1.15, 1.17),
)  # fmt: skip
_CO = Gas(
    months=(.648, .594, .552, .450, .439, .415, .372, .365, .388, .462, .594, .606),
    hours=(1.038, 1.031, 1.014, .997, .986, 1.001, 1.040, 1.091, 1.131, 1.122, 1.072, 1.007,
           .950, .906, .882, .872, .876, .903, .959, .998, 1.016, 1.024, 1.039, 1.043),
    sunday=.96, spread=(.29,), shape=(-2.8, -2.59, -2.24, -1.62, -.67, .02, .70, 1.68, 2.33, 3.03, 3.5),
    weights=(.80, .50, 0.0, .33), tau_s=6.0 * _HOUR_S, lasting=.11, passing=.12,
)  # fmt: skip
_SO2 = Gas(
    months=(.0041, .0038, .0037, .0035, .0035, .0032, .0030, .0030, .0029, .0031, .0035, .0035),
    hours=(.960, .951, .941, .939, .926, .923, .934, .962, 1.003, 1.046, 1.066, 1.068,
           1.064, 1.051, 1.047, 1.047, 1.046, 1.036, 1.023, 1.011, 1.005, .994, .983, .973),
    sunday=.967, spread=(.24,), shape=(-2.8, -2.69, -2.25, -1.73, -.52, -.03, .49, 1.66, 2.91, 4.49, 5.0),
    weights=(.44, .23, 0.0, .868), tau_s=30.0 * _HOUR_S, lasting=.1, passing=.1,
)  # fmt: skip
#: About 11 ppb in the city with more in warm months (Phan et al. 2013, two sites, September 2010 to August 2011: 10.9
#: and 12.3 ppb); its course over the day is an assumption.
_NH3 = Gas(
    months=(.0080, .0085, .0100, .0115, .0125, .0135, .0140, .0140, .0125, .0110, .0095, .0080), hours=(1.0,) * 24,
    sunday=1.0, spread=(.30,), shape=tuple(_NORMAL), weights=(.35, .30, 0.0, .887), tau_s=20.0 * _HOUR_S, lasting=.15, passing=.15,
)  # fmt: skip
#: Below 1 ppb away from drains; an assumption, with nights when a site smells.
_H2S = Gas(
    months=(.0004, .0004, .0005, .0006, .0008, .0010, .0012, .0012, .0010, .0007, .0005, .0004), hours=(1.0,) * 24,
    sunday=1.0, spread=(.60,), shape=tuple(_NORMAL), weights=(.2, .2, 0.0, .96), tau_s=8.0 * _HOUR_S, lasting=.4, passing=.2,
)  # fmt: skip
GASES = {"no2": _NO2, "o3": _O3, "co": _CO, "so2": _SO2, "nh3": _NH3, "h2s": _H2S}
#: Traffic's air: weight (their squares add up to 1) and memory of its days, its hours, and of how far the two humps of
#: a day stand out; NO2's autocorrelation is .95 .77 .60 .55 .45 at 1, 3, 6, 12, 24 h.
_SLOW, _FAST, _RHYTHM = (0.79, 16.0 * _HOUR_S), (0.506, 5.0 * _HOUR_S), (0.346, 40.0 * _HOUR_S)
#: Differences between districts that pass: their memory.
_PASSING_TAU_S = 24.0 * _HOUR_S
#: Traffic's air rests in a great feast, logarithm against a Sunday; an assumption.
_FEAST = {"no2": -0.2, "co": -0.05}


@dataclass(frozen=True)
class CityGases:
    """What the whole city shares at n instants."""

    #: logarithm of ppm by gas, float64[n]
    log_ppm: dict[str, Float]
    #: passing differences at the mesh points, float64[k, n]
    passing: Float
    seconds: Whole


class Gases:
    """Gases at the sites of one city."""

    def __init__(self, seed: int, sites: Sites, mesh: Mesh) -> None:
        self._mesh = mesh
        names = ("slow", "fast", "sine", "cosine", "passing", "hour", *GASES)
        self._keys = {name: key(seed, f"gases/{name}") for name in names}
        kinds = {
            "no2": column(lambda kind: kind.no2),
            "co": column(lambda kind: kind.co),
            "o3": column(lambda kind: kind.o3),
        }
        zero = np.zeros(len(sites))
        self._site = {
            name: gas.lasting
            * gaussian(keys(key(seed, f"gases/{name}/district"), sites.district)).astype(float)
            + (kinds[name][sites.kind] if name in kinds else zero)
            for name, gas in GASES.items()
        }

    def city(self, clock: Clock, episode: Float, clear: Float) -> CityGases:
        """What the city shares at the clock's instants.

        Episodes of particles and a clear sky are standard normal, float64[n] each.
        """
        traffic = self._traffic(clock)
        log_ppm = {name: self._log_ppm(name, clock, (episode, traffic, clear)) for name in GASES}
        passing = self._mesh.memory(self._keys["passing"], clock.seconds, _PASSING_TAU_S, 2 * _HOUR_S)
        return CityGases(log_ppm, passing, clock.seconds)

    def at(self, rows: Whole, city: CityGases) -> dict[str, Float]:
        """Logarithm of ppm at sites `rows`, gas → float64[len(rows), n]."""
        passing = self._mesh.blend(rows, city.passing)
        local = _LOCAL_SD * ripple(keys(self._keys["hour"], rows), city.seconds, _HOUR_S)
        return {
            name: city.log_ppm[name]
            + gas.sign * (gas.passing * passing + local)
            + self._site[name][rows, None]
            for name, gas in GASES.items()
        }

    def _traffic(self, clock: Clock) -> Float:
        """How long traffic's air stays over the city, standard normal: by days, by hours, and by days' own rhythm."""
        half = 2 * np.pi * clock.solar_hour / 12
        (slow, tau), (fast, short), (rhythm, days) = _SLOW, _FAST, _RHYTHM
        total: Float = slow * memory(self._keys["slow"], clock.seconds, tau, _HOUR_S)[0]
        total += fast * memory(self._keys["fast"], clock.seconds, short, _HOUR_S)[0]
        total += rhythm * np.sin(half) * memory(self._keys["sine"], clock.seconds, days, 2 * _HOUR_S)[0]
        total += rhythm * np.cos(half) * memory(self._keys["cosine"], clock.seconds, days, 2 * _HOUR_S)[0]
        return np.asarray(total, np.float64)

    def _own(self, name: str, clock: Clock) -> Float:
        gas, start = GASES[name], self._keys[name]
        if not gas.rhythm_h:
            return np.asarray(memory(start, clock.seconds, gas.tau_s, _HOUR_S)[0], np.float64)
        turns = 2 * np.pi * clock.solar_hour / gas.rhythm_h
        sine, cosine = memory(keys(start, np.arange(2)), clock.seconds, gas.tau_s, _HOUR_S)
        return np.asarray(np.sin(turns) * sine + np.cos(turns) * cosine, np.float64)

    def _log_ppm(self, name: str, clock: Clock, shared: tuple[Float, Float, Float]) -> Float:
        gas = GASES[name]
        parts = (*shared, self._own(name, clock))
        weighed = [weight * part for weight, part in zip(gas.weights, parts, strict=True)]
        place = np.asarray(np.sum(weighed, axis=0), np.float64)
        return gas.log_ppm(clock, place) + _FEAST.get(name, 0.0) * clock.feast


def _week(sunday: float) -> Float:
    """Logarithm by day of week against the mean, Monday first, float64[7]."""
    saturday = (1 + sunday) / 2
    return np.log([(7 - saturday - sunday) / 5] * 5 + [saturday, sunday])
