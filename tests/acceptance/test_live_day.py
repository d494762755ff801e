"""The Live page's 24 hours in a real browser: small lines, the slider, what changed; and that they say what is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from city.pack import load_pack
from dashboard.day import STEPS
from dashboard.postgres import PgStore
from maintain.rollup import Refresher
from tests.form import well_formed
from tests.inlet import Inlet, message
from tests.made_up_day import FEW, OUTAGE, SILENT_FROM, STEP_MS, show, value
from tests.servers.postgres import Database
from tests.serving import serving as serving_store
from tests.stand_in import StandIn, serving
from tests.waiting import until

#: milliseconds; the page itself answers within a few, a busy machine takes longer
PATIENCE_MS = 20_000
PACK = load_pack("seoul")
Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def seoul() -> Iterator[StandIn]:
    with serving(StandIn(PACK)) as stand_in:
        yield stand_in


@pytest.fixture
def city(seoul: StandIn) -> StandIn:
    seoul.reset()
    show(seoul)
    return seoul


@pytest.fixture
def look(browser: Browser) -> Iterator[Opener]:
    """Open the page and wait for its strip; afterwards: no error in the console."""
    errors: list[str] = []
    contexts = []
    expect.set_options(timeout=PATIENCE_MS)

    def open_page(
        url: str, lang: str = "en", width: int = 1280, theme: Any = "light", query: str = ""
    ) -> Page:
        viewport = {"width": width, "height": {1920: 1080, 390: 844}.get(width, 800)}
        context = browser.new_context(viewport=viewport, color_scheme=theme, has_touch=width < 500)
        contexts.append(context)
        context.add_cookies([{"name": "sdot_lang", "value": lang, "url": url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto(f"{url}/{query}")
        expect(slider(page)).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def slider(page: Page) -> Locator:
    return page.locator("#live-day .slider")


def at_step(page: Page, step: int) -> None:
    """Move the slider with the keys: an hour at a time, then ten minutes."""
    slider(page).focus()
    page.keyboard.press("Home")
    for _ in range(step // 6):
        page.keyboard.press("PageUp")
    for _ in range(step % 6):
        page.keyboard.press("ArrowRight")
    expect(slider(page)).to_have_attribute("aria-valuenow", str(step))


def ranked(page: Page) -> dict[str, str | None]:
    """District → the figure in its row."""
    rows = page.locator("#live-ranking li .row")
    found = rows.evaluate_all(
        "rows => rows.map((e) => [e.dataset.code, (e.querySelector('b') || {}).textContent || null])"
    )
    return dict(found)


def shown(number: float) -> str:
    return str(int(number + 0.5))


# the slider


def test_keys_go_back_in_time_and_everything_shows_that_instant(city: StandIn, look: Opener) -> None:
    page = look(city.url)
    expect(slider(page)).to_have_attribute("aria-valuenow", str(STEPS))
    at_step(page, 30)
    rows = ranked(page)
    assert rows == {code: shown(value(city, "pm25", i, 30)) for i, code in enumerate(city.codes)}
    expect(page.locator("#live-day .then b")).to_have_text(re.compile(r"Past · (yesterday )?\d\d:\d\d"))
    expect(page.locator("#live-maphead .past-mark")).to_be_visible()
    counted = page.locator("#live-legend li .num").all_inner_texts()
    assert sum(int(re.findall(r"\d+", one)[0]) for one in counted[:4]) == len(city.codes)
    page.keyboard.press("Escape")
    expect(page.locator("#live-map .past-mark")).to_have_count(0)
    expect(slider(page)).to_have_attribute("aria-valuenow", str(STEPS))


def test_dragging_goes_back_and_the_button_comes_back(city: StandIn, look: Opener) -> None:
    page = look(city.url)
    box = slider(page).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=6)
    expect(slider(page)).to_have_attribute("aria-valuenow", str(int(0.5 * (STEPS + 1))))
    page.mouse.move(box["x"] + box["width"] * 0.25, y, steps=3)
    page.mouse.up()
    expect(slider(page)).to_have_attribute("aria-valuenow", str(int(0.25 * (STEPS + 1))))
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator("#live-day .then")).to_have_count(0)


def test_a_tap_goes_back_on_a_phone(city: StandIn, look: Opener) -> None:
    page = look(city.url, width=390)
    slider(page).scroll_into_view_if_needed()
    box = slider(page).bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 3, box["y"] + 20)
    expect(page.locator("#live-day .then")).to_be_visible()
    assert int(slider(page).get_attribute("aria-valuenow") or "999") < 4


def test_it_plays_to_now_and_asks_nobody_meanwhile(city: StandIn, look: Opener) -> None:
    page = look(city.url, query="?district=mapo-gu")
    expect(page.locator("#live-panel tbody tr").first).to_be_visible()
    at_step(page, STEPS - 6)
    asked: list[str] = []
    # the stream stands by itself, and a page opens it again when a busy machine keeps it silent; the rest would be play's
    page.on("request", lambda request: None if "/api/stream" in request.url else asked.append(request.url))
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    city.set("jongno-gu", "pm25", 77.0)
    show(city)  # another day and another snapshot arrive while it plays
    expect(slider(page)).not_to_have_attribute("aria-valuenow", str(STEPS - 6))
    while slider(page).get_attribute("aria-valuenow") != str(STEPS):
        assert asked == []
        page.wait_for_timeout(50)
    expect(page.locator("#live-day .then")).to_have_count(0)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert ranked(page)["jongno-gu"] == "77"


def test_ticks_do_not_bring_the_viewer_back(city: StandIn, look: Opener) -> None:
    page = look(city.url)
    at_step(page, 20)
    before = ranked(page)
    city.set("jongno-gu", "pm25", 99.0)
    seq = city.tick()
    page.wait_for_function("seq => sdot.page.snap.seq >= seq", arg=seq)
    assert ranked(page) == before
    page.keyboard.press("End")
    expect(page.locator('#live-ranking [data-code="jongno-gu"] b')).to_have_text("99")


def test_nothing_is_a_void_with_no_grade_and_an_outage_is_hatched(city: StandIn, look: Opener) -> None:
    page = look(city.url)
    expect(page.locator("#live-day .slider .hole")).to_have_attribute("title", "2 h 40 min")
    expect(page.locator("#live-day .layer.void")).to_have_count(1)
    at_step(page, FEW.start)
    thin = page.locator(f'#live-map path[data-code="{city.codes[3]}"]')
    expect(thin).to_have_class("d few")
    assert ranked(page)[city.codes[3]] is None
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile("1 without a grade"))
    at_step(page, OUTAGE.start + 3)
    expect(page.locator("#live-map path.d.none")).to_have_count(len(city.codes))
    assert set(ranked(page).values()) == {None}
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile("25 without a grade"))


# lines


def test_a_line_breaks_at_a_gap_and_keeps_its_threshold(city: StandIn, look: Opener) -> None:
    page = look(city.url, width=1920)
    pm25, temperature = page.locator("#live-city .figure").nth(0), page.locator("#live-city .figure").nth(2)
    expect(pm25.locator(".hole.nothing")).to_have_count(1)
    assert (pm25.locator("path").get_attribute("d") or "").count("M") == 2
    expect(pm25.locator(".limit")).to_have_count(1)
    expect(temperature.locator(".limit")).to_have_count(0)
    whole = [v for v in city.whole_day["metrics"]["temperature"]["v"][-1] if v is not None]
    live = city.city["city"]["temperature"]["v"]
    low, high = temperature.locator(".ends b").all_inner_texts()
    assert (low, high) == (f"{min([*whole, live]):.1f}", f"{max([*whole, live]):.1f}")


def test_a_district_shows_its_own_day_and_what_it_was_a_day_ago(city: StandIn, look: Opener) -> None:
    page = look(city.url, query=f"?district={city.codes[-1]}")
    first = page.locator("#live-panel .figure").first
    expect(first.locator(".spark")).to_be_visible()
    old = [shown(value(city, "pm25", len(city.codes) - 1, step)) for step in (0, 1)]
    expect(first.locator(".about")).to_contain_text(re.compile(f"24 h ago ({'|'.join(old)})"))
    assert page.locator("#live-day .layer").count() >= 2
    at_step(page, SILENT_FROM + 2)
    expect(first.locator("span.nothing")).to_have_text("No readings")
    expect(page.locator("#live-panel")).to_contain_text("The list of sensors shows only now")


def test_a_row_of_the_ranking_goes_back_four_hours(city: StandIn, look: Opener) -> None:
    page = look(city.url, query="?metric=temperature")
    expect(page.locator("#live-ranking .move")).to_have_count(24)  # one district was silent then
    expect(page.locator("#live-ranking .head")).to_contain_text("since 4 h ago")


# what changed


def test_changes_are_told_with_their_values_newest_first(city: StandIn, look: Opener) -> None:
    for metric in PACK.live:  # as the last step, so that nothing is new since then
        for place, code in enumerate(city.codes):
            city.set(code, metric, value(city, metric, place, STEPS - 1) if place < 24 else None)
    show(city)
    page = look(city.url)
    page.get_by_role("button", name="Show all 10").click()
    lines = page.locator("#live-feed li")
    expect(lines).to_have_count(10)  # the other graded metric's is told with that metric
    texts = [one.replace("\n", " ") for one in lines.all_inner_texts()]
    last, fifth = (PACK.by_code[city.codes[i]].names["en"] for i in (-1, 4))
    assert "V02Q1901007 left out, Noise" in texts[0]
    assert "162 dB" in texts[0]
    assert f"{last}: no readings" in texts[1]
    assert "last 30 µg/m³" in texts[1]
    assert f"{last}: 44 sensors fell silent" in texts[2]
    assert "all 25 districts: figures again" in texts[3]
    assert f"{fifth}: Moderate to Bad" in texts[5]
    assert "35 → 36 µg/m³ · 42/44" in texts[5]
    assert "silent for 3 h 20 min" in texts[7]
    expect(page.locator("#live-feed .person-ring")).to_have_count(2)
    lines.nth(5).get_by_role("button").click()
    expect(slider(page)).to_have_attribute("aria-valuenow", "75")


def test_a_grade_that_changed_since_the_last_step_is_told_as_now(city: StandIn, look: Opener) -> None:
    city.set("mapo-gu", "pm25", 99.0)
    city.tick()
    page = look(city.url)
    line = page.locator("#live-feed li").filter(has_text="Mapo").first
    expect(line).to_contain_text("99 µg/m³")
    expect(line.locator(".when")).to_have_text("now")


# form


@pytest.mark.parametrize(("lang", "width", "theme"), [
    ("ko", 1920, "dark"), ("en", 1280, "light"), ("es", 1280, "dark"), ("es", 390, "light"), ("es", 1024, "light"),
])  # fmt: skip
def test_the_day_is_well_formed_now_and_in_the_past(
    city: StandIn, look: Opener, lang: str, width: int, theme: str
) -> None:
    page = look(city.url, lang=lang, width=width, theme=theme)
    expect(page.locator("#live-feed li")).to_have_count(8)
    well_formed(page)
    at_step(page, 100)
    expect(page.locator("#live-map .past-mark")).to_have_count(1)
    well_formed(page)


# what is stored


def test_the_numbers_of_a_past_step_are_the_rollups_own(embedded_database: Database, look: Opener) -> None:
    now = datetime.now(UTC)
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    with Inlet(embedded_database) as inlet, embedded_database.connect() as owner:
        for place, code in enumerate(("mapo-gu", "jongno-gu")):
            for sensor in range(3):
                bodies = [
                    {"time": (start + timedelta(minutes=m)).isoformat(), "district": code, "pm25": 10 + 20 * place + sensor + m % 47}
                    for m in range(0, int((now - start).total_seconds() // 60), 5)
                    if not 100 <= m < 180 or place
                ]  # fmt: skip
                inlet.write(*(message(f"{code}-{sensor}", body) for body in bodies))
        refresher = Refresher(owner, PACK.catalogue)
        while refresher.refresh().more:
            pass
    store = PgStore(embedded_database.url_as("sdot_dashboard"), PACK)
    with serving_store(store, PACK) as running:
        page = look(running.url)
        for minutes, gap in ((90, False), (150, True), (270, False)):
            end = start + timedelta(minutes=minutes)
            first = page.evaluate("sdot.day.data.first")
            at_step(page, int((end.timestamp() * 1000 - first) // STEP_MS))
            stored = dict(embedded_database.rows(
                "SELECT d.code, sum(pm25_mean * pm25_sensors) / sum(pm25_sensors) FROM district_10min JOIN district AS d USING (district_id) "
                "WHERE bucket >= %s AND bucket < %s AND pm25_sensors > 0 GROUP BY d.code", end - timedelta(hours=1), end,
            ))  # fmt: skip
            wanted = {code: shown(float(str(mean))) for code, mean in stored.items()}
            if gap:
                wanted["mapo-gu"] = None
            until(
                lambda w=wanted: {code: ranked(page)[code] for code in w} == w,
                f"the rows of minute {minutes}",
            )
