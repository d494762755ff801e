"""Ingest: the book that has to close, rates and lags, slots and gaps, and what was refused and why.

The server sends skeleton, config and a tick each few seconds over `/api/stream/ingest`; everything else is
drawn in the browser (`assets/ingest/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.ingest_text import INGEST_TEXT
from dashboard.pages.skeleton import bind, foot, skeleton

PATH = "/ingest"

#: What the page needs of `page_config`.
CONFIG_KEYS = ("lang", "languages", "city", "zone", "data_option", "pages")


#: Root of the page and beginning of the names of all that `skeleton` makes.
NAME = "ingest"


class Ids(StrEnum):
    """Regions of the page; the scripts in `assets/ingest/` know them by these names."""

    FINDING = "ingest-finding"
    BOOK = "ingest-book"
    RATE = "ingest-rate"
    LAG = "ingest-lag"
    OUTCOMES = "ingest-outcomes"
    SLOTS = "ingest-slots"
    GAPS = "ingest-gaps"
    REASONS = "ingest-reasons"
    CASES = "ingest-cases"


def layout(config: Mapping[str, Any]) -> Component:
    """The page's skeleton. `config` is what never changes while the server runs."""
    charts = [html.Section(id=one) for one in (Ids.RATE, Ids.LAG, Ids.OUTCOMES)]
    beside = [html.Section(id=Ids.REASONS), html.Section(id=Ids.GAPS)]
    regions = [
        html.Section(id=Ids.FINDING, className="finding"),
        html.Section(id=Ids.BOOK, className="book"),
        html.Div(charts, className="charts"),
        html.Section(id=Ids.SLOTS, className="slots-region"),
        html.Section(id=Ids.CASES, className="refused", tabIndex="-1"),
        html.Div(beside, className="beside"),
    ]
    inside = skeleton(NAME, own_config(config), regions, skip_to=Ids.CASES, looks="books")
    return html.Div([*inside, foot(NAME)], id=NAME, className="ingest is-empty")


def own_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of the config of all pages what this one needs, with its own words."""
    attention = {"bands": [], "attention": config["standard"]["attention"]}
    return {**{key: config[key] for key in CONFIG_KEYS}, "standard": attention, "text": INGEST_TEXT}


def register(app: Dash) -> None:
    """Bind the page to its scripts."""
    bind(app, NAME)
