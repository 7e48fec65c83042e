"""How large each page of the report is and how long it takes until something and until all is there, for a home's marts.

First contentful paint and DOMContentLoaded by the browser's own clock, median of five openings from disk in headless Chromium, a new page each. With
`--times N` the report is first made from marts of N times the data: rows of single things (replays, incidents, moments) N
times under keys of their own, counts times N.

Run: python benchmarks/report_pages.py HOME [HOME ...] [--times N] [--out FILE]
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
from playwright.sync_api import sync_playwright

from pipeline.core.contract import Table
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.core.published import DECIMAL_3, DECIMAL_6
from pipeline.core.registry import MARTS
from pipeline.report.write import write_report

OPENINGS = 5
# Marts with a row for each single thing; all others have one for each group, whose counts grow.
SINGLE = ("replays", "replay_moments", "friction_events", "segment_members")
_HEAD = (
    "# The report's pages", "", f"Size, first contentful paint and DOMContentLoaded, medians of {OPENINGS} openings from disk in headless Chromium. N times the data: marts",
    "with a row for each single thing hold it N times, counts of all others are N times as high.", "",
)  # fmt: skip
_KEYS = ("session_key", "person_key", "incident_key", "page_view_key", "friction_group")


def grown(mart: Table, rows: pl.DataFrame, times: int) -> pl.DataFrame:
    """The mart of `times` the data."""
    if mart.name in SINGLE:
        own = [name for name in _KEYS if name in rows.columns]
        return pl.concat([rows.with_columns(_another(name, rows, i) for name in own) for i in range(times)])
    counts = [
        c.name
        for c in mart.columns
        if c.dtype in (pl.Int64(), DECIMAL_6, DECIMAL_3) and c.adds_over and c.name not in mart.key
    ]
    return rows.with_columns(pl.col(counts) * times)


def _another(name: str, rows: pl.DataFrame, i: int) -> pl.Expr:
    """A key of the same kind that nobody else has."""
    return pl.col(name) + (f"-{i}" if rows.schema[name] == pl.String() else i)


def copied(home: Path, times: int, into: Path) -> Path:
    """A home that holds nothing but the marts, grown, and what the report needs besides."""
    lake, made = Lake(home), Lake(into)
    for mart in MARTS:
        rows = pl.read_parquet(lake.path(mart_key(mart.name)))
        made.write_frame(mart_key(mart.name), grown(mart, rows, times) if times > 1 else rows)
    made.write("product.yaml", (home / "product.yaml").read_bytes())
    for name in ("pictures", "lake/recordings"):
        made.path(name).parent.mkdir(parents=True, exist_ok=True)
        if (home / name).exists():
            made.path(name).symlink_to((home / name).resolve())
    return into


def measured(report: Path) -> Iterator[tuple[str, int, float, float]]:
    """(page, bytes, median ms until something is painted, and until all is there) of each page, and of the largest replay."""
    pages = sorted(report.glob("*.html"), key=lambda path: path.name)
    replays = sorted(report.glob("replays/*.html"), key=lambda path: -path.stat().st_size)[:1]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for path in [*pages, *replays]:
            times = [_opened(browser, path) for _ in range(OPENINGS)]
            name = path.name if path.parent == report else "largest replay"
            painted, loaded = (statistics.median(each) for each in zip(*times, strict=True))
            yield name.removesuffix(".html"), path.stat().st_size, painted, loaded
        browser.close()


_PAINTED = """() => new Promise((done) => new PerformanceObserver((list) => {
  const [paint] = list.getEntriesByName('first-contentful-paint');
  if (paint) done(paint.startTime);
}).observe({ type: 'paint', buffered: true }))"""


def _opened(browser: Any, path: Path) -> tuple[float, float]:  # playwright is typed where it is installed
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    painted = page.evaluate(_PAINTED)
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    page.close()
    return float(painted), float(loaded)


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description="Size, first paint and DOMContentLoaded of the report's pages.")
    parser.add_argument("homes", type=Path, nargs="+")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    lines = [*_HEAD, "| data | page | KB | first paint, ms | DOMContentLoaded, ms |", "| --- | --- | --- | --- | --- |"]
    for home, times in product(chosen.homes, chosen.times):
        with tempfile.TemporaryDirectory() as folder:
            own = copied(home.resolve(), times, Path(folder))
            report = write_report(Lake(own), load_product(own / "product.yaml")).parent
            for page, size, painted, loaded in measured(report):
                lines.append(f"| {home.name} x {times} | {page} | {size / 1000:,.0f} | {painted:.0f} | {loaded:.0f} |")
    text = "\n".join(lines)
    print(text)  # a script's answer
    if chosen.out:
        chosen.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
