"""What an exported file looks like, CSV or Parquet: its levels, columns, their types and units, and how it is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from city.metrics import Metric

#: Key of a Parquet schema's metadata under which a file tells of itself, as JSON.
KEY = b"sdot"
#: Moved when a reader of the files before can no longer read what is written.
FORMAT = 1
#: Instants are written in UTC, to the microsecond.
INSTANT = pa.timestamp("us", tz="UTC")

#: What each row tells of its sensor, as the registry has it when the file is written.
SENSOR = (
    pa.field("state", pa.string()),
    pa.field("home_district", pa.string()),
    pa.field("model", pa.string()),
    pa.field("kind", pa.string()),
    pa.field("latitude", pa.float64()),
    pa.field("longitude", pa.float64()),
)
#: Columns of a reading beside its metrics.
READING = (
    pa.field("revision", pa.int32()),
    pa.field("flags", pa.string()),
    pa.field("extra", pa.string()),
    pa.field("received_at", INSTANT),
)
#: By these a CSV file of readings is known.
KNOWN_BY = ("serial", "time", "revision", "flags", "extra")
#: Ending of a rollup's column → its type, as the tables have them.
STATISTICS: Mapping[str, pa.DataType] = {
    "mean": pa.float64(), "min": pa.float32(), "max": pa.float32(), "n": pa.int32(), "sum": pa.float64(),
    "east": pa.float64(), "north": pa.float64(), "sensors": pa.int32(),
}  # fmt: skip
_UNITLESS = ("n", "east", "north", "sensors")


class Level(StrEnum):
    """What a row is: a reading, or a bucket of a rollup; the names are those of the tables."""

    RAW = "raw"
    SENSOR_10MIN = "sensor_10min"
    SENSOR_HOUR = "sensor_hour"
    DISTRICT_10MIN = "district_10min"
    DISTRICT_HOUR = "district_hour"
    DISTRICT_DAY = "district_day"

    @property
    def of_sensors(self) -> bool:
        """Whether a row is of a sensor."""
        return not self.value.startswith("district")

    @property
    def instant(self) -> str:
        """Name of the column of time; of a bucket it is its start, and says how long it is."""
        return "time" if self is Level.RAW else f"bucket_{self.value.partition('_')[2]}"

    @property
    def keeps_origin(self) -> bool:
        """Whether its rows may come from a file: hours and days."""
        return self in ROLLED


#: Levels that an import takes below what raw readings are kept.
ROLLED = (Level.SENSOR_HOUR, Level.DISTRICT_HOUR, Level.DISTRICT_DAY)


@dataclass(frozen=True, slots=True)
class Told:
    """What a Parquet file tells of itself."""

    level: Level
    city: str
    #: of the product
    version: str
    #: IANA name of the city's clock, on which hours and days begin
    time_zone: str
    #: RFC 3339: the span that was asked for, and when the rows were read
    since: str
    until: str
    exported_at: str
    format: int = FORMAT

    def as_metadata(self) -> dict[bytes, bytes]:
        """As a schema keeps it."""
        fields = {name: getattr(self, name) for name in Told.__slots__}
        return {KEY: json.dumps(fields, ensure_ascii=False).encode()}


def told_by(metadata: Mapping[bytes, bytes] | None) -> Told | None:
    """What a schema's metadata tell; None where no export of ours wrote them."""
    try:
        given = json.loads((metadata or {})[KEY])
        return Told(**{**given, "level": Level(given["level"])})
    except (KeyError, ValueError, TypeError):
        return None


def statistics(level: Level, metric: Metric) -> Iterator[str]:
    """Endings of a metric's columns in a rollup."""
    yield from ("mean", "n") if metric.aggregation == "vector" else ("mean", "min", "max", "n")
    yield from {"sum": ("sum",), "vector": ("east", "north")}.get(metric.aggregation, ())
    if not level.of_sensors:
        yield "sensors"


def metric_fields(level: Level, metrics: Iterable[Metric]) -> list[pa.Field]:
    """Columns of the metrics, each with its unit."""
    if level is Level.RAW:
        return [pa.field(one.key, pa.float32(), metadata={"unit": one.unit}) for one in metrics]
    return [
        pa.field(
            f"{one.key}_{name}", STATISTICS[name], metadata={"unit": "1" if name in _UNITLESS else one.unit}
        )
        for one in metrics
        for name in statistics(level, one)
    ]


def schema(level: Level, metrics: Iterable[Metric]) -> pa.Schema:
    """All columns, in order; texts that repeat are plain strings here and dictionaries in the file."""
    key = [pa.field("serial", pa.string())] if level.of_sensors else []
    key += [pa.field(level.instant, INSTANT), pa.field("district", pa.string())]
    own = list(READING) if level is Level.RAW else []
    own += [pa.field("imported", pa.string())] if level.keeps_origin else []
    about = SENSOR if level.of_sensors else ()
    return pa.schema([*key, *metric_fields(level, metrics), *own, *about])


def level_of(names: Iterable[str]) -> Level | None:
    """The level whose columns these are; None where they are no export's."""
    there = frozenset(names)
    if there.issuperset(KNOWN_BY):
        return Level.RAW
    for level in Level:
        if level is not Level.RAW and level.instant in there and ("serial" in there) == level.of_sensors:
            return level if "district" in there else None
    return None
