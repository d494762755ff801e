"""Chromium, as the system has it, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.servers.missing import Missing

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_program() -> str:
    """Path of the browser; Missing where there is none."""
    for name in NAMES:
        if program := shutil.which(name):
            return program
    raise Missing("there is no Chromium (Debian package chromium)")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running headless Chromium."""
    program = chromium_program()
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []  # it refuses to run as root otherwise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()
