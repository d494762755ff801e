"""How far a long command is: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: A file gets a line for each of these steps, a terminal a bar.
STEPS = 4

Progress = Callable[[float], None]


@contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Tells how far it is, 0 to 1: a bar on a terminal, a few lines elsewhere."""
    if not sys.stdout.isatty():
        yield Lines(title).tell
        return
    from rich import progress

    bar = progress.Progress(
        progress.TextColumn(title),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
    )
    with bar:
        task = bar.add_task(title, total=1.0)
        yield lambda part: bar.update(task, completed=part)


class Lines:
    """Progress for a file or a pipe."""

    def __init__(self, title: str) -> None:
        self._title, self._told = title, -1

    def tell(self, part: float) -> None:
        """A line when another step is reached."""
        step = int(part * STEPS)
        if step > self._told:
            self._told = step
            print(f"{self._title}: {100 * step // STEPS} %", flush=True)
