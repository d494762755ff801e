"""The samples of the wire contract: one good message a rule, and those that break it (`samples/rules.toml`)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "samples"
#: When the copies of an array were measured.
FIRST = datetime(2025, 6, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Sample:
    """One message and what becomes of it."""

    #: `rule` or `rule: what is wrong`
    name: str
    #: what stands behind the prefix
    topic: str
    payload: bytes = field(repr=False)
    #: of the message
    outcome: str
    #: readings of it that are stored
    stored: int
    #: of a bad one: stable name and part of the sentence, index of the element, what is kept (`none`, `nulled`)
    code: str = ""
    reason: str = ""
    element: int | None = None
    kept: str = "whole"
    #: of a good one: whether its value is flagged, and how many keys `extra` keeps
    flagged: bool = False
    extra: int = 0

    @property
    def serial(self) -> str:
        """What stands in the topic where a serial belongs."""
        return self.topic.split("/")[0]


def rules() -> list[dict[str, Any]]:
    """The rules as the file has them."""
    found: list[dict[str, Any]] = tomllib.loads((SAMPLES / "rules.toml").read_text(encoding="utf-8"))["rule"]
    return found


def good() -> Iterator[Sample]:
    """A good message of each rule."""
    for number, rule in enumerate(rules()):
        one = rule["good"]
        topic = one.get("topic", f"good-{number}/reading")
        stored, flagged, extra = one.get("stored", 1), one.get("flagged", False), one.get("extra", 0)
        yield Sample(rule["name"], topic, payload(one), "stored", stored, flagged=flagged, extra=extra)


def bad() -> Iterator[Sample]:
    """Every kind of bad message."""
    pairs = [(rule, one) for rule in rules() for one in rule.get("bad", ())]
    for number, (rule, one) in enumerate(pairs):
        yield Sample(
            name=f"{rule['name']}: {one['kind']}",
            topic=one.get("topic", f"bad-{number}/reading"),
            payload=payload(one),
            outcome=one["outcome"],
            stored=one.get("stored", 0),
            code=one["code"],
            reason=one["reason"],
            element=one.get("element"),
            kept=one.get("payload", "whole"),
        )


def payload(one: dict[str, Any]) -> bytes:
    """The bytes of a sample: its file, made larger as it says."""
    body = (SAMPLES / one["body"]).read_bytes()
    if "array" in one:
        return json.dumps(list(_copies(json.loads(body), one["array"]))).encode()
    depth = one.get("nest", 0)
    return b"[" * depth + body.ljust(one.get("pad_to", 0)) + b"]" * depth


def _copies(reading: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"time": (FIRST + timedelta(seconds=number)).isoformat(), **reading}
