"""Live: the city now. Its districts on a map, in order and in figures, and what waits for a person.

The server sends skeleton, config and a snapshot a tick; everything else is drawn in the browser
(`assets/live.js`), so a change of language, theme, metric or district asks the server for nothing but the
sensors of one district.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from dash import ClientsideFunction, Dash, Input, State, dcc, html
from dash.development.base_component import Component

PATH = "/"


class Ids(StrEnum):
    """Elements of the page; the scripts in `assets/` know them by these names."""

    ROOT = "live"
    #: stores: the page's config, the newest snapshot, what the viewer chose, the page's own clock
    CONFIG = "live-config"
    TICK = "live-tick"
    VIEW = "live-view"
    PULSE = "live-pulse"
    #: regions
    SKIP = "live-skip"
    HEADER = "live-header"
    CAUSE = "live-cause"
    CAUSE_AGE = "live-cause-age"
    MAPHEAD = "live-maphead"
    MAP = "live-map"
    TOOLS = "live-tools"
    LEGEND = "live-legend"
    EMPTY = "live-empty"
    HERO = "live-hero"
    RANKING = "live-ranking"
    CITY = "live-city"
    ATTENTION = "live-attention"
    PANEL = "live-panel"
    FOOT = "live-foot"


def layout(config: Mapping[str, Any]) -> Component:
    """The page's skeleton. `config` is what never changes while the server runs: metrics, grades, words."""
    return html.Div(
        [
            dcc.Store(id=Ids.CONFIG, data=dict(config)),
            *(dcc.Store(id=store) for store in (Ids.TICK, Ids.VIEW, Ids.PULSE)),
            html.A(id=Ids.SKIP, href=f"#{Ids.RANKING}", className="skip"),
            html.Header(id=Ids.HEADER, className="bar"),
            _causes(),
            html.Main([_where(), *_figures()], className="regions"),
        ],
        id=Ids.ROOT,
        className="live",
    )


def _causes() -> Component:
    """What is wrong, announced politely; its age beside it, which would be announced each second."""
    return html.Div(
        [
            html.Div(id=Ids.CAUSE, role="status", **{"aria-live": "polite"}),
            html.P(id=Ids.CAUSE_AGE, **{"aria-hidden": "true"}),
        ],
        className="causes",
    )


def _where() -> Component:
    over_map = {"data-over-map": "true"}
    stage = html.Div(
        [
            html.Div(id=Ids.MAP, className="map"),
            html.Div(id=Ids.LEGEND, className="legend", **over_map),
            html.Div(id=Ids.TOOLS, className="tools", **over_map),
            html.Div(id=Ids.EMPTY, className="empty", hidden=True),
        ],
        className="stage",
    )
    return html.Section([html.Header(id=Ids.MAPHEAD, className="head"), stage], className="where")


def _figures() -> list[Component]:
    return [
        html.Section(id=Ids.HERO, className="hero"),
        html.Section(id=Ids.ATTENTION, className="attention", hidden=True),
        html.Section(id=Ids.CITY, className="city"),
        html.Section(id=Ids.RANKING, className="ranking", tabIndex="-1"),
        html.Aside(id=Ids.PANEL, className="panel", hidden=True),
        html.Section(id=Ids.FOOT, className="foot"),
    ]


def register(app: Dash) -> None:
    """Bind the page's stores to its drawing functions; nothing of it runs on the server."""
    app.clientside_callback(ClientsideFunction("live", "start"), Input(Ids.CONFIG, "data"))
    app.clientside_callback(
        ClientsideFunction("live", "draw"),
        Input(Ids.TICK, "data"),
        Input(Ids.VIEW, "data"),
        Input(Ids.PULSE, "data"),
        State(Ids.CONFIG, "data"),
    )
