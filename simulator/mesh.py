"""What neighbours have in common: processes on a coarse mesh over the city and of its districts, blended for each site."""

from __future__ import annotations

import numpy as np

from simulator.chance import Float, Keys, Whole, keys, memory
from simulator.sites import Sites

#: Mesh width, km: about the distance between neighbouring districts of the first city, whose passing differences
#: from the city are told as one number for each district (OA-2218).
CELL_KM = 5.0
#: Mesh points are numbered row by row; a city is less wide than so many cells.
_ROW = 100_003
#: Share of the variance that a whole district has and nobody beyond its border: what keeps the two most alike of 25
#: stations at a correlation of .98 (daily means of the logarithm, OA-2218).
_DISTRICT = 0.1
#: Districts are numbered below all mesh points.
_BELOW = -(1 << 40)


class Mesh:
    """The mesh points around each site, its district, and their weights."""

    def __init__(self, sites: Sites) -> None:
        east, north = sites.km()
        left, x = _split(east)
        below, y = _split(north)
        first = left + below * _ROW
        corners = [first, first + 1, first + _ROW, first + _ROW + 1, sites.district + _BELOW]
        near = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])
        near *= np.sqrt((1 - _DISTRICT) / (near**2).sum(axis=0))  # variance 1 between points, too
        #: numbers of the mesh points and districts in use, int64[k]
        self.ids, corner = np.unique(np.stack(corners, axis=1), return_inverse=True)
        self._corner = corner.reshape(-1, len(corners))
        self._weight = np.column_stack([*near, np.full(len(sites), np.sqrt(_DISTRICT))])

    def memory(self, start: Keys, seconds: Whole, tau_s: float, step_s: int) -> Float:
        """An independent process of memory τ at each mesh point and district, float64[k, len(seconds)]."""
        return memory(keys(start, self.ids), seconds, tau_s, step_s)

    def blend(self, rows: Whole, points: Float) -> Float:
        """The process at sites `rows`, of variance 1 and shared with those near by; float64[len(rows), n]."""
        total = np.zeros((len(rows), points.shape[1]))
        for corner, weight in zip(self._corner[rows].T, self._weight[rows].T, strict=True):
            total += weight[:, None] * points[corner]
        return total


def _split(km: Float) -> tuple[Whole, Float]:
    cells = km / CELL_KM
    left = np.floor(cells)
    return left.astype(np.int64), cells - left
