"""Where simulated sensors stand: how many in each district, at which points, on what kind of site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from city.errors import PackError
from city.geometry import Geometry, bounds, polygons
from simulator.chance import Float, Keys, Whole, key, keys, uniform
from simulator.kinds import KINDS, column

if TYPE_CHECKING:
    from city.pack import CityPack

#: A degree of latitude, km (mean meridian of WGS 84).
DEGREE_KM = 111.2
#: So much of a district's share is the same for all, the rest goes by area. The first city has 26 to 84 sensors a
#: district with areas of 10 to 47 km²; this gives 28 to 70.
_EQUAL_SHARE = 0.35
#: Of so many random points the one farthest from all placed before is taken (Mitchell 1991: even, not regular).
_CANDIDATES = 8
#: Points are drawn in the district's box; a shape that fills less than about 1/500 of it is refused.
_DRAWS, _ROUNDS = 64, 200
#: Digits of a published place, about 0.1 m.
_DIGITS = 6
#: About 130 of the 1,100 places of the first city publish footfall (OA-15964).
_COUNTING_SHARE = 0.12


@dataclass(frozen=True)
class Sites:
    """n places as columns."""

    #: index into the pack's districts, int64[n], rising
    district: Whole
    #: index into KINDS, int64[n]
    kind: Whole
    #: degrees, float64[n]
    latitude: Float
    longitude: Float
    #: whether people are counted there, bool[n]
    counts: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.district)

    def km(self) -> tuple[Float, Float]:
        """East and north of the middle of all places, km."""
        latitude, longitude = self.latitude.mean(), self.longitude.mean()
        narrow = DEGREE_KM * cos(radians(latitude))
        return (self.longitude - longitude) * narrow, (self.latitude - latitude) * DEGREE_KM


def place(pack: CityPack, count: int, seed: int) -> Sites:
    """Places for `count` sensors, all inside their districts' polygons; PackError where a shape has no inside."""
    numbers = shares([district.area_km2 for district in pack.districts], count)
    points = [
        _scatter(district.geometry, number, key(seed, f"place/{district.code}"), district.code)
        for district, number in zip(pack.districts, numbers, strict=True)
    ]
    longitude, latitude = np.concatenate(points).T
    kind = _kinds(count, seed)
    district = np.repeat(np.arange(len(numbers)), numbers)
    return Sites(district, kind, latitude.copy(), longitude.copy(), _counting(kind, seed))


def shares(areas_km2: Sequence[float], count: int) -> list[int]:
    """Sensors of each district, by largest remainder; their sum is `count`."""
    areas = np.array(areas_km2)
    exact = count * (_EQUAL_SHARE / len(areas) + (1 - _EQUAL_SHARE) * areas / areas.sum())
    whole = np.floor(exact).astype(np.int64)
    missing = count - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return [int(number) for number in whole]


def inside(geometry: Geometry, points: Float) -> NDArray[np.bool_]:
    """Which of the points (float64[n, 2], longitude and latitude) lie in the polygons, holes left out."""
    x, y = points[:, :1], points[:, 1:]
    within = np.zeros(len(points), np.bool_)
    for ring in (ring for polygon in polygons(geometry) for ring in polygon):
        corners = np.array(ring, np.float64)
        (x1, y1), (x2, y2) = corners[:-1].T, corners[1:].T
        crosses = (y1 > y) != (y2 > y)
        rise = np.where(y1 == y2, 1.0, y2 - y1)
        within ^= (crosses & (x < (x2 - x1) * (y - y1) / rise + x1)).sum(axis=1) % 2 == 1
    return within


def _scatter(geometry: Geometry, number: int, start: Keys, code: str) -> Float:
    """`number` points inside, well apart, float64[number, 2]."""
    pool = _pool(geometry, number * _CANDIDATES, start, code)
    narrow = cos(radians(pool[0, 1])) if len(pool) else 1.0
    chosen = np.empty((2, number))
    for done in range(number):
        candidates = pool[done * _CANDIDATES : (done + 1) * _CANDIDATES]
        nearest = _apart(candidates, chosen[:, :done], narrow).min(axis=1, initial=np.inf)
        chosen[:, done] = candidates[int(nearest.argmax())]
    return chosen.T


def _apart(candidates: Float, chosen: Float, narrow: float) -> Float:
    """Squared distance of each candidate (float64[k, 2]) from each chosen point (float64[2, n]), float64[k, n]."""
    east = candidates[:, :1] - chosen[0]
    north = candidates[:, 1:] - chosen[1]
    east *= narrow
    east *= east  # in place: with thousands of points the copies would be the most of it
    north *= north
    east += north
    return np.asarray(east, np.float64)


def _pool(geometry: Geometry, number: int, start: Keys, code: str) -> Float:
    """`number` random points inside, rounded as published, float64[number, 2]."""
    west, south, east, north = bounds([geometry])
    low, size = np.array([west, south]), np.array([east - west, north - south])
    found = [np.empty((0, 2))]
    for attempt in range(_ROUNDS):
        if sum(map(len, found)) >= number:
            return np.concatenate(found)[:number]
        ids = np.arange(2 * (number + _DRAWS)) + attempt * 2 * (number + _DRAWS)
        points = np.round(low + size * uniform(keys(start, ids)).reshape(-1, 2), _DIGITS)
        found.append(points[inside(geometry, points)])
    raise PackError(code, ["its polygon has hardly any inside to put sensors in"])


def _kinds(count: int, seed: int) -> Whole:
    edges = np.cumsum(column(lambda kind: kind.share))
    drawn = uniform(keys(key(seed, "kind"), np.arange(count))) * edges[-1]
    chosen: Whole = np.searchsorted(edges, drawn, side="right").clip(max=len(KINDS) - 1)
    return chosen


def _counting(kind: Whole, seed: int) -> NDArray[np.bool_]:
    """Twelve in a hundred of all places, drawn by their kinds' weights (Efraimidis and Spirakis 2006)."""
    drawn = uniform(keys(key(seed, "counts"), np.arange(len(kind))))
    ranks = (
        np.log1p(-drawn) / column(lambda one: one.counts)[kind]
    )  # an exponential wait each, the shortest win
    counting = np.zeros(len(kind), np.bool_)
    counting[np.argsort(-ranks, kind="stable")[: round(_COUNTING_SHARE * len(kind))]] = True
    return counting
