"""Pictures and table of docs/realism.md: `python docs/realism.py`. Needs chromium; about a minute.

Seoul's side is drawn from the numbers of tests/unit/seoul_years.py, the other is simulated here.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from playwright.sync_api import Browser, sync_playwright
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from city.pack import load_pack
from simulator.city import SimCity
from tests.unit.air_figures import CHANGES, GRADES, LAGS_H, QUANTILES
from tests.unit.seoul_years import YEARS
from tests.unit.test_realism import CALENDAR, table, years

HERE = Path(__file__).parent
HERE = Path(__file__).parent

REAL, SIMULATED, SECOND = "#5b6472", "#0072b2", "#d55e00"
SHADES = ("#0072b2", "#56b4e9", "#003c5f")
KINDS = {"main_street": SIMULATED, "parks": "#009e73", "public_facilities": SECOND}
BAND, WIDE = "rgba(91,100,114,0.25)", "rgba(91,100,114,0.12)"
NAMES = {"pm25": "PM2.5", "pm10": "PM10", "no2": "NO₂", "o3": "O₃", "co": "CO"}
UNITS = {"pm25": "µg/m³", "pm10": "µg/m³", "no2": "ppm", "o3": "ppm", "co": "ppm"}
MONTHS = [f"{month}" for month in range(1, 13)]
HOURS = [f"{start}–{start + 2}" for start in range(0, 24, 3)]
#: Page with the table, between these lines.
PAGE, BEGIN, END = HERE / "realism.md", "<!-- table -->", "<!-- end of table -->"
#: The simulated week of the README: a Monday, 00:00 in Seoul.
WEEK = datetime(2026, 4, 12, 15, tzinfo=UTC)
#: Mean highest and lowest temperature (°C) and mean humidity (%) of April in Seoul (KMA normals 1991–2020).
APRIL_C, APRIL_PERCENT = (8.0, 17.9), 55.0


class Panel:
    """One small chart: Seoul's five years as a band with their mean, a simulated year as a line."""

    def __init__(self, figure: go.Figure, row: int, column: int) -> None:
        self._figure, self._at = figure, {"row": row, "col": column}
        self._legend = row == column == 1

    def beside(self, x: list[str], names: list[str], found: list[dict[str, float]]) -> None:
        """For things that have no order: bars of range with marks beside them."""
        real = np.array([YEARS[name] for name in names])
        five = np.mean([[year[name] for name in names] for year in found], axis=0)
        place = np.arange(len(x))
        self._figure.add_bar(
            x=place, y=np.ptp(real, axis=1), base=real.min(axis=1), width=0.5, marker_color=BAND,
            name="Seoul, range of 2018–2022", showlegend=self._legend, **self._at,
        )  # fmt: skip
        for values, name, symbol, colour, step in (
            (real.mean(axis=1), "Seoul, mean of the years", "circle", REAL, -0.12),
            ([found[0][name] for name in names], "simulated, one year", "diamond", SIMULATED, 0.12),
            (five, "simulated, mean of five years", "diamond-open", SIMULATED, 0.12),
        ):
            mark = {"symbol": symbol, "color": colour, "size": 9}
            self._add(x=place + step, y=values, name=name, mode="markers", marker=mark)
        self._figure.update_xaxes(type="linear", tickvals=place, ticktext=x, showgrid=False, **self._at)

    def compare(self, x: list[str], names: list[str], found: list[dict[str, float]]) -> None:
        real = np.array([YEARS[name] for name in names])
        five = np.mean([[year[name] for name in names] for year in found], axis=0)
        band = {"x": x + x[::-1], "y": [*real.max(axis=1), *real.min(axis=1)[::-1]]}
        self._add(**band, name="Seoul, range of 2018–2022", fill="toself", fillcolor=BAND, mode="none")
        dots = {"color": REAL, "size": 7}
        self._add(x=x, y=real.mean(axis=1), name="Seoul, mean of the years", mode="markers", marker=dots)
        one = [found[0][name] for name in names]
        self._add(x=x, y=one, name="simulated, one year", mode="lines", line={"color": SIMULATED, "width": 2})
        dash = {"color": SIMULATED, "width": 1.5, "dash": "dot"}
        self._add(x=x, y=five, name="simulated, mean of five years", mode="lines", line=dash)

    def _add(self, **trace: object) -> None:
        self._figure.add_trace(go.Scatter(**trace, showlegend=self._legend, hoverinfo="skip"), **self._at)


def dressed(figure: go.Figure, height: int, title: str) -> go.Figure:
    figure.update_layout(
        template="plotly_white", width=1200, height=height, title={"text": title, "x": 0.01, "y": 0.985},
        font={"family": "sans-serif", "size": 13}, margin={"l": 60, "r": 20, "t": 110, "b": 50},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yref": "container", "yanchor": "top"},
    )  # fmt: skip
    figure.layout.legend.update(y=1 - 38 / height)
    figure.update_annotations(font_size=14)
    figure.update_xaxes(type="category", showline=True, linecolor="#c8ccd2", tickangle=0)
    figure.update_yaxes(showline=True, linecolor="#c8ccd2", rangemode="tozero")
    return figure


