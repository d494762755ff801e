"""Packs in general, by a second city that shares nothing with Seoul."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from city.errors import PackError
from city.geometry import area_km2, shape_of
from city.metrics import load_catalogue
from city.pack import PackSensor, check_pack, load_pack, shipped_packs
from tests.unit.facts_of_seoul import DISTRICTS

TINY = Path(__file__).parents[1] / "packs/tiny"
ROOT = TINY.parents[2]
PACK = load_pack(TINY)


def test_the_second_city_is_sound() -> None:
    assert check_pack(TINY) == []
    assert (PACK.name, PACK.languages, PACK.headline) == ("tiny", ("fr", "en"), "radon")
    assert datetime(2026, 7, 1, tzinfo=UTC).astimezone(PACK.zone).strftime("%H:%M") == "21:30"


def test_a_path_may_be_a_text_or_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TINY)
    assert load_pack(".").name == load_pack(str(TINY)).name == "tiny"


def test_a_metric_of_its_own_comes_after_the_shipped_ones() -> None:
    assert [metric.key for metric in PACK.metrics] == ["radon"]
    assert PACK.catalogue.keys == (*load_catalogue().keys, "radon")
    assert PACK.catalogue["radon"].unit == "Bq/m³"


@pytest.mark.parametrize(
    ("language", "title", "name", "short", "word"),
    [
        ("fr", "Capteurs de Port-Exemple", "Vieux-Port", "Vieux-Port", "quartiers"),
        ("en", "Port Example sensors", "Old Harbour", "Harbour", "quarters"),
        (
            "ko",
            "Capteurs de Port-Exemple",
            "Vieux-Port",
            "Vieux-Port",
            "quartiers",
        ),  # not spoken: the pack's first
    ],
)
def test_languages(language: str, title: str, name: str, short: str, word: str) -> None:
    district = PACK.by_code["vieux-port"]
    assert PACK.title(language) == title
    assert (district.name(language), district.short_name(language)) == (name, short)
    assert PACK.district_word(language, 3) == word
    assert PACK.district_word(language) == word.removesuffix("s")


@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [
        (47.57, -52.73, "colline"),
        (47.562, -52.6865, "vieux-port"),  # its island
        (47.562, -52.693, None),  # the water between
        (47.555, -52.71, "sud-2"),
        (47.56, -52.73, "colline"),  # on the border of two
    ],
)
def test_places(latitude: float, longitude: float, code: str | None) -> None:
    assert PACK.district_at(latitude, longitude) == code


@pytest.mark.parametrize("text", ["Sud – Île", "SUD - ÎLE", "Sud Île", "South", "sud-2"])
def test_names_with_accents(text: str) -> None:
    assert PACK.district_named(text) == "sud-2"


def test_what_the_pack_leaves_out_is_found() -> None:
    harbour = PACK.by_code["vieux-port"]
    assert harbour.official_code == ""
    assert harbour.area_km2 == pytest.approx(area_km2(harbour.geometry))
    assert PACK.district_at(harbour.label[1], harbour.label[0]) == "vieux-port"
    assert PACK.by_code["sud-2"].label == (-52.71, 47.555)


def test_labels_move_as_the_pack_says() -> None:
    assert PACK.map.offset_km("vieux-port") == (0.2, -0.1)
    assert PACK.map.offset_km("vieux-port", phone=True) == (0.2, -0.1)
    assert PACK.map.offset_km("colline") == (0.0, 0.0)


def test_listed_sensors() -> None:
    assert PACK.sensors == (
        PackSensor("TINY-1", "radon-box", "parks", 47.57, -52.73),
        PackSensor("TINY-2", "radon-box", "", 47.562, -52.6865),
    )


def test_the_area_of_the_whole_earth() -> None:
    earth = {
        "type": "Polygon",
        "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
    }
    assert area_km2(earth) == pytest.approx(510_065_621.7, rel=1e-9)  # WGS 84, NGA.STND.0036


def test_a_hole_is_no_area() -> None:
    outer = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]
    inner = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    whole, hole, ring = (
        {"type": "Polygon", "coordinates": rings} for rings in ([outer], [inner], [outer, inner])
    )
    assert area_km2(ring) == pytest.approx(area_km2(whole) - area_km2(hole))
    assert shape_of(ring).area == 3


def test_an_unknown_pack_names_the_known_ones() -> None:
    with pytest.raises(PackError, match="neither a shipped pack") as caught:
        load_pack("atlantis")
    assert all(name in str(caught.value) for name in shipped_packs())


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_code_knows_seoul() -> None:
    names = {text for code, (official, name, _) in DISTRICTS.items() for text in (code, official, name)}
    names |= {"Asia/Seoul", "서울", "Seúl"}
    rooms = ("city", "dashboard", "ingest", "maintain", "sdot", "simulator", "sql")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py") if "packs" not in path.parts]
    assert {(path.name, text) for path in files for text in _texts(path) if text in names} == set()
