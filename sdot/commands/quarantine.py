"""`sdot quarantine`: what was refused, looked at, sent through again, or thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from sdot.commands.options import Data

if TYPE_CHECKING:
    from city.settings import Settings

app = typer.Typer(no_args_is_help=True, help="List, show, replay and purge what was refused.")

#: Cases that leave in one transaction.
STEP = 1000

Numbers = Annotated[Optional[list[int]], typer.Argument(help="Numbers of cases, as `list` shows them.")]  # noqa: UP045 typer
Code = Annotated[Optional[str], typer.Option(help="Those of this reason (docs/contract.md).")]  # noqa: UP045 typer
Serial = Annotated[Optional[str], typer.Option(help="Those of this serial.")]  # noqa: UP045 typer
All = Annotated[bool, typer.Option("--all", help="All of them.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _open(data: Path | None) -> tuple[Any, Settings]:
    from city.db import connect
    from sdot.running import find_settings

    settings = find_settings(data, "admin_database_url")
    return connect(settings.admin_url, "sdot quarantine", bounded=False), settings


@app.command("list")
def list_(
    serial: Serial = None,
    code: Code = None,
    since: Annotated[Optional[str], typer.Option(help="How far back: 15m, 1h, 7d.")] = None,  # noqa: UP045 typer
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    data: Data = None,
) -> None:
    """Show what was refused, newest first, with its reason and the beginning of what it said."""
    from datetime import UTC

    from city.db import statement
    from sdot.casetable import list_parts
    from sdot.screen import screen
    from sdot.span import span

    begin = datetime.now(UTC) - span(since) if since else None
    given = {"serial": serial, "code": code, "since": begin, "limit": limit}
    conn, _ = _open(data)
    with conn:
        rows = conn.execute(statement("list_quarantine"), given).fetchall()
        kept = conn.execute(statement("count_quarantine")).fetchone()
        gone = conn.execute(statement("count_quarantine_gone")).fetchall()
    out = screen()
    for part in list_parts(rows, kept, gone):
        out.print(part)


@app.command()
def show(number: Annotated[int, typer.Argument(help="Number of a case.")], data: Data = None) -> None:
    """Show one case whole: its reason, and its payload as JSON or as bytes."""
    from city.errors import RegistryError
    from ingest.replay import read_case
    from sdot.casetable import case_lines

    conn, _ = _open(data)
    with conn:
        case = read_case(conn, number)
    if case is None:
        raise RegistryError(
            f"no case {number} is in quarantine; `sdot quarantine list` shows those there are"
        )
    for line in case_lines(case):
        typer.echo(line)


@app.command()
def replay(
    numbers: Numbers = None,
    code: Code = None,
    serial: Serial = None,
    everything: All = False,
    yes: Yes = False,
    data: Data = None,
) -> None:
    """Send cases through today's decoder and registry again, after a fix or after their sensor was registered.

    What is taken leaves quarantine in the same transaction and is counted under the writer `replay`; twice changes
    nothing. What is refused again stays, with today's reason. A reading without a time keeps its time of arrival.
    """
    from collections import Counter

    from city.db import told
    from city.pack import load_pack
    from ingest.replay import Replayer

    conn, settings = _open(data)
    with conn:
        found = _find(conn, numbers, code, serial, None, everything=everything)
        if everything:
            _confirm(f"Replay all {len(found):,} cases?", yes=yes)
        pack = load_pack(settings.city)
        replayer = Replayer(conn, settings, pack.catalogue, pack, pack.zone)
        outcomes: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        with told("the replay stopped; start it again, what was taken is out"):
            for number in found:
                result = replayer.replay(number)
                outcomes.update(result.outcomes)
                reasons.update([result.reason] if result.reason else [])
    for line in _replayed(len(found), outcomes, reasons):
        typer.echo(line)


def _replayed(cases: int, outcomes: Any, reasons: Any) -> Iterator[str]:
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    yield f"{cases:,} cases: {cases - reasons.total():,} taken ({counts or 'no reading'}), {reasons.total():,} stay"
    for reason, count in reasons.most_common():
        yield f"  {count:,}: {reason}"


@app.command()
def purge(
    numbers: Numbers = None,
    code: Code = None,
    serial: Serial = None,
    older_than: Annotated[Optional[str], typer.Option(help="Quiet for so long: 12h, 7d.")] = None,  # noqa: UP045 typer
    everything: All = False,
    yes: Yes = False,
    data: Data = None,
) -> None:
    """Throw cases away for good; the ledger goes on counting them."""
    from datetime import UTC

    from city.db import statement
    from sdot.span import span

    before = datetime.now(UTC) - span(older_than) if older_than else None
    conn, _ = _open(data)
    with conn:
        found = _find(conn, numbers, code, serial, before, everything=everything)
        _confirm(f"Throw {len(found):,} cases away?", yes=yes)
        gone = 0
        for start in range(0, len(found), STEP):
            gone += conn.execute(
                statement("leave_quarantine"), [found[start : start + STEP], "purged"]
            ).fetchone()[0]
    typer.echo(f"{gone:,} cases are gone")


def _find(
    conn: Any,
    numbers: Sequence[int] | None,
    code: str | None,
    serial: str | None,
    before: datetime | None,
    *,
    everything: bool,
) -> list[int]:
    from city.db import statement
    from city.errors import SettingsError

    if not (numbers or code or serial or before or everything):
        raise SettingsError("say which: numbers of cases, --code, --serial, or --all")
    given = {"ids": list(numbers) if numbers else None, "code": code, "serial": serial, "before": before}
    return [row[0] for row in conn.execute(statement("find_quarantine"), given)]


def _confirm(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)
