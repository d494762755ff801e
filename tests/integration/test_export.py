"""What is exported comes back without a change, on every engine; and what is older than readings are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from city.errors import RegistryError, SettingsError, TableError
from city.exchange import ROLLED, Level
from city.settings import Settings
from dashboard.archive import Level as Shown
from dashboard.archive import Question
from ingest import roster
from maintain.rollup import Refresher
from sdot import exporter, importer, progress
from sdot.cli import app
from sdot.exporter import Wish
from sdot.recount import recount
from tests.inlet import Inlet, message, seoul
from tests.integration.test_archive import answers
from tests.servers.migrated import migrated
from tests.servers.postgres import Database

KINDS = ("csv", "parquet")
KEYS = seoul().catalogue.keys
#: A time within a day of Seoul, so that buckets are the same whenever the test runs.
START = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=6)
#: float32 at its edges, as far as each metric may be.
EDGES = (0.1, 1 / 3, 1e-45, -0.0, 12.133333, 14999.999, 2.0**-126)


def settings(database: Database, **more: Any) -> Settings:
    given = {"retention_raw": "forever", **more}
    return Settings(
        database_url=database.url,
        read_database_url=database.url_as("sdot_dashboard"),
        city="seoul",
        **given,
    )


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """An empty database on the same server."""
    found = database.server.create(migrated(database.server))
    yield found
    database.server.drop(found)


def settle(database: Database) -> None:
    with database.connect() as owner:
        refresher = Refresher(owner, seoul().catalogue)
        while refresher.refresh(patience_s=60).more:
            pass


def fill(database: Database) -> None:
    """Two sensors in districts, one of which moves, one unverified; revisions, flags, extra, odd instants."""
    with Inlet(database) as inlet, database.connect() as owner:
        messages = []
        for k in range(200):
            at = (START + timedelta(minutes=17 * k, microseconds=k)).isoformat()
            mapo = {
                "time": at,
                "district": "mapo-gu",
                "pm25": EDGES[k % 7],
                "wind_direction": (350 + k) % 360,
            }
            extra = {"boo": {"a": k, "b": 'é,"\nx', "c": 1.50}, "ok": k % 2 == 0} if k % 3 else {}
            messages.append(message("moves", mapo | extra))
            messages.append(message("stays", {"time": at, "lat": 37.57, "lon": 126.98, "model": "M1",
                                              "pm25": 1600 if k % 9 == 0 else k / 7, "visitors": k}))  # fmt: skip
        inlet.write(*messages)
        inlet.send("moves", {"time": START.isoformat(), "pm25": 9.5, "wind_direction": None, "revision": 3})
        inlet.send("moves", {"time": START.isoformat(), "pm25": 1.0, "revision": 1})
        roster.move(
            owner, seoul(), "moves", roster.Place(district="gangnam-gu"), START + timedelta(hours=20.4)
        )
        _flag(owner)
    with Inlet(database, register="unverified") as inlet:
        inlet.send("new", {"time": START.isoformat(), "temperature": 20, "district": "gangseo-gu"})
    settle(database)


def _flag(owner: Any) -> None:
    """As quality control does: a flag, its bit, the newest value, and a mark."""
    owner.execute(
        "INSERT INTO flag (sensor_id, time, bit, kind, detail, flagged_by)"
        " SELECT sensor_id, max(time), 0, 'stuck', 'for an hour', 'quality' FROM reading GROUP BY 1"
    )
    owner.execute(
        "UPDATE reading AS r SET flags = flags | 1 FROM flag AS f"
        " WHERE f.kind = 'stuck' AND (f.sensor_id, f.time) = (r.sensor_id, r.time)"
    )
    owner.execute("UPDATE latest SET pm25_flagged = true")
    owner.execute(
        "INSERT INTO touched (sensor_id, time) SELECT sensor_id, time FROM flag WHERE kind = 'stuck'"
    )


def readings(database: Database) -> list[Any]:
    """Every column but the arrival's, which is the import's; values as the bits they are."""
    values = ", ".join(f"float4send({key})" for key in KEYS)
    return database.rows(
        f"SELECT s.serial, r.time, d.code, r.revision, r.flags, r.extra::text, {values} FROM reading AS r"
        " JOIN sensor AS s USING (sensor_id) LEFT JOIN district AS d ON d.district_id = r.district_id ORDER BY 1, 2"
    )


def flags(database: Database) -> list[Any]:
    return database.rows(
        "SELECT s.serial, f.time, f.bit, f.kind, f.detail FROM flag AS f JOIN sensor AS s USING (sensor_id) ORDER BY 1, 2, 3, 4"
    )


def latest(database: Database) -> list[Any]:
    columns = ", ".join(f"{key}::text, {key}_time, {key}_flagged" for key in KEYS)
    return database.rows(
        f"SELECT s.serial, l.time, {columns} FROM latest AS l JOIN sensor AS s USING (sensor_id) ORDER BY 1"
    )


def sensors(database: Database) -> list[Any]:
    return database.rows(
        "SELECT s.serial, s.model, d.code, p.latitude, p.longitude FROM sensor AS s LEFT JOIN district AS d"
        " USING (district_id) LEFT JOIN site AS p USING (site_id) ORDER BY 1"
    )


def rollup(database: Database, level: Level, *, below: datetime | None = None) -> list[Any]:
    """All figures of a level, without where they come from."""
    columns = [
        str(row[0])
        for row in database.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
            " AND attname NOT IN ('sensor_id', 'district_id', 'bucket', 'imported') ORDER BY 1",
            str(level),
        )
    ]
    serial = "s.serial" if level.of_sensors else "''"
    join = "JOIN sensor AS s ON s.sensor_id = r.sensor_id" if level.of_sensors else ""
    return database.rows(
        f"SELECT {serial}, d.code, r.bucket, {', '.join(columns)} FROM {level} AS r {join}"
        " LEFT JOIN district AS d ON d.district_id = r.district_id WHERE r.bucket < %s ORDER BY 1, 2, 3",
        below or datetime.now(UTC),
    )


def assert_rolled_up_alike(database: Database, other: Database) -> None:
    """Hours and days, but for the sensor that is verified in the other; sums add up in another order."""
    for level in ROLLED:
        ours, theirs = (
            [row for row in rollup(one, level) if row[0] != "new" and row[1] != "gangseo-gu"]
            for one in (database, other)
        )
        assert [row[:3] for row in theirs] == [row[:3] for row in ours]
        for mine, his in zip(ours, theirs, strict=True):
            numbers = [[-1e9 if one is None else float(one) for one in row[3:]] for row in (mine, his)]
            assert numbers[1] == pytest.approx(numbers[0], rel=1e-12)


def export(database: Database, path: Path, **wish: Any) -> Path:
    exporter.run(settings(database), str(path), "csv" if "csv" in path.name else "parquet", Wish(**wish))
    return path


def take(database: Database, path: Path, **how: Any) -> importer.Account:
    kept = how.pop("kept", "forever")
    return importer.run(settings(database, retention_raw=kept), [path], verified=True, **how)


def is_clean(database: Database) -> bool:
    with database.connect() as conn:
        return all(line.agrees for line in recount(conn))


# Readings


@pytest.mark.parametrize("name", ["raw.csv.gz", "raw.parquet"])
def test_readings_come_back_to_the_bit_and_again_without_a_change(
    database: Database, other: Database, tmp_path: Path, name: str
) -> None:
    fill(database)
    path = export(database, tmp_path / name)
    before = readings(database), flags(database), latest(database)
    account = take(other, path)
    assert account.outcomes == [401, 0, 0, 0, 0]
    assert account.registered == ["moves", "stays", "new"]
    for mine, theirs in zip((readings(other), flags(other), latest(other)), _verified(before), strict=True):
        assert mine == theirs
    assert is_clean(other)
    settle(other)
    assert_rolled_up_alike(database, other)
    assert take(other, path).outcomes == [0, 0, 401, 0, 0]
    assert take(database, path).outcomes == [0, 0, 401, 0, 0]
    assert (readings(database), flags(database), latest(database)) == before
    assert sensors(other) == sensors(database)
    assert is_clean(database)


def test_readings_of_a_sensor_that_was_retired_since_come_back(
    embedded_database: Database, tmp_path: Path
) -> None:
    fill(embedded_database)
    path, before = export(embedded_database, tmp_path / "raw.parquet"), readings(embedded_database)
    with embedded_database.connect() as owner:
        roster.retire(owner, "moves")
        for table in ("reading", "flag"):
            owner.execute(
                f"DELETE FROM {table} AS t USING sensor AS s WHERE s.serial = 'moves' AND t.sensor_id = s.sensor_id"
            )
    assert take(embedded_database, path).outcomes == [200, 0, 201, 0, 0]
    assert readings(embedded_database) == before


def _verified(before: tuple[list[Any], ...]) -> tuple[list[Any], ...]:
    """`--verified` vouches for the sensor that was unverified: its reading enters its district."""
    rows = [(row[0], row[1], "gangseo-gu", *row[3:]) if row[0] == "new" else row for row in before[0]]
    return (rows, *before[1:])


def test_what_was_revised_elsewhere_revises_here(embedded_database: Database, tmp_path: Path) -> None:
    """The file's higher revision, its null and its finding come over an older reading; what it says not stays."""
    other = embedded_database.server.create(migrated(embedded_database.server))
    at = START.isoformat()
    with Inlet(embedded_database) as inlet, Inlet(other) as older, embedded_database.connect() as owner:
        older.send("a", {"time": at, "district": "mapo-gu", "pm25": 5, "pm10": 7})
        inlet.send("a", {"time": at, "district": "mapo-gu", "pm25": 5, "pm10": 7})
        inlet.send("a", {"time": at, "pm10": None, "pm25": 6, "revision": 2})
        _flag(owner)
    account = take(other, export(embedded_database, tmp_path / "raw.parquet"))
    assert account.outcomes == [0, 1, 0, 0, 0]
    assert readings(other) == readings(embedded_database)
    assert flags(other) == flags(embedded_database)
    assert latest(other) == latest(embedded_database)
    assert is_clean(other)
    other.server.drop(other)


