"""What is wrong with a city pack: all of it at once, each a sentence that says what to do."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from city.check_map import feature_problems, shape_problems, well_formed
from city.geometry import Locator
from city.grades import standard_keys
from city.metrics import Metric, metric_from, metric_problems, shipped_metrics
from city.packfiles import CITY, DISTRICTS, SENSORS, PackFiles, read_files
from city.reading import SERIAL

#: Keys of city.toml: type, whether it has to be there, an example.
KEYS: Mapping[str, tuple[type, bool, str]] = {
    "timezone": (str, True, 'timezone = "Asia/Seoul"'),
    "country": (str, False, 'country = "KR"'),
    "languages": (list, True, 'languages = ["ko", "en"], the default first'),
    "standard": (str, True, 'standard = "korea"'),
    "headline": (str, True, 'headline = "pm25"'),
    "live": (list, True, 'live = ["pm25", "temperature"]'),
    "names": (dict, True, 'names = { ko = "서울", en = "Seoul" }'),
    "titles": (dict, True, 'titles = { ko = "서울 도시 센서", en = "Seoul city sensors" }'),
    "district_words": (dict, False, 'district_words = { en = ["borough", "boroughs"] }'),
    "map": (dict, False, "[map.label_offsets_km] then a-district = [0.5, 0]"),
    "metrics": (dict, False, "[metrics.radon] with the keys of city/metrics.toml"),
}  # fmt: skip
MAP_KEYS = ("label_offsets_km", "phone_label_offsets_km", "holes")
TOML_TYPES: Mapping[type, str] = {str: "a text", list: "a list", dict: "a table"}
#: ISO 3166-1 alpha-2.
COUNTRY = re.compile(r"[A-Z]{2}")
#: ISO 639, as in `<html lang>`.
LANGUAGE = re.compile(r"[a-z]{2,3}")


def check_pack(folder: str | Path) -> list[str]:
    """All that is wrong with the pack in `folder`, a sentence each; empty where nothing is."""
    return find_problems(read_files(Path(folder)), shapes=True)


def find_problems(files: PackFiles, *, shapes: bool) -> list[str]:
    """All that is wrong with these files; without `shapes` (slow) polygons and country are not looked at closely."""
    problems = list(files.problems)
    city = files.city or {}
    languages = _languages(city)
    sound = [feature for feature in files.features if well_formed(feature)]
    if files.city is not None:
        problems += (f"{CITY}: {text}" for text in _city_problems(city, languages))
        codes = [feature["properties"].get("code") for feature in sound]
        known = bool(sound) and len(sound) == len(files.features)
        problems += (f"{CITY}: {text}" for text in _map_problems(city, codes if known else None))
    problems += (f"{DISTRICTS}: {text}" for text in feature_problems(files.features, languages))
    whole = shapes and bool(sound) and len(sound) == len(files.features)
    if whole:
        holes = bool(_typed(city, "map", dict).get("holes"))
        problems += (f"{DISTRICTS}: {text}" for text in shape_problems(sound, holes_allowed=holes))
    locator = Locator([feature["geometry"] for feature in sound]) if whole and files.sensors else None
    if shapes:
        problems += (f"{CITY}: {text}" for text in _holiday_problems(_typed(city, "country", str)))
    problems += (f"{SENSORS}: {text}" for text in _sensor_problems(files.sensors, locator))
    return problems


def _typed(table: Mapping[str, Any], key: str, kind: type) -> Any:
    """The table's entry, or an empty one where it is missing or of another type."""
    value = table.get(key)
    return value if isinstance(value, kind) else kind()


def _languages(city: Mapping[str, Any]) -> list[str]:
    return [text for text in _typed(city, "languages", list) if isinstance(text, str)]


def _city_problems(city: Mapping[str, Any], languages: Sequence[str]) -> Iterator[str]:
    yield from _key_problems(city)
    if timezone := _typed(city, "timezone", str):
        yield from _timezone_problems(timezone)
    if (country := _typed(city, "country", str)) and not COUNTRY.fullmatch(country):
        yield f"country {country!r} is no code of two capital letters, such as KR or EC"
    yield from _language_problems(city, languages)
    if (standard := _typed(city, "standard", str)) and standard not in standard_keys():
        yield f"grade standard {standard!r} is unknown; there is {', '.join(standard_keys())}"
    metrics, problems = _own_metrics(_typed(city, "metrics", dict), languages)
    yield from problems
    yield from metric_problems([*shipped_metrics(), *metrics])
    yield from _shown_problems(city, {metric.key for metric in (*shipped_metrics(), *metrics)})


def _key_problems(city: Mapping[str, Any]) -> Iterator[str]:
    for key, (kind, needed, example) in KEYS.items():
        if key not in city and needed:
            yield f"`{key}` is missing; write for example {example}"
        elif key in city and (not isinstance(city[key], kind) or (needed and not city[key])):
            yield f"`{key}` has to be {TOML_TYPES[kind]} that is not empty, for example {example}"
    for key in city.keys() - KEYS.keys():
        yield f"`{key}` means nothing here; the keys are {', '.join(KEYS)}"


def _timezone_problems(timezone: str) -> Iterator[str]:
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):  # unknown; not a relative path; a folder of the database
        yield f"time zone {timezone!r} is unknown; write an IANA name such as Asia/Seoul or America/Guayaquil"


