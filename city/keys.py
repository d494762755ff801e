"""The keys of a TOML table, taken one by one: what is left over was misspelt, and is named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

_SPAN = re.compile(r"([+-]?\d+(?:\.\d+)?) ?(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_KINDS: Mapping[type, str] = {
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


class Keys:
    """A table's keys; every method raises ValueError with a sentence that names the key."""

    def __init__(self, where: str, given: Mapping[str, Any]) -> None:
        self._where, self._given = where, dict(given)
        self._known: list[str] = []
        self._inner: list[Keys] = []

    def __contains__(self, key: str) -> bool:
        return key in self._given

    def names(self) -> list[str]:
        """All keys, as they stand."""
        return list(self._given)

    def take(self, key: str, default: Any, *kinds: type) -> Any:
        """The value, of one of these types; `default` where there is none."""
        self._known.append(key)
        value = self._given.get(key, default)
        if key in self._given and (type(value) not in kinds):
            wanted = " or ".join(dict.fromkeys(_KINDS[kind] for kind in kinds))
            raise ValueError(f"{self._named(key)} is {value!r}; it is {wanted}")
        return value

    def text(self, key: str, default: str) -> str:
        """A text."""
        return str(self.take(key, default, str))

    def texts(self, key: str, default: Sequence[str]) -> tuple[str, ...]:
        """Several texts; one may be written without a list."""
        value = self.take(key, list(default), str, list)
        texts = [value] if isinstance(value, str) else value
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{self._named(key)} is {value!r}; it is a list of texts")
        return tuple(texts)

    def number(self, key: str, default: float) -> float:
        """A number."""
        return float(self.take(key, default, int, float))

    def whole(self, key: str, default: int) -> int:
        """A whole number that is not negative."""
        value = self.take(key, default, int)
        if value < 0:
            raise ValueError(f"{self._named(key)} is {value}; it is 0 or more")
        return int(value)

    def span(self, key: str) -> timedelta:
        """A span such as `-1h`, `90 s`, `2d`; 0 where there is none."""
        text = self.text(key, "0s")
        match = _SPAN.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{self._named(key)} is {text!r}; write a span such as -1h, 30min, 90s or 2d")
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])

    def table(self, key: str) -> Keys:
        """A table within, empty where there is none."""
        where = key if self._where == "" else f"{self._where}.{key}"
        inner = Keys(where, self.take(key, {}, dict))
        self._inner.append(inner)
        return inner

    def one_of(self, *keys: str) -> str:
        """Which of these is there; exactly one has to be."""
        there = [key for key in keys if key in self._given]
        if len(there) != 1:
            raise ValueError(f"[{self._where}] has to have one of {', '.join(keys)}")
        return there[0]

    def done(self) -> None:
        """ValueError where a key was never asked for, here or in a table within."""
        for key in self._given:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                hint = (
                    f"did you mean `{near[0]}`?"
                    if near
                    else f"there are {', '.join(dict.fromkeys(self._known))}"
                )
                raise ValueError(f"{self._named(key)} means nothing here; {hint}")
        for inner in self._inner:
            inner.done()

    def _named(self, key: str) -> str:
        return f"`{key}` of [{self._where}]" if self._where else f"`{key}`"
