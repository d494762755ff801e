"""History: what was measured over a span, with gaps as gaps, its resolution told, and compared with the time before.

The server sends skeleton and config; the browser asks `/api/history…` for what its address says and draws it
(`assets/history/`). The chart is Plotly's, whose script only this page fetches, from its package.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import plotly
from dash import Dash, html
from dash.development.base_component import Component
from dash.fingerprint import build_fingerprint

from dashboard.history_text import HISTORY_TEXT
from dashboard.pages.skeleton import bind, foot, skeleton

PATH = "/history"

#: What the page needs of `page_config`.
CONFIG_KEYS = ("lang", "languages", "city", "district_words", "zone", "headline", "districts", "pages")

#: Root of the page and beginning of the names of all that `skeleton` makes.
NAME = "history"

#: The script in the package `plotly`; Dash serves what its packages ship below this prefix.
SCRIPT = "package_data/plotly.min.js"
SUITES = "/_dash-component-suites/plotly/"


class Ids(StrEnum):
    """Regions of the page; the scripts in `assets/history/` know them by these names."""

    CONTROLS = "history-controls"
    FINDING = "history-finding"
    TROUBLE = "history-trouble"
    CHART = "history-chart"
    LEGEND = "history-legend"
    MULTIPLES = "history-multiples"


def layout(config: Mapping[str, Any]) -> Component:
    """The page's skeleton. `config` is what never changes while the server runs."""
    regions = [
        html.Section(id=Ids.CONTROLS),
        html.Section(id=Ids.FINDING, className="finding", tabIndex="-1", role="status"),
        html.Div(id=Ids.TROUBLE, className="trouble", role="alert"),
        html.Div(html.Div(id=Ids.CHART, className="drawing"), className="stage"),
        html.Div(id=Ids.LEGEND, className="keys"),
        html.Section(id=Ids.MULTIPLES, className="multiples"),
    ]
    inside = skeleton(NAME, own_config(config), regions, skip_to=Ids.FINDING, looks="past")
    return html.Div([*inside, foot(NAME)], id=NAME, className="history is-empty")


def own_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of the config of all pages what this one needs, with every metric of the city and its own words."""
    kept = {key: config[key] for key in CONFIG_KEYS}
    return {
        **kept,
        "metrics": config["catalogue"],
        "standard": config["standard"],
        "plotly": script_address(),
        "text": HISTORY_TEXT,
    }


def script_address() -> str:
    """Where Plotly's script is; the address names its version and its time, so browsers keep it for ever."""
    file = Path(plotly.__file__).parent / SCRIPT
    return SUITES + str(build_fingerprint(SCRIPT, plotly.__version__, int(file.stat().st_mtime)))


def register(app: Dash) -> None:
    """Bind the page to its scripts."""
    bind(app, NAME)
