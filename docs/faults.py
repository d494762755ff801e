"""Write `docs/faults.md` from the code: `python docs/faults.py`."""

from __future__ import annotations

from pathlib import Path

from sdot.faultlist import by_rate, size
from simulator.faults import FAULTS, WRONG_UNITS
from simulator.truth import COLUMNS

DOCS = Path(__file__).parent

HEAD = """# Faults of simulated sensors, and their truth

*Written by `python docs/faults.py`; a test fails when it lags.*

Simulated sensors can be as bad as real ones, and everything that was done to them is written down, so that whatever
looks for faults can be scored. `sdot simulate faults --list` prints the table below.

    sdot up --faults 0.02 --truth truth.csv                 # history and live sensors
    sdot simulate live --faults faults.toml --truth truth.parquet
    sdot simulate backfill --days 7 --faults 0.02 --truth truth.csv

`--faults RATE` is the share of sensor-days (UTC) that have a fault, shared evenly by all kinds; which, when and how
large follows from the simulated city's seed, so the same days of the same city have the same faults, live or written
afterwards. At `--speed` S a day is 24 h / S, and drawn faults are as much shorter; times in a file are real time.
An instrument's faults, dropouts, silence and swapped serials have a past (last column): a back-fill has them, too.
"""

FILE = """## A file

```toml
[rates]                 # share of sensor-days, by kind; all: for all kinds that are not named, together
all = 0.01
stuck = 0.02

[[fault]]
sensor = "SIM-0001"     # or ["SIM-0001", "SIM-0002"]
kind = "offset"
metric = "pm25"         # left out: each metric that can have it
from = "+10m"           # after the start (of the run, of a back-fill's history; --start), or RFC 3339
for = "2h"              # 90s, 20m, 1h30m, 2d
size = 40               # left out: the kind's default

[[fault]]
sensor = "SIM-0003"
kind = "swapped"
other = "SIM-0004"      # begins and ends between two readings of both
from = "2026-11-24T14:30:00+09:00"
for = "6h"
```

With `sdot up --faults FILE` the file is the live sensors'; only a rate goes into the first start's history as well.
"""

TRUTH = """## The truth

A `.csv` or `.parquet` file, one line for each fault of each metric that it hit. The file is put whole in the place of
its last version at most once a second (a back-fill: after each commit), so a run that is killed leaves what it did up to
its last second. An existing file is continued. What was planned and met no reading is not in it.
"""

MEANINGS = {
    "sensor": "serial of the device that is faulty, empty for what happens to the city",
    "kind": "as above; `event` for what a scenario does to the field ([scenarios.md](scenarios.md))",
    "metric": "key of the metric, empty where the whole device has the fault",
    "from": "RFC 3339, UTC: the first instant with the fault, not before the run's (a drift's is where it is nothing)",
    "to": "the first instant without it, or the end of the run",
    "size": "as above; a drift's is what it has come to at `to`",
    "unit": "the size's, where it is an amount of the metric; the wrong one of `unit`; × for a factor",
    "other": "the serial that it changed with; the place of an event",
    "readings": "readings that it changed, sent otherwise, or kept from being sent",
}


def faults() -> str:
    """The page, as Markdown."""
    return "\n".join([HEAD, "## Kinds\n", *_kinds(), "", *_units(), "", FILE, TRUTH, *_columns()]) + "\n"


def _kinds() -> list[str]:
    rows = [
        f"| `{kind.key}` | {kind.what} {by_rate(kind)} | {size(kind)} | {kind.outcome} | {'yes' if kind.past else ''} |"
        for kind in FAULTS
    ]
    return [
        "| kind | what it does | size | what the product makes of it | past |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _units() -> list[str]:
    said: dict[str, list[str]] = {}
    for metric, unit in WRONG_UNITS.items():
        said.setdefault(unit.unit, []).append(f"`{metric}`")
    text = "; ".join(
        f"{', '.join(metrics)} in {unit if unit != '1' else 'parts of 1'}" for unit, metrics in said.items()
    )
    return [f"Units mixed up: {text}."]


def _columns() -> list[str]:
    assert set(MEANINGS) == set(COLUMNS)
    return ["| column | |", "|---|---|", *(f"| `{name}` | {MEANINGS[name]} |" for name in COLUMNS)]


def main() -> None:
    """Write the file."""
    (DOCS / "faults.md").write_text(faults(), encoding="utf-8")


if __name__ == "__main__":
    main()
