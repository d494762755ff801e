"""Whether a flood makes the others wait: lag of a city's sensors alone, beside one that floods, beside new serials.

    python benchmarks/flood.py [--seconds 30] [--rounds 2] [--pace 1000] [--flood 5000] [--limit 600]

Everything on loopback, on the product's own servers in a temporary folder; settings are the product's defaults.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# This file's folder is no place for modules of the product.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import runs  # noqa: E402 after the line above
from benchmarks.rig import Rig, now, wait  # noqa: E402

KINDS = {"alone": None, "beside one sensor's flood": "one", "beside a flood of new serials": "new"}
LAGS = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
    ORDER BY extract(epoch FROM pg_xact_commit_timestamp(r.xmin) - r.time)), count(*)
FROM reading AS r JOIN sensor AS s USING (sensor_id)
WHERE s.serial LIKE 'bench-%%' AND r.time >= %s
"""
BOOKS = "SELECT sum(stored), sum(quarantined), sum(rejected) FROM ledger_minute"
#: The flood's own burst is taken before it is limited: what comes then is looked at apart.
BURST_S = 10.0


def measure(rig: Rig, kind: str | None, given: argparse.Namespace) -> str:
    """One run: lag of the city's readings during the burst and after it, and what the books say."""
    rig.empty()
    ingest = rig.ingest(1, SDOT_READINGS_PER_MINUTE=str(given.limit))
    rig.until(lambda: rig.seats() == 1, "ingest's start", ingest)
    time.sleep(runs.SETTLE_S)
    since, cpu = now(), rig.cpu(ingest)[0]
    children = [_publisher(rig, given.seconds, given.pace, None)]
    if kind:
        children.append(_publisher(rig, given.seconds, given.flood, kind))
    wait(children)
    said = runs.told(children)
    rig.until(lambda: _counted(rig) >= said, "all to be counted", ingest)
    used = (rig.cpu(ingest)[0] - cpu) / said * 1e6
    late = since.fromtimestamp(since.timestamp() + BURST_S, since.tzinfo)
    whole, after = _lags(rig, since), _lags(rig, late)
    stored, quarantined, rejected = rig.row(BOOKS)
    runs.leave(rig, ingest, 1)
    return (
        f"p50 {whole[0] * 1000:6.1f}  p95 {whole[1] * 1000:6.1f} ms   after the burst p50 {after[0] * 1000:6.1f}  "
        f"p95 {after[1] * 1000:6.1f} ms   ingest {used:.0f} µs of processor time a message   "
        f"{stored:,} stored, {quarantined:,} quarantined, {rejected:,} rejected"
    )


def _publisher(rig: Rig, seconds: float, pace: float, kind: str | None):
    words = ["--port", str(rig.ports["shipped"]), "--seconds", str(seconds), "--pace", str(pace)]
    return rig.python("load", "benchmarks.load", *words, *(["--flood", kind] if kind else []))


def _counted(rig: Rig) -> int:
    return int(str(rig.value("SELECT coalesce(sum(messages), 0) FROM ledger_minute")))


def _lags(rig: Rig, since) -> tuple[float, float]:
    (median, high), _ = rig.row(LAGS, since)
    return float(median), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pace", type=float, default=1000, help="the city's messages a second")
    parser.add_argument("--flood", type=float, default=5000, help="the flood's messages a second")
    parser.add_argument(
        "--limit", type=int, default=600, help="SDOT_READINGS_PER_MINUTE; an hour's worth is the burst"
    )
    given = parser.parse_args()
    with Rig(None) as rig:
        print(rig.versions())
        for _ in range(given.rounds):
            for name, kind in KINDS.items():
                print(f"{name:30} {measure(rig, kind, given)}", flush=True)


if __name__ == "__main__":
    main()
