"""The maps in docs/import.md are maps, and name every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from city.layout import MetricRule, parse_layout
from city.metrics import load_catalogue
from city.pack import load_pack
from city.tables import pack_layouts
from city.units import conversion

TEXT = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
MAPS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
CATALOGUE = load_catalogue()


@pytest.mark.parametrize("text", MAPS, ids=[text.splitlines()[0] for text in MAPS])
def test_a_map_can_be_read(text: str) -> None:
    assert all(isinstance(metric, MetricRule) for metric in parse_layout(text, "docs", CATALOGUE).metrics)


def test_there_are_four() -> None:
    assert len(MAPS) == 4


def test_every_shipped_layout_is_described() -> None:
    for layout in pack_layouts("seoul", load_pack("seoul").catalogue):
        assert f"| `{layout.name}` |" in TEXT


def test_the_units_are_those_there_are() -> None:
    found = re.search(r"Units: (.*?)\. A metric", TEXT, re.DOTALL)
    assert found is not None
    told = found[1]
    for metric in CATALOGUE:
        with pytest.raises(ValueError, match=r"is none of (.*); write") as caught:
            conversion("furlong", metric.unit, metric.key)
        names = re.search(r"is none of (.*); write", str(caught.value))
        assert names is not None
        for unit in names[1].split(", ")[1:]:
            assert re.sub(r" at .*|dB\(A\)", "", unit) in told
