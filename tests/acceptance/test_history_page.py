"""The History page in a real browser: what it shows of an answer, what its address holds, and how it looks."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from city.pack import load_pack
from dashboard.archive import Outage, utc64
from dashboard.archive_memory import MemoryArchive
from dashboard.memory import MemoryStore
from tests.measuring import MEASURE, WEAK
from tests.past import HOUR, Past
from tests.serving import Serving
from tests.serving import serving as serving_archive
from tests.stand_in import StandIn, serving

PACK = load_pack("seoul")
CODE = {district.names["en"]: district.code for district in PACK.districts}
YEONGDEUNGPO, GANGNAM, NOWON = (CODE[name] for name in ("Yeongdeungpo-gu", "Gangnam-gu", "Nowon-gu"))
THREE = f"place={YEONGDEUNGPO}&place={GANGNAM}&place={NOWON}"
#: milliseconds; the page itself answers within a few hundred, a busy machine takes longer
PATIENCE_MS = 30_000
#: 2026-11-24 14:32 on the city's clock
NOW = datetime(2026, 11, 24, 14, 32, tzinfo=PACK.zone)
Opener = Callable[..., Page]

CHART = "document.getElementById('history-chart')"


@pytest.fixture(scope="module")
def seoul() -> Iterator[tuple[Past, StandIn]]:
    past = Past(PACK, NOW)
    with serving(StandIn(PACK), routes=past.routes()) as stand_in:
        stand_in.tick()
        yield past, stand_in


@pytest.fixture
def past(seoul: tuple[Past, StandIn]) -> Past:
    past = seoul[0]
    past.asked.clear()
    past.refusal = None
    return past


class Window:
    """Pages of one browser context, one a language: its tests ask one after the other, as a viewer would."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.errors: list[str] = []

    def page(self, lang: str, query: str) -> Page:
        """A page that was loaded with this address."""
        self.context.clear_cookies()
        self.context.add_cookies([{"name": "sdot_lang", "value": lang, "url": self.url}])
        page = self.context.new_page()
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light")
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.goto(f"{self.url}/history{query}")
        return page

    def usual(self, lang: str, query: str) -> Page:
        """The page of this language, with this address."""
        if lang not in self.pages:
            self.pages[lang] = self.page(lang, query)
            expect(self.pages[lang].locator("#history[data-drawn]")).to_be_visible()
            return self.pages[lang]
        page = self.pages[lang]
        page.set_viewport_size({"width": 1280, "height": 800})
        after(page, lambda: page.evaluate(GO, query))
        return page

    def check(self) -> None:
        """Nothing asked of any other host, no error in the console."""
        ours = (self.url, "data:", "blob:")
        assert [one for one in self.asked if not one.startswith(ours)] == []
        assert [error for error in self.errors if "status of" not in error] == []


