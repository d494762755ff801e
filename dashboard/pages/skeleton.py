"""What every page is made of: its stores, header, the bar of what is wrong, regions and foot, by one rule of names.

`skeleton("history", …)` has the elements `history` (the root), `history-config`, `-tick`, `-view`, `-pulse` (stores:
the page's config, the newest tick, what the viewer chose, the page's own clock), `-skip`, `-header`, `-cause`,
`-cause-age` and `-foot`. `assets/page.js` drives it, `assets/top.js` fills the common regions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, State, dcc, html
from dash.development.base_component import Component

#: The stores that are empty at first.
STORES = ("tick", "view", "pulse")


def skeleton(
    name: str, config: Mapping[str, Any], regions: Sequence[Component], skip_to: str, looks: str = ""
) -> list[Component]:
    """The children of the page's root: `regions` inside its `main`; `skip_to` is the first that keys should reach."""
    return [
        dcc.Store(id=f"{name}-config", data=dict(config)),
        *(dcc.Store(id=f"{name}-{store}") for store in STORES),
        html.A(id=f"{name}-skip", href=f"#{skip_to}", className="skip"),
        html.Header(id=f"{name}-header", className="bar"),
        _causes(name),
        html.Main(list(regions), className=looks),
    ]


def foot(name: str) -> Component:
    """Pages, theme and language where the header has no room for them: the last region of a page."""
    return html.Div(id=f"{name}-foot", className="foot")


def bind(app: Dash, name: str) -> None:
    """Bind the page's stores to `sdot.page` in the browser; nothing of it runs on the server."""
    app.clientside_callback(ClientsideFunction(name, "start"), Input(f"{name}-config", "data"))
    drawn = [Input(f"{name}-{store}", "data") for store in STORES]
    app.clientside_callback(ClientsideFunction(name, "draw"), *drawn, State(f"{name}-config", "data"))


def _causes(name: str) -> Component:
    """What is wrong, announced politely; its age beside it, which would be announced each second."""
    return html.Div(
        [
            html.Div(id=f"{name}-cause", role="status", **{"aria-live": "polite"}),
            html.P(id=f"{name}-cause-age", **{"aria-hidden": "true"}),
        ],
        className="causes",
    )
