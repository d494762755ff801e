"""City packs: everything the product knows about one city, read from a folder of data.

A pack is `city.toml`, `districts.geojson` and, if the city likes, `sensors.csv`; `docs` tell what is in
them, `city/check.py` what may be wrong with them. The shipped packs lie in `city/packs/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from city.check import check_pack, find_problems
from city.check_map import plain
from city.errors import PackError
from city.geometry import Geometry, Locator, Point, area_km2, bounds, label_point
from city.metrics import Catalogue, Metric, load_catalogue, metric_from
from city.packfiles import PackFiles, read_files, texts_of

__all__ = [
    "CityPack",
    "District",
    "MapView",
    "PackSensor",
    "check_pack",
    "folder_of",
    "load_pack",
    "shipped_packs",
]

Text = TypeVar("Text")

SHIPPED = Path(__file__).parent / "packs"
#: What a city calls one and several districts, unless its pack has words of its own (Seoul's 구).
DISTRICT_WORDS = {"en": ["district", "districts"], "ko": ["구역", "구역"], "es": ["distrito", "distritos"]}


@dataclass(frozen=True)
class District:
    """One district of the city."""

    #: slug, e.g. `gangnam-gu`: what URLs, messages and the database use
    code: str
    #: the authorities' own code, "" where there is none
    official_code: str
    #: language → full name
    names: Mapping[str, str]
    #: language → name for a map label
    short: Mapping[str, str]
    #: GeoJSON Polygon or MultiPolygon, degrees (longitude, latitude)
    geometry: Geometry = field(repr=False)
    #: official area in km², that of the geometry where the pack gives none
    area_km2: float
    #: where the pack puts the label, (longitude, latitude); None: found from the shape
    given_label: Point | None = None

    def name(self, language: str) -> str:
        """Full name in `language`, else in the pack's first."""
        return _in_language(self.names, language)

    def short_name(self, language: str) -> str:
        """Name for a map label in `language`, else in the pack's first."""
        return _in_language(self.short, language)

    @property
    def all_names(self) -> set[str]:
        """Everything that means this district in a message or on a command line."""
        return {self.code, self.official_code, *self.names.values(), *self.short.values()} - {""}

    @cached_property
    def label(self) -> Point:
        """Where a label has most room, (longitude, latitude)."""
        return self.given_label or label_point(self.geometry)


@dataclass(frozen=True)
class MapView:
    """What the map does by hand, because no rule does it well."""

    #: district code → (east, north) in km by which its label moves on a wide map
    label_offsets_km: Mapping[str, tuple[float, float]]
    #: the same on a phone's; what is not in it moves as on a wide map
    phone_label_offsets_km: Mapping[str, tuple[float, float]]

    def offset_km(self, code: str, *, phone: bool = False) -> tuple[float, float]:
        """(east, north) in km by which the district's label moves."""
        wide = self.label_offsets_km.get(code, (0.0, 0.0))
        return self.phone_label_offsets_km.get(code, wide) if phone else wide


@dataclass(frozen=True, slots=True)
class PackSensor:
    """A sensor that the pack lists, with a place in degrees."""

    serial: str
    model: str
    #: kind of site: main_street, residential_area, parks …
    kind: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class CityPack:
    """One city, as its pack describes it."""

    #: slug: the folder's name
    name: str
    #: language → the city's name
    names: Mapping[str, str]
    #: language → what the dashboard calls itself
    titles: Mapping[str, str]
    #: language → what one district and several are called
    district_words: Mapping[str, tuple[str, str]]
    #: IANA name, e.g. `Asia/Seoul`
    timezone: str
    #: ISO 3166 code of the country whose holidays the city keeps, "" where the pack names none
    country: str
    #: languages of the pack, the first is the default
    languages: tuple[str, ...]
    #: key of the grade standard (`city/grades.toml`)
    standard: str
    #: key of the metric that the dashboard opens with
    headline: str
    #: keys of the metrics on the live page, in order
    live: tuple[str, ...]
    #: metrics that only this pack has
    metrics: tuple[Metric, ...]
    #: shipped metrics and the pack's own
    catalogue: Catalogue = field(repr=False)
    #: districts in the order of the file
    districts: tuple[District, ...] = field(repr=False)
    map: MapView = field(repr=False)
    #: whose data the polygons are; shown with the map
    attribution: str
    #: sensors that the pack lists, often none
    sensors: tuple[PackSensor, ...] = field(repr=False)

    def city_name(self, language: str) -> str:
        """The city's name in `language`, else in the pack's first."""
        return _in_language(self.names, language)

    def title(self, language: str) -> str:
        """What the dashboard calls itself in `language`, else in the pack's first."""
        return _in_language(self.titles, language)

    def district_word(self, language: str, count: int = 1) -> str:
        """What `count` districts are called in `language`, else in the pack's first."""
        one, several = _in_language(self.district_words, language)
        return one if count == 1 else several

    @cached_property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def by_code(self) -> dict[str, District]:
        """District code → district."""
        return {district.code: district for district in self.districts}

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the city, in degrees."""
        return bounds([district.geometry for district in self.districts])

    @cached_property
    def _locator(self) -> Locator:
        return Locator([district.geometry for district in self.districts])

    @cached_property
    def _codes_by_name(self) -> dict[str, str]:
        return {plain(name): one.code for one in self.districts for name in one.all_names}

    def district_at(self, latitude: float, longitude: float) -> str | None:
        """Code of the district at a place in degrees, None outside the city; on a border, the first."""
        index = self._locator.at(latitude, longitude)
        return None if index is None else self.districts[index].code

    def district_named(self, text: str) -> str | None:
        """Code of the district that `text` names: its slug, official code, full or short name in any language.

        Case, spaces and hyphens do not matter.
        """
        return self._codes_by_name.get(plain(text))


def _in_language(texts: Mapping[str, Text], language: str) -> Text:
    return texts.get(language) or next(iter(texts.values()))


def shipped_packs() -> tuple[str, ...]:
    """Names of the packs that come with the product."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob("*/city.toml")))


