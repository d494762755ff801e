"""Write `docs/refusals.md` from the samples of the wire contract: `python docs/refusals.py`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))  # as a script this folder is first, and the samples belong to the tests

from city.contract import Decoder  # noqa: E402 after the line above
from city.metrics import load_catalogue  # noqa: E402
from city.reading import Reading, Refusal  # noqa: E402
from city.settings import Settings  # noqa: E402
from ingest.batch import NOT_A_GATEWAY  # noqa: E402
from ingest.gate import FLOOD_UNKNOWN, Gate  # noqa: E402
from ingest.message import RETAINED, Delivery, Judge, below_floor  # noqa: E402
from ingest.registry import LIMIT, RETIRED, UNKNOWN  # noqa: E402
from tests import wire  # noqa: E402

INTRO = """\
# What becomes of a message that breaks a rule

*Written by `python docs/refusals.py` from `tests/samples`; each line is sent through real brokers by the tests.*

A *quarantined* message is kept whole with its reason (a bad element of an array alone, the others are stored), and its
device is told on `<prefix>/<serial>/error`. A *rejected* one is counted; of one that is too large the beginning is kept,
of a flood one in a thousand. `sdot watch SERIAL` shows both as they happen. The readings around a bad one are stored.
"""
LATER = """\
## What depends on the registry, and on the pace

| outcome | reason |
|---|---|
"""
NOW, FLOOR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)


def refusals() -> str:
    """The whole page, as Markdown."""
    parts = [INTRO]
    for rule in wire.rules():
        bad = [sample for sample in wire.bad() if sample.name.startswith(f"{rule['name']}: ")]
        if bad:
            rows = [
                f"| {sample.name.partition(': ')[2]} | {sample.outcome} | {_text(sample)} |" for sample in bad
            ]
            parts.append(
                "\n".join(
                    [f"## {rule['text']}\n", "| broken by | outcome | reason |", "|---|---|---|", *rows, ""]
                )
            )
    registry = [f"| quarantined | {_cell(one.text)} |" for one in (UNKNOWN, LIMIT, RETIRED, RETAINED)]
    flood = Gate(Settings().readings_per_minute, lambda _: False).refusal
    registry += [f"| rejected | {_cell(one.text)} |" for one in (flood, FLOOD_UNKNOWN)]
    return "\n".join(parts) + "\n" + LATER + "\n".join(registry) + "\n"


def _text(sample: wire.Sample) -> str:
    text = next(_refusals(sample), NOT_A_GATEWAY).text
    return _cell(
        re.sub(r"(?<=not JSON: )[^;]*\(byte \d+\)", "what and where", text)
    )  # the parser's words, not ours


def _refusals(sample: wire.Sample) -> Iterator[Refusal]:
    judge = Judge("sdot/v1", Decoder(load_catalogue()))
    delivery = Delivery(0, 1, 1, 1)
    message = judge.judge(f"sdot/v1/{sample.topic}", sample.payload, NOW, delivery, retained=False)
    for item in message.items:
        if isinstance(item, Refusal):
            yield item
        elif isinstance(item, Reading) and item.time and (refusal := below_floor(item.time, FLOOR)):
            yield refusal


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    (DOCS / "refusals.md").write_text(refusals(), encoding="utf-8")
