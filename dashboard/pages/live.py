"""Live: the city now. Its districts on a map, in order and in figures, and what waits for a person.

The server sends skeleton, config and a snapshot a tick; everything else is drawn in the browser
(`assets/live/`), so a change of language, theme, metric or district asks the server for nothing but the
sensors of one district.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.pages.skeleton import bind, foot, skeleton

PATH = "/"


#: Root of the page and beginning of the names of all that `skeleton` makes.
NAME = "live"


class Ids(StrEnum):
    """Regions of the page; the scripts in `assets/live/` know them by these names."""

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
    DAY = "live-day"
    FEED = "live-feed"


def layout(config: Mapping[str, Any]) -> Component:
    """The page's skeleton. `config` is what never changes while the server runs: metrics, grades, words."""
    regions = [_where(), *_figures(), foot(NAME)]
    own = {key: value for key, value in config.items() if key != "catalogue"}
    return html.Div(
        skeleton(NAME, own, regions, skip_to=Ids.RANKING, looks="regions"), id=NAME, className="live"
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
    day = html.Div(id=Ids.DAY, className="day", hidden=True)
    return html.Section([html.Header(id=Ids.MAPHEAD, className="head"), stage, day], className="where")


def _figures() -> list[Component]:
    return [
        html.Section(id=Ids.HERO, className="hero"),
        html.Section(id=Ids.ATTENTION, className="attention", hidden=True),
        html.Section(id=Ids.CITY, className="city"),
        html.Section(id=Ids.RANKING, className="ranking", tabIndex="-1"),
        html.Section(id=Ids.FEED, className="feed", hidden=True),
        html.Aside(id=Ids.PANEL, className="panel", hidden=True),
    ]


def register(app: Dash) -> None:
    """Bind the page to its scripts."""
    bind(app, NAME)