def _holiday_problems(country: str) -> Iterator[str]:
    """A country whose holidays nobody knows; a pack is checked for it once, not at each start."""
    from holidays import list_supported_countries

    if COUNTRY.fullmatch(country) and country not in list_supported_countries():
        yield f"the holidays of the country {country!r} are not known; leave `country` out"


def _language_problems(city: Mapping[str, Any], languages: Sequence[str]) -> Iterator[str]:
    for language in _typed(city, "languages", list):
        if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
            yield f"language {language!r} is no code of two or three small letters, such as ko or es"
    for language in _repeated(languages):
        yield f"language {language!r} is listed twice"
    for key in ("names", "titles"):
        missing = [language for language in languages if not _is_text(_typed(city, key, dict).get(language))]
        if missing and _typed(city, key, dict):
            yield f"`{key}` has no text in {', '.join(missing)}; give one in each of the pack's languages"
    yield from _word_problems(_typed(city, "district_words", dict), languages)


def _word_problems(words: Mapping[str, Any], languages: Sequence[str]) -> Iterator[str]:
    for language in languages if words else ():
        pair = words.get(language)
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_text, pair))):  # noqa: PLR2004 — one, several
            yield f'`district_words` needs in {language} what one district and several are called: {language} = ["…", "…"]'


def _own_metrics(tables: Mapping[str, Any], languages: Sequence[str]) -> tuple[list[Metric], list[str]]:
    """The pack's metrics that can be made, and why the others cannot."""
    metrics, problems = [], []
    for key, table in tables.items():
        try:
            metric = metric_from(key, table)
        except KeyError as error:
            problems.append(
                f"metric {key!r} has no `{error.args[0]}`; city/metrics.toml shows what one looks like"
            )
        except (TypeError, ValueError, AttributeError) as error:
            problems.append(f"metric {key!r}: {error}; city/metrics.toml shows what one looks like")
        else:
            metrics.append(metric)
            missing = [language for language in languages if not _is_text(metric.names.get(language))]
            problems += [f"metric {key!r} has no name in {', '.join(missing)}; add it to its `names`"] * bool(
                missing
            )
    return metrics, problems


def _shown_problems(city: Mapping[str, Any], keys: set[str]) -> Iterator[str]:
    live, headline = _typed(city, "live", list), _typed(city, "headline", str)
    for key in live:
        if not isinstance(key, str) or key not in keys:
            yield f"`live` names the metric {key!r}, which neither the catalogue nor the pack has"
    for key in _repeated([key for key in live if isinstance(key, str)]):
        yield f"`live` names the metric {key!r} twice"
    if headline and headline not in keys:
        yield f"`headline` names the metric {headline!r}, which neither the catalogue nor the pack has"
    elif headline and live and headline not in live:
        yield f"`headline` is {headline!r}, which `live` does not show; add it there"


def _map_problems(city: Mapping[str, Any], codes: Sequence[Any] | None) -> Iterator[str]:
    view = _typed(city, "map", dict)
    for key in view.keys() - set(MAP_KEYS):
        yield f"[map] `{key}` means nothing here; the keys are {', '.join(MAP_KEYS)}"
    if not isinstance(view.get("holes", False), bool):
        yield "[map] `holes` is true where the city has enclaves that are not its own, else false"
    for key in MAP_KEYS[:2]:
        yield from (f"[map] `{key}` {text}" for text in _offset_problems(view.get(key, {}), codes))


def _offset_problems(offsets: Any, codes: Sequence[Any] | None) -> Iterator[str]:
    """`codes` of the districts, None where they could not all be read: then nobody knows which are missing."""
    if not isinstance(offsets, dict):
        yield "has to be a table of district = [km east, km north]"
        return
    for code, offset in offsets.items():
        if codes is not None and code not in codes:
            yield f"moves the label of {code!r}, which is no district"
        if not (isinstance(offset, list) and len(offset) == 2 and all(map(_is_number, offset))):  # noqa: PLR2004 — east, north
            yield f"of {code!r} has to be [km east, km north]"


def _sensor_problems(rows: Sequence[Mapping[str, str]], locator: Locator | None) -> Iterator[str]:
    for line, row in enumerate(rows, start=2):
        if not SERIAL.fullmatch(row["serial"]):
            yield f"line {line}: serial {row['serial']!r} is not 1 to 64 letters, digits and ._:-"
        yield from (f"line {line}: {text}" for text in _place_problems(row, locator))
    for serial in _repeated([row["serial"] for row in rows]):
        yield f"serial {serial!r} stands in several lines; a sensor has one"


def _place_problems(row: Mapping[str, str], locator: Locator | None) -> Iterator[str]:
    try:
        latitude, longitude = float(row["latitude"]), float(row["longitude"])
    except ValueError:
        yield f"{row['latitude']!r}, {row['longitude']!r} is no place; write degrees such as 37.5663 and 126.9779"
        return
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # noqa: PLR2004 — degrees of the globe
        yield f"latitude {row['latitude']}, longitude {row['longitude']} is nowhere on earth; are they swapped?"
    elif locator and locator.at(latitude, longitude) is None:
        yield f"sensor {row['serial']} at {latitude}, {longitude} stands outside every district; correct it or leave it out"


def _repeated(texts: Sequence[str]) -> list[str]:
    return [text for text, times in Counter(texts).items() if times > 1]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
