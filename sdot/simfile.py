"""The past of the simulated city as a file, in the shape of an export: for `sdot import`, notebooks, other programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from city.errors import SettingsError
from city.exchange import INSTANT, Level, Told, schema
from city.pack import CityPack, load_pack
from city.settings import Settings
from sdot.history import Wanted, check_faults, windows
from sdot.outfile import OutFile, format_of
from sdot.progress import progress
from simulator.city import SimCity
from simulator.faultfile import load_faults
from simulator.past import FaultyPast, milliseconds_of

if TYPE_CHECKING:
    from simulator.city import Block


def write(settings: Settings, wanted: Wanted, name: str, now: datetime | None = None) -> int:
    """Write the sensors' last days to a file, whatever a database holds or keeps; returns the rows.

    The readings are those that a back-fill would write: the same city, the same instants.
    """
    if wanted.truth is not None:
        raise SettingsError("--truth tells what a database took; leave it out with --out")
    check_faults(wanted)
    pack, end = load_pack(settings.city), now or datetime.now(UTC)
    city = SimCity(pack, wanted.sensors)
    start = end - timedelta(days=wanted.days)
    file = _SimFile(pack, city)
    span = (start, end)
    parts = windows(city, *span, wanted.step_s)
    plan = load_faults(wanted.faults, city.sensors, milliseconds_of(start))
    past = FaultyPast(city, plan, step_s=wanted.step_s)
    with (
        OutFile(name, format_of(name, None), file.told(*span)) as out,
        progress(f"Writing {wanted.days:g} days of history to {name}") as tell,
    ):
        for number, part in enumerate(parts):
            for block, _ in past.history(part.low, part.high):
                out.write(file.table(block))
            tell((number + 1) / len(parts), out.rows)
    return out.rows


class _SimFile:
    """Blocks of one city as tables of an export."""

    def __init__(self, pack: CityPack, city: SimCity) -> None:
        self._pack, self._schema = pack, schema(Level.RAW, pack.catalogue)
        sensors = city.sensors
        self._about = {
            "serial": [one.serial for one in sensors],
            "district": [one.district for one in sensors],
            "home_district": [one.district for one in sensors],
            "state": ["verified"] * len(sensors),
            "model": [one.model for one in sensors],
            "kind": [one.kind for one in sensors],
            "latitude": [one.latitude for one in sensors],
            "longitude": [one.longitude for one in sensors],
        }

    def told(self, start: datetime, end: datetime) -> pa.Schema:
        """The columns, and what the file tells of itself."""
        now = datetime.now(UTC).isoformat()
        pack, span = self._pack, (start.isoformat(), end.isoformat())
        told = Told(Level.RAW, pack.name, version("sdot"), pack.timezone, *span, now)
        return self._schema.with_metadata(told.as_metadata())

    def table(self, block: Block) -> pa.Table:
        """Readings of a block."""
        sensor, times, values = block
        columns: dict[str, Any] = {
            name: pc.take(pa.array(of, self._schema.field(name).type), pa.array(sensor))
            for name, of in self._about.items()
        }
        columns["time"] = pa.array(times.astype("datetime64[us]"), INSTANT)
        columns["revision"] = pa.array(np.zeros(len(sensor), np.int32))
        for key, column in values.items():
            columns[key] = pa.array(column, pa.float32(), from_pandas=True)
        nothing = {
            name: pa.nulls(len(sensor), self._schema.field(name).type)
            for name in self._schema.names
            if name not in columns
        }
        columns |= nothing
        return pa.table([columns[name] for name in self._schema.names], schema=self._schema)
