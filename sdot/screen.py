"""Standard output for tables: as wide as the terminal, and wide where it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: Columns where no terminal tells: in a pipe each row stays on a line.
PIPED = 200


def screen() -> Console:
    """A console that colours nothing by itself."""
    from rich.console import Console

    found = Console(highlight=False, markup=False)
    if not found.is_terminal:
        found.width = PIPED
    return found
