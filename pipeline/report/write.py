"""Write the report: static pages that hold everything they show, under a policy that lets them ask nobody."""

import base64
import hashlib
from pathlib import Path

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.contracts import MARTS
from pipeline.lake import Lake, mart_key
from pipeline.product import Product
from pipeline.report.pages import pages

FOLDER = "report"
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
    marts = {mart.name: pl.read_parquet(lake.path(mart_key(mart.name))) for mart in MARTS}
    environment = Environment(
        loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template, style = environment.get_template("page.html.j2"), environment.get_template("style.css").render()
    made = pages(product, marts)
    days = marts["daily_kpis"]["day"]
    for page in made:
        html = template.render(
            page=page,
            pages=made,
            product=product,
            style=style,
            policy=_policy(style),
            first_day=days.min(),
            last_day=days.max(),
        )
        lake.write(f"{FOLDER}/{page.name}.html", html.encode())
    return lake.path(f"{FOLDER}/index.html")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
