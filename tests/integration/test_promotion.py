"""A metric that a pack adds later: its values come out of `extra`, into every level."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from city.metrics import Catalogue, load_catalogue
from maintain.promotion import promote
from maintain.rollup import Refresher
from sql.runner import migrate
from tests.inlet import Inlet
from tests.servers.postgres import Database

AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
RADON = dataclasses.replace(
    load_catalogue()["pm25"], key="radon", bit=60, unit="Bq/m³", plausible=(0, 1000), possible=(-10, 10000)
)
VALUES = [40, 60, 5000, 20000, "much"]


def test_values_leave_extra_and_reach_every_level(database: Database) -> None:
    with Inlet(database) as inlet, database.connect() as owner:
        for minute, value in enumerate(VALUES):
            time = (AT + timedelta(minutes=minute)).isoformat()
            sent = {"time": time, "pm25": 1, "radon": value, "firmware": "2", "district": "mapo-gu"}
            assert inlet.send("a", sent) == ["stored"]
        catalogue = Catalogue((*load_catalogue().metrics, RADON))
        migrate(owner, catalogue)
        refresher = Refresher(owner, catalogue)
        while refresher.refresh().more:
            pass
        done = promote(owner, RADON)
        assert (done.promoted, done.flagged, done.left) == (3, 1, 2)
        assert promote(owner, RADON).promoted == 0
        rows = owner.execute("SELECT radon, flags, extra FROM reading ORDER BY time").fetchall()
        other = {"firmware": "2"}
        assert rows[:3] == [(40, 0, other), (60, 0, other), (5000, 1 << 60, other)]
        assert [row[0] for row in rows[3:]] == [None, None]
        assert [row[2]["radon"] for row in rows[3:]] == [20000, "much"]
        assert owner.execute("SELECT kind, detail, flagged_by FROM flag").fetchall() == [
            ("range", "over 1000 Bq/m³", "promote")
        ]
        assert owner.execute("SELECT radon, radon_flagged FROM latest").fetchone() == (5000, True)
        while refresher.refresh().more:
            pass
        figure = owner.execute("SELECT radon_mean, radon_n, radon_sensors FROM district_hour").fetchone()
        assert figure == (50.0, 2, 1)
