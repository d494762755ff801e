"""Spans as a person writes them."""

from datetime import timedelta

import pytest

from city.errors import SettingsError
from sdot.span import span


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        (" 7d ", timedelta(days=7)),
        ("90s", timedelta(seconds=90)),
        ("2w", timedelta(days=14)),
    ],
)
def test_spans(text, length):
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "1", "h", "0m", "-1h", "1.5h", "1h30m", "1y", "9999999d"])
def test_what_is_none_is_refused_in_a_sentence(text):
    with pytest.raises(SettingsError, match="write 15m, 1h or 7d"):
        span(text)
