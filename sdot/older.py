"""What an import brings of the time from which no raw readings are kept: handed to maintenance as hours and days."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

import sql
from city import db
from city.exchange import SENSOR, Level
from city.exchange_file import ExchangeFile
from city.exported_readings import described_by
from city.pack import CityPack
from ingest.binary import copy_in, encode
from ingest.block import Block
from ingest.intake import Intake, Known
from maintain.imported import Counts, Imported
from sdot.progress import Tell

#: Code → why rows of a rollup are left out.
WHY = {
    "no_place": "no serial or district that this city knows (SDOT_REGISTER, or --verified, lets new sensors in)",
    "no_number": "a figure that is no finite number",
}


class Older:
    """One import's hours and days, through a connection of their own that is opened when there are any."""

    def __init__(self, url: str, pack: CityPack, intake: Intake) -> None:
        self._url, self._pack, self._intake = url, pack, intake
        self._open = ExitStack()
        self._conn: Any = None
        self._imported: Imported | None = None
        self._staged = False
        #: readings that were rolled up
        self.readings = 0
        #: code of WHY → rows of rollups
        self.refused: dict[str, int] = {}

    def close(self) -> None:
        """Give up the connection."""
        self._open.close()

    @property
    def counts(self) -> Mapping[str, Counts]:
        """What became of each level's rows."""
        return self._imported.counts if self._imported else {}

    def _ready(self) -> Imported:
        if self._imported is None:
            self._conn = self._open.enter_context(db.connect(self._url, "sdot import rollups", bounded=False))
            border = self._intake.border()
            self._imported = Imported(self._conn, self._pack.catalogue, self._pack.zone, border)
        return self._imported

    def stage(self, block: Block) -> None:
        """Readings that are to be rolled up when all files are read."""
        imported = self._ready()
        if not self._staged:
            imported.stage_readings()
            self._staged = True
        districts = self._intake.districts_of(block)
        flags = np.zeros(len(block), dtype=np.int64)  # what is flagged was left out
        rows = encode(block, flags, districts, datetime.now(UTC))
        copy_in(self._conn, db.statement("copy_reading", tuple(block.values)), rows)

    def roll(self, tell: Tell) -> None:
        """Roll up what was staged."""
        if self._staged and self._imported:
            self.readings = self._imported.roll(lambda part: tell(part, 0))

    def take(self, file: ExchangeFile, tell: Tell) -> int:
        """Take an exported file's hours or days as they are; returns its rows."""
        imported, rows = self._ready(), 0
        for _, table in file.tables():
            ready = self._of_this_city(table.combine_chunks(), file.level)
            imported.take(file.level, _copying(ready, file.level))
            rows += table.num_rows
            tell(file.done, rows)
        return rows

    def _of_this_city(self, table: pa.Table, level: Level) -> pa.Table:
        """Rows with this database's numbers for sensors and districts; those without one are left out."""
        sound = pa.array(np.ones(table.num_rows, dtype=bool))
        district = _looked_up(table["district"], self._districts(table["district"]))
        columns: dict[str, Any] = {"bucket": table[level.instant]}
        if level.of_sensors:
            known = self._sensors(table)
            serial = table["serial"]
            columns["sensor_id"] = _looked_up(serial, {name: one.sensor_id for name, one in known.items()})
            sound = self._without(sound, columns["sensor_id"].is_null(), "no_place")
            verified = pa.array([name for name, one in known.items() if one.counts], pa.string())
            elsewhere = pc.and_(table["district"].is_valid(), district.is_null())
            sound = self._without(sound, elsewhere, "no_place")
            columns["district_id"] = pc.if_else(pc.is_in(serial, verified), district, None).fill_null(0)
        else:
            columns["district_id"] = district
            sound = self._without(sound, district.is_null(), "no_place")
        sound = self._without(sound, table[level.instant].is_null(), "no_place")
        left_out = {"serial", "district", "imported", level.instant, *(field.name for field in SENSOR)}
        for name in (name for name in table.column_names if name not in left_out):
            columns[name] = table[name]
            if pa.types.is_floating(table[name].type):
                sound = self._without(
                    sound, pc.invert(pc.is_finite(table[name])).fill_null(False), "no_number"
                )
        return pa.table(columns).filter(sound)

    def _without(self, sound: Any, bad: Any, code: str) -> Any:
        found = pc.sum(pc.and_(sound, bad)).as_py() or 0
        if found:
            self.refused[code] = self.refused.get(code, 0) + found
        return pc.and_not(sound, bad)

    def _sensors(self, table: pa.Table) -> Mapping[str, Known]:
        serials = pc.unique(table["serial"]).drop_null().to_pylist()
        return self._intake.known(serials, described_by(table))

    def _districts(self, column: Any) -> dict[str, int]:
        codes: Sequence[str] = pc.unique(column).drop_null().to_pylist()
        found = {code: self._intake.district_called(code) for code in codes}
        return {code: number for code, number in found.items() if number is not None}


def _looked_up(column: Any, known: Mapping[str, int]) -> Any:
    keys, values = pa.array(known, pa.string()), pa.array(known.values(), pa.int32())
    return pc.take(values, pc.index_in(column, keys))


def _copying(table: pa.Table, level: Level) -> Any:
    """What writes a table into the temporary one of its level."""

    def copy(conn: Any) -> None:
        if not table.num_rows:
            return
        buffer = io.BytesIO()
        csv.write_csv(table, buffer, csv.WriteOptions(include_header=False, quoting_style="needed"))
        query = sql.query("copy_level").replace("{level}", level)
        query = query.replace("{columns}", ", ".join(table.column_names))  # of our own schema
        with conn.cursor() as cursor, cursor.copy(sql.literal(query)) as writer:
            writer.write(buffer.getvalue())

    return copy
