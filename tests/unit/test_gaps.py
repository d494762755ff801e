"""Conditions as spans: what passes is none, what flaps is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.gaps import Episode

START = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)


def seen(pattern: str, every_s: int = 2) -> list[tuple[int, int | None]]:
    """(began, ended) in seconds from the start, of a condition looked at every few seconds: # holds, - does not."""
    episode, found = Episode(), []
    for place, mark in enumerate(pattern):
        span = episode.look(START + timedelta(seconds=place * every_s), holds=mark == "#")
        if span:
            found.append((_s(span[0]), None if span[1] is None else _s(span[1])))
    return found


def _s(instant: datetime) -> int:
    return int((instant - START).total_seconds())


@pytest.mark.parametrize(
    ("pattern", "spans"),
    [
        ("----------", []),
        ("-####-------", []),  # eight seconds pass
        ("-######", [(2, None)]),
        ("-######------", [(2, None), (2, 12)]),
        ("#-#-#-#-#-#-#-#------", [(0, None), (0, 28)]),  # flapping is one gap
        ("#----#----#----#------", [(0, None), (0, 30)]),
        ("######----######------", [(0, None), (0, 30)]),
        ("######------######------", [(0, None), (0, 10), (24, None), (24, 34)]),
    ],
)
def test_conditions_become_spans(pattern: str, spans: list[tuple[int, int | None]]):
    assert seen(pattern) == spans


def test_what_lasts_says_since_when():
    episode = Episode()
    assert episode.began_at is None
    for seconds in range(0, 12, 2):
        episode.look(START + timedelta(seconds=seconds), holds=True)
    assert episode.began_at == START
