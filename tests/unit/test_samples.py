"""The samples of the wire contract, judged without a server; tests/acceptance/test_bad_messages.py sends them for real."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from city.contract import Decoder
from city.metrics import load_catalogue
from city.reading import Reading, Refusal
from ingest.message import Delivery, Judge, Message, below_floor
from tests import wire

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLOOR = datetime(2000, 1, 1, tzinfo=UTC)
#: Found only with the registry at hand.
NEEDS_REGISTRY = {"not_a_gateway"}


def _judge(sample: wire.Sample) -> Message:
    judge = Judge("sdot/v1", Decoder(load_catalogue()))
    return judge.judge(f"sdot/v1/{sample.topic}", sample.payload, NOW, Delivery(0, 1, 1, 1), retained=False)


def _refusals(message: Message) -> list[Refusal]:
    found = [item for item in message.items if isinstance(item, Refusal)]
    times = [item.time for item in message.items if isinstance(item, Reading) and item.time]
    return found + [refusal for time in times if (refusal := below_floor(time, FLOOR))]


@pytest.mark.parametrize("sample", list(wire.good()), ids=lambda sample: sample.name)
def test_good_message_is_taken(sample: wire.Sample) -> None:
    message = _judge(sample)
    assert _refusals(message) == []
    assert len(message.items) == sample.stored


@pytest.mark.parametrize(
    "sample", [one for one in wire.bad() if one.code not in NEEDS_REGISTRY], ids=lambda sample: sample.name
)
def test_bad_message_is_refused_with_its_reason(sample: wire.Sample) -> None:
    message = _judge(sample)
    (refusal,) = _refusals(message)
    assert refusal.code == sample.code
    assert sample.reason in refusal.text
    assert refusal.index == sample.element
    assert len(message.items) - 1 == sample.stored


def test_every_sample_file_is_used() -> None:
    used = {one["body"] for rule in wire.rules() for one in [rule["good"], *rule.get("bad", ())]}
    assert {path.name for path in wire.SAMPLES.glob("*.json")} == used


def test_reasons_are_sentences_a_person_can_act_on() -> None:
    texts = [refusal.text for sample in wire.bad() for refusal in _refusals(_judge(sample))]
    assert texts
    assert [text for text in texts if len(text) > 200 or "\n" in text or "Traceback" in text] == []
