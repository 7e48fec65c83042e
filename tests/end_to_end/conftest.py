"""The browser of the tests that look at pages."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from support import missing


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # only where there is a browser

    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()
