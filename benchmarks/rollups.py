"""What keeping rollups true costs at the pace of a city, and an hour of all sensors computed again.

    python benchmarks/rollups.py [--sensors 1100 50000] [--seconds 180]

An embedded PostgreSQL with the product's settings, gone at the end. Seven hours of the simulated city, every 10
minutes, are rolled up; then readings are written every 10 s, as many as sensors that measure every 2 minutes send, and
the refresher runs after each, as `sdot maintain` runs it. The cost is processor time of its process and of its
database connection.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

import numpy as np  # noqa: E402 after the line above
import psycopg  # noqa: E402

from benchmarks.queries import STEP_S, Bench, server, tell  # noqa: E402
from ingest.block import Block  # noqa: E402
from ingest.bulk import BulkWriter  # noqa: E402
from maintain.main import REFRESH_S  # noqa: E402
from maintain.rollup import Refresher  # noqa: E402

#: A sensor's readings in that time (S-DoT measures every 2 minutes).
EVERY_S = 120
HOURS = 7


class Pace:
    """A city that goes on, and its refresher."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.share = int(EVERY_S / REFRESH_S)
        day = bench.city.history(bench.end - timedelta(minutes=10), bench.end, STEP_S)
        parts = list(day)
        #: the newest values of each sensor, as they were simulated, which go on as they are
        self.sensor = np.concatenate([sensor for sensor, _, _ in parts])
        self.values = {key: np.concatenate([values[key] for _, _, values in parts]) for key in parts[0][2]}

    def write(self, conn: psycopg.Connection, turn: int) -> int:
        """What arrives in one turn: the readings of one sensor in `share`."""
        now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us")
        rows = np.flatnonzero(self.sensor % self.share == turn % self.share)
        with conn.transaction():
            writer = BulkWriter(conn, self.bench.pack.catalogue)
            block = Block(
                self.bench.ids[self.sensor[rows]],
                np.full(len(rows), now),
                {key: column[rows] for key, column in self.values.items()},
            )
            written = writer.write(block)
            writer.finish()
        return written

    def run(self, seconds: float) -> dict[str, float]:
        """Turns in real time; readings/s, shares of a core, the longest refresh."""
        longest = rows = turn = 0.0
        with (
            psycopg.connect(self.bench.dsn, autocommit=True) as writes,
            psycopg.connect(self.bench.dsn, autocommit=True) as reads,
        ):
            refresher, pid = Refresher(reads, self.bench.pack.catalogue), reads.info.backend_pid
            refresher.refresh()
            began, python, server_s = time.monotonic(), 0.0, _cpu_s(pid)
            while time.monotonic() - began < seconds:
                rows += self.write(writes, int(turn))
                before, started = time.process_time(), time.monotonic()
                while refresher.refresh().more:
                    pass
                python += time.process_time() - before
                longest = max(longest, time.monotonic() - started)
                turn += 1
                time.sleep(max(began + turn * REFRESH_S - time.monotonic(), 0))
            spent = time.monotonic() - began
            shares = {"python": python / spent, "server": (_cpu_s(pid) - server_s) / spent}
        return {"rate": rows / spent, "longest": longest} | shares


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def measure(sensors: int, seconds: float) -> str:
    """A table row."""
    with server() as dsn:
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        bench = Bench(dsn, sensors, end)
        rows, spent = bench.fill(end - timedelta(hours=HOURS), end)
        tell(f"{rows:,} readings of {sensors:,} sensors rolled up in {spent:.0f} s")
        hour = bench.hour()
        found = Pace(bench).run(seconds)
    return (
        f"| {sensors:,} | {found['rate']:,.0f} | {found['python']:.1%} | {found['server']:.1%} "
        f"| {found['longest'] * 1000:,.0f} | {hour:,.0f} |"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sensors", type=int, nargs="+", default=[1100, 50_000])
    parser.add_argument("--seconds", type=float, default=180)
    given = parser.parse_args()
    print(
        "| sensors | readings/s | refresher, of a core | its connection | longest round, ms | an hour again, ms |"
    )
    print("|--:|--:|--:|--:|--:|--:|")
    for sensors in given.sensors:
        print(measure(sensors, given.seconds), flush=True)


if __name__ == "__main__":
    main()
