"""How far a long work is: a bar on a terminal, a few lines elsewhere; with rows a second and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO

#: Called with the part that is done, 0 to 1, and the rows written by now.
Tell = Callable[[float, int], None]
#: A file gets a line for each of these steps.
STEPS = 4


@contextmanager
def progress(title: str, *, error: bool = False) -> Iterator[Tell]:
    """Tells what it is called with; on standard error where the output may be the work itself."""
    stream = sys.stderr if error else sys.stdout
    if not stream.isatty():
        yield Lines(title, stream).tell
        return
    from rich import progress as bars
    from rich.console import Console

    bar = bars.Progress(
        bars.TextColumn(title),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
        console=Console(stderr=error),
    )
    with bar:
        task, rate = bar.add_task(title, total=1.0, rate=""), Rate()
        yield lambda part, rows: bar.update(task, completed=part, rate=rate.words(rows))


class Rate:
    """Rows a second since it was made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._start = clock, clock()

    def words(self, rows: int) -> str:
        """For who watches."""
        seconds = self._clock() - self._start
        return f"{rows / seconds:,.0f} readings/s" if rows and seconds > 0 else ""

    def left(self, part: float) -> str:
        """Time left at the pace so far."""
        seconds = round((self._clock() - self._start) * (1 - part) / part) if part else 0
        return f"{timedelta(seconds=seconds)} left"


class Lines:
    """Progress for a file or a pipe."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title, self._told, self._rate, self._stream = title, -1, Rate(), stream or sys.stdout

    def tell(self, part: float, rows: int) -> None:
        """A line when another step is reached."""
        step = int(part * STEPS)
        if step > self._told:
            self._told = step
            more = [self._rate.words(rows), self._rate.left(part) if 0 < part < 1 else ""]
            said = ", ".join(word for word in more if word)
            print(
                f"{self._title}: {100 * step // STEPS} %{f' ({said})' if said else ''}",
                file=self._stream,
                flush=True,
            )
