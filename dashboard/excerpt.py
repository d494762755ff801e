"""A foreign payload as something to read: text where it is text, bytes in hexadecimal where it is not; pure."""

from __future__ import annotations

import codecs
from typing import Any

#: Bytes of a line of hexadecimal.
HEX_LINE = 16


def excerpt(payload: bytes) -> dict[str, Any]:
    """`text` of a payload in UTF-8, cut or whole (a character cut in half is left out), or its `hex`.

    What the browser makes of it is text, never markup.
    """
    try:
        return {"text": codecs.getincrementaldecoder("utf-8")().decode(payload)}
    except UnicodeDecodeError:
        return {"hex": hexadecimal(payload)}


def hexadecimal(payload: bytes) -> str:
    """Lines of offset, bytes, and what of them is printable ASCII."""
    starts = range(0, len(payload), HEX_LINE)
    return "\n".join(_line(start, payload[start : start + HEX_LINE]) for start in starts)


def _line(start: int, part: bytes) -> str:
    printable = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)  # noqa: PLR2004 ASCII
    return f"{start:04x}  {part.hex(' '):<{3 * HEX_LINE}} {printable}"
