"""The newest answers as they were drawn: a table of them is made of these, and not of what has come since."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dashboard.history import Answer
from dashboard.history_document import ms
from dashboard.inquiry import Inquiry

#: Panels that are kept, at most some 0.5 MB each; of an older one the table is asked for anew.
PANELS = 32
#: What is drawn, and when it was asked for.
Key = tuple[object, ...]


class Drawn:
    """Answers of one metric, each a panel of a page."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Key, Answer] = OrderedDict()

    def keep(self, answer: Answer) -> None:
        """Remember a panel's answer."""
        plan = answer.plan
        level = replace(answer.inquiry, level=plan.level)
        key = _key(level, answer.inquiry.metrics[0], plan.start, plan.end, ms(answer.asked))
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > PANELS:
            self._answers.popitem(last=False)

    def of(self, inquiry: Inquiry, asked: Sequence[str]) -> Answer | None:
        """The answer whose panels were asked for at these ms, one a metric; None where one of them is not here."""
        if len(asked) != len(inquiry.metrics) or not all(text.isdecimal() for text in asked):
            return None
        keys = [
            _key(inquiry, metric, inquiry.start, inquiry.end, int(text))
            for metric, text in zip(inquiry.metrics, asked, strict=True)
        ]
        panels = [self._answers[key] for key in keys if key in self._answers]
        if not panels or len(panels) < len(keys):
            return None
        whole = replace(panels[0].inquiry, metrics=inquiry.metrics)
        return replace(panels[0], inquiry=whole, shown=tuple(panel.shown[0] for panel in panels))


def _key(inquiry: Inquiry, metric: str, start: datetime, end: datetime, asked: int) -> Key:
    places = (inquiry.unit, inquiry.places, metric)
    return (*places, inquiry.level, inquiry.before, ms(start), ms(end), asked)
