"""The books as a person reads them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from sdot.books import Account, Books, Gap, Reason
from sdot.booktable import book_parts, gap_line, recount_parts
from sdot.casetable import body_lines, dump, shown
from sdot.recount import Line

SINCE = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")
ACCOUNTS = [
    Account("import", 0, [0, 0, 0, 0, 0], [1000, 0, 0, 0, 0]),
    Account("ingest/0", 10, [4, 1, 2, 2, 1], [40, 1, 2, 3, 1]),
]


def books(accounts=ACCOUNTS, gaps=(), told=SINCE) -> Books:
    reasons = [Reason("not_json", "quarantined", 3)]
    return Books(SINCE, SINCE + timedelta(hours=1), accounts, reasons, gaps, {"age": (2, 5)}, told)


def printed(parts) -> str:
    console = Console(file=io.StringIO(), width=200)
    for part in parts:
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_both_tables_have_every_writer_and_a_total():
    text = printed(book_parts(books(), SEOUL))
    rows = [line.split() for line in text.splitlines() if line.strip()]
    assert [row[1:] for row in rows if row[0] == "total"] == [
        ["10", "4", "1", "2", "2", "1"],
        ["1,047", "1,040", "1", "2", "3", "1"],
    ]
    assert [row[0] for row in rows].count("import") == 2
    assert "10 messages = 4 + 1 + 2 + 2 + 1; 0 unaccounted for" in text
    assert "Left quarantine (age): 2 cases, 5 readings" in text
    assert "No gap in this span" in text


def test_what_is_unaccounted_for_is_said():
    assert "3 unaccounted for" in printed(book_parts(books([Account("w", 3, [0] * 5, [0] * 5)]), SEOUL))


def test_empty_books_are_zeroes():
    assert books([]).total.readings == [0] * 5
    assert "0 readings = 0 + 0 + 0 + 0 + 0" in printed(book_parts(books([]), SEOUL))


def test_a_broker_that_tells_nothing_is_named():
    assert "Queue overflow: not known" in printed(book_parts(books(told=None), SEOUL))


@pytest.mark.parametrize(
    ("ended", "size", "lossy", "text"),
    [
        (SINCE + timedelta(seconds=41), None, False,
         "2026-11-24 13:30:00 to 13:30:41  database away (slot 2), nothing lost: x"),
        (None, None, False, "since 2026-11-24 13:30:00  database away (slot 2), nothing lost: x"),
        (SINCE + timedelta(days=1), 12345, True,
         "2026-11-24 13:30:00 to 2026-11-25 13:30:00  database away (slot 2, 12,345 messages), may be lost: x"),
    ],
)  # fmt: skip
def test_gaps_in_one_line_of_the_citys_time(ended, size, lossy, text):
    assert gap_line(Gap("database_away", 2, "ingest/2", SINCE, ended, size, lossy, "x"), SEOUL) == text


def test_a_recount_names_the_minutes_that_differ():
    minutes = [(SINCE + timedelta(minutes=n), 5, 4) for n in range(12)]
    lines = [Line("stored: rows of reading", 60, 48, minutes), Line("rejected", 9, 2, samples=True)]
    text = printed(recount_parts(lines, SEOUL))
    assert "-12" in text
    assert "2026-11-24 13:30  stored: rows of reading: books 5, rows 4" in text
    assert "and 2 more minutes" in text
    assert "do NOT agree in 1 of 2 lines" in text
    assert "Books and rows agree" in printed(recount_parts(lines[1:], SEOUL))


def test_equal_sums_of_unequal_minutes_do_not_agree():
    assert not Line("stored", 5, 5, [(SINCE, 2, 3), (SINCE, 3, 2)]).agrees


def test_payloads_cannot_move_the_cursor():
    assert shown(b"\x1b[2Jx\r\ny", 8) == "·[2Jx··y"
    assert shown(b"{" * 500, 500) == "{" * 60 + "…"
    assert shown(None, 12) == "(12 bytes, not kept)"
    assert list(dump(b"ab\x1b")) == [f"  000000  {'61 62 1b':<48} ab."]
    assert list(dump(b"x" * 5000))[-1] == "  and 904 bytes more"
    assert list(body_lines(b'{"a": "\\u009b"}')) == ["  {", '    "a": "·"', "  }"]
    assert next(iter(body_lines(b"[" * 100_000))).startswith("  000000  5b 5b")
