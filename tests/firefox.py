"""Firefox, driven over WebDriver BiDi by puppeteer (tests/browser/firefox.mjs): Playwright brings a Firefox of its own only."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsers import missing

_SCRIPT = Path(__file__).parent / "browser" / "firefox.mjs"


class Firefox:
    """A page in Firefox."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, name: str, *given: Any) -> Any:
        """Do what firefox.mjs calls `name`; what came of it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([name, *given]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Firefox ended"
        told = json.loads(line)
        assert "fault" not in told, told
        return told["value"]


@contextmanager
def open_firefox() -> Iterator[Firefox]:
    program, node = shutil.which("firefox-esr") or shutil.which("firefox"), shutil.which("node")
    if program is None or node is None:
        missing("firefox and node")
    if not (_SCRIPT.parent / "node_modules/puppeteer-core").is_dir():
        missing("puppeteer-core (npm ci --prefix tests/browser)")
    process = subprocess.Popen([node, str(_SCRIPT), program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Firefox(process)
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
