"""The measurements: bare COPY, the naive subscriber, ingest on a full session, ingest live."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks import full, load, sink
from benchmarks.contender import Other
from benchmarks.peers.peer import TABLE
from benchmarks.rig import COMMITTED, Rig, now, tree, wait
from benchmarks.table import PARTIES
from sdot.supervisor import Child

#: Readings in a transaction of bare COPY: ingest's own batch.
BATCH = 2000
TYPES = ["timestamptz", "int4", "timestamptz", *["float4"] * len(load.METRICS)]
COPY = f"COPY reading (time, sensor_id, received_at, {', '.join(load.METRICS)}) FROM STDIN (FORMAT binary)"
STORED = "SELECT coalesce(sum(stored), 0) FROM ledger_minute"
READINGS = "SELECT count(*) FROM reading"
#: After a start, until what the broker retained is fetched.
SETTLE_S = 3.0
#: Of a live measurement this share at its beginning is not looked at: what is under way then is not committed yet.
WARM = 0.2


def bare_copy(rig: Rig, count: int) -> dict[str, float]:
    """The ceiling: the same rows, ready in memory, by binary COPY and nothing else."""
    rig.empty()
    rig.make_partitions(count)
    with psycopg.connect(rig.dsn) as conn:
        ids = dict(conn.execute("SELECT serial, sensor_id FROM sensor").fetchall())
        at = now()
        rows = [(when, ids[load.serial(n)], at, *values) for n, when, values in load.backlog(count, at)]
        for start in range(0, count, BATCH):
            with conn.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.set_types(TYPES)
                for row in rows[start : start + BATCH]:
                    copy.write_row(row)
            conn.commit()
    return {"rate": rig.rate()}


def naive(rig: Rig, broker: str, count: int, *, autocommit: bool) -> dict[str, float]:
    """INSERT and commit a message, out of a session that was filled before."""
    rig.empty()
    rig.make_partitions(count)
    port = rig.ports[broker]
    words = ["benchmarks.naive", "--port", str(port), "--dsn", rig.ingest_dsn]
    words += ["--autocommit"] * autocommit
    load.forget(port, "naive")
    wait([rig.python("naive", *words, "--count", "0")])
    fill(rig, broker, load.backlog_messages(count, now()))
    subscriber = rig.python("naive", *words, "--count", str(count))
    rig.until(lambda: rig.value(READINGS) == count, "the naive subscriber", subscriber)
    load.forget(port, "naive")
    return {"rate": rig.rate()}


def fill(rig: Rig, broker: str, messages: Iterable[tuple[str, bytes]]) -> None:
    """Publish them; the sessions at the broker queue them."""
    publisher = load.Publisher(rig.ports[broker])
    publisher.publish(messages)
    publisher.settle(0)
    publisher.close()


def bare_broker(rig: Rig, count: int) -> dict[str, float]:
    """What the broker alone gives: a full session, and a subscriber that acknowledges and drops."""
    port = rig.ports["shipped"]
    load.forget(port, sink.NAME)
    wait([rig.python("sink", "benchmarks.sink", "--port", str(port), "--count", "0")])
    fill(rig, "shipped", load.backlog_messages(count, now()))
    child = rig.python("sink", "benchmarks.sink", "--port", str(port), "--count", str(count))
    wait([child])
    said = json.loads(child.program.log.read_text().splitlines()[-1])
    load.forget(port, sink.NAME)
    return {"rate": said["messages"] / said["seconds"]}


def peer(rig: Rig, other: Other, count: int) -> dict[str, float]:
    """Another program: its session was filled while it was away, and it comes back."""
    other.empty(rig)
    first = other.start(rig)
    other.ready(rig, first)
    rig.kill(first)  # stopped in order, Node-RED unsubscribes, and nothing is queued for it
    other.empty(rig)
    fill(rig, other.broker, load.named_messages(count, now()))
    child = other.start(rig)
    _, different = other.settled(rig, count)
    other.leave(rig, child)
    return {"rate": rig.rate(TABLE), "queued": count, "missing": count - different}


def drain(
    rig: Rig, count: int, workers: int, messages: Iterable[tuple[str, bytes]] | None = None
) -> dict[str, float]:
    """Ours: the session was filled while ingest was away, and ingest comes back."""
    rig.empty()
    rig.make_partitions(count)
    prepare(rig, workers, load.backlog_messages(count, now()) if messages is None else messages)
    servers = (rig.postgres, rig.brokers["shipped"])
    before = rig.cpu(*servers)
    ingest = rig.ingest(workers)
    rig.until(lambda: rig.value(STORED) == count, "draining the session", ingest)
    used = [after - was for after, was in zip(rig.cpu(ingest, *servers), (0.0, *before), strict=True)]
    leave(rig, ingest, workers)
    return {"rate": rig.rate()} | {
        party: cost / count * 1e6 for party, cost in zip(PARTIES, used, strict=True)
    }


def prepare(rig: Rig, workers: int, messages: Iterable[tuple[str, bytes]]) -> None:
    """Ingest starts, so that it has sessions, and stops; what is published meanwhile waits for it."""
    first = rig.ingest(workers)
    rig.until(lambda: rig.seats() == workers, "ingest's first start", first)
    rig.stop(first)
    fill(rig, "shipped", messages)


def arrays(rig: Rig, count: int, workers: int, together: int) -> dict[str, float]:
    """The same with so many readings in a message."""
    return drain(rig, count, workers, load.array_messages(count, now(), together))


def all_columns(rig: Rig, count: int, workers: int) -> dict[str, float]:
    """The same with the 20 to 27 metrics of S-DoT's sensors in each message."""
    return drain(rig, count, workers, full.messages(count, now()))


