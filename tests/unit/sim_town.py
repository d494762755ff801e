"""A made-up town for the simulator's tests: awkward shapes, south of the equator, clocks that change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from city.geometry import area_km2

if TYPE_CHECKING:
    from city.pack import CityPack

Ring = list[list[float]]


def square(west: float, south: float, size: float) -> Ring:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


#: An island town: a hook, a ring with a lake in it, and two islets that are one district.
HOOK = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [0.3, 0.0], [0.3, 0.05], [0.05, 0.05], [0.05, 0.3], [0.0, 0.3], [0.0, 0.0]]]}  # fmt: skip
LAKE = {"type": "Polygon", "coordinates": [square(0.1, 0.1, 0.2), square(0.12, 0.12, 0.16)]}
ISLETS = {"type": "MultiPolygon", "coordinates": [[square(0.5, 0.0, 0.1)], [square(0.5, 0.25, 0.05)]]}


def moved(geometry: dict[str, Any], east: float, north: float) -> dict[str, Any]:
    def shift(part: Any) -> Any:
        if isinstance(part[0], float):
            return [part[0] + east, part[1] + north]
        return [shift(inner) for inner in part]

    return geometry | {"coordinates": shift(geometry["coordinates"])}


def town(zone: str = "America/Santiago") -> CityPack:
    shapes = {"hook": HOOK, "lake": LAKE, "islets": ISLETS}
    placed = {code: moved(shape, -71.0, -33.0) for code, shape in shapes.items()}
    districts = tuple(
        SimpleNamespace(code=code, geometry=shape, area_km2=area_km2(shape)) for code, shape in placed.items()
    )
    return cast("CityPack", SimpleNamespace(zone=ZoneInfo(zone), country="", districts=districts))
