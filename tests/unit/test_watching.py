"""What `sdot watch` shows of a message, from what ingest tells of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from city.contract import Decoder
from city.pack import load_pack
from city.settings import Settings
from ingest.announce import Feedback, Watchers
from ingest.batch import Batch
from ingest.fold import Outcome
from sdot.watching import Watch
from tests.inlet import message
from tests.unit.test_batch import judged

PACK = load_pack("seoul")
GOOD = {"pm25": 1.0}


class Line:
    """A connection that keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def execute(self, _query: str, values: list[str]) -> None:
        self.told.append(values[1])


def shown(batch: Batch) -> list[str]:
    for verdict in (verdict for verdicts in batch.verdicts for verdict in verdicts):
        verdict.outcome = Outcome.STORED if verdict.outcome is None else verdict.outcome
    line: Any = Line()
    Watchers(PACK.catalogue, Decoder(PACK.catalogue), PACK).tell(line, batch, frozenset({"a"}))
    watch = Watch(Settings(), PACK, "a")
    return [text.strip() for told in line.told for text in watch.lines(json.loads(told))]


def test_a_reading_in_a_line():
    head, values = shown(judged(message("a", GOOD)))
    assert "[green]stored     [/]" in head
    assert values.endswith("[bold]1[/bold] µg/m³")


@pytest.mark.parametrize(
    ("body", "outcome", "fate"),
    [
        ({"pm25": "x"}, "quarantined", "Nothing of it was stored. It is kept whole."),
        (
            {"pm25": 1, "note": "x" * 300_000},
            "rejected",
            "Nothing of it was stored. Its first 1,024 bytes are kept as a sample.",
        ),
    ],
)
def test_what_is_kept_of_a_refused_message(body: dict[str, Any], outcome: str, fate: str):
    head, _, last = shown(judged(message("a", body)))
    assert f"]{outcome}" in head
    assert last == f"[dim]{fate}[/dim]"


def test_an_array_is_headed_by_its_counts_and_its_readings_are_counted_from_one():
    head, first, second, third = shown(judged(message("a", [GOOD, 5, GOOD])))
    assert "]2 stored, 1 quarantined[/]" in head
    assert first.startswith("reading 1 of 3, stored: ")
    assert (
        second == "[magenta]reading 2 of 3, quarantined: it is a number; each reading is an object[/magenta]"
    )
    assert third.startswith("reading 3 of 3, stored: ")


def test_a_district_that_nobody_knows_is_told_of_a_sensor_that_has_a_place_too():
    assert shown(judged(message("a", GOOD | {"district": "Atlantis"})))[-1] == (
        "[magenta]no district is called Atlantis[/magenta]"
    )
    assert len(shown(judged(message("a", GOOD | {"district": "종로"})))) == 2


def test_a_device_is_told_which_reading_is_meant():
    assert list(Feedback().lines(judged(message("a", [GOOD, 5])))) == [
        ("a", "reading 2 of 2: it is a number; each reading is an object")
    ]
