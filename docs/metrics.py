"""Write `docs/metrics.md` from the code: `python docs/metrics.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from city.settings import Settings
from ingest.counters import Counters
from ingest.pulse import Pulse

DOCS = Path(__file__).parent
HEAD = """\
# Metrics

*Written by `python docs/metrics.py`; a test fails when it lags.*

Each ingest worker answers on its own port (`SDOT_METRICS_PORT`, worker k on + k): `/metrics` for Prometheus, `/healthz`,
and `/readyz`, which names the side that is away and the gaps that last. Counters begin at 0 with the process; what has to
survive it is in the database, see [ledger.md](ledger.md).

| metric | type | labels | what it is |
|---|---|---|---|
"""


def metrics() -> str:
    """The whole page, as Markdown."""
    return HEAD + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    counters, pulse = Counters(), Pulse(Settings())
    counters.watch(pulse)
    counters.refusals.labels("x")
    for family in counters.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = sorted({key for sample in family.samples for key in sample.labels} - {"le"})
        yield f"| `{name}` | {family.type} | {', '.join(f'`{key}`' for key in labels)} | {family.documentation} |"


if __name__ == "__main__":
    (DOCS / "metrics.md").write_text(metrics(), encoding="utf-8")
