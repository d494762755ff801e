"""Each kind of fault, injected into a small city on a real broker, and found in the database where the truth says."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from city.pack import load_pack
from simulator import past
from simulator.city import INTERVAL_MS, SEED, SimCity
from simulator.distortion import growth
from simulator.episode import Episode
from simulator.faults import FAULTS
from simulator.instrument import Values
from simulator.past import milliseconds_of
from simulator.truth import Injected, read
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.postgres import Database
from tests.servers.product import Product
from tests.waiting import until

#: Each sensor measures twice a second.
SENSORS, SPEED = 26, 240.0
CYCLE_MS = round(INTERVAL_MS / SPEED)
#: Longest delay of a reading, s.
DELAY = 4.0
#: kind → what else a file says of it; from the third second on, for six.
ASKED: list[tuple[str, str]] = [
    ("humidity_bias", 'metric = "pm25"\nsize = 0.6'),
    ("offset", 'metric = "noise"\nsize = -9'),
    ("drift", 'metric = "temperature"\nsize = 12'),
    ("spike", 'metric = "pm10"\nsize = 2000'),
    ("stuck", 'metric = "noise"'),
    ("unit", 'metric = "temperature"'),
    ("unit", 'metric = "pm25"'),
    ("dropout", "size = 0.5"),
    ("silence", 'for = "1h"'),
    ("swapped", 'other = "SIM-0026"'),
    ("burst", ""),
    ("late", f"size = {DELAY - 1}"),
    ("out_of_order", f"size = {DELAY}"),
    ("duplicate", "size = 2"),
    ("clock_skew", "size = 900"),
    ("clock_skew", "size = -250.321"),
    ("clock_reset", ""),
    ("broken_json", "size = 0.7"),
    ("flood", "size = 15"),
]


def test_every_kind_is_asked_for() -> None:
    assert {kind for kind, _ in ASKED} == {kind.key for kind in FAULTS}


def file_of_faults() -> str:
    tables = []
    for number, (kind, more) in enumerate(ASKED, start=1):
        span = "" if "for =" in more else 'for = "6s"\n'
        tables.append(
            f'[[fault]]\nsensor = "SIM-{number:04d}"\nkind = "{kind}"\nfrom = "+3s"\n{span}{more}\n'
        )
    return "\n".join(tables)


@dataclass(frozen=True)
class Run:
    """A finished run: its truth, and the database it went into."""

    database: Database
    city: SimCity
    truth: list[Injected]

    def of(self, kind: str, place: int = 0) -> Injected:
        """The line of the truth about a kind."""
        return [one for one in self.truth if one.kind == kind][place]

    @cached_property
    def rows(self) -> dict[str, list[tuple[datetime, datetime, dict[str, float]]]]:
        """Serial → time, arrival and values of each of its readings, in order of time."""
        query = (
            "SELECT serial, time, received_at, pm25, pm10, temperature, humidity, noise, visitors, r.flags "
            "FROM reading AS r JOIN sensor USING (sensor_id) ORDER BY serial, time"
        )
        names = ("pm25", "pm10", "temperature", "humidity", "noise", "visitors", "flags")
        found: dict[str, list[tuple[datetime, datetime, dict[str, float]]]] = {}
        for serial, time, arrival, *values in self.database.rows(query):
            found.setdefault(str(serial), []).append((time, arrival, dict(zip(names, values, strict=True))))  # type: ignore[arg-type]
        return found

    def during(self, line: Injected) -> list[tuple[datetime, datetime, dict[str, float]]]:
        """The readings of a line's sensor in its time."""
        return [row for row in self.rows[line.sensor] if moment(line.start) <= row[0] < moment(line.end)]

    def outside(self, line: Injected) -> list[tuple[datetime, datetime, dict[str, float]]]:
        return [row for row in self.rows[line.sensor] if not moment(line.start) <= row[0] < moment(line.end)]

    def clean(self, serial: str, times: list[datetime]) -> dict[str, Values]:
        """What the sensor's place is like at these instants, without any fault."""
        instants = np.array([time.replace(tzinfo=None) for time in times], "datetime64[us]")
        return self.city.values(np.full(len(times), index(serial)), instants, CYCLE_MS / 1000)

    def column(self, line: Injected) -> tuple[np.ndarray, np.ndarray]:
        """Stored values of the line's metric in its time, and those without the fault."""
        rows = self.during(line)
        stored = np.array([row[2][line.metric] for row in rows], np.float32)
        return stored, self.clean(line.sensor, [row[0] for row in rows])[line.metric]

    def refused(self, line: Injected, code: str) -> int:
        """Messages of the line's sensor in quarantine for this reason."""
        query = "SELECT coalesce(sum(repeats), 0)::int FROM quarantine WHERE serial = %s AND code = %s"
        return int(str(self.database.value(query, line.sensor, code)))


