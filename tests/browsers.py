"""What tests in a browser need: the browser, and what keeps somebody from using a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

_AXE = Path(__file__).parent / "browser/node_modules/axe-core/axe.min.js"


def missing(what: str) -> NoReturn:
    """Skip a test that needs `what` of a browser, or fail it where FOOTFALL_REQUIRE_BROWSER=1 asks for browsers."""
    if os.environ.get("FOOTFALL_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what} is missing, and FOOTFALL_REQUIRE_BROWSER=1 asks for it")
    pytest.skip(f"{what} isn't here")


@contextmanager
def open_browser(*more: str) -> Iterator[Any]:
    """A headless Chromium, with more flags if wanted. While it is open its event loop counts as running, so Dagster can't run in this thread."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # only where there is a browser

    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=[*flags, *more])
        yield opened
        opened.close()


def violations(page: Any, *, frames: bool = True) -> list[dict[str, Any]]:
    """What axe-core finds on the page, and in its frames."""
    if not _AXE.is_file():
        missing("axe-core (npm ci --prefix tests/browser)")
    page.evaluate(_AXE.read_text())
    options = {"resultTypes": ["violations"], "iframes": frames}
    return list(page.evaluate("options => axe.run(document, options)", options)["violations"])