def test_a_part_is_what_was_asked_for(embedded_database: Database, tmp_path: Path) -> None:
    fill(embedded_database)
    other = embedded_database.server.create(migrated(embedded_database.server))
    moved = START + timedelta(hours=20.4)
    wish = {"districts": ["Gangnam-gu"], "metrics": ["pm25"], "until": START + timedelta(days=2)}
    path = export(embedded_database, tmp_path / "part.csv", **wish)
    account = take(other, path)
    expected = [
        row for row in readings(embedded_database) if row[0] == "moves" and moved <= row[1] < wish["until"]
    ]  # type: ignore[operator]
    assert account.outcomes[0] == len(expected) > 90
    assert [row[:3] for row in readings(other)] == [row[:3] for row in expected]
    assert {row[2] for row in readings(other)} == {"gangnam-gu"}
    assert {row[6 + KEYS.index("wind_direction")] for row in readings(other)} == {None}
    only = export(embedded_database, tmp_path / "one.csv", serials=["new"])
    assert len(only.read_text().splitlines()) == 2
    # the unverified sensor's reading is of the district where it stands
    here = export(embedded_database, tmp_path / "here.csv", districts=["gangseo-gu"])
    assert '"new"' in here.read_text()
    for wrong, told in (({"serials": ["x"]}, "no sensor x"), ({"districts": ["x"]}, "no district 'x'")):
        with pytest.raises(RegistryError, match=told):
            export(embedded_database, tmp_path / "no.csv", **wrong)
    with pytest.raises(SettingsError, match="nothing to export"):
        export(embedded_database, tmp_path / "no.csv", until=START)
    assert not (tmp_path / "no.csv").exists()
    other.server.drop(other)


