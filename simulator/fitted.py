"""Which instruments stand at which site, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Whole, key, keys, uniform

#: What a pole sends in the order of the S-DoT packet of 2020 with the digits after the point of its fields: tenths of
#: a degree, a metre a second and an index, hundredths of g, whole numbers else. Corrected values stand behind.
ENVIRONMENT = {
    "pm25": 0, "pm10": 0, "temperature": 1, "humidity": 0,
    "wind_direction": 1, "wind_speed": 1, "gust_direction": 1, "gust_speed": 1,
    "illuminance": 0, "uv": 1, "noise": 0,
    "vibration_x": 2, "vibration_y": 2, "vibration_z": 2,
    "vibration_x_max": 2, "vibration_y_max": 2, "vibration_z_max": 2,
    "black_globe": 1, "pm25_corrected": 0, "pm10_corrected": 0,
}  # fmt: skip
#: The newer model's gases, ppm; the digits of the national network's instruments, one more for CO.
GASES = {"no2": 3, "co": 2, "so2": 3, "nh3": 3, "h2s": 3, "o3": 3}
FOOTFALL = {"visitors": 0}
#: Every metric and its digits, in the order in which sensors send them.
DIGITS = ENVIRONMENT | GASES | FOOTFALL
WIND = ("wind_direction", "wind_speed", "gust_direction", "gust_speed")
#: Share of poles with an anemometer, a black globe, gas cells. Of the 845 poles of 2020-05-01 about 1 in 50 had wind
#: and 1 in 20 a globe; a few more here, so that each district has some. The gas cells of newer poles: an assumption.
_WIND_SHARE, _GLOBE_SHARE, _GAS_SHARE = 0.08, 0.08, 0.15


@dataclass(frozen=True)
class Fitted:
    """What stands at n sites, bool[n] each; pm, climate, light, noise and vibration stand everywhere."""

    wind: NDArray[np.bool_]
    globe: NDArray[np.bool_]
    gases: NDArray[np.bool_]
    #: people are counted there
    footfall: NDArray[np.bool_]

    def metrics(self, site: int) -> tuple[str, ...]:
        """What the sensor of a site sends; 0 for an instrument of the packet that is not fitted."""
        gases = GASES if self.gases[site] else {}
        return (*ENVIRONMENT, *gases, *(FOOTFALL if self.footfall[site] else {}))

    def absent(self, site: int) -> tuple[str, ...]:
        """Of those, what it sends as 0 for want of an instrument."""
        return (*(() if self.wind[site] else WIND), *(() if self.globe[site] else ("black_globe",)))

    def model(self, site: int) -> str:
        """The sensor's model: `SIM-ENV`, then G for gas cells, then P for people."""
        letters = "G" * bool(self.gases[site]) + "P" * bool(self.footfall[site])
        return f"SIM-ENV-{letters}" if letters else "SIM-ENV"


def fit(seed: int, footfall: NDArray[np.bool_]) -> Fitted:
    """Draw what stands at each site, where it is known already who counts people."""
    every = np.arange(len(footfall))
    shares = {"wind": _WIND_SHARE, "globe": _GLOBE_SHARE, "gases": _GAS_SHARE}
    drawn = {name: _drawn(seed, name, every) < share for name, share in shares.items()}
    return Fitted(footfall=footfall, **drawn)


def _drawn(seed: int, name: str, every: Whole) -> NDArray[np.float64]:
    return uniform(keys(key(seed, f"fitted/{name}"), every))
