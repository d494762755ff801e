"""The benchmark's figures: told while they come, and the table at the end."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterator

#: Measurement → figure → its value in each round.
Found = dict[str, dict[str, list[float]]]

NAIVE = "naive: INSERT and COMMIT a message, mosquitto as it comes"
TUNED = "the same, tuned: autocommit, our mosquitto.conf"
OURS = "sdot ingest"
BARE = "bare COPY of the same rows"
BROKER = "bare broker: mosquitto to a subscriber that acknowledges and drops"
CITY = "live, 1,100 sensors every 2 minutes"
#: Whose processor time is told.
PARTIES = ("ingest", "postgres", "mosquitto")
#: Readings of one message of the arrays' measurement.
TOGETHER = 100
#: What ingest has to be at least, as a multiple of the naive subscriber.
TIMES = 15


def ours(workers: int) -> str:
    """Name of the measurement with so many processes."""
    return f"{OURS}, {workers} worker{'s' if workers > 1 else ''}"


def arrays(workers: int) -> str:
    """Name of the measurement of messages that carry many readings."""
    return f"arrays of {TOGETHER} readings, {workers} worker{'s' if workers > 1 else ''}"


def all_columns(workers: int) -> str:
    """Name of the measurement with S-DoT's own columns."""
    return f"all columns (20 to 27), {workers} worker{'s' if workers > 1 else ''}"


def queued(count: int) -> str:
    """Name of the measurement of memory."""
    return f"backlog of {count:,} messages"


def tell(sentence: str) -> None:
    """Progress, beside the table."""
    print(sentence, file=sys.stderr, flush=True)


def note(found: Found, name: str, figures: dict[str, float]) -> None:
    """Keep and tell one measurement's figures."""
    shown = (
        f"{key} {value:,.0f}" if value >= 100 else f"{key} {value:.3g}" for key, value in figures.items()
    )
    tell(f"  {name}: {', '.join(shown)}")
    for key, value in figures.items():
        found.setdefault(name, {}).setdefault(key, []).append(value)


def advantage(found: Found) -> float:
    """How many times the naive subscriber the fastest ingest is; infinite where one of them was not measured."""
    rates = [statistics.median(one["rate"]) for name, one in found.items() if name.startswith(OURS)]
    return max(rates) / statistics.median(found[NAIVE]["rate"]) if rates and NAIVE in found else math.inf


def report(found: Found) -> Iterator[str]:
    """Tables in Markdown: rates and losses, delays, processor time, and memory."""
    middle = {
        name: {key: statistics.median(each) for key, each in one.items()} for name, one in found.items()
    }
    kept = {name: one for name, one in middle.items() if "worker" in one}
    middle = {name: one for name, one in middle.items() if name not in kept}
    yield from _rates(found, middle)
    yield from _delays(middle)
    yield from _costs(middle)
    for name, one in middle.items():
        if one.get("missing"):
            yield ""
            yield f"{name}: of {one['queued']:,.0f} queued while it was away {one['missing']:,.0f} never came"
    for name, one in kept.items():
        yield ""
        yield (
            f"{name}: one worker held {one['worker']:.0f} MB at most, mosquitto {one['broker']:,.0f} MB;"
            f" {one['rate']:,.0f} messages/s"
        )


def _rates(found: Found, middle: dict[str, dict[str, float]]) -> Iterator[str]:
    slow, fast = (middle.get(name, {}).get("rate", float("nan")) for name in (NAIVE, BARE))
    yield "| | readings/s (median) | lowest – highest | × naive | × bare COPY | lost | twice |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, one in middle.items():
        if "lag_p50" not in one:
            rate, each = one.get("rate", float("nan")), found[name].get("rate", [float("nan")])
            span = f"{_shown(min(each), 0)} – {_shown(max(each), 0)}"
            times = f"{_shown(rate / slow, 1)} | {_shown(rate / fast, 2)}"
            yield f"| {name} | {_shown(rate, 0)} | {span} | {times} | {_losses(found[name])} |"
    yield ""
    for name in (ours, arrays, all_columns):
        one, two = (middle.get(name(workers), {}).get("rate") for workers in (1, 2))
        if one and two:
            yield f"{name(2)}: {two / one:.2f} × one worker"
    yield ""


def _losses(one: dict[str, list[float]]) -> str:
    """Lost of sent over all rounds of kills, and how many are there twice."""
    if "lost" not in one:
        return "– | –"
    lost, sent, twice = (sum(one[key]) for key in ("lost", "sent", "twice"))
    return f"{lost:,.0f} of {sent:,.0f} | {twice:,.0f}"


def _delays(middle: dict[str, dict[str, float]]) -> Iterator[str]:
    yield "| | published/s | committed/s | delay, median | delay, 95 % | ingest | PostgreSQL | mosquitto |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for name, one in middle.items():
        if "lag_p50" in one:
            cpu = " | ".join(_shown(100 * one[party], 1, " %") for party in PARTIES)
            delays = f"{1000 * one['lag_p50']:,.0f} ms | {1000 * one['lag_p95']:,.0f} ms"
            yield f"| {name} | {_rate(one['published'])} | {_rate(one['rate'])} | {delays} | {cpu} |"
    yield ""


def _shown(value: float, decimals: int, unit: str = "") -> str:
    return "–" if math.isnan(value) else f"{value:,.{decimals}f}{unit}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def _costs(middle: dict[str, dict[str, float]]) -> Iterator[str]:
    yield "| processor time a reading, µs | ingest | PostgreSQL | mosquitto |"
    yield "|---|--:|--:|--:|"
    for name, one in middle.items():
        if "lag_p50" not in one and PARTIES[0] in one:
            yield f"| {name} | {' | '.join(_shown(one[party], 0) for party in PARTIES)} |"
