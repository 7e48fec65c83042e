"""Write the report: static pages that hold everything they show, under a policy that lets them ask nobody."""

import base64
import hashlib
from pathlib import Path

import msgspec
import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.contracts import MARTS
from pipeline.lake import Lake, mart_key
from pipeline.product import Product
from pipeline.report.pages import pages
from pipeline.report.parts import Page

FOLDER = "report"
# These hold a row per incident or cell of all history.
_LONG = ("heatmaps", "scroll_reach", "friction_events", "friction_elements")
_SHOWN_DAYS = 28
_TEMPLATES = PackageLoader("pipeline.report", "templates")


class NotPublishedError(Exception):
    """A mart that the report shows isn't there yet; the sentence names it and the command that makes it."""


def write_report(lake: Lake, product: Product) -> Path:
    """Make all pages anew from the published marts; returns the first one.

    Raises NotPublishedError where a mart isn't there yet.
    """
    missing = [mart.name for mart in MARTS if not lake.path(mart_key(mart.name)).exists()]
    if missing:
        raise NotPublishedError(f"{', '.join(missing)}: not published yet; run `footfall run` first")
    marts = {mart.name: _shown(lake, mart.name) for mart in MARTS}
    environment = Environment(
        loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template, style = environment.get_template("page.html.j2"), environment.get_template("style.css").render()
    made = pages(product, marts, lake.home)
    days = marts["daily_kpis"]["day"]
    for page in made:
        script = _script(environment, page)
        html = template.render(
            page=page,
            pages=made,
            product=product,
            style=style,
            script=script,
            data=_data(page),
            policy=_policy(style, script),
            first_day=days.min(),
            last_day=days.max(),
        )
        lake.write(f"{FOLDER}/{page.name}.html", html.encode())
    # A page that isn't made any more may quote somebody who is erased.
    written = {f"{page.name}.html" for page in made}
    for path in lake.path(FOLDER).glob("*.html"):
        if path.name not in written:
            path.unlink()
    return lake.path(f"{FOLDER}/index.html")


def _shown(lake: Lake, mart: str) -> pl.DataFrame:
    """A mart as far as pages show it: of the long ones the last days."""
    rows = pl.scan_parquet(lake.path(mart_key(mart)))
    if mart not in _LONG:
        return rows.collect()
    recent = pl.col("session_day") > pl.col("session_day").max() - pl.duration(days=_SHOWN_DAYS)
    return rows.filter(recent).collect()


def _script(environment: Environment, page: Page) -> str:
    """The page's own script; empty where it needs none."""
    if page.overlay is None:
        return ""
    names = ("shared", page.overlay.script)
    return "".join(environment.get_template(f"{name}.js").render() for name in names)


def _data(page: Page) -> str:
    """What the script draws, as JSON that can't end the element which it stands in."""
    if page.overlay is None:
        return ""
    text = msgspec.json.encode(page.overlay.data).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    """Nothing but this very style; where there is a script this very one, and pictures that stand in the page."""
    drawn = f"; script-src {_hash(script)}; img-src data:" if script else ""
    return f"default-src 'none'; style-src {_hash(style)}{drawn}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
