"""Ingest: the book that has to close, rates and lags, slots and gaps, and what was refused and why.

The server sends skeleton, config and a tick each few seconds over `/api/stream/ingest`; everything else is
drawn in the browser (`assets/ingest/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from dash import ClientsideFunction, Dash, Input, State, dcc, html
from dash.development.base_component import Component

from dashboard.ingest_text import INGEST_TEXT

PATH = "/ingest"

#: What the page needs of `page_config`.
CONFIG_KEYS = ("lang", "languages", "city", "zone", "data_option", "pages")


class Ids(StrEnum):
    """Elements of the page; the scripts in `assets/ingest/` know them by these names."""

    ROOT = "ingest"
    #: stores: the page's config, the newest tick, what the viewer chose, the page's own clock
    CONFIG = "ingest-config"
    TICK = "ingest-tick"
    VIEW = "ingest-view"
    PULSE = "ingest-pulse"
    #: regions
    SKIP = "ingest-skip"
    HEADER = "ingest-header"
    CAUSE = "ingest-cause"
    CAUSE_AGE = "ingest-cause-age"
    FINDING = "ingest-finding"
    BOOK = "ingest-book"
    RATE = "ingest-rate"
    LAG = "ingest-lag"
    OUTCOMES = "ingest-outcomes"
    SLOTS = "ingest-slots"
    GAPS = "ingest-gaps"
    REASONS = "ingest-reasons"
    CASES = "ingest-cases"
    FOOT = "ingest-foot"


def layout(config: Mapping[str, Any]) -> Component:
    """The page's skeleton. `config` is what never changes while the server runs."""
    return html.Div(
        [
            dcc.Store(id=Ids.CONFIG, data=own_config(config)),
            *(dcc.Store(id=store) for store in (Ids.TICK, Ids.VIEW, Ids.PULSE)),
            html.A(id=Ids.SKIP, href=f"#{Ids.CASES}", className="skip"),
            html.Header(id=Ids.HEADER, className="bar"),
            _causes(),
            html.Main(
                [
                    html.Section(id=Ids.FINDING, className="finding"),
                    html.Section(id=Ids.BOOK, className="book"),
                    html.Div(
                        [html.Section(id=one) for one in (Ids.RATE, Ids.LAG, Ids.OUTCOMES)],
                        className="charts",
                    ),
                    html.Section(id=Ids.SLOTS, className="slots-region"),
                    html.Section(id=Ids.CASES, className="refused", tabIndex="-1"),
                    html.Div([html.Section(id=Ids.REASONS), html.Section(id=Ids.GAPS)], className="beside"),
                ],
                className="books",
            ),
            html.Div(id=Ids.FOOT, className="foot"),
        ],
        id=Ids.ROOT,
        className="ingest is-empty",
    )


def own_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of the config of all pages what this one needs, with its own words."""
    attention = {"bands": [], "attention": config["standard"]["attention"]}
    return {**{key: config[key] for key in CONFIG_KEYS}, "standard": attention, "text": INGEST_TEXT}


def _causes() -> Component:
    """What is away, announced politely; the age of what is shown beside it, which would be announced each second."""
    return html.Div(
        [
            html.Div(id=Ids.CAUSE, role="status", **{"aria-live": "polite"}),
            html.P(id=Ids.CAUSE_AGE, **{"aria-hidden": "true"}),
        ],
        className="causes",
    )


def register(app: Dash) -> None:
    """Bind the page's stores to its drawing functions; nothing of it runs on the server."""
    app.clientside_callback(ClientsideFunction("ingest", "start"), Input(Ids.CONFIG, "data"))
    app.clientside_callback(
        ClientsideFunction("ingest", "draw"),
        Input(Ids.TICK, "data"),
        Input(Ids.VIEW, "data"),
        Input(Ids.PULSE, "data"),
        State(Ids.CONFIG, "data"),
    )