# What is older than readings are kept


def test_hours_and_days_come_back_below_the_horizon_and_only_when_asked_for(
    database: Database, other: Database, tmp_path: Path
) -> None:
    fill(database)
    for level in ROLLED:
        for kind in KINDS:
            path = export(database, tmp_path / f"{level}.{kind}", level=level)
            with pytest.raises(TableError, match=r"below the horizon.*sdot import --rollups"):
                take(other, path)
            account = take(other, path, kept="2d", rollups=True)
            done, number = account.levels[level], len(rollup(database, level))
            assert (done.stored, done.same) == ((number, 0) if kind == "csv" else (0, number))
        assert rollup(other, level) == _of_verified(rollup(database, level), level)
        assert other.rows(f"SELECT DISTINCT imported FROM {level}") == [("rollup",)]
    settle(other)  # the refresher leaves them
    assert rollup(other, Level.DISTRICT_DAY) == rollup(database, Level.DISTRICT_DAY)
    assert other.value("SELECT count(*) FROM reading") == 0
    assert is_clean(other)
    asked = Question("district", ("mapo-gu",), "pm25", START, START + timedelta(days=3), Shown.DAY)
    (series,) = answers(other, asked)[0]
    assert series.imported.all()
    with pytest.raises(TableError, match="sensor_10min, which is computed from readings only"):
        take(other, export(database, tmp_path / "10.csv", level=Level.SENSOR_10MIN), rollups=True)


def _of_verified(rows: list[Any], level: Level) -> list[Any]:
    """An unverified sensor's hours name no district; the file does not say one, so nothing is made up."""
    return rows if level.of_sensors else [row for row in rows if row[1]]