def levels(found: list[dict[str, float]]) -> go.Figure:
    titles = [f"{NAMES[metric]}: {what}" for metric in ("pm25", "pm10") for what in (
        "quantiles of the hours, µg/m³", "autocorrelation of the logarithm", "change from hour to hour, µg/m³")]  # fmt: skip
    figure = make_subplots(2, 3, subplot_titles=titles, vertical_spacing=0.16, horizontal_spacing=0.06)
    for row, metric in enumerate(("pm25", "pm10"), 1):
        Panel(figure, row, 1).compare(
            [f"{q:g} %" for q in QUANTILES], [f"{metric} {q} %" for q in QUANTILES], found
        )
        lags = [f"{metric} autocorrelation {lag} h" for lag in LAGS_H]
        Panel(figure, row, 2).compare([f"{lag} h" for lag in LAGS_H], lags, found)
        changes = [f"{metric} change in an hour {q} %" for q in CHANGES]
        Panel(figure, row, 3).compare([f"{q:g} %" for q in CHANGES], changes, found)
    return dressed(figure, 680, "Levels and memory of fine dust: Seoul beside the simulator")


def calendar(found: list[dict[str, float]]) -> go.Figure:
    titles = [f"{NAMES[metric]} by month, {UNITS[metric]}" for metric in NAMES]
    titles += [f"{NAMES[metric]} by hour / mean" for metric in NAMES]
    figure = make_subplots(2, 5, subplot_titles=titles, vertical_spacing=0.17, horizontal_spacing=0.045)
    for column, metric in enumerate(NAMES, 1):
        Panel(figure, 1, column).compare(
            MONTHS, [f"{metric} month {number}" for number in range(1, 13)], found
        )
        names = [f"{metric} hours {hours} against the mean" for hours in HOURS]
        Panel(figure, 2, column).compare([hours.split("–")[0] for hours in HOURS], names, found)
    figure = dressed(figure, 640, "Months and hours: Seoul beside the simulator")
    figure.update_yaxes(row=2, range=[0.4, 1.7])
    figure.update_xaxes(row=2, title={"text": "hours from", "font": {"size": 12}})
    return figure


def rare(found: list[dict[str, float]]) -> go.Figure:
    titles = ["PM2.5, % of hours by grade", "PM10, % of hours by grade", "Advisories and warnings a year", "PM2.5 / PM10, quantiles", "PM2.5 of districts, correlation", "PM2.5 of districts, s.d."]  # fmt: skip
    figure = make_subplots(2, 3, subplot_titles=titles, vertical_spacing=0.17, horizontal_spacing=0.06)
    for column, metric in enumerate(("pm25", "pm10"), 1):
        names = [f"{metric} hours {grade}, %" for grade in GRADES]
        Panel(figure, 1, column).beside(list(GRADES), names, found)
    events = [f"{metric} {what}" for metric in ("pm25", "pm10") for what in ("advisories", "warnings")]
    labels = ["PM2.5<br>advisories", "PM2.5<br>warnings", "PM10<br>advisories", "PM10<br>warnings"]
    Panel(figure, 1, 3).beside(labels, events, found)
    shares = (5, 25, 50, 75, 95)
    Panel(figure, 2, 1).beside([f"{q} %" for q in shares], [f"pm25/pm10 {q} %" for q in shares], found)
    like = ("least", "median", "most")
    Panel(figure, 2, 2).beside(list(like), [f"pm25 districts, {each} correlation" for each in like], found)
    apart = {"lasting": "lasts the year", "passing": "passes in days"}
    Panel(figure, 2, 3).beside(
        list(apart.values()), [f"pm25 districts, {each} s.d." for each in apart], found
    )
    figure = dressed(figure, 680, "Grades, rare events and districts: Seoul beside the simulator")
    figure.update_xaxes(type="linear")
    return figure.update_yaxes(row=2, col=2, range=[0.6, 1.0])


