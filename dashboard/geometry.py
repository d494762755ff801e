"""The city's polygons as SVG paths, and the projection that sensors share; made once at the start.

The projection is equirectangular about the city's middle: over one city its scale is off by less than a
thousandth of the width (Snyder, Map Projections, USGS 1395, p. 90), which is below a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from city.pack import CityPack, District

#: Width of the drawing in its own units; the page scales it.
WIDTH = 1000.0
#: Empty rim in the same units: the outline's stroke and the labels of the outermost districts.
RIM = 12.0
#: Kilometres per degree of latitude (mean of WGS 84, good to 0.3 %).
KM_PER_DEGREE = 111.195


@dataclass(frozen=True, slots=True)
class Projection:
    """Degrees → x to the right, y down, in drawing units."""

    #: longitude and latitude of the drawing's upper left corner, degrees
    west: float
    north: float
    #: drawing units per degree
    x_per_degree: float
    y_per_degree: float

    def xy(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Where a place is drawn, to a tenth of a unit."""
        x = RIM + (longitude - self.west) * self.x_per_degree
        y = RIM + (self.north - latitude) * self.y_per_degree
        return round(x, 1), round(y, 1)

    @property
    def units_per_km(self) -> float:
        """Drawing units per kilometre."""
        return self.y_per_degree / KM_PER_DEGREE


def projection_for(bounds: tuple[float, float, float, float]) -> Projection:
    """The projection that fits `bounds` (west, south, east, north in degrees) into WIDTH."""
    west, south, east, north = bounds
    x_per_degree = (WIDTH - 2 * RIM) / (east - west)
    return Projection(west, north, x_per_degree, x_per_degree / math.cos(math.radians((south + north) / 2)))


@dataclass(frozen=True)
class Geometry:
    """What the map needs that never changes while the server runs."""

    projection: Projection
    view_box: tuple[float, float, float, float]
    #: code, names, path, label, label_phone of each district
    districts: tuple[dict[str, Any], ...]
    #: path of the city's border
    outline: str
    attribution: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The answer of `/api/geometry`."""
        return {
            "viewBox": list(self.view_box),
            "districts": list(self.districts),
            "outline": self.outline,
            "km": round(self.projection.units_per_km, 3),
            "attribution": self.attribution,
        }


def geometry_of(pack: CityPack) -> Geometry:
    """Project a pack's polygons and place their labels."""
    projection = projection_for(pack.bounds)
    drawn = [_project(shape(dict(district.geometry)), projection) for district in pack.districts]
    _, south, _, north = pack.bounds
    height = round((north - south) * projection.y_per_degree + 2 * RIM, 1)
    return Geometry(
        projection=projection,
        view_box=(0.0, 0.0, WIDTH, height),
        districts=tuple(
            {
                "code": district.code,
                "names": dict(district.names),
                "short": dict(district.short),
                "path": path_of(item),
                "label": label_place(pack, district, projection, phone=False),
                "label_phone": label_place(pack, district, projection, phone=True),
            }
            for district, item in zip(pack.districts, drawn, strict=True)
        ),
        outline=path_of(shapely.coverage_union_all(drawn)),
        attribution=pack.attribution,
    )


def _project(item: BaseGeometry, projection: Projection) -> BaseGeometry:
    def rounded(points: Any) -> Any:
        points[:, 0] = RIM + (points[:, 0] - projection.west) * projection.x_per_degree
        points[:, 1] = RIM + (projection.north - points[:, 1]) * projection.y_per_degree
        return points.round(1)

    return shapely.transform(item, rounded)


def label_place(
    pack: CityPack, district: District, projection: Projection, *, phone: bool
) -> tuple[float, float]:
    """Where a district's label stands: where it has most room, moved as the pack says."""
    longitude, latitude = district.label
    x, y = projection.xy(latitude, longitude)
    east, north = pack.map.offset_km(district.code, phone=phone)
    scale = projection.units_per_km
    return round(x + east * scale, 1), round(y - north * scale, 1)


def path_of(drawn: BaseGeometry) -> str:
    """An SVG path of all rings of a polygon or multipolygon."""
    parts = getattr(drawn, "geoms", [drawn])
    return "".join(_ring(ring.coords) for part in parts for ring in (part.exterior, *part.interiors))


def _ring(points: Iterable[tuple[float, ...]]) -> str:
    numbers = [f"{x:g} {y:g}" for x, y in points]
    return "M" + "L".join(numbers[:-1]) + "Z"
