"""A roll of sensors: the CSV that `sdot sensor add --file` reads."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from city.errors import RegistryError
from city.reading import SERIAL
from ingest.registry import NewSensor

#: Columns; `serial` has to be there, any order, others are ignored.
COLUMNS = ("serial", "model", "kind", "latitude", "longitude", "district")


def read_roll(path: Path) -> list[NewSensor]:
    """The sensors of a CSV file (UTF-8, a header line); RegistryError names the line that is wrong."""
    try:
        return _sensors(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RegistryError(f"{path.name} is no CSV in UTF-8 ({error}); save it as such") from None


def _sensors(path: Path) -> list[NewSensor]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if "serial" not in (rows.fieldnames or ()):
            raise RegistryError(
                f"{path.name} has no column `serial`; its first line names {', '.join(COLUMNS)}"
            )
        sensors = [_sensor(row, f"{path.name}, line {number}") for number, row in enumerate(rows, 2)]
    seen: set[str] = set()
    for sensor in sensors:
        if sensor.serial in seen:
            raise RegistryError(f"{path.name} has {sensor.serial} twice; keep one of them")
        seen.add(sensor.serial)
    return sensors


def _sensor(row: Mapping[str, str | None], where: str) -> NewSensor:
    text = {name: (row.get(name) or "").strip() or None for name in COLUMNS}
    try:
        lat = float(text["latitude"]) if text["latitude"] else None
        lon = float(text["longitude"]) if text["longitude"] else None
        return one_sensor(text["serial"], text["model"], text["kind"], lat, lon, text["district"])
    except (ValueError, RegistryError) as error:
        raise RegistryError(f"{where}: {error}") from None


def one_sensor(
    serial: str | None,
    model: str | None,
    kind: str | None,
    latitude: float | None,
    longitude: float | None,
    district: str | None,
) -> NewSensor:
    """A sensor of these facts; RegistryError where they cannot be."""
    if not serial or not SERIAL.fullmatch(serial):
        raise RegistryError(f"{serial!r} is no serial: letters, digits and ._:- only, 1 to 64")
    if (latitude is None) != (longitude is None):
        raise RegistryError("latitude and longitude go together; one of them is missing")
    if latitude is not None and longitude is not None and not (abs(latitude) <= 90 and abs(longitude) <= 180):  # noqa: PLR2004 degrees
        raise RegistryError(f"{latitude}, {longitude} is no position; latitude comes first")
    return NewSensor(serial, model, kind, latitude, longitude, district)