def test_readings_below_the_horizon_become_the_hours_and_days_that_the_refresher_makes(
    database: Database, other: Database, tmp_path: Path
) -> None:
    """The border, about 5 days ago, lies within the file: what is above is stored, and rolled up as ever."""
    fill(database)
    path = export(database, tmp_path / "raw.parquet")
    refused = take(other, path, kept="5d")
    assert refused.outcomes[3] > 0
    assert "sdot import --rollups" in refused.reasons["too_old"].sample
    account = take(other, path, kept="5d", rollups=True)
    assert account.below + account.outcomes[0] + account.outcomes[2] == 401
    assert account.below > 0
    assert account.outcomes[0] > 0
    settle(other)
    border = min(row[1] for row in readings(other))
    assert {row[0] for row in other.rows("SELECT imported FROM district_day WHERE bucket < %s", border)} >= {
        "reading"
    }
    assert_rolled_up_alike(database, other)
    again = take(other, path, kept="5d", rollups=True)
    assert all(done.stored == done.revised == 0 for done in again.levels.values())
    assert is_clean(other)


def test_nothing_that_was_computed_here_is_overwritten(embedded_database: Database, tmp_path: Path) -> None:
    """This database has the first sensor's own hours; the file tells other figures of them, and of a second sensor."""
    other = embedded_database.server.create(migrated(embedded_database.server))
    at = [(START + timedelta(minutes=20 * k)).isoformat() for k in range(6)]
    with Inlet(embedded_database) as inlet, Inlet(other) as source:
        inlet.write(*(message("a", {"time": one, "district": "mapo-gu", "pm25": 10}) for one in at))
        for serial, value in (("a", 99), ("b", 30)):
            source.write(
                *(message(serial, {"time": one, "district": "mapo-gu", "pm25": value}) for one in at)
            )
    settle(embedded_database)
    settle(other)
    before = rollup(embedded_database, Level.DISTRICT_HOUR)
    for name, level in (("raw.csv", Level.RAW), *((f"{level}.csv", level) for level in ROLLED)):
        account = take(
            embedded_database, export(other, tmp_path / name, level=level), kept="2d", rollups=True
        )
        if level in ROLLED:
            assert account.levels[level].computed == len(rollup(other, level)) - (
                2 if level.of_sensors else 0
            )
    assert rollup(embedded_database, Level.DISTRICT_HOUR) == before
    hours = "SELECT s.serial, h.imported, pm25_mean FROM sensor_hour AS h JOIN sensor AS s USING (sensor_id) ORDER BY 1, bucket"
    assert embedded_database.rows(hours) == [("a", None, 10.0)] * 2 + [("b", "rollup", 30.0)] * 2
    other.server.drop(other)


# The file


def test_an_export_that_is_interrupted_leaves_nothing(
    embedded_database: Database, tmp_path: Path, monkeypatch
) -> None:
    fill(embedded_database)
    path = export(embedded_database, tmp_path / "raw.csv")
    whole = path.read_bytes()

    def interrupted(self: progress.Lines, part: float, rows: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Lines, "tell", interrupted)
    for name in ("raw.csv", "raw.parquet"):
        with pytest.raises(KeyboardInterrupt):
            export(embedded_database, tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["raw.csv"]
    assert path.read_bytes() == whole  # what was there before stays


def test_an_export_reads_one_instant_and_hinders_nobody(
    embedded_database: Database, tmp_path: Path, monkeypatch
) -> None:
    """While it runs, ingest writes, the refresher computes, and none of it is in the file."""
    fill(embedded_database)
    first = len(readings(embedded_database))
    tell = progress.Lines.tell
    with Inlet(embedded_database) as inlet:

        def meanwhile(lines: progress.Lines, part: float, rows: int) -> None:
            tell(lines, part, rows)
            inlet.send("later", {"time": START.isoformat(), "pm25": rows})
            settle(embedded_database)

        monkeypatch.setattr(progress.Lines, "tell", meanwhile)
        path = export(embedded_database, tmp_path / "raw.csv")
    assert len(path.read_text().splitlines()) == first + 1
    assert len(readings(embedded_database)) == first + 1


def test_the_command_writes_to_standard_output(
    embedded_database: Database, monkeypatch, tmp_path: Path
) -> None:
    fill(embedded_database)
    monkeypatch.setenv("SDOT_DATABASE_URL", embedded_database.url)
    monkeypatch.chdir(tmp_path)
    told = [
        "export",
        "-",
        "--level",
        "district_day",
        "--district",
        "mapo-gu",
        "--metric",
        "pm25",
        "--data",
        str(tmp_path),
    ]
    done = CliRunner().invoke(app, told)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert (
        lines[0]
        == '"bucket_day","district","pm25_mean","pm25_min","pm25_max","pm25_n","pm25_sensors","imported"'
    )
    assert all('"mapo-gu"' in line for line in lines[1:])
    assert "district_day rows of 1 districts" in done.stderr
