"""Messages with all columns: what simulated sensors of S-DoT send, 20 to 27 metrics each, some 400 bytes of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import orjson

from benchmarks.load import EVERY, SENSORS, topic
from city.pack import load_pack
from simulator.city import SimCity


def messages(count: int, end: datetime) -> Iterator[tuple[str, bytes]]:
    """What a city of 1,100 sensors says in turn until `end`: `count` times (topic, body)."""
    turns = count // SENSORS + 1
    city = SimCity(load_pack("seoul"), SENSORS)
    index = np.arange(SENSORS)
    for turn in range(turns):
        at = end - EVERY * (turns - turn)
        when = np.full(SENSORS, np.datetime64(int(at.timestamp() * 1e6), "us"))
        columns = city.values(index, when)
        for number in range(min(SENSORS, count - turn * SENSORS)):
            metrics = city.sensors[number].metrics
            reading = {name: _shown(float(columns[name][number])) for name in metrics}
            yield topic(number), orjson.dumps({"time": at.isoformat()} | reading)


def _shown(value: float) -> float:
    """As a device writes it: float32 has no more digits."""
    return round(value, 3)
