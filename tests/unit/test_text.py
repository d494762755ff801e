"""The page's words: the same in every language, none missing, none left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import sentences
from dashboard.history_text import HISTORY_ALL_WORDS, HISTORY_TEXT, HISTORY_WORDS
from dashboard.history_text import SHARED as HISTORY_SHARED
from dashboard.ingest_text import ALL_WORDS, INGEST_TEXT, INGEST_WORDS, SHARED
from dashboard.refusal_text import FIXES, REASONS
from dashboard.text import LANGUAGES, TEXT, WORDS

DASHBOARD = Path(sentences.__file__).parent
ROOT = DASHBOARD.parent


def scripts(*folders: str) -> str:
    """The scripts of these folders of `assets`; "" has those of all pages."""
    found = [path for folder in folders for path in sorted((DASHBOARD / "assets" / folder).glob("*.js"))]
    return "\n".join(path.read_text() for path in found)


#: page → what it may say, and the scripts that say it
PAGES = {
    "live": (WORDS, scripts("", "live")),
    "ingest": (ALL_WORDS, scripts("", "ingest")),
    "history": (HISTORY_ALL_WORDS, scripts("", "history")),
}
PYTHON = "\n".join(path.read_text() for path in sorted(DASHBOARD.glob("*.py")) if path.name != "text.py")


@pytest.mark.parametrize("key", WORDS | ALL_WORDS | HISTORY_WORDS)
def test_each_sentence_takes_the_same_values_in_every_language(key: str) -> None:
    texts = (WORDS | ALL_WORDS | HISTORY_WORDS)[key]
    assert len(texts) == len(LANGUAGES)
    words_of_a_count = {
        "districts_n",
        "sensors_n",
    }  # Korean counts need a word behind the number, others none
    if key not in words_of_a_count:
        assert all(texts)
        assert len({frozenset(re.findall(r"{(\w+)}", text)) - {"word"} for text in texts}) == 1


def test_the_browser_gets_every_word() -> None:
    for text, words in ((TEXT, WORDS), (INGEST_TEXT, ALL_WORDS), (HISTORY_TEXT, HISTORY_ALL_WORDS)):
        assert set(text) == set(LANGUAGES)
        assert all(set(said) == set(words) for said in text.values())


@pytest.mark.parametrize("page", PAGES)
def test_every_word_the_scripts_say_exists(page: str) -> None:
    words, code = PAGES[page]
    said = set(re.findall(r'\b(?:say|many|command)\(\s*"(\w+)"', code))
    said |= set(re.findall(r'"data-say": "(\w+)"', code))
    assert said
    assert {key for key in said if key not in words and f"{key}_one" not in words} == set()


@pytest.mark.parametrize("page", PAGES)
def test_no_word_is_left_over(page: str) -> None:
    words, code = PAGES[page]
    starts = tuple(re.findall(r"`(\w+_)\$\{", code))
    starts_of_the_server = tuple(re.findall(r'f"(\w+_)\{', PYTHON))
    sentences_of_the_server = set(re.findall(r'"(\w+)"', PYTHON))

    def used(key: str) -> bool:
        if key.startswith("server_"):
            name = key.removeprefix("server_")
            return name in sentences_of_the_server or name.startswith(starts_of_the_server)
        return f'"{key.removesuffix("_one")}"' in code or key.startswith(starts) or f".{key}" in code

    assert [key for key in words if not used(key)] == []


def test_no_word_stands_in_two_tables() -> None:
    assert set(INGEST_WORDS) & set(WORDS) <= {"messages"}  # a count there, a name here
    assert set(HISTORY_WORDS) & set(WORDS) == set()
    assert set(SHARED) | set(HISTORY_SHARED) <= set(WORDS)


def test_each_reason_has_its_words() -> None:
    """Codes stand in ingest and in the samples of the contract; what is new there needs words here."""
    code = "\n".join(
        path.read_text() for room in ("city", "ingest") for path in sorted((ROOT / room).glob("*.py"))
    )
    codes = set(re.findall(r'(?:BadMessage|Refusal)\(\s*"(\w+)"', code))
    codes |= set(
        re.findall(r'^code = "(\w+)"', (ROOT / "tests" / "samples" / "rules.toml").read_text(), re.MULTILINE)
    )
    assert codes == set(REASONS) == set(FIXES)
