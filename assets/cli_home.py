"""Commands that make and check a product file. What must not be here: what a product file is (pipeline/core/product.py)."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.cli_app import DATA_PROBLEM, DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, lake_at
from assets.console import err, fail, out

NEW_PRODUCT = """\
# What your product is. `footfall check` finds faults in here, docs/product.md explains every section.
name: My product
time_zone: Europe/Berlin
currency: EUR
start_date: {start}

sources:
  # One entry for each folder below landing/.
  {source}: {{format: {format}}}

pages:
  - {{name: home, urls: ["/"]}}
"""


@app.command()
def init(
    home: HomeOption = DEFAULT_HOME,
    sample: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="Propose a mapping from this file of events."),
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the source, which is a folder below landing/.")] = "web",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="What its files are: segment, posthog, ga4 ...; docs/sources.md lists them. [default: canonical]",
        ),
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First local day to compute. [default: this month's]")
    ] = None,
) -> None:
    """Make a new home: the product file to fill in, and the landing folder."""
    lake = lake_at(home)
    product = lake.name_of("product.yaml")
    if lake.exists("product.yaml"):
        raise fail(f"{product} is there already; edit it, then run `footfall check`", USAGE_PROBLEM)
    if sample is not None and (format_ or start):
        raise fail("--from tells format and first day by the file; leave out --format and --start", USAGE_PROBLEM)
    first = start.date() if start else datetime.now().astimezone().date().replace(day=1)
    new = NEW_PRODUCT.format(start=first, source=source, format=format_ or "canonical")
    text = new if sample is None else _proposed(sample, source)
    _check_product(text)
    lake.path(f"landing/{source}").mkdir(parents=True, exist_ok=True)
    lake.write("product.yaml", text.encode())
    named = lake.url if lake.is_remote else str(home)
    out.print(f"{product} is written: fill it in, then `footfall check --home {named}`", highlight=False)
    out.print(
        f"Drop event files into {lake.name_of(f'landing/{source}')}, then `footfall run --home {named}`",
        highlight=False,
    )


def _proposed(sample: Path, source: str) -> str:
    from pipeline.propose import CannotPropose, propose

    try:
        return propose(sample, source)
    except CannotPropose as fault:
        raise fail(str(fault), DATA_PROBLEM) from None


def _check_product(text: str) -> None:
    from pipeline.core.product_file import ProductFileError, parse_product

    try:
        parse_product(text, "the new product.yaml")
    except ProductFileError as fault:
        raise fail("\n".join(fault.faults), USAGE_PROBLEM) from None


@app.command()
def check(
    home: HomeOption = DEFAULT_HOME,
    schema: Annotated[bool, typer.Option("--schema", help="Print the product file's JSON Schema instead.")] = False,
) -> None:
    """Check the product file and the SQL models; every fault at once, with file, line, path and remedy."""
    from pipeline.core.product_file import schema as product_schema

    if schema:
        typer.echo(product_schema())
        return
    from pipeline.build.home_models import models_of
    from pipeline.build.sql_models import ModelError
    from pipeline.check import check_home

    lake = lake_at(home)
    checked = check_home(lake)
    for warning in checked.warnings:
        err.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)
    try:
        checked.faults += models_of(lake).faults.values()
    except ModelError as fault:
        checked.faults.append(str(fault))
    if checked.faults:
        raise fail("\n".join(checked.faults), DATA_PROBLEM)
    out.print("the product file and the SQL models are sound")
