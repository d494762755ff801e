"""What a SIGKILL costs: messages that the broker had acknowledged to their publisher and that are in no table in the end."""

from __future__ import annotations

import time

from benchmarks import runs
from benchmarks.contender import Contender
from benchmarks.rig import Rig, wait


def killed(rig: Rig, contender: Contender, pace: float, seconds: float, kills: int) -> dict[str, float]:
    """Publish at a steady pace, kill it so many times meanwhile, start it again each time; how many are missing."""
    contender.empty(rig)
    child = contender.start(rig)
    contender.ready(rig, child)
    before = contender.stored(rig)
    words = ["--port", str(rig.ports[contender.broker]), "--seconds", str(seconds), "--pace", str(pace)]
    publisher = rig.python("load", "benchmarks.load", *words, *["--named"] * contender.named)
    for _ in range(kills):
        time.sleep(seconds / (kills + 1))
        rig.kill(child)
        child = contender.start(rig)
    wait([publisher])
    sent = runs.told([publisher])
    rows, different = contender.settled(rig, sent + before[1])
    contender.leave(rig, child)
    lost = sent - (different - before[1])
    return {"sent": sent, "kills": kills, "lost": lost, "twice": rows - different}
