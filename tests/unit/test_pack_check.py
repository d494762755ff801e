"""A broken pack is told everything that is wrong with it at once, in words."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from city.check import find_problems
from city.errors import PackError
from city.pack import check_pack, load_pack
from city.packfiles import PackFiles, read_files
from sdot.commands.city import app

TINY = Path(__file__).parents[1] / "packs/tiny"
FILES = read_files(TINY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound pack to break."""
    return Path(shutil.copytree(TINY, tmp_path / "broken"))


def rewritten(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), "utf-8")


def saying(problems: list[str], *words: str) -> list[str]:
    return [problem for problem in problems if all(word in problem for word in words)]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('timezone = "America/St_Johns"\n', "", ["`timezone` is missing", "Asia/Seoul"]),
        ("America/St_Johns", "Mars/Olympus", ["time zone 'Mars/Olympus' is unknown", "IANA"]),
        ("America/St_Johns", "../etc/passwd", ["time zone '../etc/passwd' is unknown"]),
        ('timezone = "America/St_Johns"', "timezone = 3", ["`timezone` has to be a text"]),
        ('timezone = "', 'country = "Korea"\ntimezone = "', ["country 'Korea' is no code", "KR"]),
        ('timezone = "', 'country = "QQ"\ntimezone = "', ["holidays of the country 'QQ' are not known"]),
        ('timezone = "', 'country = 82\ntimezone = "', ["`country` has to be a text"]),
        ('timezone = "', "timezone = America", ["is no TOML", "line 3"]),
        ('["fr", "en"]', "[]", ["`languages` has to be a list that is not empty"]),
        ('["fr", "en"]', '["fr", "en", "es"]', ["`names` has no text in es"]),
        ('["fr", "en"]', '["fr", "en", "es"]', ["`titles` has no text in es"]),
        ('["fr", "en"]', '["fr", "en", "es"]', ["`district_words` needs in es"]),
        ('["fr", "en"]', '["fr", "en", "es"]', ["metric 'radon' has no name in es"]),
        ('["fr", "en"]', '["fr", "en", "es"]', ["district colline: has no name in es", "name_es"]),
        ('["fr", "en"]', '["fr", "fr"]', ["language 'fr' is listed twice"]),
        ('["fr", "en"]', '["fr", "English"]', ["language 'English' is no code"]),
        ('"korea"', '"narnia"', ["grade standard 'narnia' is unknown", "korea"]),
        ('headline = "radon"', 'headline = "krypton"', ["`headline`", "'krypton'"]),
        ('headline = "radon"', 'headline = "noise"', ["`headline` is 'noise'", "`live` does not show"]),
        ('"temperature"]', '"gravity"]', ["`live`", "'gravity'"]),
        ('"temperature"]', '"pm25"]', ["`live` names the metric 'pm25' twice"]),
        ("headline =", "head_line =", ["`head_line` means nothing here"]),
        ("vieux-port = [0.2", "port = [0.2", ["label of 'port', which is no district"]),
        ("[0.2, -0.1]", "[0.2]", ["'vieux-port' has to be [km east, km north]"]),
        ("[map.label_offsets_km]", "[map.offsets]", ["[map] `offsets` means nothing here"]),
        ("[metrics.radon]", "[metrics.pm25]", ["'pm25' is declared twice", "shipped"]),
        ("[metrics.radon]", "[metrics.time]", ["'time'", "fixed column"]),
        ("[metrics.radon]", "[metrics.Radon]", ["'Radon'", "lower-case"]),
        ("bit = 60", "bit = 63", ["bit 63", "0 to 62"]),
        ("bit = 60", "bit = -1", ["bit -1", "0 to 62"]),
        ("bit = 60", "bit = 0", ["bit 0", "'pm25'"]),
        ("bit = 60\n", "", ["metric 'radon' has no `bit`"]),
        ('"mean"', '"median"', ["metric 'radon'", "median", "mean, sum or vector"]),
        ("plausible = [0, 10000]", "plausible = [5]", ["metric 'radon'"]),
        ("plausible = [0, 10000]", "plausible = [9, 8]", ["metric 'radon'", "below"]),
        ("possible = [-100000, 100000]", "possible = [0, 5]", ["'radon'", "inside the possible"]),
    ],
)
def test_city_toml(folder: Path, old: str, new: str, words: list[str]) -> None:
    rewritten(folder, "city.toml", old, new)
    assert saying(check_pack(folder), *words)


def test_labels_are_not_told_of_where_the_districts_cannot_be_read(folder: Path) -> None:
    (folder / "districts.geojson").unlink()
    assert check_pack(folder) == ["districts.geojson is missing; the pack's folder has to hold one"]


