"""The contract's page names what the code knows: every reason's code, every metric, and the limits."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from city import reading
from city.contract import Decoder
from city.metrics import Metric, load_catalogue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
REASONS = PAGE.partition("\n## Reasons\n")[2].partition("\n## ")[0]
DOCUMENTED = {
    code
    for row in re.findall(r"^\| (`[^|]+`) \|", REASONS, re.MULTILINE)
    for code in re.findall(r"`(\w+)`", row)
}


def _codes(path: Path) -> set[str]:
    """First arguments of Refusal(…) and BadMessage(…) in a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            code = node.args[0]
            if node.func.id in ("Refusal", "BadMessage") and isinstance(code, ast.Constant) and code.value:
                found.add(code.value)
    return found


CODES = set().union(*(_codes(path) for room in ("city", "ingest") for path in (ROOT / room).glob("*.py")))


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_reason_is_documented(code: str) -> None:
    assert code in DOCUMENTED


def test_no_reason_is_made_up() -> None:
    assert DOCUMENTED == CODES


@pytest.mark.parametrize("metric", load_catalogue(), ids=lambda metric: metric.key)
def test_every_metric_is_documented(metric: Metric) -> None:
    (low, high), (least, most) = metric.plausible, metric.possible
    row = f"| `{metric.key}` | {metric.unit or '–'} | {low:g} … {high:g} | {least:.8g} … {most:.8g} |"
    assert f"{row} {metric.aggregation} | {metric.names['en']} |" in PAGE


@pytest.mark.parametrize(
    "limit",
    [
        f"{reading.MAX_MESSAGE_BYTES // 1024} KiB",
        f"at most {reading.MAX_READINGS:,} readings",
        f"at most {reading.MAX_NESTING} arrays and objects",
        f"0 … {reading.MAX_REVISION};",
        f"1 to {reading.MAX_LABEL} characters",
        f"{reading.MAX_EXTRA_KEYS} keys and {reading.MAX_EXTRA_BYTES // 1024} KiB",
    ],
)
def test_limits_are_those_of_the_code(limit: str) -> None:
    assert limit in PAGE.replace("\n", " ")


@pytest.mark.parametrize(
    "body", re.findall(r"-m '(\{.*?\})'|sdot publish my-first '(\{.*?\})'|```json\n(.*?)\n```", PAGE)
)
def test_examples_are_good_messages(body: tuple[str, ...]) -> None:
    found = Decoder(load_catalogue()).decode("".join(body).encode())
    assert [type(item) for item in found] == [reading.Reading]
