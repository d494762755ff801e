"""Schema, migrations and queries as .sql files, and the few lines that find them by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import LiteralString, Protocol

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def text(path: str) -> str:
    """The text of a file of this package, e.g. `roles.sql`."""
    return files("sql").joinpath(path).read_text(encoding="utf-8")


@cache
def blocks(path: str) -> dict[str, str]:
    """Name → SQL of the `-- name:` blocks of a file."""
    parts = _NAME.split(text(path))[1:]
    return {
        name: body.strip().rstrip(";").rstrip() for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


@cache
def _queries() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in files("sql").joinpath("queries").iterdir():
        if entry.name.endswith(".sql"):
            for name, body in blocks(f"queries/{entry.name}").items():
                if name in found:
                    raise ValueError(f"two queries are called {name}")
                found[name] = body
    return found


def literal(text: str) -> LiteralString:
    """Our own files are as good as literals of the program; nothing from outside ever gets here."""
    return text


def query(name: str) -> LiteralString:
    """The query of that name out of `sql/queries/*.sql`; KeyError where there is none."""
    return literal(_queries()[name])


def query_names() -> frozenset[str]:
    """Names of all queries."""
    return frozenset(_queries())


def expand(template: str, keys: Iterable[str]) -> str:
    """`template` with each line that holds `{key}` written once a key; a comma left at the very end is dropped.

    Keys are metric keys, `[a-z][a-z0-9_]*`, and so safe as identifiers.
    """
    keys = tuple(keys)
    lines: list[str] = []
    for line in template.splitlines():
        lines += [line.replace("{key}", key) for key in keys] if "{key}" in line else [line]
    return "\n".join(lines).rstrip().removesuffix(",")


class MetricLike(Protocol):
    """What a template needs of a metric."""

    @property
    def key(self) -> str: ...
    @property
    def bit(self) -> int: ...
    @property
    def aggregation(self) -> str: ...


def expand_metrics(template: str, metrics: Iterable[MetricLike]) -> str:
    """As `expand`, for lines that differ by how a metric aggregates.

    A line with `{key}` is written once a metric, one with `{mean}`, `{sum}` or `{vector}` once a metric of that
    aggregation; `{bit}` in such a line is the metric's bit in `reading.flags`.
    """
    metrics = tuple(metrics)
    lines: list[str] = []
    for line in template.splitlines():
        mark = next((mark for mark in ("key", "mean", "sum", "vector") if f"{{{mark}}}" in line), None)
        if mark is None:
            lines.append(line)
            continue
        chosen = (metric for metric in metrics if mark in ("key", metric.aggregation))
        lines += [line.replace(f"{{{mark}}}", one.key).replace("{bit}", str(one.bit)) for one in chosen]
    return "\n".join(lines).rstrip().removesuffix(",")