def load_pack(name_or_path: str | Path) -> CityPack:
    """The shipped pack of that name, or the pack in that folder; PackError with all that is wrong.

    A shipped pack's polygons are proven by our tests and not proven again at each start.
    """
    folder = folder_of(name_or_path)
    files = read_files(folder)
    problems = find_problems(files, shapes=folder.parent != SHIPPED)
    if problems:
        raise PackError(str(name_or_path), problems)
    return _build(folder.resolve().name, files)


def folder_of(name_or_path: str | Path) -> Path:
    """Folder of a shipped pack or of a path; PackError where it is neither."""
    if str(name_or_path) in shipped_packs():
        return SHIPPED / str(name_or_path)
    path = Path(name_or_path)
    if not path.is_dir():
        shipped = ", ".join(shipped_packs())
        raise PackError(
            str(name_or_path), [f"is neither a shipped pack ({shipped}) nor a folder; give one of them"]
        )
    return path


def _build(name: str, files: PackFiles) -> CityPack:
    city = files.city or {}
    languages = tuple(city["languages"])
    words = _ordered(city.get("district_words", DISTRICT_WORDS), languages)
    extra = tuple(metric_from(key, table) for key, table in city.get("metrics", {}).items())
    return CityPack(
        name=name,
        names=_ordered(city["names"], languages),
        titles=_ordered(city["titles"], languages),
        district_words={language: (one, several) for language, (one, several) in words.items()},
        timezone=city["timezone"],
        country=city.get("country", ""),
        languages=languages,
        standard=city["standard"],
        headline=city["headline"],
        live=tuple(city["live"]),
        metrics=extra,
        catalogue=load_catalogue(extra),
        districts=tuple(_district(each, languages) for each in files.features),
        map=_map_view(city.get("map", {})),
        attribution=files.attribution,
        sensors=tuple(_sensor(row) for row in files.sensors),
    )


def _ordered(texts: Mapping[str, Text], languages: tuple[str, ...]) -> dict[str, Text]:
    """The pack's languages first and in its order, so that the first of all is the default."""
    return {language: texts[language] for language in (*languages, *texts) if language in texts}


def _district(feature: Mapping[str, Any], languages: tuple[str, ...]) -> District:
    facts = feature["properties"]
    names = _ordered(texts_of(facts, "name"), languages)
    label = facts.get("label")
    return District(
        code=facts["code"],
        official_code=facts.get("official_code", ""),
        names=names,
        short=names | texts_of(facts, "short"),
        geometry=feature["geometry"],
        area_km2=facts.get("area_km2") or area_km2(feature["geometry"]),
        given_label=(label[0], label[1]) if label else None,
    )


def _map_view(table: Mapping[str, Any]) -> MapView:
    def offsets(key: str) -> dict[str, tuple[float, float]]:
        return {code: (float(east), float(north)) for code, (east, north) in table.get(key, {}).items()}

    return MapView(offsets("label_offsets_km"), offsets("phone_label_offsets_km"))


def _sensor(row: Mapping[str, str]) -> PackSensor:
    latitude, longitude = float(row["latitude"]), float(row["longitude"])
    return PackSensor(row["serial"], row.get("model", ""), row.get("kind", ""), latitude, longitude)
