"""Districts as shapes: area, label point, overlaps, holes, and which of them a point lies in.

Geometries are GeoJSON dicts, Polygon or MultiPolygon, in degrees (longitude, latitude; WGS 84). shapely is
imported where a shape is needed, so that a process which never locates a point never loads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Geometry = Mapping[str, Any]
#: (longitude, latitude) in degrees
Point = tuple[float, float]

#: WGS 84: equatorial radius in km and first eccentricity.
EQUATOR_KM = 6378.137
ECCENTRICITY = 0.0818191908426215
#: Precision of a label point, in degrees (about 10 m).
LABEL_TOLERANCE_DEG = 0.0001
#: Overlaps and holes up to this are left alone, in km² (100 m²: less than a sensor's place is known to).
FAULT_KM2 = 0.0001


def polygons(geometry: Geometry) -> list[list[list[Point]]]:
    """The geometry's polygons, each its outer ring and then its holes; heights are left out."""
    single = geometry["type"] == "Polygon"
    parts = [geometry["coordinates"]] if single else geometry["coordinates"]
    return [[[(x, y) for x, y, *_ in ring] for ring in part] for part in parts]


def area_km2(geometry: Geometry) -> float:
    """Area on the ellipsoid, in km², by an equal-area cylinder (Snyder 1987, equations 3-12 and 10-15)."""
    return sum(_ring_km2(outer) - sum(map(_ring_km2, holes)) for outer, *holes in polygons(geometry))


def _ring_km2(ring: Sequence[Point]) -> float:
    flat = [(EQUATOR_KM * math.radians(x), EQUATOR_KM * _authalic(math.radians(y)) / 2) for x, y in ring]
    east, north = flat[0]
    near = [(x - east, y - north) for x, y in flat]  # small numbers keep the digits of their products
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(near))) / 2


def _authalic(latitude: float) -> float:
    e, sine = ECCENTRICITY, math.sin(latitude)
    logarithm = math.log((1 - e * sine) / (1 + e * sine)) / (2 * e)
    return (1 - e * e) * (sine / (1 - e * e * sine * sine) - logarithm)


def bounds(geometries: Sequence[Geometry]) -> tuple[float, float, float, float]:
    """West, south, east and north of them all, in degrees."""
    points = [
        point for geometry in geometries for part in polygons(geometry) for ring in part for point in ring
    ]
    longitudes, latitudes = [x for x, _ in points], [y for _, y in points]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def label_point(geometry: Geometry) -> Point:
    """The point farthest from every border (pole of inaccessibility), measured as on the ground."""
    import shapely

    _, south, _, north = bounds([geometry])
    narrow = math.cos(math.radians((south + north) / 2))
    ground = shapely.transform(shape_of(geometry), lambda points: points * (narrow, 1))
    circle = shapely.maximum_inscribed_circle(ground, tolerance=LABEL_TOLERANCE_DEG)
    x, y = circle.coords[0]
    return x / narrow, y


def shape_of(geometry: Geometry) -> Any:
    """The geometry as a shapely object."""
    import shapely

    parts = [shapely.Polygon(outer, holes) for outer, *holes in polygons(geometry)]
    return parts[0] if geometry["type"] == "Polygon" else shapely.MultiPolygon(parts)


def invalid(geometries: Sequence[Geometry]) -> Iterator[tuple[int, str]]:
    """Index of each geometry that crosses or touches itself, and where, in shapely's words."""
    import shapely

    for index, geometry in enumerate(geometries):
        shape = shape_of(geometry)
        if not shape.is_valid:
            yield index, shapely.is_valid_reason(shape)


def overlaps(geometries: Sequence[Geometry]) -> Iterator[tuple[int, int, float]]:
    """Pairs of valid geometries that cover the same ground, and how much of it in km²."""
    import shapely

    shapes = [shape_of(geometry) for geometry in geometries]
    firsts, seconds = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True):
        if first < second and (km2 := _common_km2(shapes[first], shapes[second])) > FAULT_KM2:
            yield first, second, km2


def _common_km2(one: Any, other: Any) -> float:
    import shapely

    parts = shapely.get_parts(shapely.intersection(one, other))
    return sum(area_km2(part.__geo_interface__) for part in parts if part.geom_type == "Polygon")


def holes(geometries: Sequence[Geometry]) -> Iterator[tuple[float, Point, tuple[int, ...]]]:
    """Ground inside the city that no valid geometry covers: km², a point in it, indices of its neighbours."""
    import shapely

    shapes = [shape_of(geometry) for geometry in geometries]
    for part in shapely.get_parts(shapely.union_all(shapes)):
        for ring in part.interiors:
            hole = shapely.Polygon(ring)
            if (km2 := area_km2(hole.__geo_interface__)) > FAULT_KM2:
                middle = hole.representative_point()
                around = tuple(at for at, shape in enumerate(shapes) if shape.intersects(hole))
                yield km2, (middle.x, middle.y), around


class Locator:
    """Finds which geometry a point lies in; on a shared border, the first of them."""

    def __init__(self, geometries: Sequence[Geometry]) -> None:
        import shapely

        self._shapely = shapely
        shapes = [shape_of(geometry) for geometry in geometries]
        shapely.prepare(shapes)
        self._tree = shapely.STRtree(shapes)

    def at(self, latitude: float, longitude: float) -> int | None:
        """Index of the geometry, None outside them all or where the numbers are not finite."""
        if not (math.isfinite(latitude) and math.isfinite(longitude)):
            return None
        point = self._shapely.Point(longitude, latitude)
        found = self._tree.query(point, predicate="intersects")
        return int(found.min()) if len(found) else None
