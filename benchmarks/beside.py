"""Whether a back-fill of millions keeps live ingest and the dashboard waiting.

    python benchmarks/beside.py [--days 90] [--seconds 60]

The servers of `benchmarks/ingest.py`, with `sdot ingest`, `sdot maintain` and a publisher at the pace of 1,100 sensors.
The live page's question is asked twice a second: for a while, then while `sdot simulate backfill` writes 1,100 sensors
every 10 minutes of so many days (90 days: 14 million readings).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import load  # noqa: E402 after the line above
from benchmarks.rig import Rig, now  # noqa: E402
from city.pack import load_pack  # noqa: E402
from dashboard.postgres import PgStore  # noqa: E402
from sdot.ports import free_port  # noqa: E402

ASK_EVERY_S = 0.5
#: After a start, until sessions and seats are taken.
SETTLE_S = 5.0
#: Lags of the readings that the publisher sent, milliseconds; what a back-fill wrote is older.
LIVE = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (
    ORDER BY 1000 * extract(epoch FROM pg_xact_commit_timestamp(r.xmin) - r.time))
FROM reading AS r JOIN sensor AS s USING (sensor_id) WHERE r.time >= %s AND s.serial LIKE 'bench-%%'
"""


async def ask(dsn: str, sensors: list[int], until: Callable[[], bool]) -> list[float]:
    """Milliseconds of the live page's question, again and again."""
    store, spent = PgStore(dsn, load_pack("seoul")), []
    try:
        await store.status()
        while not until():
            started = time.perf_counter()
            await store.status()
            await store.latest(sensors)
            spent.append(1000 * (time.perf_counter() - started))
            await asyncio.sleep(ASK_EVERY_S)
    finally:
        await store.close()
    return spent


def row(name: str, rig: Rig, until: Callable[[], bool]) -> str:
    """What both cost while something lasts."""
    since = now()
    sensors = rig.value("SELECT array_agg(sensor_id) FROM sensor")
    spent = sorted(asyncio.run(ask(rig.dsn, sensors, until)))
    lags = rig.value(LIVE, since)
    high = spent[int(len(spent) * 0.95)]
    asked = f"{statistics.median(spent):.0f} | {high:.0f} | {spent[-1]:.0f}"
    return f"| {name} | {asked} | {' | '.join(f'{float(lag):.0f}' for lag in lags)} |"


def run(rig: Rig, days: float, seconds: float) -> None:
    """Before, and while."""
    rig.empty()
    ingest = rig.ingest(1)
    rig.until(lambda: rig.seats() == 1, "ingest's start", ingest)
    owner = {"SDOT_ADMIN_DATABASE_URL": rig.dsn, "SDOT_DATABASE_URL": rig.dsn}
    rig.python("maintain", "sdot", "maintain", SDOT_MAINTAIN_PORT=str(free_port(29563)), **owner)
    pace = str(load.SENSORS / load.EVERY.total_seconds())
    port = str(rig.ports["shipped"])
    rig.python("load", "benchmarks.load", "--port", port, "--seconds", "3600", "--pace", pace)
    time.sleep(SETTLE_S)
    print("| | live question, ms: median | 95 % | most | publish to commit, ms: median | 95 % | most |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    end = time.monotonic() + seconds
    print(row("before", rig, lambda: time.monotonic() > end), flush=True)
    started = time.monotonic()
    words = ["sdot", "simulate", "backfill", "--days", str(days), "--every", "10m"]
    writes = rig.python("backfill", *words, **owner)
    print(row("while it writes", rig, lambda: not writes.running), flush=True)
    spent, rows = time.monotonic() - started, int(str(rig.value("SELECT count(*) FROM reading")))
    if writes.process and writes.process.returncode:
        sys.exit(writes.ending())
    end = time.monotonic() + seconds
    print(row("while it is rolled up", rig, lambda: time.monotonic() > end), flush=True)
    print(
        f"\n{rows:,} readings in {spent:.0f} s; {rig.value('SELECT count(*) FROM touched_span')} spans to roll up"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=90)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with Rig(None) as rig:
        run(rig, given.days, given.seconds)


if __name__ == "__main__":
    main()
