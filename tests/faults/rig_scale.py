"""How long a fault lasts: seconds in CI, minutes under `make faults`."""

from __future__ import annotations

import os
from dataclasses import dataclass

#: `long` runs what docs/reliability.md reports; anything else runs what CI can afford.
VARIABLE = "SDOT_TEST_FAULTS"
#: The chaos of one run can be had again by its seed.
SEED_VARIABLE = "SDOT_TEST_FAULTS_SEED"


@dataclass(frozen=True)
class Scale:
    """Durations of one kind of run."""

    #: Published a second, where the machine can.
    rate: int = 2_000
    #: Traffic before a fault and after it, seconds.
    steady_s: float = 1.0
    #: Broker or database is away so long, seconds.
    away_s: float = 3.0
    #: A lock is held so long, seconds: longer than ingest waits for one (5).
    lock_s: float = 6.0
    #: A network is cut so long, seconds.
    cut_s: float = 3.0
    #: Mixed faults for so long, seconds.
    chaos_s: float = 20.0
    #: Connections of ingest killed one after the other.
    terminations: int = 6
    #: SIGKILLs of the broker whose loss is measured.
    broker_kills: int = 1
    #: Which faults the chaos takes.
    seed: int = 20261126


SHORT = Scale()
LONG = Scale(
    steady_s=5.0, away_s=180.0, lock_s=30.0, cut_s=60.0, chaos_s=600.0, terminations=60, broker_kills=5
)


def scale() -> Scale:
    """What this run was asked for."""
    chosen = LONG if os.environ.get(VARIABLE) == "long" else SHORT
    seed = os.environ.get(SEED_VARIABLE)
    return chosen if seed is None else Scale(**{**vars(chosen), "seed": int(seed)})