#: As if a link inside the page led there.
GO = """query => {
  history.pushState(null, "", `/history${query}`);
  dispatchEvent(new PopStateEvent("popstate"));
}"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    expect.set_options(timeout=PATIENCE_MS)
    context = browser.new_context(locale="en")
    yield context
    context.close()


@pytest.fixture(scope="module")
def window(context: BrowserContext, seoul: tuple[Past, StandIn]) -> Window:
    return Window(context, seoul[1].url)


@pytest.fixture
def look(window: Window, past: Past) -> Iterator[Opener]:
    """Show what an address says; `fresh` loads the page anew."""
    fresh_ones: list[Page] = []

    def show(query: str = "", lang: str = "en", fresh: bool = False, drawn: bool = True) -> Page:
        expect.set_options(timeout=PATIENCE_MS)
        if not fresh:
            page = window.usual(lang, query)
            past.asked.clear()
            return page
        page = window.page(lang, query)
        fresh_ones.append(page)
        if drawn:
            expect(page.locator("#history[data-drawn]")).to_be_visible()
        return page

    yield show
    for page in fresh_ones:
        page.close()
    window.check()


def after(page: Page, act: Callable[[], Any]) -> None:
    """Do something and wait for the drawing that follows it."""
    number = page.locator("#history").get_attribute("data-drawn")
    act()
    expect(page.locator(f"#history:not([data-drawn='{number}'])")).to_be_visible()


def traces(page: Page, role: str) -> list[dict[str, Any]]:
    """What Plotly draws of one role."""
    found: list[dict[str, Any]] = page.evaluate(
        f"role => {CHART}.data.filter((one) => one.meta.role === role)"
        ".map(({x, y, connectgaps, name, line, meta}) => ({x, y, connectgaps, name, line, meta}))",
        role,
    )
    return found


def words_of(page: Page) -> list[str]:
    """All texts inside the chart."""
    texts: list[str] = page.locator("#history-chart text").evaluate_all(
        "all => all.map((e) => e.textContent)"
    )
    return texts


def printed(value: float) -> int:
    """Half up, as a browser prints it."""
    return math.floor(value + 0.5)


def query_of(page: Page) -> str:
    return page.url.partition("?")[2]


# what an answer shows


def test_finding_and_chart_say_what_the_server_answered(past: Past, look: Opener) -> None:
    page = look(f"?{THREE}&before=1")
    answer = past.answer({"place": [YEONGDEUNGPO, GANGNAM, NOWON], "before": ["1"]})
    finding = answer["finding"]
    change = printed(finding["mean"]) - printed(finding["before_mean"])
    expect(page.locator("#history-finding h2")).to_have_text(
        f"Yeongdeungpo-gu: PM2.5 mean {printed(finding['mean'])} µg/m³ over 7 days, "
        + f"{change:+d} on the week before".replace("-", "−")
    )
    expect(page.locator("#history-finding")).to_have_attribute("role", "status")
    grounds = page.locator("#history-finding .grounds")
    expect(grounds).to_contain_text(
        "Nov 17 14:00 – Nov 24 14:00 GMT+9 · 161 of 168 hours have data · 42–45 sensors an hour"
    )
    expect(grounds).to_contain_text(f"{finding['over']['hours']} of 161 hours over 35")
    expect(grounds).to_contain_text("week before: 168 of 168 hours")
    expect(page.locator(".resolution")).to_have_text("hourly means · 168 points")
    expect(page.locator("#history-finding .how")).to_contain_text("by 10 min it would be 1,008 points")
    (selected,) = traces(page, "selected")
    assert selected["y"] == answer["series"][0]["v"]
    assert selected["x"] == [t + 9 * HOUR for t in answer["series"][0]["t"]]  # the city's clock
    assert sorted(one["name"] for one in traces(page, "other")) == ["Gangnam", "Nowon"]
    (before,) = traces(page, "before")
    assert before["y"] == answer["before"]["series"]["v"]
    assert before["line"]["dash"] == "2px,3px"
    last = [printed(series["v"][-1]) for series in answer["series"]]
    texts = words_of(page)
    for value, name in zip(last, ("Yeongdeungpo", "Gangnam", "Nowon"), strict=True):
        assert any(text.split() == [str(value), name] for text in texts), texts
    assert any("Bad from 36 (standard of 2018-03-27)" in text for text in texts)
    assert any(f"highest hour {printed(finding['peak']['v'])} µg/m³" in text for text in texts)
    expect(page.locator("#history-legend")).to_contain_text(
        "left out in Yeongdeungpo-gu: 1,812 flagged · 0 unverified"
    )


def test_a_gap_is_hatched_and_named_and_no_line_crosses_it(past: Past, look: Opener) -> None:
    page = look(f"?place={YEONGDEUNGPO}")
    (selected,) = traces(page, "selected")
    assert selected["y"].count(None) == 7
    assert page.evaluate(f"{CHART}.data.filter((one) => one.connectgaps).length") == 0
    drawn = page.evaluate(f"{CHART}.data.findIndex((one) => one.meta.role === 'selected')")
    lines = page.locator("#history-chart .scatterlayer .trace").nth(drawn).locator("path.js-line")
    assert sum(lines.evaluate_all("all => all.map((e) => e.getAttribute('d').split('M').length - 1)")) == 2
    (gap,) = traces(page, "gap")
    missing = [x for x, y in zip(selected["x"], selected["y"], strict=True) if y is None]
    assert (min(gap["x"]), max(gap["x"])) == (missing[0], missing[-1] + HOUR)
    (band,) = traces(page, "band")
    assert band["x"].count(None) == 1  # two pieces, and nothing between them
    assert any("no data 7 h · broker away" in text for text in words_of(page))


def test_a_threshold_begins_on_its_day(past: Past, look: Opener) -> None:
    page = look("?from=2018-03-20T00:00&to=2018-04-03T00:00")
    (line,) = page.evaluate(f"{CHART}.layout.shapes.filter((one) => one.name === 'threshold')")
    day = int(datetime.fromisoformat("2018-03-27T00:00+00:00").timestamp() * 1000)
    assert (line["x0"], line["y0"]) == (day, 35)
    page = look("?from=2018-03-01T00:00&to=2018-03-15T00:00")
    assert page.evaluate(f"{CHART}.layout.shapes.filter((one) => one.name === 'threshold').length") == 0


def test_every_district_is_small_on_one_scale_with_its_hours(past: Past, look: Opener) -> None:
    page = look()
    all_ = past.everywhere({"metric": ["pm25"]})["series"]
    ranked = sorted(all_, key=lambda one: -(one["now"] or -1))
    small = page.locator("#history-multiples .multiple")
    expect(small).to_have_count(25)
    assert small.evaluate_all("all => all.map((e) => e.dataset.code)") == [one["place"] for one in ranked]
    expect(small.first.locator(".ends")).to_have_text(f"{printed(ranked[0]['now'])}{ranked[0]['over']} h")
    expect(small.last.locator(".ends")).to_contain_text("no data")
    assert small.first.locator("rect.over").count() == len(ranked[0]["ticks"])
    assert (
        len(set(small.locator("line.limit").evaluate_all("all => all.map((e) => e.getAttribute('y1'))"))) == 1
    )


def test_several_metrics_stand_below_each_other_on_one_time(past: Past, look: Opener) -> None:
    page = look("?metric=pm25&metric=temperature&metric=noise")
    domains = page.evaluate(f"['yaxis', 'yaxis2', 'yaxis3'].map((name) => {CHART}.layout[name].domain)")
    assert domains[0][0] > domains[1][1] > domains[1][0] > domains[2][1]
    assert page.evaluate(f"Object.keys({CHART}.layout).filter((key) => key.startsWith('xaxis'))") == ["xaxis"]
    expect(page.locator("#history-finding .verdict")).to_have_count(3)
    after(page, lambda: page.get_by_role("button", name="Remove temperature").click())
    assert query_of(page) == f"place={YEONGDEUNGPO}&metric=pm25&metric=noise&span=7d"


# the address


def test_the_address_holds_what_is_shown_and_back_leads_back(past: Past, look: Opener) -> None:
    page = look(f"?place={GANGNAM}")
    after(page, lambda: page.locator(f".multiple[data-code='{NOWON}']").click())
    assert query_of(page) == f"place={NOWON}&metric=pm25&span=7d"
    after(page, lambda: page.get_by_label("Add district").select_option(YEONGDEUNGPO))
    after(page, lambda: page.get_by_role("button", name="Week before").click())
    after(page, lambda: page.get_by_label("Span", exact=True).select_option("30d"))
    assert query_of(page) == f"place={NOWON}&place={YEONGDEUNGPO}&metric=pm25&span=30d&before=1"
    expect(page.locator("#history-finding h2")).to_contain_text("Nowon-gu")
    expect(page.locator("#history-finding h2")).to_contain_text("over 30 days")
    other = look(f"?{query_of(page)}", fresh=True)
    finding = page.locator("#history-finding").inner_text()
    assert other.locator("#history-finding").inner_text() == finding
    for _ in range(4):
        after(page, page.go_back)
    assert query_of(page) == f"place={GANGNAM}"
    expect(page.locator("#history-finding h2")).to_contain_text("Gangnam-gu")
    after(page, page.go_forward)
    expect(page.locator("#history-finding h2")).to_contain_text("Nowon-gu")


def test_the_table_is_of_exactly_what_is_drawn(past: Past, look: Opener) -> None:
    page = look(f"?{THREE}&metric=pm25&metric=noise&span=30d&before=1")
    link = page.get_by_role("link", name="CSV")
    query = f"{THREE}&metric=pm25&metric=noise&{ends_of(page)}&level=hour&before=1&asked={past.now}&asked={past.now}"
    assert link.get_attribute("href") == f"/api/history.csv?{query}"
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "history.csv"
    assert past.asked[-1] == f"/api/history.csv?{query}"


def ends_of(page: Page) -> str:
    """The span that is drawn, as an address has it."""
    ends = (
        "[...['start', 'end'].map((end) => new Date(sdot.answers.have.shown.answers[0][end]).toISOString())]"
    )
    start, end = (quote(one, safe="") for one in page.evaluate(ends))
    return f"from={start}&to={end}"


def test_the_place_that_the_server_chose_is_in_the_table_and_in_the_address(past: Past, look: Opener) -> None:
    page = look()
    href = page.get_by_role("link", name="CSV").get_attribute("href")
    assert (
        href
        == f"/api/history.csv?place={YEONGDEUNGPO}&metric=pm25&{ends_of(page)}&level=hour&asked={past.now}"
    )
    assert query_of(page) == f"place={YEONGDEUNGPO}&metric=pm25&span=7d"


def test_a_level_that_was_wished_stays_in_the_address(past: Past, look: Opener) -> None:
    page = look(f"?place={GANGNAM}&span=7d&level=day")
    after(page, lambda: page.get_by_role("button", name="Week before").click())
    assert query_of(page) == f"place={GANGNAM}&metric=pm25&span=7d&level=day&before=1"
    assert any("level=day" in asked for asked in past.asked)


def test_a_span_is_chosen_by_its_ends_or_by_dragging_over_the_chart(past: Past, look: Opener) -> None:
    page = look()
    page.get_by_label("Span", exact=True).select_option("From – to…")
    expect(page.locator("#history-from")).to_have_value("2026-11-17T14:00")
    page.locator("#history-from").fill("2026-11-20T00:00")
    page.locator("#history-to").fill("2026-11-23T00:00")
    after(page, lambda: page.get_by_role("button", name="Show").click())
    assert query_of(page) == f"place={YEONGDEUNGPO}&metric=pm25&from=2026-11-20T00%3A00&to=2026-11-23T00%3A00"
    plot = page.locator("#history-chart .nsewdrag").bounding_box()
    assert plot is not None

    def drag() -> None:
        y = plot["y"] + plot["height"] / 2
        page.mouse.move(plot["x"] + plot["width"] / 3, y)
        page.mouse.down()
        page.mouse.move(plot["x"] + plot["width"] * 2 / 3, y, steps=4)
        page.mouse.up()

    after(page, drag)
    assert re.fullmatch(
        rf"place={YEONGDEUNGPO}&metric=pm25&from=2026-11-2[01]T\d\d%3A\d\d&to=2026-11-2[12]T\d\d%3A\d\d",
        query_of(page),
    )
    expect(page.locator(".resolution")).to_contain_text("10-minute means")


def test_a_sensor_is_found_by_its_serial(past: Past, look: Opener) -> None:
    page = look()
    page.get_by_label("Districts or sensors").select_option("sensor")
    expect(page.locator("#history-finding")).to_contain_text("Look for a sensor by its serial")
    page.locator("#history-search").press_sequentially("V02Q")
    expect(page.locator("#history-found option")).to_have_count(3)
    after(page, lambda: (page.locator("#history-search").fill("V02Q1"), page.keyboard.press("Enter")))
    assert query_of(page) == "unit=sensor&place=V02Q1&metric=pm25&span=7d"
    expect(page.locator("#history-finding h2")).to_contain_text("V02Q1: PM2.5 mean")


# over the endpoints themselves


@pytest.fixture(scope="module")
def archived() -> Iterator[Serving]:
    """Nine days of ten sensors in three districts; those of one were silent for seven hours while the broker was away."""
    archive = MemoryArchive(PACK)
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    steps = np.arange(-15 * 144, 0)
    silent = (steps >= -400) & (steps < -358)
    for place, code in enumerate((YEONGDEUNGPO, GANGNAM, NOWON)):
        for number in range(3):
            serial = f"s-{place}{number}"
            archive.put_sensor(serial, code)
            kept = steps[~silent] if code == YEONGDEUNGPO else steps
            values = 24 + 5 * place + 12 * np.sin(kept / 70 + place) + number
            archive.put(serial, "pm25", utc64(end) + kept * np.timedelta64(10, "m"), values)
            hourly = (
                utc64(end) + np.arange(-48, 0) * np.timedelta64(60, "m") + np.timedelta64(7 * number, "m")
            )
            archive.put(serial, "noise", hourly, np.full(48, 50.0 + number))
    at = end - timedelta(minutes=4000)
    archive.noted = [Outage("broker_away", 0, at, at + timedelta(hours=7))]
    with serving_archive(MemoryStore(PACK), PACK, archive) as running:
        yield running


def test_page_and_table_are_of_what_the_archive_holds(archived: Serving, context: BrowserContext) -> None:
    context.clear_cookies()
    context.add_cookies([{"name": "sdot_lang", "value": "en", "url": archived.url}])
    page = context.new_page()
    query = f"place={YEONGDEUNGPO}&place={NOWON}&metric=pm25&span=7d&before=1"
    page.goto(f"{archived.url}/history?{query}")
    expect(page.locator("#history[data-drawn]")).to_be_visible()
    document = page.request.get(f"{archived.url}/api/history?{query}").json()
    mean, before = (printed(document["finding"][key]) for key in ("mean", "before_mean"))
    change = f"{mean - before:+d}".replace("-", "−").replace("+0", "±0")
    expect(page.locator("#history-finding h2")).to_have_text(
        f"Yeongdeungpo-gu: PM2.5 mean {mean} µg/m³ over 7 days, {change} on the week before"
    )
    (selected,) = traces(page, "selected")
    assert selected["y"] == document["series"][0]["v"]
    assert 6 <= selected["y"].count(None) <= 8
    assert any("broker away" in text for text in words_of(page))
    expect(page.locator("#history-multiples .multiple")).to_have_count(25)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert [row["series"] for row in rows].count("before") == 168
    own = [row["value"] for row in rows if row["series"] == "shown" and row["place"] == YEONGDEUNGPO]
    assert [float(value) if value else None for value in own] == selected["y"]
    page.close()


def test_metrics_of_two_paces_are_drawn_and_listed_by_one_step(
    archived: Serving, context: BrowserContext
) -> None:
    """Noise comes by the hour, PM2.5 every 10 minutes."""
    context.clear_cookies()
    context.add_cookies([{"name": "sdot_lang", "value": "en", "url": archived.url}])
    page = context.new_page()
    page.goto(f"{archived.url}/history?place={GANGNAM}&metric=pm25&metric=noise&span=24h")
    expect(page.locator("#history[data-drawn]")).to_be_visible()
    expect(page.locator("#history-finding")).to_contain_text("another metric shown here has no finer step")
    expect(page.locator("#history-finding .resolution").first).to_contain_text("hourly means")
    drawn = [trace["y"] for trace in traces(page, "selected")]
    assert [len(values) for values in drawn] == [24, 24]
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert {row["level"] for row in rows} == {"hour"}
    listed = [
        [float(row["value"]) for row in rows if row["metric"] == metric] for metric in ("pm25", "noise")
    ]
    assert listed == drawn
    page.close()


# what goes wrong


def test_a_wrong_address_is_told_in_the_servers_words(past: Past, look: Opener) -> None:
    text = {
        "ko": "없는 구역입니다",
        "en": "place=atlantis is no district of this city",
        "es": "no es un distrito",
    }
    past.refusal = (404, {"error": "district", "text": text})
    page = look("?place=atlantis", fresh=True, drawn=False)
    told = page.locator("#history-trouble")
    expect(told).to_contain_text("place=atlantis is no district of this city")
    page.locator("#history-header [data-pick=lang]").select_option("ko")
    expect(told).to_contain_text("없는 구역입니다")
    past.refusal = None
    told.get_by_role("link", name="처음 보기").click()
    expect(page.locator("#history[data-drawn]")).to_be_visible()
    expect(told).to_be_empty()


def test_a_server_in_trouble_leaves_the_last_answer_and_says_what_to_do(past: Past, look: Opener) -> None:
    page = look()
    before = page.locator("#history-finding").inner_text()
    past.refusal = (500, {})
    page.get_by_label("Span", exact=True).select_option("30d")
    told = page.locator("#history-trouble")
    expect(told).to_contain_text("The server could not answer (status 500). Ask again in a moment.")
    expect(told).to_contain_text("Below is the answer from before.")
    assert page.locator("#history-finding").inner_text() == before
    past.refusal = None
    after(page, lambda: told.get_by_role("button", name="Ask again").click())
    expect(page.locator("#history-finding h2")).to_contain_text("over 30 days")
    expect(told).to_be_empty()


# form


def measured(page: Page) -> dict[str, Any]:
    """With the controls open, which a narrow window closes a moment after it became narrow."""
    closed = page.locator("#history-controls details:not([open])")
    for _ in range(20):
        if closed.count():
            page.locator("#history-controls summary").click()
        found: dict[str, Any] = page.evaluate(MEASURE)
        if not closed.count():
            return found
    raise AssertionError("the controls do not stay open")


@pytest.mark.parametrize("lang", ["ko", "en", "es"])
def test_nothing_is_clipped_too_small_or_beyond_the_page(past: Past, look: Opener, lang: str) -> None:
    page = look(f"?{THREE}&before=1&metric=pm25&metric=temperature", lang=lang)
    for width in (1920, 1280, 1024, 390, 360):
        if page.viewport_size["width"] != width:
            after(page, lambda width=width: page.set_viewport_size({"width": width, "height": 800}))
        found = measured(page)
        sizes = found.pop("sizes")
        assert {name: what for name, what in found.items() if what} == {}, width
        assert len(sizes) <= 6, sizes


def test_rows_of_a_phone_can_be_touched(past: Past, look: Opener) -> None:
    page = look(f"?{THREE}&before=1")
    after(page, lambda: page.set_viewport_size({"width": 390, "height": 844}))
    page.locator("#history-controls summary").click()
    expect(page.get_by_role("button", name="Week before")).to_be_visible()
    low = "e => [...e].filter((x) => x.getClientRects().length && x.getBoundingClientRect().height < 40).map((x) => x.outerHTML)"
    assert page.locator("button, select, input, summary, a:not(.skip)").evaluate_all(low) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390


PANELS = {"dark": "rgb(20, 25, 30)", "light": "rgb(255, 255, 255)"}


@pytest.mark.parametrize("theme", PANELS)
def test_words_stand_out_from_what_is_behind_them(past: Past, look: Opener, theme: str) -> None:
    page = look(f"?{THREE}&before=1")
    page.emulate_media(color_scheme=theme)
    expect(page.locator("#history-chart .main-svg").first).to_have_css("background-color", PANELS[theme])
    try:
        assert page.evaluate(WEAK) == []
    finally:
        page.emulate_media(color_scheme="light")


def test_language_and_theme_change_without_a_reload(past: Past, look: Opener) -> None:
    page = look(f"?place={GANGNAM}", fresh=True)
    page.evaluate("window.notReloaded = true")
    page.locator("#history-header [data-pick=lang]").select_option("ko")
    expect(page.locator("#history-finding h2")).to_contain_text("강남구: 7일 PM2.5 평균")
    expect(page.locator("#history-chart")).to_contain_text("나쁨 36부터 (2018-03-27 기준)")
    page.get_by_role("button", name="어둡게").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#history-chart .main-svg").first).to_have_css("background-color", PANELS["dark"])
    assert page.evaluate("window.notReloaded") is True
    own = f"/api/history?place={GANGNAM}&metric=pm25&span=7d"  # the pages of other tests ask each minute
    assert past.asked.count(own) == 1


def test_keys_and_ears_get_what_eyes_get(past: Past, look: Opener) -> None:
    page = look(f"?place={GANGNAM}", fresh=True)
    page.keyboard.press("Tab")
    expect(page.locator("#history-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#history-finding")).to_be_focused()
    expect(page.locator("#history-chart")).to_have_attribute("role", "img")
    label = page.locator("#history-chart").get_attribute("aria-label") or ""
    assert "Gangnam-gu: PM2.5 mean" in label
    assert label.endswith("All that is drawn is in the CSV.")
    small = page.locator(f".multiple[data-code='{NOWON}']")
    expect(small).to_have_attribute("aria-label", re.compile(r"^Nowon-gu, last \d+, \d+ h > 35$"))
    small.focus()
    after(page, lambda: page.keyboard.press("Enter"))
    expect(small).to_have_attribute("aria-pressed", "true")
    expect(small).to_be_focused()


def test_the_chart_is_saved_as_a_picture_and_only_here_is_its_script(past: Past, look: Opener) -> None:
    page = look(f"?{THREE}&before=1", fresh=True)
    for name, begin in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename == f"pm25-2026-11-17.{name.lower()}"
        assert download.value.path().read_bytes().startswith(begin)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#live-map path.d").first).to_be_visible()
    assert [url for url in loaded if "plotly" in url or "history" in url] == []
