"""The page's words: the same in every language, none missing, none left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import sentences
from dashboard.text import LANGUAGES, TEXT, WORDS

DASHBOARD = Path(sentences.__file__).parent
SCRIPTS = "\n".join(path.read_text() for path in sorted((DASHBOARD / "assets").glob("*.js")))
PYTHON = "\n".join(path.read_text() for path in sorted(DASHBOARD.glob("*.py")) if path.name != "text.py")


@pytest.mark.parametrize("key", WORDS)
def test_each_sentence_takes_the_same_values_in_every_language(key: str) -> None:
    texts = WORDS[key]
    assert len(texts) == len(LANGUAGES)
    words_of_a_count = {
        "districts_n",
        "sensors_n",
    }  # Korean counts need a word behind the number, others none
    if key not in words_of_a_count:
        assert all(texts)
        assert len({frozenset(re.findall(r"{(\w+)}", text)) - {"word"} for text in texts}) == 1


def test_the_browser_gets_every_word() -> None:
    assert set(TEXT) == set(LANGUAGES)
    assert all(set(words) == set(WORDS) for words in TEXT.values())


def test_every_word_the_scripts_say_exists() -> None:
    said = set(re.findall(r'\b(?:say|many)\(\s*"(\w+)"', SCRIPTS))
    assert said
    assert {key for key in said if key not in WORDS and f"{key}_one" not in WORDS} == set()


def test_no_word_is_left_over() -> None:
    starts = tuple(re.findall(r"`(\w+_)\$\{", SCRIPTS))
    starts_of_the_server = tuple(re.findall(r'f"(\w+_)\{', PYTHON))
    sentences_of_the_server = set(re.findall(r'"(\w+)"', PYTHON))

    def used(key: str) -> bool:
        if key.startswith("server_"):
            name = key.removeprefix("server_")
            return name in sentences_of_the_server or name.startswith(starts_of_the_server)
        return f'"{key.removesuffix("_one")}"' in SCRIPTS or key.startswith(starts) or f".{key}" in SCRIPTS

    assert [key for key in WORDS if not used(key)] == []
