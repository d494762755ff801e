"""What is wrong with the districts of a pack: codes, names, coordinates, and how the polygons fit."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from city.geometry import Point, area_km2, bounds, holes, invalid, overlaps, polygons
from city.packfiles import texts_of

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: How far a polygon's area may be from the official one before one of them must be wrong.
AREA_TOLERANCE = 0.1
#: Vertices of the smallest ring: a triangle, the first repeated at the end.
SMALLEST_RING = 4


def plain(name: str) -> str:
    """A name as it is compared: case, spaces, hyphens and points do not count."""
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "ZPC")


def well_formed(feature: Any) -> bool:
    """Whether the feature has properties and a geometry whose coordinates can be used."""
    return not list(_form_problems(feature))


def feature_problems(features: Sequence[Any], languages: Sequence[str]) -> Iterator[str]:
    """What is wrong with each district by itself, and with their codes and names together."""
    for number, feature in enumerate(features, start=1):
        problems = list(_form_problems(feature))
        problems += [] if problems else _fact_problems(feature, languages)
        yield from (f"{_title(feature, number)}: {text}" for text in problems)
    yield from _clashes([feature for feature in features if well_formed(feature)])


def _title(feature: Any, number: int) -> str:
    facts = feature.get("properties") if isinstance(feature, dict) else None
    code = facts.get("code") if isinstance(facts, dict) else None
    return f"district {code}" if isinstance(code, str) and code else f"feature {number}"


def _form_problems(feature: Any) -> Iterator[str]:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        yield "is no GeoJSON feature with properties"
        return
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        yield f"its geometry is {kind or 'missing'}; a district is a Polygon or a MultiPolygon"
        return
    try:
        parts = polygons(geometry)
    except (KeyError, TypeError, ValueError):
        parts = []
    rings = [ring for part in parts for ring in part]
    if (
        not parts
        or not all(parts)
        or not all(_is_number(degrees) for ring in rings for point in ring for degrees in point)
    ):
        yield "its coordinates are no lists of rings of [longitude, latitude]"
        return
    yield from _ring_problems(rings)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ring_problems(rings: Sequence[Sequence[Point]]) -> Iterator[str]:
    if any(len(ring) < SMALLEST_RING or ring[0] != ring[-1] for ring in rings):
        yield "a ring needs at least three corners and has to end where it begins"
    points = [point for ring in rings for point in ring]
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
        yield "a coordinate is no finite number"
        return
    for x, y in points:
        if abs(x) > 180 or abs(y) > 90:  # noqa: PLR2004 — degrees of the globe
            yield _nowhere(x, y)
            return


def _nowhere(x: float, y: float) -> str:
    if abs(x) <= 90 and abs(y) <= 180:  # noqa: PLR2004 — degrees of the globe
        return f"[{x:g}, {y:g}] looks like latitude before longitude; GeoJSON puts longitude first"
    return f"[{x:g}, {y:g}] is no place in degrees; export the file in WGS 84 (EPSG:4326)"


def _fact_problems(feature: Mapping[str, Any], languages: Sequence[str]) -> Iterator[str]:
    facts = feature["properties"]
    code, official = facts.get("code"), facts.get("official_code", "")
    if not isinstance(code, str) or not CODE.fullmatch(code):
        yield f"code {code!r} has to be small letters, digits and single hyphens, such as gangnam-gu"
    if not isinstance(official, str):
        yield f"official_code {official!r} has to be a text; put it in quotation marks"
    missing = [language for language in languages if not texts_of(facts, "name").get(language, "").strip()]
    if missing:
        yield f"has no name in {', '.join(missing)}; give it as {', '.join(f'name_{each}' for each in missing)}"
    yield from _area_problems(feature)
    yield from _label_problems(feature)


def _area_problems(feature: Mapping[str, Any]) -> Iterator[str]:
    official = feature["properties"].get("area_km2")
    if official is None:
        return
    if not _is_number(official) or not official > 0:
        yield f"area_km2 {official!r} has to be a number above 0, in km²"
        return
    drawn = area_km2(feature["geometry"])
    if abs(drawn / official - 1) > AREA_TOLERANCE:
        yield f"its polygon covers {drawn:.3g} km², its area_km2 says {official:g}; one of them is wrong"


def _label_problems(feature: Mapping[str, Any]) -> Iterator[str]:
    label = feature["properties"].get("label")
    if label is None:
        return
    try:
        x, y = map(float, label)
    except (TypeError, ValueError):
        yield f"label {label!r} has to be [longitude, latitude]"
        return
    west, south, east, north = bounds([feature["geometry"]])
    if not (west <= x <= east and south <= y <= north):
        yield f"label [{x:g}, {y:g}] lies outside the district; it is [longitude, latitude]"


def _clashes(features: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Codes and names that would mean two districts."""
    owners: dict[str, list[str]] = defaultdict(list)
    for number, feature in enumerate(features, start=1):
        facts = feature["properties"]
        texts = [facts.get("code"), facts.get("official_code")]
        texts += [*texts_of(facts, "name").values(), *texts_of(facts, "short").values()]
        for text in dict.fromkeys(plain(text) for text in texts if isinstance(text, str) and text):
            owners[text].append(_title(feature, number))
    for text, titles in owners.items():
        if len(titles) > 1:
            yield f"{text!r} is a code or name of {' and of '.join(titles)}; each has to mean one district"


def shape_problems(features: Sequence[Mapping[str, Any]], *, holes_allowed: bool) -> Iterator[str]:
    """How the polygons of well-formed features fail to be one map."""
    titles = [_title(feature, number) for number, feature in enumerate(features, start=1)]
    geometries = [feature["geometry"] for feature in features]
    broken = list(invalid(geometries))
    yield from (
        f"{titles[at]}: its polygon is invalid: {why}; shapely.make_valid repairs it" for at, why in broken
    )
    if broken:
        return
    for one, other, km2 in overlaps(geometries):
        yield f"{titles[one]} and {titles[other]} overlap by {km2:.4f} km²; shapely.coverage_clean repairs it"
    for km2, (x, y), around in () if holes_allowed else holes(geometries):
        names = ", ".join(titles[at] for at in around)
        yield (
            f"{km2:.4f} km² at {y:.5f}, {x:.5f} belong to no district, between {names}; shapely.coverage_clean"
            " closes gaps, and [map] holes = true in city.toml allows enclaves"
        )
