"""Sentences that the server itself says, in every language of `dashboard/text.py`."""

from __future__ import annotations

from dashboard.text import LANGUAGES, WORDS


def sentence(key: str, **values: object) -> dict[str, str]:
    """Language → the sentence `server_<key>` with its `{…}` filled."""
    return {
        lang: words.format(**values) for lang, words in zip(LANGUAGES, WORDS[f"server_{key}"], strict=True)
    }