def queued(rig: Rig, count: int, workers: int) -> dict[str, float]:
    """Very many messages queued at the broker, and the most that a process of ingest holds while it drains them."""
    rig.empty()
    rig.make_partitions(count)
    prepare(rig, workers, load.backlog_messages(count, now()))
    broker = rig.brokers["shipped"].process
    figures = {"broker": peak_mb(broker.pid)} if broker else {}
    ingest = rig.ingest(workers)
    most = 0.0

    def drained() -> bool:
        nonlocal most
        most = max(most, *(peak_mb(pid) for pid in tree(ingest.process.pid)))
        return rig.value(STORED) == count

    rig.until(drained, "draining the queue", ingest)
    leave(rig, ingest, workers)
    return figures | {"queued": count, "rate": rig.rate(), "worker": most}


def peak_mb(pid: int) -> float:
    """The most that a process ever held resident, MB (VmHWM); 0 where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def leave(rig: Rig, ingest: Child, workers: int) -> None:
    """Stop ingest; its sessions would go on queueing."""
    rig.stop(ingest)
    for slot in range(workers):
        load.forget(rig.ports["shipped"], f"bench{workers}-{slot}")


def live(rig: Rig, seconds: float, pace: float | None, publishers: int = 2) -> dict[str, float]:
    """Published while ingest runs, `pace` messages a second together or as fast as the broker takes them."""
    rig.empty()
    ingest = rig.ingest(1)
    rig.until(lambda: rig.seats() == 1, "ingest's start", ingest)
    time.sleep(SETTLE_S)
    parties = (ingest, rig.postgres, rig.brokers["shipped"])
    before, since = rig.cpu(*parties), now()
    said = publish(rig, seconds, pace, publishers)
    used = [after - was for after, was in zip(rig.cpu(*parties), before, strict=True)]
    elapsed = (now() - since).total_seconds()
    sent = sum(each["sent"] for each in said)
    start = max(datetime.fromisoformat(each["from"]) for each in said) + timedelta(seconds=WARM * seconds)
    end = min(datetime.fromisoformat(each["to"]) for each in said)
    rig.until(lambda: rig.value(READINGS) == sent, "what was published", ingest)
    leave(rig, ingest, 1)
    took, (median, high) = (end - start).total_seconds(), rig.lags(since)
    figures = {
        "published": sent / (took + WARM * seconds),
        "rate": float(str(rig.value(COMMITTED, start, end))) / took,
    }
    shares = {party: cost / elapsed for party, cost in zip(PARTIES, used, strict=True)}
    return figures | {"lag_p50": median, "lag_p95": high} | shares


def told(children: list[Child]) -> int:
    """How many messages publishers say that they sent."""
    return sum(json.loads(child.program.log.read_text().splitlines()[-1])["sent"] for child in children)


def publish(rig: Rig, seconds: float, pace: float | None, publishers: int) -> list[dict[str, str | int]]:
    """Run publishers to their end; what each says of itself."""
    words = ["--port", str(rig.ports["shipped"]), "--seconds", str(seconds)]
    words += [] if pace is None else ["--pace", str(pace / publishers)]
    children = [
        rig.python("load", "benchmarks.load", *words, "--share", str(k), str(publishers))
        for k in range(publishers)
    ]
    wait(children)
    return [json.loads(child.program.log.read_text().splitlines()[-1]) for child in children]
