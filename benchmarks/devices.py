"""What many devices cost beside the whole stack, and how fast the past is written.

    python benchmarks/devices.py           (20 minutes; --seconds 60 for a quick look, --only backfill …)

Servers are those of `benchmarks/ingest.py`. Devices measure every 2 minutes at their own moments, as `sdot simulate
live` does; ingest, a dashboard and the servers run beside them. It stops by itself and leaves nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.load import PREFIX  # noqa: E402 after the line above
from benchmarks.rig import Rig, wait  # noqa: E402
from benchmarks.table import tell  # noqa: E402
from city.errors import SdotError  # noqa: E402
from sdot.ports import free_port  # noqa: E402
from sdot.supervisor import Child  # noqa: E402

#: Whose share is told.
PARTIES = ("simulator", "ingest", "mosquitto", "PostgreSQL", "dashboard")
READINGS = "SELECT count(*) FROM reading"
#: Sensors that were heard within their interval.
SENSORS_SEEN = "SELECT count(*) FROM latest WHERE time > now() - interval '150 seconds'"
Row = dict[str, float | str]


def settings(rig: Rig) -> dict[str, str]:
    """What each program of the stack is told."""
    return {
        "SDOT_DATABASE_URL": rig.ingest_dsn,
        "SDOT_ADMIN_DATABASE_URL": rig.dsn,
        "SDOT_READ_DATABASE_URL": rig.dsn,
        "SDOT_MQTT_URL": f"mqtt://127.0.0.1:{rig.ports['shipped']}",
        "SDOT_TOPIC_PREFIX": PREFIX,
        "SDOT_LOG_FORMAT": "text",
        "SDOT_HTTP_PORT": str(free_port(28050)),
    }


def devices(rig: Rig, number: int, connections: str, seconds: float) -> Row:
    """So many devices beside the stack, once all of them are heard."""
    rig.empty()
    ingest = rig.ingest(1)
    rig.until(lambda: rig.seats() == 1, "ingest's start", ingest)
    dashboard = rig.python("dashboard", "sdot", "dashboard", **settings(rig))
    words = ["simulate", "live", "--sensors", str(number), "--connections", connections]
    start = time.monotonic()
    simulator = rig.python("simulator", "sdot", *words, **settings(rig))
    rig.until(lambda: int(str(rig.value(READINGS))) > 0, "the first reading", simulator)
    began = time.monotonic() - start
    rig.until(lambda: int(str(rig.value(SENSORS_SEEN))) >= number, "all devices", simulator)
    parties = (simulator, ingest, rig.brokers["shipped"], rig.postgres, dashboard)
    row: Row = {"name": f"{number:,} devices, {connections}", "start": began}
    row |= measured(rig, parties, seconds)
    for child in (simulator, dashboard, ingest):
        rig.stop(child)
    return row


def measured(rig: Rig, parties: tuple[Child | None, ...], seconds: float) -> Row:
    """Shares of a core and memory over so many seconds, and what was stored meanwhile."""
    before, cpu, start = rig.value(READINGS), rig.cpu(*parties), time.monotonic()
    loads = []
    while time.monotonic() - start < seconds:
        time.sleep(5)
        loads.append(os.getloadavg()[0])
    elapsed, after = time.monotonic() - start, rig.cpu(*parties)
    row: Row = {"stored": (int(str(rig.value(READINGS))) - int(str(before))) / elapsed, "load": max(loads)}
    for party, was, now, child in zip(PARTIES, cpu, after, parties, strict=True):
        row[party] = (now - was) / elapsed
        row[f"{party} MB"] = memory_mb(child)
    return row


def memory_mb(child: Child | None) -> float:
    """Memory of a process and all below it, what they share counted once (PSS), MB."""
    if child is None or child.process is None:
        return float("nan")
    total, todo = 0, [child.process.pid]
    while todo:
        folder = Path("/proc") / str(todo.pop())
        try:
            lines = (folder / "smaps_rollup").read_text().splitlines()
            below = [task.read_text().split() for task in (folder / "task").glob("*/children")]
        except OSError:
            continue  # ended meanwhile
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        todo += [int(pid) for pids in below for pid in pids]
    return total / 1024


def backfill(rig: Rig, days: float, sensors: int) -> Row:
    """The past of so many sensors into an empty database, and once more where all of it is there."""
    rig.empty()
    words = ["sdot", "simulate", "backfill", "--days", str(days), "--sensors", str(sensors)]
    row: Row = {"name": f"{days:g} days of {sensors:,} sensors"}
    for name in ("first", "again"):
        (postgres,) = rig.cpu(rig.postgres)
        own, start = os.times(), time.monotonic()
        child = rig.python(f"backfill-{name}", *words, **settings(rig))
        wait([child])
        row[f"{name} s"] = time.monotonic() - start
        if name == "first":
            (later,) = rig.cpu(rig.postgres)
            rows = int(str(rig.value(READINGS)))
            row["rows"] = rows
            row["PostgreSQL µs"] = (later - postgres) / rows * 1e6
            row["Python µs"] = (os.times().children_user + os.times().children_system
                                - own.children_user - own.children_system) / rows * 1e6  # fmt: skip
    if int(str(rig.value(READINGS))) < rows:
        raise SdotError("the second back-fill lost readings")
    return row | {"rate": rows / float(row["first s"]), "load": os.getloadavg()[0]}


def report(live: list[Row], past: list[Row]) -> Iterator[str]:
    """Two tables in Markdown."""
    if live:
        yield "| | readings stored/s | " + " | ".join(PARTIES) + " | all |"
        yield "|---|--:|" + "--:|" * (len(PARTIES) + 1)
    for row in live:
        each = " | ".join(
            f"{100 * float(row[one]):.1f} %, {float(row[f'{one} MB']):,.0f} MB" for one in PARTIES
        )
        total = 100 * sum(float(row[one]) for one in PARTIES)
        memory = sum(float(row[f"{one} MB"]) for one in PARTIES)
        yield f"| {row['name']} | {row['stored']:.1f} | {each} | {total:.0f} %, {memory:,.0f} MB |"
    yield ""
    if past:
        yield "| | readings | s | readings/s | processor time a reading: Python | PostgreSQL | once more |"
        yield "|---|--:|--:|--:|--:|--:|--:|"
    for row in past:
        yield (
            f"| {row['name']} | {row['rows']:,} | {row['first s']:.1f} | {row['rate']:,.0f} | {row['Python µs']:.1f} µs "
            f"| {row['PostgreSQL µs']:.1f} µs | {row['again s']:.1f} s |"
        )


def told(row: Row) -> Row:
    """The same, said while it comes."""
    tell(
        "  "
        + ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else str(value) for key, value in row.items()
        )
    )
    return row


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=180, help="of each measurement with live devices")
    parser.add_argument("--days", type=float, default=7, help="of 1,100 sensors' past")
    every = ["50000:shared", "2000:per-device", "1100:shared"]
    parser.add_argument("--devices", nargs="+", default=every, help="how many, on what connections")
    parser.add_argument("--only", choices=["live", "backfill"])
    return parser.parse_args()


def main() -> None:
    given = arguments()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    live: list[Row] = []
    past: list[Row] = []
    try:
        with Rig(None) as rig:
            tell(f"{rig.versions()}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            if given.only != "live":
                past.append(told(backfill(rig, given.days, 1100)))
            if given.only != "backfill":
                for number, connections in (one.split(":") for one in given.devices):
                    live.append(told(devices(rig, int(number), connections, given.seconds)))
    except (SdotError, KeyboardInterrupt) as error:
        sys.exit(str(error) or "stopped")
    print("\n".join(report(live, past)))


if __name__ == "__main__":
    main()
