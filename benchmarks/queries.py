"""How fast the archive answers, beside the same questions on raw rows and beside the plan alone.

    python benchmarks/queries.py [--days 90] [--sensors 1100] [--dsn …]

An embedded PostgreSQL with the product's settings in a temporary folder, gone at the end (an empty database of yours
with --dsn). The simulated city writes a reading every 10 minutes, in two parts: the last tenth of the days first, so
that what ten times the history costs is measured in the same run. Then the rollups of one hour are computed again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

import numpy as np  # noqa: E402 after the line above
import psycopg  # noqa: E402

from city.pack import load_pack  # noqa: E402
from city.settings import load_settings  # noqa: E402
from dashboard.archive import MAX_POINTS, Level, Question  # noqa: E402
from dashboard.archive_postgres import PgArchive, packed, question_sql  # noqa: E402
from dashboard.postgres import PgStore  # noqa: E402
from ingest.bulk import Block, BulkWriter  # noqa: E402
from ingest.registry import NewSensor, register_many  # noqa: E402
from maintain.rollup import Refresher  # noqa: E402
from sdot import migration  # noqa: E402
from sdot.folder import DataFolder  # noqa: E402
from sdot.postgres import OWNER, Postgres  # noqa: E402
from sdot.supervisor import Child  # noqa: E402
from simulator.city import SimCity  # noqa: E402

STEP_S = 600
#: Runs of a question, of which the median counts; the same question on raw rows runs RAW_RUNS times.
RUNS, RAW_RUNS = 15, 3

#: The same answers without rollups: each sensor's mean of a bucket, and the district's mean of these.
RAW_DISTRICTS = """
SELECT district_id, bucket, avg(mean), min(low), max(high), sum(n), count(mean) FROM (
    SELECT district_id, sensor_id, date_trunc('{unit}', time, 'Asia/Seoul') AS bucket,
        avg(pm25) AS mean, min(pm25) AS low, max(pm25) AS high, count(pm25) AS n
    FROM reading WHERE time >= %(start)s AND time < %(end)s AND flags & 1 = 0 AND district_id IS NOT NULL
    GROUP BY 1, 2, 3
) AS x GROUP BY 1, 2 ORDER BY 1, 2
"""
RAW_LATEST = "SELECT DISTINCT ON (sensor_id) * FROM reading WHERE time > %(end)s::timestamptz - interval '1 day' ORDER BY sensor_id, time DESC"
RAW_SENSOR = "SELECT time, pm25 FROM reading WHERE time >= %(start)s AND time < %(end)s AND sensor_id::text = %(sensor)s::text"


class Bench:
    """One filled database and what is asked of it."""

    def __init__(self, dsn: str, sensors: int, end: datetime) -> None:
        self.dsn, self.end = dsn, end
        self.pack = load_pack("seoul")
        self.city = SimCity(self.pack, sensors)
        self.serials = tuple(sensor.serial for sensor in self.city.sensors)
        migration.migrate(load_settings({"SDOT_DATABASE_URL": dsn}), lambda _: None)
        new = [
            NewSensor(one.serial, one.model, one.kind, one.latitude, one.longitude)
            for one in self.city.sensors
        ]
        with psycopg.connect(dsn, autocommit=True) as conn:
            ids = register_many(conn, self.pack, new, state="verified", by="benchmark")
        self.ids = np.array([ids[serial] for serial in self.serials], np.int32)

    def fill(self, start: datetime, end: datetime) -> tuple[int, float]:
        """Readings of a span, then their rollups; rows and seconds of the latter."""
        rows = 0
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            for sensor, times, values in self.city.history(start, end, STEP_S):
                with conn.transaction():
                    writer = BulkWriter(conn, self.pack.catalogue, spans=True)
                    rows += writer.write(Block(self.ids[sensor], times, values))
                    writer.finish()
        started = time.monotonic()
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            refresher = Refresher(conn, self.pack.catalogue)
            while refresher.refresh(self.end, patience_s=600).more:
                pass
            seconds = time.monotonic() - started
            conn.execute("VACUUM ANALYZE")
        return rows, seconds

    def questions(self) -> Iterator[tuple[str, Question | None, str]]:
        """(name, question, the same on raw rows); None: the live page's snapshot."""
        districts = tuple(district.code for district in self.pack.districts)
        yield "live: all districts and sensors", None, RAW_LATEST
        for name, level, days in (("hourly, 30 days", Level.HOUR, 30), ("daily, a year", Level.DAY, 365)):
            asked = Question("district", districts, "pm25", self.end - timedelta(days=days), self.end, level)
            yield f"25 districts, {name}", asked, RAW_DISTRICTS.format(unit=level.value)
        day = Question("sensor", self.serials[:1], "pm25", self.end - timedelta(days=1), self.end, Level.RAW)
        yield "one sensor, raw, 24 h", day, RAW_SENSOR

    async def ours(self, question: Question | None) -> tuple[float, int]:
        """Median milliseconds through the store, and points that came."""
        archive, store = PgArchive(self.dsn, self.pack), PgStore(self.dsn, self.pack)

        async def snapshot() -> int:
            await store.status()
            return len(await store.latest(self.ids.tolist()))

        async def asked() -> int:
            return sum(map(len, await archive.ask(question))) if question else 0

        try:
            return await _median(asked if question else snapshot)
        finally:
            await archive.close()
            await store.close()

    def plan(self, question: Question) -> float:
        """Milliseconds that the server says its plan took, median."""
        metric = self.pack.catalogue[question.metric]
        query = packed(question.unit, question_sql(question.unit, question.level, metric))
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            given = {
                "places": list(question.places),
                "start": question.start,
                "end": question.end,
                "zone": "Asia/Seoul",
                "most": MAX_POINTS + 1,
            }
            return statistics.median(_explained(conn, query, given) for _ in range(RUNS))

    def raw(self, query: str, question: Question | None) -> float:
        """Milliseconds of the same question without rollups or `latest`, median."""
        start = question.start if question else self.end
        given = {"start": start, "end": self.end, "sensor": int(self.ids[0])}
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            spent = []
            for _ in range(RAW_RUNS):
                started = time.perf_counter()
                conn.execute(query, given, binary=True).fetchall()
                spent.append(1000 * (time.perf_counter() - started))
        return statistics.median(spent)

    def hour(self) -> float:
        """Milliseconds to compute a closed hour of all sensors again, with the districts' figures."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            refresher = Refresher(conn, self.pack.catalogue)
            refresher.refresh(self.end)
            spent = []
            for back in range(2, 5):
                hour = (self.end - timedelta(hours=back)).replace(minute=0, second=0, microsecond=0)
                conn.execute(
                    "INSERT INTO touched (sensor_id, time) SELECT sensor_id, %s + interval '10 minutes' * k FROM sensor, generate_series(0, 5) AS k",
                    [hour],
                )
                spent.append(1000 * refresher.refresh(self.end, patience_s=600).seconds)
        return statistics.median(spent)


def _explained(conn: psycopg.Connection, query: str, given: dict[str, object]) -> float:
    """Planning and execution, as the server counts them."""
    rows = conn.execute("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) " + query, given).fetchall()
    return sum(
        float(row[0].split(":")[1].split()[0])
        for row in rows
        if row[0].startswith(("Planning Time", "Execution Time"))
    )


async def _median(ask: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    spent, points = [], 0
    await ask()  # the pool connects
    for _ in range(RUNS):
        started = time.perf_counter()
        points = await ask()
        spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent), points


@contextmanager
def server() -> Iterator[str]:
    """The embedded PostgreSQL, as `sdot up` starts it; the owner's URL."""
    path = Path(tempfile.mkdtemp(prefix="sdot-bench-"))
    path.chmod(0o711)
    folder = DataFolder(path)
    folder.prepare()
    postgres = Postgres(folder)
    child = Child(postgres.program())
    try:
        child.start()
        postgres.wait_ready(child)
        postgres.make_roles()
        yield postgres.url(OWNER)
    finally:
        child.signal(child.program.stop_signal)
        while child.running:
            time.sleep(0.05)
        folder.release()
        shutil.rmtree(path, ignore_errors=True)


