"""`sdot watch`: each message of a sensor as it arrives, with what became of it and why."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from sdot.commands.options import Data


def watch(
    serial: Annotated[str, typer.Argument(help="Serial, known or not yet.")],
    count: Annotated[Optional[int], typer.Option(min=1, help="End after so many messages.")] = None,  # noqa: UP045 typer
    data: Data = None,
) -> None:
    """Show each message of a sensor as it arrives, with its outcome and, for a bad one, the reason in words."""
    import contextlib

    from city.pack import load_pack
    from sdot.running import find_settings
    from sdot.serial import checked
    from sdot.watching import Watch

    checked(serial)
    settings = find_settings(data, "database_url")
    pack = load_pack(settings.city)
    with contextlib.suppress(KeyboardInterrupt):
        Watch(settings, pack, serial).run(count)