def week(_: list[dict[str, float]]) -> go.Figure:
    """A simulated week of three places, over what is known of Aprils in Seoul."""
    pack = load_pack("seoul")
    city = SimCity(pack)
    start = int(WEEK.timestamp())
    knots = start // 600 + np.arange(7 * 144)
    local = (knots * 600 + 9 * 3600).astype("datetime64[s]")
    titles = [
        "PM2.5, µg/m³", "PM10, µg/m³",
        f"{said(SIMULATED, 'Temperature, °C')}, {said(SECOND, 'humidity, %')}; {said(REAL, 'grey: a day’s range and mean of April in Seoul')}",
        f"People in 10 minutes (assumed shapes): {', '.join(said(colour, kind.replace('_', ' ')) for kind, colour in KINDS.items())}",
    ]  # fmt: skip
    figure = make_subplots(2, 2, subplot_titles=titles, vertical_spacing=0.13, horizontal_spacing=0.06)
    homes = [place for place, one in enumerate(city.sensors) if one.kind == "residential_area"]
    chosen = [homes[0], homes[len(homes) // 2], homes[-1]]
    true = city.curves(np.array(chosen), knots)
    for column, (metric, logs) in enumerate(
        {"pm25": true.log_pm25, "pm10": true.log_pm25 - true.log_ratio}.items(), 1
    ):
        _shape(figure, metric, local, column)
        for place, colour, curve in zip(chosen, SHADES, np.exp(logs), strict=True):
            figure.add_scatter(
                x=local, y=curve, mode="lines", line={"color": colour, "width": 1.3}, showlegend=column == 1,
                name=f"simulated, {pack.by_code[city.sensors[place].district].name('en')}", row=1, col=column,
            )  # fmt: skip
    _weather(figure, local, true.temperature[0], true.dew_point[0])
    _people(figure, city, knots, local)
    figure = dressed(figure, 680, "A simulated week in April beside what is known of Seoul")
    figure.update_xaxes(type="date", tickformat="%a<br>%-d %b", dtick=86_400_000, tickangle=0)
    return figure


def said(colour: str, text: str) -> str:
    return f"<span style='color:{colour}'>{text}</span>"


def _shape(figure: go.Figure, metric: str, local: np.ndarray, column: int) -> None:
    """Bands of all hours of five years, and April's mean with its course over the day."""
    for low, high, colour, name in (
        (5, 95, WIDE, "Seoul, 9 of 10 hours of 2018–2022"),
        (25, 75, BAND, "Seoul, half of the hours"),
    ):
        ends = [float(np.mean(YEARS[f"{metric} {quantile} %"])) for quantile in (low, high)]
        figure.add_scatter(
            x=[local[0], local[-1], local[-1], local[0]], y=[ends[0], ends[0], ends[1], ends[1]], mode="none",
            fill="toself", fillcolor=colour, name=name, showlegend=column == 1, row=1, col=column,
        )  # fmt: skip
    mean = float(np.mean(YEARS[f"{metric} month 4"]))
    course = [float(np.mean(YEARS[f"{metric} hours {hours} against the mean"])) for hours in HOURS]
    middles = local[0] + (np.arange(7 * 8) * 3 * 3600 + 5400).astype("timedelta64[s]")
    figure.add_scatter(
        x=middles, y=mean * np.tile(course, 7), mode="lines", line={"color": REAL, "width": 2, "dash": "dash"},
        name="Seoul, April's mean by hour", showlegend=column == 1, row=1, col=column,
    )  # fmt: skip


def _weather(figure: go.Figure, local: np.ndarray, celsius: np.ndarray, dew: np.ndarray) -> None:
    percent = 100 * np.exp(17.625 * dew / (243.04 + dew) - 17.625 * celsius / (243.04 + celsius))
    low, high = APRIL_C
    figure.add_scatter(
        x=[local[0], local[-1], local[-1], local[0]], y=[low, low, high, high], mode="none", fill="toself",
        fillcolor=BAND, showlegend=False, row=2, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=[local[0], local[-1]], y=[APRIL_PERCENT] * 2, mode="lines", line={"color": REAL, "dash": "dash"},
        showlegend=False, row=2, col=1,
    )  # fmt: skip
    for values, colour in ((celsius, SIMULATED), (percent, SECOND)):
        figure.add_scatter(
            x=local, y=values, mode="lines", line={"color": colour}, showlegend=False, row=2, col=1
        )


def _people(figure: go.Figure, city: SimCity, knots: np.ndarray, local: np.ndarray) -> None:
    for kind, colour in KINDS.items():
        places = [place for place, one in enumerate(city.sensors) if one.kind == kind][:40]
        people = city.curves(np.array(places), knots).people.mean(axis=0)
        figure.add_scatter(
            x=local, y=people, mode="lines", line={"color": colour}, showlegend=False, row=2, col=2
        )


def picture(browser: Browser, figure: go.Figure, file: Path) -> None:
    page = browser.new_page(
        viewport={"width": 1200, "height": int(figure.layout.height)}, device_scale_factor=1.5
    )
    chart = figure.to_html(include_plotlyjs=False, full_html=False, config={"staticPlot": True})
    page.set_content(f"<body style='margin:0'><script>{get_plotlyjs()}</script>{chart}</body>")
    page.wait_for_selector(".main-svg .legend")
    page.screenshot(path=file)
    page.close()
    print(file)


def main() -> None:
    """Write all pictures, and the table into the page."""
    found = years()
    figures = {
        "realism-levels": levels, "realism-calendar": calendar, "realism-rare": rare, "simulated-week": week,
    }  # fmt: skip
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, draw in figures.items():
            picture(browser, draw(found), HERE / f"{name}.png")
        browser.close()
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    text = f"{head}{BEGIN}\n\n```\n{table(found).strip()}\n```\n\n{END}{tail}"
    PAGE.write_text(text, encoding="utf-8")
    print(PAGE, CALENDAR)


if __name__ == "__main__":
    main()
