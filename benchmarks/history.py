"""How fast the History page's endpoints answer over three years, their bytes, and how soon a browser has drawn.

    python benchmarks/history.py [--days 1095] [--browser] [--dsn …]

An embedded PostgreSQL with the product's settings in a temporary folder, gone at the end (an empty database of yours
with --dsn). Figures of every metric are written straight into the districts' hours and days, an hour of all districts
after the other, as maintenance leaves them; the newest week also in 10 minutes. The dashboard serves over loopback.
--browser: Chromium opens the page, from navigation until `#history` carries `data-drawn`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

import httpx  # noqa: E402 after the line above
import psycopg  # noqa: E402

from benchmarks.queries import server, tell  # noqa: E402
from city.metrics import Metric  # noqa: E402
from city.pack import CityPack, load_pack  # noqa: E402
from city.settings import load_settings  # noqa: E402
from dashboard.archive_postgres import PgArchive  # noqa: E402
from dashboard.memory import MemoryStore  # noqa: E402
from sdot import migration  # noqa: E402
from tests.serving import serving  # noqa: E402

#: Runs of a question, of which the median counts; the first is told beside it.
RUNS = 7
#: Days that are there in 10 minutes, too.
FINE_DAYS = 14
#: A value of a bucket: a daily and a yearly wave, and each district its own level.
WAVE = "(30 + 12 * sin(extract(epoch FROM b) / 13751) + 9 * sin(extract(epoch FROM b) / 5022643) + d)"

ADDRESSES = (
    "/api/history?span=24h",
    "/api/history?span=7d&before=1",
    "/api/history?span=90d&before=1",
    "/api/history?span=3y",
    "/api/history?span=3y&before=1&" + "&".join(f"place={code}" for code in (
        "gangnam-gu", "mapo-gu", "jongno-gu", "guro-gu", "nowon-gu", "songpa-gu")),
    "/api/history?span=3y&metric=temperature",
    "/api/history/all?metric=pm25&span=24h",
    "/api/history/all?metric=pm25&span=7d",
    "/api/history/all?metric=pm25&span=90d",
    "/api/history/all?metric=pm25&span=1y",
    "/api/history/all?metric=pm25&span=3y",
    "/api/history.csv?span=3y&metric=pm25&metric=pm10&metric=temperature",
    "/api/history.csv?span=7d",
)  # fmt: skip


def columns(metric: Metric) -> dict[str, str]:
    """Column → its SQL of one metric of a district's bucket."""
    key = metric.key
    filled = {f"{key}_mean": WAVE, f"{key}_n": "1320", f"{key}_sensors": "44"}
    if metric.aggregation == "vector":
        return filled | {f"{key}_east": "0.5", f"{key}_north": "0.5"}
    ends = {f"{key}_min": f"{WAVE} * 0.7", f"{key}_max": f"{WAVE} * 1.4"}
    return filled | ends | ({f"{key}_sum": f"{WAVE} * 44"} if metric.aggregation == "sum" else {})


def fill(dsn: str, pack: CityPack, end: datetime, days: int) -> None:
    """Schema, then figures up to `end`."""
    migration.migrate(load_settings({"SDOT_DATABASE_URL": dsn}), lambda _: None)
    made = {name: text for metric in pack.catalogue for name, text in columns(metric).items()}
    with psycopg.connect(dsn, autocommit=True) as conn:
        for table, step, long in (
            ("district_hour", "1 hour", days), ("district_day", "1 day", days), ("district_10min", "10 minutes", FINE_DAYS),
        ):  # fmt: skip
            started = time.monotonic()
            conn.execute(
                f"INSERT INTO {table} (district_id, bucket, {', '.join(made)}) SELECT d, b, {', '.join(made.values())}"
                " FROM generate_series(date_trunc('day', %s::timestamptz, 'Asia/Seoul'), %s::timestamptz, %s::interval) AS b,"
                " generate_series(1, %s) AS d ORDER BY b, d",
                [end - timedelta(days=long), end, step, len(pack.districts)],
            )
            [(rows, size)] = conn.execute(
                f"SELECT count(*), pg_size_pretty(pg_total_relation_size('{table}')) FROM {table}"
            ).fetchall()
            tell(f"{table}: {rows:,} rows, {size}, {time.monotonic() - started:.0f} s")
        conn.execute("UPDATE checkpoint SET rolled_to = %s", [end])
        conn.execute("VACUUM ANALYZE")


def asked(url: str) -> Iterator[tuple[str, float, float, int, int]]:
    """Address → first and median milliseconds, bytes on the wire and unpacked."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for address in ADDRESSES:
            spent, wire, whole = [], 0, 0
            for _ in range(RUNS):
                started = time.perf_counter()
                with client.stream("GET", address) as answer:
                    whole = sum(map(len, answer.iter_bytes()))
                    wire = answer.num_bytes_downloaded
                spent.append(1000 * (time.perf_counter() - started))
                assert answer.status_code == 200, answer.status_code
            yield address, spent[0], statistics.median(spent), wire, whole


def drawn(url: str, address: str) -> float:
    """Milliseconds from navigation until the page has drawn, median of RUNS fresh browsers' visits."""
    from tests.servers.browser import chromium

    spent = []
    with chromium() as browser:
        for _ in range(RUNS):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(url + address, wait_until="commit")
            page.wait_for_selector("#history[data-drawn]", timeout=60_000)
            spent.append(float(page.evaluate("performance.now()")))
            page.close()
    return statistics.median(spent)


def run(dsn: str, days: int, *, browser: bool) -> None:
    """Fill, ask, tell."""
    pack, end = load_pack("seoul"), datetime.now(UTC).replace(second=0, microsecond=0)
    fill(dsn, pack, end, days)
    print(f"\n{days} days of {len(pack.districts)} districts, every metric; load {os.getloadavg()[0]:.1f}\n")
    print("| address | first, ms | median, ms | bytes | unpacked |\n|---|--:|--:|--:|--:|")
    with serving(MemoryStore(pack), pack, PgArchive(dsn, pack)) as served:
        for address, first, median, wire, whole in asked(served.url):
            shown = address if len(address) < 60 else address[:57] + "…"
            print(f"| `{shown}` | {first:.0f} | {median:.0f} | {wire:,} | {whole:,} |", flush=True)
        if browser:
            for address in ("/history", "/history?span=3y"):
                print(f"\n`{address}` drawn after {drawn(served.url, address):,.0f} ms", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=3 * 365)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--dsn")
    given = parser.parse_args()
    if given.dsn:
        run(given.dsn, given.days, browser=given.browser)
    else:
        with server() as dsn:
            run(dsn, given.days, browser=given.browser)


if __name__ == "__main__":
    main()
