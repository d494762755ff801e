"""Cases of quarantine as a person reads them: a table, and one of them whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ingest.replay import Case

#: Characters of a payload in the table, bytes in a line of a dump and in all of it.
HEAD, WIDTH, DUMPED = 60, 16, 4096


def list_parts(rows: Sequence[Any], kept: Any, gone: Sequence[Any]) -> Iterator[RenderableType]:
    """The table, and how much there is beside it; `rows` as the query list_quarantine gives them."""
    from rich import box
    from rich.table import Column, Table

    table = Table(Column("case", justify="right", no_wrap=True), box=box.SIMPLE)
    for title in ("last (UTC)", "serial", "code"):
        table.add_column(title, no_wrap=title != "code")
    table.add_column("times", justify="right")
    table.add_column("reason", ratio=2)
    table.add_column("payload", ratio=1, overflow="fold")
    for number, last, serial, topic, code, _outcome, element, repeats, reason, size, head, _replays in rows:
        place = "" if element is None else f"reading {element + 1}: "
        at = f"{last:%Y-%m-%d %H:%M:%S}"
        table.add_row(
            str(number),
            at,
            serial or printable(topic[:64]),
            code,
            f"{repeats:,}",
            printable(place + reason),
            shown(head, size),
        )
    yield table
    yield f"{len(rows):,} shown of {kept[0]:,} cases ({kept[1]:,} readings, {kept[2] / 1e6:,.1f} MB)"
    for cause, cases, readings in gone:
        yield f"left before ({cause}): {cases:,} cases, {readings:,} readings"


def shown(payload: bytes | None, size: int) -> str:
    """The beginning of a payload in one line, without characters that move a cursor."""
    if payload is None:
        return f"({size:,} bytes, not kept)"
    text = printable(payload[: HEAD * 2].decode("utf-8", "replace"))
    return text if len(text) <= HEAD and size <= len(payload) else text[:HEAD] + "…"


def printable(text: str) -> str:
    """`text` with everything that is no printing character made visible: a payload comes from anybody."""
    return "".join(one if one.isprintable() else "·" for one in text)


def case_lines(case: Case) -> Iterator[str]:
    """One case: what is known of it, then its payload."""
    place = "" if case.element is None else f" (reading {case.element + 1} of its array)"
    yield f"case {case.quarantine_id}: {case.outcome}, {case.code}{place}"
    yield f"  {printable(case.reason)}"
    yield f"topic    {printable(case.topic)}"
    yield f"arrived  {case.arrived_at:%Y-%m-%d %H:%M:%S.%f} UTC" + (
        f", {case.repeats:,} times, last {case.last_at:%Y-%m-%d %H:%M:%S} UTC" if case.repeats > 1 else ""
    )
    yield f"read by  {case.decoder}, counted by {case.writer}"
    if case.replayed_at is not None:
        yield f"replayed {case.replays:,} times, last {case.replayed_at:%Y-%m-%d %H:%M:%S} UTC, refused again"
    yield f"payload  {case.payload_bytes:,} bytes"
    yield from body_lines(case.payload)


def body_lines(payload: bytes | None) -> Iterator[str]:
    """JSON with an indent, or a dump of the bytes; nothing that a terminal would obey."""
    if payload is None:
        yield "  (not kept: it is no JSON and names a person's device)"
        return
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        yield from dump(payload)
        return
    for line in json.dumps(body, ensure_ascii=False, indent=2).splitlines():
        yield "  " + printable(line)


def dump(payload: bytes) -> Iterator[str]:
    """Offset, bytes in hexadecimal, and as ASCII where they are."""
    for start in range(0, min(len(payload), DUMPED), WIDTH):
        piece = payload[start : start + WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)  # noqa: PLR2004 ASCII that prints
        yield f"  {start:06x}  {piece.hex(' '):<{WIDTH * 3}} {text}"
    if len(payload) > DUMPED:
        yield f"  and {len(payload) - DUMPED:,} bytes more"
