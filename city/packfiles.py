"""The files of a city pack, as they are: read, not yet judged."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CITY, DISTRICTS, SENSORS = "city.toml", "districts.geojson", "sensors.csv"
#: Columns that sensors.csv has to have; `model` and `kind` may be there, too.
SENSOR_COLUMNS = ("serial", "latitude", "longitude")


@dataclass
class PackFiles:
    """What the files of a pack hold."""

    #: tables of city.toml, None where it could not be read
    city: dict[str, Any] | None = None
    #: features of districts.geojson, none where it could not be read
    features: list[Any] = field(default_factory=list)
    #: whose data the polygons are
    attribution: str = ""
    #: rows of sensors.csv
    sensors: list[dict[str, str]] = field(default_factory=list)
    #: why a file could not be read, a sentence each
    problems: list[str] = field(default_factory=list)


def read_files(folder: Path) -> PackFiles:
    """The files of the pack in `folder`; what cannot be read is a problem, never an exception."""
    files = PackFiles()
    files.city = _read(folder / CITY, _toml, files.problems)
    if collection := _read(folder / DISTRICTS, _geojson, files.problems):
        files.features, files.attribution = collection["features"], str(collection.get("attribution", ""))
    if (folder / SENSORS).exists():
        files.sensors = _read(folder / SENSORS, _csv, files.problems) or []
    return files


def _read(path: Path, parse: Callable[[str], Any], problems: list[str]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        problems.append(f"{path.name} is missing; the pack's folder has to hold one")
    except UnicodeDecodeError as error:
        problems.append(f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8")
    except (OSError, RecursionError) as error:
        problems.append(f"{path.name} cannot be read: {error}")
    except ValueError as error:
        problems.append(f"{path.name}: {error}")
    return None


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is no TOML: {error}") from None


def _geojson(text: str) -> dict[str, Any]:
    try:
        collection = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg} (at line {error.lineno}, column {error.colno})") from None
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or not features:
        raise ValueError("is no GeoJSON FeatureCollection with a feature for each district; export it as one")
    return dict(collection)


def _csv(text: str) -> list[dict[str, str]]:
    rows = csv.DictReader(text.splitlines(), restkey="", restval="")
    missing = [name for name in SENSOR_COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise ValueError(f"has no column {', '.join(missing)}; its first line has to name its columns")
    return [{key: str(value).strip() for key, value in row.items()} for row in rows]


def texts_of(facts: Mapping[str, Any], stem: str) -> dict[str, str]:
    """Language → text out of flat properties: `name_ko`, `name_en`, … for the stem `name`."""
    start = f"{stem}_"
    return {
        key.removeprefix(start): str(text) for key, text in facts.items() if key.startswith(start) and text
    }