def test_more_metrics_than_flags_have_room_for(folder: Path) -> None:
    table = (folder / "city.toml").read_text("utf-8").split("[metrics.radon]")[1]
    with (folder / "city.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"\n[metrics.more_{number}]{table}" for number in range(40))
    assert saying(check_pack(folder), "room for 63")
    assert saying(check_pack(folder), "'more_39' has bit 60")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"colline"', '"La Colline"', ["district La Colline", "small letters"]),
        ('"colline"', '""', ["feature 1", "small letters"]),
        ('"colline"', "7", ["feature 1: code 7"]),
        ('"colline"', '"sud-2"', ["'sud2'", "district sud-2 and of district sud-2"]),
        ('"name_fr":"La Colline",', "", ["district colline: has no name in fr", "name_fr"]),
        ('"The Hill"', '"vieux port"', ["'vieuxport'", "colline", "vieux-port", "each has to mean one"]),
        ('"area_km2":3.34', '"area_km2":5.5', ["district colline", "3.35 km²", "5.5"]),
        ('"area_km2":3.34', '"area_km2":-1', ["area_km2 -1", "above 0"]),
        ('"area_km2":3.34', '"official_code":11', ["official_code 11", "quotation marks"]),
        ("[-52.71,47.555]}", "[47.555,-52.71]}", ["district sud-2", "label", "outside the district"]),
        ("[-52.71,47.555]}", '"middle"}', ["label 'middle'", "[longitude, latitude]"]),
        ('"MultiPolygon"', '"Point"', ["district vieux-port", "its geometry is Point"]),
        ('"MultiPolygon"', '"Polygon"', ["district vieux-port", "coordinates are no lists"]),
        ("[-52.74,47.56],[-52.72,47.56],[", "[-52.73,47.56],[-52.72,47.56],[", ["colline", "end where it begins"]),
        ("[-52.72,47.58],[-52.74,47.58]", "[-52.74,47.58],[-52.72,47.58]", ["colline", "polygon is invalid", "make_valid"]),
        ("[-52.72,47.58],[-52.74,47.58]", "[-52.71,47.58],[-52.74,47.58]", ["colline and district vieux-port overlap by 0.5577 km²"]),
        ("[-52.72,47.58],[-52.74,47.58]", "[962000,1958000],[-52.74,47.58]", ["[962000, 1.958e+06]", "EPSG:4326"]),
        ("[-52.72,47.58],[-52.74,47.58]", "[47.58,-152.72],[-52.74,47.58]", ["longitude first"]),
        ("[-52.72,47.58],[-52.74,47.58]", "[NaN,47.58],[-52.74,47.58]", ["no finite number"]),
        ("FeatureCollection", "FeatureCollection\n,", ["is no JSON", "line 1"]),
        ('"features":[', '"features":[],"others":[', ["no GeoJSON FeatureCollection"]),
        ('{"type":"Feature","properties":{', '{"type":"Feature","facts":{', ["feature 1: is no GeoJSON feature"]),
    ],
)  # fmt: skip
def test_districts_geojson(folder: Path, old: str, new: str, words: list[str]) -> None:
    rewritten(folder, "districts.geojson", old, new)
    assert saying(check_pack(folder), *words)


def test_latitude_before_longitude(folder: Path) -> None:
    collection = json.loads((folder / "districts.geojson").read_text("utf-8"))
    square = [[[37.5, 126.9], [37.6, 126.9], [37.6, 127.0], [37.5, 126.9]]]
    collection["features"][0]["geometry"]["coordinates"] = square
    (folder / "districts.geojson").write_text(json.dumps(collection), "utf-8")
    assert saying(check_pack(folder), "[37.5, 126.9] looks like latitude before longitude")


def hole_in_the_hill(folder: Path) -> None:
    """Cut a square of 0.083 km² out of the first district."""
    cut = "[-52.74,47.56]],[[-52.733,47.568],[-52.73,47.568],[-52.73,47.5713],[-52.733,47.5713],[-52.733,47.568]]]}"
    rewritten(folder, "districts.geojson", "[-52.74,47.56]]]}", cut)


def test_a_hole_in_the_city(folder: Path) -> None:
    hole_in_the_hill(folder)
    (problem,) = check_pack(folder)
    assert problem.startswith("districts.geojson: 0.0828 km² at 47.5")
    assert "belong to no district, between district colline;" in problem


