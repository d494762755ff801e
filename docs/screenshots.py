"""Pictures of a running dashboard: `python docs/screenshots.py http://127.0.0.1:8050 [folder]`.

Live: two themes, two languages (and one in Spanish), 1280 px and a phone, one for a wall, one of a district, one of
the past. Ingest and History: each theme and
language at 1280 px, and a phone; Ingest on a wall, too; History with all districts, and with three.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

Theme = Literal["dark", "light"]
HEIGHT = {390: 844, 1280: 800, 1920: 1080}
DISTRICT = "yeongdeungpo-gu"
WEEK = f"?span=7d&place={DISTRICT}&before=1"
THREE = f"?span=7d&place={DISTRICT}&place=gangnam-gu&place=jongno-gu"


def opened(browser: Browser, url: str, file: Path, theme: Theme, lang: str) -> Page:
    """A page as one viewer has it; its width stands in the file's name."""
    width = int(file.stem.split("-")[3])
    viewport = {"width": width, "height": HEIGHT[width]}
    scale = 2 if width < 500 else 1
    context = browser.new_context(viewport=viewport, color_scheme=theme, device_scale_factor=scale)
    context.add_cookies([{"name": "sdot_lang", "value": lang, "url": url}])
    return context.new_page()


def picture(
    browser: Browser, url: str, file: Path, theme: Theme, lang: str, query: str = "", hours_ago: int = 0
) -> None:
    """Open the Live page, wait for its first figures and its day, go back in time if so wished, and keep what is seen."""
    page = opened(browser, url, file, theme, lang)
    page.goto(f"{url}/{query}")
    page.wait_for_selector("#live-ranking ol b" if not query else "#live-panel tbody tr", state="attached")
    page.wait_for_selector("#live-map .label")
    page.wait_for_selector("#live-day .slider")
    page.wait_for_timeout(1500)  # the dots come with a request of their own
    for _ in range(hours_ago):
        page.locator("#live-day .slider").press("PageDown")
    page.wait_for_timeout(500)
    _keep(page, file)


def ingest_picture(browser: Browser, url: str, file: Path, theme: Theme, lang: str) -> None:
    """Open the Ingest page, wait for the book and a second look at it, and keep what is seen."""
    page = opened(browser, url, file, theme, lang)
    page.goto(f"{url}/ingest")
    page.wait_for_selector("#ingest-book .box")
    page.wait_for_timeout(3000)  # a look each two seconds
    _keep(page, file)


def history_picture(browser: Browser, url: str, file: Path, theme: Theme, lang: str, query: str) -> None:
    """Ask the History page something, wait for the chart and the small multiples, and keep what is seen."""
    page = opened(browser, url, file, theme, lang)
    page.goto(f"{url}/history{query}")
    page.wait_for_selector(".js-plotly-plot .scatterlayer .trace", timeout=60_000)
    page.wait_for_timeout(2500)  # the small multiples come with a request of their own
    _keep(page, file)


def _keep(page: Page, file: Path) -> None:
    page.screenshot(path=file)
    page.context.close()
    print(file)


def main(url: str, folder: Path) -> None:
    """Take all pictures."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        themes: tuple[Theme, Theme] = ("dark", "light")
        for theme in themes:
            for lang in ("ko", "en"):
                for width in (1280, 390):
                    picture(browser, url, folder / f"live-{theme}-{lang}-{width}.png", theme, lang)
            for lang in ("ko", "en", "es"):
                ingest_picture(browser, url, folder / f"ingest-{theme}-{lang}-1280.png", theme, lang)
            for lang in ("ko", "en", "es"):
                history_picture(browser, url, folder / f"history-{theme}-{lang}-1280.png", theme, lang, WEEK)
        history_picture(browser, url, folder / "history-light-en-1280-three.png", "light", "en", THREE)
        for theme, lang in (("dark", "ko"), ("light", "en")):
            history_picture(browser, url, folder / f"history-{theme}-{lang}-390.png", theme, lang, WEEK)
        ingest_picture(browser, url, folder / "ingest-dark-ko-1920.png", "dark", "ko")
        ingest_picture(browser, url, folder / "ingest-light-en-390.png", "light", "en")
        picture(browser, url, folder / "live-dark-ko-1920.png", "dark", "ko")
        picture(browser, url, folder / "live-light-es-1280.png", "light", "es")
        picture(browser, url, folder / "live-light-en-1280-past.png", "light", "en", hours_ago=9)
        picture(
            browser, url, folder / "live-light-en-1280-district.png", "light", "en", f"?district={DISTRICT}"
        )
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
