"""How fast ingest is, beside a naive subscriber and beside bare COPY: everything in one run, on loopback.

    make bench                             (or: python benchmarks/ingest.py [--rounds 3] [--dsn …])

Servers are the product's own: the embedded PostgreSQL with its shipped settings (or an empty database at --dsn)
and mosquitto with `sdot/mosquitto.conf`. They live in a temporary folder and are gone at the end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

# This file is called like the product's room, so its own folder must not be searched first.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import load, losses, runs, table  # noqa: E402 after the line above
from benchmarks.contender import Naive, Other, Ours  # noqa: E402
from benchmarks.peers import mqbridge, nodered, pathway  # noqa: E402
from benchmarks.peers.peer import NotInstalledError  # noqa: E402
from benchmarks.rig import Rig  # noqa: E402
from city.errors import SdotError  # noqa: E402

Figures = dict[str, float]
#: Peers, each installed once in the cache of the tests (SDOT_TEST_CACHE) from PyPI or npm.
OTHERS = [Other(each.PEER) for each in (nodered, mqbridge, pathway)]


def plan(given: argparse.Namespace) -> Iterator[tuple[str, Callable[[Rig], Figures]]]:
    """What is measured in a round, in turn, so that a noisy minute meets all."""
    few, many, seconds = given.naive_messages, given.messages, given.live_seconds
    yield table.BARE, partial(runs.bare_copy, count=many)
    yield table.BROKER, partial(runs.bare_broker, count=many)
    yield table.NAIVE, partial(runs.naive, broker="plain", count=few, autocommit=False)
    yield table.TUNED, partial(runs.naive, broker="shipped", count=few, autocommit=True)
    for other in OTHERS:
        yield other.peer.name, partial(runs.peer, other=other, count=given.peer_messages)
    for workers in given.workers:
        yield table.ours(workers), partial(runs.drain, count=3 * many, workers=workers)
    for workers in given.workers:
        arrays = partial(runs.arrays, count=10 * many, workers=workers, together=table.TOGETHER)
        yield table.arrays(workers), arrays
    for workers in given.workers:
        yield table.all_columns(workers), partial(runs.all_columns, count=many, workers=workers)
    yield "live, as fast as the broker takes it", partial(runs.live, seconds=seconds, pace=None)
    for pace in given.pace:
        yield f"live, {pace:,.0f} messages/s", partial(runs.live, seconds=seconds, pace=pace)
    if given.kills:
        yield from kills(given)


def kills(given: argparse.Namespace) -> Iterator[tuple[str, Callable[[Rig], Figures]]]:
    """What is lost when each is killed; the figures stand beside its rate."""
    contenders = {table.NAIVE: Naive(), **{one.peer.name: one for one in OTHERS}, table.ours(1): Ours()}
    for name, contender in contenders.items():
        run = partial(losses.killed, contender=contender, pace=given.kill_pace, seconds=given.kill_seconds)
        yield name, partial(run, kills=given.kills)


def measure(rig: Rig, given: argparse.Namespace) -> table.Found:
    """Each measurement's figures, a value a round."""
    found: table.Found = {}
    missing: set[str] = set()
    for number in range(given.rounds):
        table.tell(f"Round {number + 1} of {given.rounds}, load of the machine {os.getloadavg()[0]:.1f}")
        for name, run in plan(given):
            if given.only in name and name not in missing:
                try:
                    table.note(found, name, run(rig))
                except NotInstalledError as error:
                    missing.add(name)
                    table.tell(f"  {name}: {error}")
    if given.city_seconds and given.only in table.CITY:
        pace = load.SENSORS / load.EVERY.total_seconds()
        table.note(found, table.CITY, runs.live(rig, given.city_seconds, pace, publishers=1))
    if given.queued and given.only in table.queued(given.queued):
        table.note(found, table.queued(given.queued), runs.queued(rig, given.queued, workers=1))
    return found


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    more = parser.add_argument
    more("--dsn", help="owner's URL of an empty database on a server with track_commit_timestamp = on")
    more("--rounds", type=int, default=3)
    more("--messages", type=int, default=100_000, help="a third of those in the session that ingest drains")
    more("--naive-messages", type=int, default=3_000, help="in the naive subscriber's")
    more("--workers", type=int, nargs="+", default=[1, 2], help="numbers of ingest processes")
    more("--live-seconds", type=float, default=10)
    more("--pace", type=float, nargs="+", default=[5_000, 15_000], help="messages/s of the paced live ones")
    more("--city-seconds", type=float, default=60, help="at the pace of 1,100 sensors every 2 minutes")
    more("--peer-messages", type=int, default=20_000, help="in the session that another program drains")
    more("--kills", type=int, default=3, help="SIGKILLs of each while it is sent messages; 0: none")
    more("--kill-seconds", type=float, default=12)
    more("--kill-pace", type=float, default=500, help="messages/s meanwhile: what the slowest takes")
    more(
        "--queued", type=int, default=1_000_000, help="messages on the broker for the worker's memory; 0: no"
    )
    more("--only", default="", help="measure only what has this in its name")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    try:
        with Rig(given.dsn) as rig:
            table.tell(f"{rig.versions()}; {os.cpu_count()} cores")
            found = measure(rig, given)
    except (SdotError, KeyboardInterrupt) as error:
        sys.exit(str(error) or "stopped")
    print("\n".join(table.report(found)))
    if (times := table.advantage(found)) < table.TIMES:
        sys.exit(f"ingest is {times:.1f} times the naive subscriber; it has to be {table.TIMES}")


if __name__ == "__main__":
    main()