def test_an_enclave_may_be_allowed(folder: Path) -> None:
    hole_in_the_hill(folder)
    rewritten(folder, "city.toml", "[map.label_offsets_km]", "[map]\nholes = true\n[map.label_offsets_km]")
    assert check_pack(folder) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("47.57,-52.73", "47.6,-52.73", ["line 2", "TINY-1", "outside every district"]),
        ("47.57,-52.73", "-52.73,147.57", ["line 2", "outside every district"]),
        ("47.57,-52.73", "147.57,-52.73", ["line 2", "nowhere on earth"]),
        ("47.57,-52.73", "nan,-52.73", ["line 2", "nowhere on earth"]),
        ("47.57,-52.73", "north,", ["line 2", "'north', ''", "is no place"]),
        ("TINY-2", "TINY-1", ["'TINY-1' stands in several lines"]),
        ("TINY-2", "TINY 2", ["line 3", "serial 'TINY 2'"]),
        ("latitude,longitude", "y,x", ["has no column latitude, longitude"]),
    ],
)
def test_sensors_csv(folder: Path, old: str, new: str, words: list[str]) -> None:
    rewritten(folder, "sensors.csv", old, new)
    assert saying(check_pack(folder), "sensors.csv", *words)


@pytest.mark.parametrize("name", ["city.toml", "districts.geojson"])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert check_pack(folder)[0].startswith(f"{name} is missing")


def test_an_empty_file(folder: Path) -> None:
    (folder / "city.toml").write_text("")
    assert len(saying(check_pack(folder), "city.toml", "is missing; write for example")) == 7


def test_a_file_that_is_not_utf8(folder: Path) -> None:
    (folder / "city.toml").write_bytes("names = { ko = '서울' }".encode("cp949"))
    assert saying(check_pack(folder), "city.toml is not UTF-8 (byte 16)")


def test_sensors_may_be_left_out(folder: Path) -> None:
    (folder / "sensors.csv").unlink()
    assert check_pack(folder) == []


def test_everything_at_once(folder: Path) -> None:
    rewritten(folder, "city.toml", "America/St_Johns", "Mars/Olympus")
    rewritten(folder, "city.toml", "bit = 60", "bit = 1")
    rewritten(folder, "districts.geojson", '"colline"', '"Colline"')
    rewritten(folder, "districts.geojson", "[-52.72,47.58],[-52.74,47.58]", "[-52.71,47.58],[-52.74,47.58]")
    rewritten(folder, "sensors.csv", "TINY-2", "TINY 2")
    problems = check_pack(folder)
    for words in (["Mars"], ["bit 1"], ["Colline", "small letters"], ["overlap"], ["TINY 2"]):
        assert saying(problems, *words)
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    assert list(caught.value.problems) == problems


def test_the_command_prints_each_problem(folder: Path) -> None:
    rewritten(folder, "city.toml", '"korea"', '"narnia"')
    rewritten(folder, "city.toml", "bit = 60", "bit = 1")
    result = CliRunner().invoke(app, ["check", str(folder)])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == check_pack(folder)
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("pack", "line"),
    [
        (
            str(TINY),
            "ok: tiny: Port Example, 3 districts, 28 metrics, 1 of its own; fr, en; America/St_Johns; 2 sensors",
        ),
        ("seoul", "ok: seoul: Seoul, 25 districts, 27 metrics; ko, en, es; Asia/Seoul"),
    ],
)
def test_the_command_says_what_is_in_a_good_one(pack: str, line: str) -> None:
    result = CliRunner().invoke(app, ["check", pack])
    assert (result.exit_code, result.stdout.strip()) == (0, line)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["fr", "pm25"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every entry below a tree of lists and dicts."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [place for key in keys for place in ((*path, key), *places(tree[key], (*path, key)))]


def put(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value


def loads(folder: Path, files: PackFiles, reading: Callable[[Path], PackFiles]) -> None:
    """Load the pack in `folder` as if `files` were in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("city.pack.read_files", reading)
        pack = load_pack(folder)
    assert [each.code for each in pack.districts] == [each["properties"]["code"] for each in files.features]
    assert all(each.name(pack.languages[0]) and len(each.label) == 2 for each in pack.districts)


TREE = {"city": FILES.city, "features": FILES.features}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([path for path in places(TREE) if len(path) > 1]), JSON)
def test_whatever_stands_in_a_file_is_judged_and_never_raises(path: tuple[Any, ...], value: Any) -> None:
    tree = deepcopy(TREE)
    put(tree, path, value)
    files = PackFiles(city=tree["city"], features=tree["features"], sensors=FILES.sensors)
    problems = find_problems(files, shapes=True)
    assert all(isinstance(problem, str) for problem in problems)
    if not problems:
        loads(TINY, files, lambda _: files)


def test_the_samples_are_what_the_files_hold() -> None:
    assert tomllib.loads((TINY / "city.toml").read_text("utf-8")) == FILES.city
    assert FILES.problems == []
