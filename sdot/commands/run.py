"""`sdot ingest`, `sdot dashboard` and `sdot maintain`: the long-running programs, from settings alone."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from sdot.commands.options import Data


def ingest(
    data: Data = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045 typer reads it at run time
        typer.Option(min=1, max=64, help="Processes, a slot of the shared subscription each."),
    ] = None,
    worker: Annotated[
        Optional[int],  # noqa: UP045 typer reads it at run time
        typer.Option(min=0, hidden=True, help="Run this one of several workers."),
    ] = None,
) -> None:
    """Store what sensors publish."""
    from ingest.main import run, run_worker
    from sdot.running import find_settings

    settings = find_settings(data)
    if worker is not None:
        run_worker(settings, worker)
        return
    run(settings if workers is None else settings.model_copy(update={"workers": workers}))


def dashboard(data: Data = None) -> None:
    """Serve the dashboards."""
    from dashboard.main import run
    from sdot.running import find_settings

    run(find_settings(data))


def maintain(data: Data = None) -> None:
    """Keep rollups, partitions and retention; of several one leads, the others stand by."""
    from maintain.main import run
    from sdot.running import find_settings

    run(find_settings(data))
