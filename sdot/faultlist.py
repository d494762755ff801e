"""The kinds of fault, told on a terminal."""

from __future__ import annotations

import sys
from datetime import timedelta

from simulator.faults import FAULTS, FaultKind

_NARROW = 100


def explained() -> None:
    """Print each kind: what it does, what its size means, what the product makes of it."""
    from rich.console import Console
    from rich.table import Table

    # a pipe has no width; a line as long as it gets is what grep wants
    console = Console(soft_wrap=False) if sys.stdout.isatty() else Console(width=_NARROW)
    table = Table("kind", "what it does", "size", "what the product makes of it", "past", show_lines=True)
    for kind in FAULTS:
        table.add_row(
            kind.key, f"{kind.what} {by_rate(kind)}", size(kind), kind.outcome, "yes" if kind.past else "no"
        )
    console.print(table)
    console.print("past: whether a back-fill has it, too; the others are of live sensors only.")


def by_rate(kind: FaultKind) -> str:
    """How long it lasts where chance draws it."""
    shortest, longest = (_span(span) for span in kind.lasts)
    lasts = shortest if shortest == longest else f"{shortest} to {longest}"
    return f"By rate it lasts {lasts}."


def size(kind: FaultKind) -> str:
    """What its size means, with the default."""
    if not kind.size:
        return "–"
    return kind.size if kind.share else f"{kind.size}; {kind.default:g} unless said"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes >= 60 and not minutes % 60 else f"{minutes} min"  # noqa: PLR2004 an hour
