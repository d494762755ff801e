"""What neighbours have in common: processes on a coarse mesh over the city, blended for each site."""

from __future__ import annotations

import numpy as np

from simulator.chance import Float, Keys, Whole, keys, memory
from simulator.sites import Sites

#: Mesh width, km: about the distance between neighbouring districts of the first city, whose passing differences
#: from the city are told as one number for each district (OA-2218).
CELL_KM = 5.0
#: Mesh points are numbered row by row; a city is less wide than so many cells.
_ROW = 100_003


class Mesh:
    """The mesh points around each site and their weights."""

    def __init__(self, sites: Sites) -> None:
        east, north = sites.km()
        left, x = _split(east)
        below, y = _split(north)
        first = left + below * _ROW
        corners = [first, first + 1, first + _ROW, first + _ROW + 1]
        weights = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], axis=1)
        #: numbers of the mesh points in use, int64[k]
        self.ids, corner = np.unique(np.stack(corners, axis=1), return_inverse=True)
        self._corner = corner.reshape(-1, 4)
        self._weight = weights / np.sqrt(
            (weights**2).sum(axis=1, keepdims=True)
        )  # variance 1 between points, too

    def memory(self, start: Keys, seconds: Whole, tau_s: float, step_s: int) -> Float:
        """An independent process of memory τ at each mesh point, float64[k, len(seconds)]."""
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
