"""The books as tables for a person: coloured nowhere, wide enough for a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from sdot.books import GAPS, OUTCOMES, Account, Books, Gap
from sdot.recount import NAMED, Line

if TYPE_CHECKING:
    from rich.console import RenderableType

_EACH = "{:,}".format


def book_parts(books: Books, zone: tzinfo) -> Iterator[RenderableType]:
    """Tables and sentences in their order: messages, readings, reasons, gaps."""
    messages = [account for account in (*books.accounts, books.total) if account.message_outcomes]
    if messages:
        yield _table("Messages", messages, of_messages=True)
    yield _table("Readings", [*books.accounts, books.total], of_messages=False)
    total = books.total
    outcomes = total.message_outcomes or total.readings
    received = total.messages if total.message_outcomes else sum(total.readings)
    yield (
        f"{received:,} {'messages' if total.message_outcomes else 'readings'} = {' + '.join(map(_EACH, outcomes))}"
        f"; {received - sum(outcomes):,} unaccounted for"
    )
    if books.reasons:
        yield _reasons(books)
    for cause, (cases, readings) in books.gone.items():
        yield f"Left quarantine ({cause}): {cases:,} cases, {readings:,} readings"
    yield from _gap_lines(books, zone)


def _table(title: str, accounts: Sequence[Account], *, of_messages: bool) -> RenderableType:
    from rich import box
    from rich.table import Column, Table

    table = Table(Column(title, no_wrap=True), box=box.SIMPLE, show_footer=False)
    for name in ("received", *OUTCOMES):
        table.add_column(
            f"{'' if name == 'received' else '= ' if name == 'stored' else '+ '}{name}", justify="right"
        )
    for account in accounts:
        outcomes = account.message_outcomes if of_messages else account.readings
        received = account.messages if of_messages else sum(account.readings)
        if account.writer == "total":
            table.add_section()
        table.add_row(account.writer, *map(_EACH, (received, *outcomes)))
    return table


def _reasons(books: Books) -> RenderableType:
    from rich import box
    from rich.table import Column, Table

    table = Table("reason", "outcome", Column("readings", justify="right"), box=box.SIMPLE)
    for reason in books.reasons:
        table.add_row(reason.code, reason.outcome, _EACH(reason.readings))
    return table


def _gap_lines(books: Books, zone: tzinfo) -> Iterator[str]:
    if books.broker_told is None:
        yield "Queue overflow: not known, this broker tells nothing of itself ($SYS)"
    if not books.gaps:
        yield "No gap in this span"
        return
    yield f"{len(books.gaps)} gaps:"
    for gap in books.gaps:
        yield "  " + gap_line(gap, zone)


def gap_line(gap: Gap, zone: tzinfo) -> str:
    """One gap: when, what, where, how much, and whether anything may be lost."""
    size = "" if gap.size is None else f", {gap.size:,} messages"
    loss = "may be lost" if gap.lossy else "nothing lost"
    return f"{_when(gap.began_at, gap.ended_at, zone)}  {GAPS[gap.kind]} (slot {gap.slot}{size}), {loss}: {gap.detail}"


def _when(began: datetime, ended: datetime | None, zone: tzinfo) -> str:
    start = began.astimezone(zone)
    if ended is None:
        return f"since {start:%Y-%m-%d %H:%M:%S}"
    end = ended.astimezone(zone)
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:{'%H:%M:%S' if end.date() == start.date() else '%Y-%m-%d %H:%M:%S'}}"


def recount_parts(lines: Sequence[Line], zone: tzinfo) -> Iterator[RenderableType]:
    """Each count beside its recount, the minutes that differ, and the verdict."""
    from rich import box
    from rich.table import Column, Table

    numbers = [Column(name, justify="right") for name in ("books", "rows", "difference")]
    table = Table("counted twice", *numbers, box=box.SIMPLE)
    for line in lines:
        apart = (
            ""
            if line.samples and line.agrees
            else f"{line.rows - line.books:+,}"
            if line.rows != line.books
            else "0"
        )
        table.add_row(line.what, _EACH(line.books), _EACH(line.rows), apart)
    yield table
    for line in lines:
        for minute, books, rows in line.minutes[:NAMED]:
            yield f"  {minute.astimezone(zone):%Y-%m-%d %H:%M}  {line.what}: books {books:,}, rows {rows:,}"
        if len(line.minutes) > NAMED:
            yield f"  and {len(line.minutes) - NAMED:,} more minutes"
    wrong = sum(not line.agrees for line in lines)
    yield (
        "Books and rows agree"
        if not wrong
        else f"Books and rows do NOT agree in {wrong} of {len(lines)} lines"
    )