def tell(sentence: str) -> None:
    """Progress, beside the tables."""
    print(sentence, file=sys.stderr, flush=True)


def measure(bench: Bench) -> dict[str, tuple[float, int]]:
    """Each question's median and points, with what the same costs elsewhere printed as a table row."""
    found = {}
    for name, question, raw in bench.questions():
        found[name] = ours, points = asyncio.run(bench.ours(question))
        plan = f"{bench.plan(question):.1f}" if question else "–"
        beside = bench.raw(raw, question)
        print(
            f"| {name} | {points:,} | {ours:.1f} | {plan} | {beside:,.0f} | {beside / ours:,.0f} |",
            flush=True,
        )
    return found


def head(rows: int, days: float, sensors: int) -> None:
    """A table's first lines."""
    print(
        f"\n{rows:,} readings: {days:g} days of {sensors:,} sensors every 10 minutes; load {os.getloadavg()[0]:.1f}\n"
    )
    print("| question | points | ours, ms | plan alone, ms | on raw rows, ms | times |")
    print("|---|--:|--:|--:|--:|--:|")


def run(dsn: str, days: float, sensors: int) -> None:
    """A tenth of the history, then all of it."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    bench = Bench(dsn, sensors, end)
    part = timedelta(days=days / 10)
    few, few_s = bench.fill(end - part, end)
    tell(f"{few:,} rows rolled up in {few_s:.0f} s")
    head(few, days / 10, sensors)
    before = measure(bench)
    many, many_s = bench.fill(end - timedelta(days=days), end - part)
    tell(f"{many:,} rows rolled up in {many_s:.0f} s")
    head(few + many, days, sensors)
    after = measure(bench)
    print(
        "\nTen times the history costs, a point: "
        + ", ".join(
            f"{name} {(after[name][0] / max(after[name][1], 1)) / (before[name][0] / max(before[name][1], 1)):.2f} ×"
            for name in after
        )
    )
    print(
        f"\nRollups: {(few + many) / (few_s + many_s):,.0f} readings/s; an hour of {sensors:,} sensors again in {bench.hour():,.0f} ms"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=90.0)
    parser.add_argument("--sensors", type=int, default=1100)
    parser.add_argument("--dsn")
    given = parser.parse_args()
    if given.dsn:
        run(given.dsn, given.days, given.sensors)
    else:
        with server() as dsn:
            run(dsn, given.days, given.sensors)


if __name__ == "__main__":
    main()
