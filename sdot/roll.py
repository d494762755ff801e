"""A roll of sensors: the CSV that `sdot sensor add --file` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from city.errors import RegistryError
from ingest.registry import NewSensor
from sdot.serial import checked

#: Columns; `serial` has to be there, any order, others are ignored.
COLUMNS = ("serial", "model", "kind", "latitude", "longitude", "district")
#: So many faults of a file are told at once.
MAX_TOLD = 20


def read_roll(path: Path) -> list[NewSensor]:
    """The sensors of a CSV file (UTF-8, a header line); RegistryError names the lines that are wrong."""
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
        return _whole(path.name, rows)


def _whole(name: str, rows: Iterable[Mapping[str, str | None]]) -> list[NewSensor]:
    """All sensors; RegistryError with all that is wrong."""
    sensors: dict[str, NewSensor] = {}
    faults: list[str] = []
    for number, row in enumerate(rows, 2):
        try:
            sensor = _sensor(row)
        except RegistryError as error:
            faults.append(f"{name}, line {number}: {error}")
            continue
        if sensor.serial in sensors:
            faults.append(f"{name}, line {number}: it has {sensor.serial} twice; keep one of them")
        sensors[sensor.serial] = sensor
    if len(faults) > MAX_TOLD:
        faults[MAX_TOLD:] = [f"and {len(faults) - MAX_TOLD} more lines"]
    if faults:
        raise RegistryError("\n".join(faults))
    return list(sensors.values())


def _sensor(row: Mapping[str, str | None]) -> NewSensor:
    text = {name: (row.get(name) or "").strip() or None for name in COLUMNS}
    lat, lon = _degrees(text["latitude"]), _degrees(text["longitude"])
    return one_sensor(text["serial"], text["model"], text["kind"], lat, lon, text["district"])


def _degrees(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise RegistryError(f"{text!r} is no number of degrees") from None


def one_sensor(
    serial: str | None,
    model: str | None,
    kind: str | None,
    latitude: float | None,
    longitude: float | None,
    district: str | None,
) -> NewSensor:
    """A sensor of these facts; RegistryError where they cannot be."""
    known = checked(serial)
    in_pair(latitude, longitude)
    if latitude is not None and longitude is not None and not (abs(latitude) <= 90 and abs(longitude) <= 180):  # noqa: PLR2004 degrees
        raise RegistryError(f"{latitude}, {longitude} is no position; latitude comes first")
    return NewSensor(known, model, kind, latitude, longitude, district)


def in_pair(latitude: float | None, longitude: float | None) -> None:
    """RegistryError where one of the two is given alone."""
    if (latitude is None) != (longitude is None):
        missing = "latitude" if latitude is None else "longitude"
        raise RegistryError(f"latitude and longitude go together; the {missing} is missing")
