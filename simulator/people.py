"""People and the sound of their city at a site: footfall and noise level."""

from __future__ import annotations

import numpy as np

from simulator.chance import Float, Whole, gaussian, key, keys, ripple
from simulator.clock import Clock, by_day, turn
from simulator.kinds import KINDS, column
from simulator.sites import Sites

_HOUR_S = 3600
#: Noise by hour of day against the day's level, dB, 0–1 h first: an assumption of quiet nights whose quartiles over
#: all sites fall near 45.4, 48.1 and 50.9 dB (hourly means of 845 public sensors, 2020-05-01).
_SOUND = np.array(
    [-3.4, -4.1, -4.6, -4.8, -4.6, -3.6, -2.0, -.5, .2, .2, .1, .2, .3, .2, .2, .3, .5, .7, .8, .6, .1, -.6, -1.5, -2.5]
)  # fmt: skip
#: Saturday and Sunday are quieter by so many dB; an assumption.
_SOUND_DAYS = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -0.5, -1.2])
#: Great feasts are quieter than a Sunday by so many dB; an assumption.
_SOUND_FEAST = -0.8
#: Lasting difference of a site, and its own hours, dB (s.d.): with the kinds' levels they spread sites by about 4 dB.
_SITE_DB, _HOUR_DB = 2.0, 0.9
#: Lasting difference of a site's footfall, and its own hours, s.d. of the logarithm; assumptions.
_SITE_PEOPLE, _HOUR_PEOPLE = 0.5, 0.12
#: People stay away from cold and heat: per °C off 18 °C, at least half come; an assumption.
_MILD_C, _DISCOMFORT, _HARDY = 18.0, 0.015, 0.5


class People:
    """Footfall and sound at the sites of one city."""

    def __init__(self, seed: int, sites: Sites) -> None:
        self._kind = sites.kind
        self._rain = column(lambda kind: kind.rain)[sites.kind]
        every = np.arange(len(sites))
        self._keys = {name: key(seed, f"people/{name}") for name in ("footfall", "sound")}
        self._busy = np.exp(_SITE_PEOPLE * gaussian(keys(key(seed, "people/busy"), every)).astype(np.float64))
        lasting = _SITE_DB * gaussian(keys(key(seed, "people/loud"), every)).astype(np.float64)
        self._level = lasting + column(lambda kind: kind.level)[sites.kind]

    def city(self, clock: Clock) -> tuple[Float, Float]:
        """Noise against the day's level in dB, float64[n], and people in 10 minutes by kind, float64[kinds, n]."""
        sound = turn(_SOUND, clock.week_hour % 24) + by_day(_SOUND_DAYS, clock.week_hour)
        usual = np.stack([turn(kind.week(), clock.week_hour) for kind in KINDS])
        feast = 1 + (column(lambda kind: kind.feast) - 1)[:, None] * clock.feast
        return sound + _SOUND_FEAST * clock.feast, usual * feast

    def sound(self, rows: Whole, city: Float, seconds: Whole) -> Float:
        """Noise in dB at sites `rows`, float64[len(rows), n]."""
        own = _HOUR_DB * ripple(keys(self._keys["sound"], rows), seconds, _HOUR_S)
        return city + own + self._level[rows, None]

    def footfall(self, rows: Whole, kinds: Float, temperature: Float, rain: Float, seconds: Whole) -> Float:
        """People expected in 10 minutes at sites `rows` when it is `temperature` there, float64[len(rows), n].

        Rain (0 … 1, float64[n]) is the city's.
        """
        own = 1 + _HOUR_PEOPLE * ripple(keys(self._keys["footfall"], rows), seconds, _HOUR_S)
        comfort = np.maximum(1 - _DISCOMFORT * np.abs(temperature - _MILD_C), _HARDY)
        dry = 1 - self._rain[rows, None] * rain
        return kinds[self._kind[rows]] * self._busy[rows, None] * own * comfort * dry
