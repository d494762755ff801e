"""A file made by the simulator: what a back-fill would write, and years of it by way of `sdot import --rollups`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from city.errors import SettingsError
from city.settings import Settings
from dashboard.archive import Level, Question
from sdot import history, importer, simfile
from sdot.history import Wanted
from tests.inlet import seoul
from tests.integration.test_archive import answers
from tests.servers.postgres import Database

CODES = tuple(one.code for one in seoul().districts)


def settings(database: Database, kept: str) -> Settings:
    return Settings(database_url=database.url, city="seoul", retention_raw=kept)


def test_what_is_older_than_readings_are_kept_shows_in_every_district(
    embedded_database: Database, tmp_path: Path
) -> None:
    """A reading a day of each sensor: its days are what is asked for."""
    wanted, path = Wanted(90, 50, step_s=86_400), tmp_path / "months.parquet"
    rows = simfile.write(settings(embedded_database, "30d"), wanted, str(path))
    account = importer.run(settings(embedded_database, "30d"), [path], verified=True, rollups=True)
    assert account.below + account.outcomes[0] == rows >= 90 * 50
    now = datetime.now(UTC)
    asked = Question("district", CODES, "pm25", now - timedelta(days=89), now - timedelta(days=32), Level.DAY)
    (found,) = answers(embedded_database, asked)
    assert [series.place for series in found] == list(CODES)
    assert {len(series) for series in found} <= {57, 58}
    assert all(series.imported.all() for series in found)


def test_a_file_holds_what_a_back_fill_writes(embedded_database: Database, tmp_path: Path) -> None:
    history.backfill(settings(embedded_database, "30d"), Wanted(0.2, 60))
    path = tmp_path / "day.csv"
    simfile.write(settings(embedded_database, "30d"), Wanted(0.15, 60), str(path))
    account = importer.run(settings(embedded_database, "30d"), [path])
    stored, _, duplicate, *_ = account.outcomes
    assert duplicate > 0.9 * account.rows  # but for what was measured since
    assert stored + duplicate == account.rows
    assert account.registered == []


def test_what_a_file_cannot_have_is_refused(embedded_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for wanted in (Wanted(1, truth=tmp_path / "truth.csv"), Wanted(1, step_s=600, faults="0.1")):
        with pytest.raises(SettingsError, match="leave"):
            simfile.write(settings(embedded_database, "30d"), wanted, str(path))
    assert not path.exists()