def index(serial: str) -> int:
    return int(serial.removeprefix("SIM-")) - 1


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def run(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run of all kinds, a sensor each, stopped when every fault but the silence is over and has arrived."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "faults.toml").write_text(file_of_faults())
    try:
        server, broker = pool.server("embedded"), pool.broker("mosquitto")
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    product = Product(database, broker, f"{folder.name}/v1", folder)
    try:
        product.ingest()
        words = ("--sensors", str(SENSORS), "--speed", str(SPEED), "--connections", "per-device")
        paths = ("--faults", str(folder / "faults.toml"), "--truth", str(folder / "truth.csv"))
        simulator = product.run("simulate", "live", *words, *paths)
        until(lambda: arrived(database, folder / "truth.csv"), "every fault to be over and stored", 180)
        assert simulator.stop(signal.SIGINT) == 0, simulator.log_text()
        yield Run(database, SimCity(load_pack("seoul"), SENSORS), read(folder / "truth.csv"))
    finally:
        product.stop()
        server.drop(database)


def arrived(database: Database, truth: Path) -> bool:
    """Whether all kinds are in the truth, the silent device is told offline, and the others have sent since."""
    lines = read(truth) if truth.exists() else []
    if len(lines) < len(ASKED) + 1:  # a swap is two lines
        return False
    silent = next(one.sensor for one in lines if one.kind == "silence")
    over = max(moment(one.end) for one in lines if one.kind != "silence") + timedelta(seconds=DELAY + 1)
    query = "SELECT count(*) FROM sensor JOIN latest USING (sensor_id) WHERE latest.time > %s"
    offline = database.value("SELECT online FROM sensor WHERE serial = %s", silent)
    return datetime.now(UTC) > over and database.value(query, over) == SENSORS - 1 and offline is False


def test_truth_tells_sensor_kind_span_and_size(run: Run) -> None:
    told = {(one.sensor, one.kind) for one in run.truth}
    assert told == {(f"SIM-{n:04d}", kind) for n, (kind, _) in enumerate(ASKED, 1)} | {
        ("SIM-0026", "swapped")
    }
    for one in run.truth:
        assert one.readings > 0
        lasts = moment(one.end) - moment(one.start)
        assert one.kind == "silence" or timedelta(seconds=5.9) <= lasts <= timedelta(seconds=7.1)


def test_what_has_no_fault_is_as_it_should_be(run: Run) -> None:
    for serial in ("SIM-0021", "SIM-0024"):
        times = [row[0] for row in run.rows[serial]]
        assert [row[2]["pm25"] for row in run.rows[serial]] == run.clean(serial, times)["pm25"].tolist()
    for kind in ("offset", "spike", "stuck", "drift"):
        line = run.of(kind)
        rows = run.outside(line)
        expected = run.clean(line.sensor, [row[0] for row in rows])[line.metric].tolist()
        assert [np.float32(row[2][line.metric]) for row in rows] == expected


def test_offset(run: Run) -> None:
    stored, clean = run.column(run.of("offset"))
    assert len(stored) == run.of("offset").readings
    assert np.array_equal(stored, clean - 9)


def test_spike_is_flagged_as_implausible(run: Run) -> None:
    line = run.of("spike")
    stored, clean = run.column(line)
    assert np.array_equal(stored, clean + 2000)
    assert all(int(row[2]["flags"]) for row in run.during(line))
    assert not any(int(row[2]["flags"]) for row in run.outside(line))


def test_drift(run: Run) -> None:
    line = run.of("drift")
    stored, clean = run.column(line)
    span = (moment(line.end) - moment(line.start)).total_seconds()
    since = np.array([(row[0] - moment(line.start)).total_seconds() for row in run.during(line)])
    assert line.size == pytest.approx(12, rel=0.01)
    assert stored - clean == pytest.approx(12 * since / span, abs=0.1)


def test_humidity_bias(run: Run) -> None:
    line = run.of("humidity_bias")
    stored, clean = run.column(line)
    humidity = run.clean(line.sensor, [row[0] for row in run.during(line)])["humidity"].astype(float)
    assert np.array_equal(stored, np.rint(clean * growth(humidity, 0.6)).astype(np.float32))


def test_stuck(run: Run) -> None:
    line = run.of("stuck")
    stored, _ = run.column(line)
    assert len(stored) == line.readings >= 10
    assert set(stored.tolist()) == set(run.clean(line.sensor, [moment(line.start)])["noise"].tolist())


def test_unit(run: Run) -> None:
    line = run.of("unit")
    stored, clean = run.column(line)
    assert (line.metric, line.unit) == ("temperature", "°F")
    assert stored == pytest.approx(clean * 1.8 + 32, abs=0.06)
    line = run.of("unit", 1)
    stored, clean = run.column(line)
    assert (line.metric, line.unit) == ("pm25", "mg/m³")
    assert np.array_equal(stored, (clean.astype(float) / 1000).astype(np.float32))


def test_dropout(run: Run) -> None:
    line = run.of("dropout")
    there = np.array([milliseconds_of(row[0]) for row in run.during(line)])
    assert len(there) > 0
    episode = Episode(index(line.sensor), "dropout", 0, 1, size=0.5)
    assert not past.Missing(SEED).of(episode, there).any()
    every = [milliseconds_of(row[0]) for row in run.outside(line)]
    assert past.Missing(SEED).of(episode, np.array(every)).any()  # which it would have been then, too


def test_silence(run: Run) -> None:
    line = run.of("silence")
    assert run.during(line) == []
    assert line.readings > 5
    assert len(run.outside(line)) > 0


def test_swapped(run: Run) -> None:
    line, back = run.of("swapped"), run.of("swapped", 1)
    assert (line.other, back.other) == (back.sensor, line.sensor)
    for one in (line, back):
        rows = [row for row in run.rows[one.other] if moment(one.start) <= row[0] < moment(one.end)]
        assert len(rows) == one.readings
        clean = run.clean(one.sensor, [row[0] for row in rows])
        for metric in ("pm25", "pm10", "temperature", "humidity", "noise", "visitors"):
            values = clean[metric]
            stored = np.array([row[2][metric] for row in rows], np.float32)
            assert np.array_equal(stored, values, equal_nan=True)


def test_burst(run: Run) -> None:
    line = run.of("burst")
    assert len(run.during(line)) == line.readings > 5
    assert {row[1] >= moment(line.end) for row in run.during(line)} == {True}


def test_late(run: Run) -> None:
    line = run.of("late")
    assert len(run.during(line)) == line.readings
    assert min(row[1] - row[0] for row in run.during(line)) >= timedelta(seconds=DELAY - 1)


def test_out_of_order(run: Run) -> None:
    line = run.of("out_of_order")
    rows = sorted(run.during(line), key=lambda row: row[1])
    assert len(rows) == line.readings
    assert [row[0] for row in rows] != sorted(row[0] for row in rows)


def test_duplicate(run: Run) -> None:
    line = run.of("duplicate")
    query = (
        "SELECT sum(stored)::int, sum(duplicate)::int FROM ledger_sensor_day JOIN sensor USING (sensor_id) "
        "WHERE serial = %s"
    )
    assert run.database.rows(query, line.sensor) == [(len(run.rows[line.sensor]), 2 * line.readings)]
    assert len(run.during(line)) == line.readings


def test_clock_skew(run: Run) -> None:
    ahead, behind = run.of("clock_skew"), run.of("clock_skew", 1)
    assert run.refused(ahead, "future") == ahead.readings
    assert run.during(ahead) == []
    shift = timedelta(seconds=-behind.size)
    true = [row[0] + shift for row in run.rows[behind.sensor]]
    shifted = [place for place, time in enumerate(true) if moment(behind.start) <= time < moment(behind.end)]
    assert len(shifted) == behind.readings
    expected = run.clean(behind.sensor, [true[place] for place in shifted])["pm10"]
    assert [run.rows[behind.sensor][place][2]["pm10"] for place in shifted] == expected.tolist()


def test_clock_reset(run: Run) -> None:
    line = run.of("clock_reset")
    assert run.refused(line, "too_old") == line.readings
    assert run.during(line) == []


def test_broken_json(run: Run) -> None:
    line = run.of("broken_json")
    assert run.refused(line, "not_json") == line.readings
    assert len(run.during(line)) > 0


def test_flood(run: Run) -> None:
    line = run.of("flood")
    rows = [
        row
        for row in run.rows[line.sensor]
        if row[0] >= moment(line.start) - timedelta(milliseconds=CYCLE_MS)
    ]
    more = [row for row in rows if row[0] < moment(line.end)]
    assert line.readings % 15 == 0
    assert line.readings <= len(more) <= line.readings + 1
