"""Commands about zones and friction. What must not be here: how either is found."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.cli_app import DATA_PROBLEM, DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, open_home
from assets.console import fail, out, table, tracked


@app.command()
def zones(
    page: Annotated[str | None, typer.Option("--page", help="A page of the product file.")] = None,
    home: HomeOption = DEFAULT_HOME,
    days: Annotated[int, typer.Option(min=1, help="Look at so many of the last days.")] = 28,
    pick: Annotated[bool, typer.Option("--pick", help="Pick zones by clicking, on pages that bear the tag.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Put what was picked into product.yaml.")] = False,
) -> None:
    """List the most clicked elements of a page that lie in no zone, with a selector for each; or pick zones by clicking."""
    if [page is not None, pick, accept].count(True) != 1:
        raise fail("one of --page PAGE, --pick and --accept is needed", USAGE_PROBLEM)
    if page is None:
        _pick(home) if pick else _accept(home)
        return
    _unzoned(home, page, days)


def _pick(home: Path) -> None:
    from services.capture.picks import allow_picking

    opened = open_home(home)
    if opened.product.capture is None:
        raise fail(
            "product.yaml has no section `capture`; the picker is a part of its tag (docs/capture.md)", USAGE_PROBLEM
        )
    token = allow_picking(opened.lake)
    out.print(
        "Within an hour, put this behind the address of a page that bears the tag, while `footfall capture` runs:"
    )
    out.print(f"  ?footfall=zones#{token}", highlight=False, markup=False)
    out.print("then `footfall zones --accept`.", highlight=False)


def _accept(home: Path) -> None:
    from pipeline.core.product_file import PRODUCT_FILE, ProductFileError
    from pipeline.propose.picked_zones import PICKED, picked_of, with_zones
    from services.capture.picks import end_picking

    opened = open_home(home)
    picked = picked_of(opened.lake.read(PICKED))
    if not picked:
        raise fail("nothing was picked; `footfall zones --pick` says how", DATA_PROBLEM)
    today = datetime.now(opened.product.zone_info).date()
    try:
        text = with_zones(opened.product_file.read_text(encoding="utf-8"), picked, today)
    except ProductFileError as fault:
        raise fail(
            "\n".join(["with these zones the product file would be faulty; nothing was changed:", *fault.faults]),
            DATA_PROBLEM,
        ) from None
    opened.lake.write(PRODUCT_FILE, text.encode())
    end_picking(opened.lake)
    rows = [(each.name, each.page, each.selectors[0], each.box.device_type) for each in picked]
    out.print(table("Zones in product.yaml", ("zone", "page", "selector", "picked on"), rows))


def _unzoned(home: Path, page: str, days: int) -> None:
    from pipeline.core.states import published_days, scan_days
    from pipeline.domains.zones.elements import unzoned
    from pipeline.events.zones import zones_valid_on

    opened = open_home(home)
    known = [each.name for each in opened.product.pages]
    if page not in known:
        raise fail(f"no page {page!r}; the pages are {', '.join(known) or 'none'}", USAGE_PROBLEM)
    published = published_days(opened.lake, "session_events")[-days:]
    if not published:
        raise fail("no day is computed yet; run `footfall run` first", DATA_PROBLEM)
    valid = zones_valid_on(published[-1], opened.product)
    result = unzoned(scan_days(opened.lake, "session_events", published), page, valid, opened.product)
    if not result:
        out.print(f"every clicked element of {page} lies in a zone")
        return
    rows = [
        (each.element, each.selector, f"{each.clicks:,}", f"{each.share:.1%}", str(each.alike) if each.alike else "")
        for each in result
    ]
    header = ("element", "selector", "clicks", "of the page's", "also fits")
    out.print(table(f"Clicked on {page} outside all zones, {published[0]} to {published[-1]}", header, rows))
    first = result[0]
    out.print("As a zone in product.yaml:", style="dim")
    out.print(f"  - {{name: NAME, page: {page}, selectors: ['{first.selector}']}}", markup=False, highlight=False)


@app.command()
def friction(
    compare: Annotated[
        tuple[str, str],
        typer.Option(help="Two rule sets: of the product file, or posthog, mixpanel, amplitude, openreplay, default."),
    ],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Compare what two friction rule sets find over all days."""
    from pipeline.core.states import published_days
    from pipeline.domains.friction.friction_compare import compared

    opened = open_home(home)
    published = published_days(opened.lake, "session_events")
    if not published:
        raise fail("no day is computed yet; run `footfall run` first", DATA_PROBLEM)
    try:
        result = compared(opened.lake, opened.product, compare, tracked(published, "days"))
    except KeyError as fault:
        known = ", ".join(dict.fromkeys([*opened.product.friction.rule_sets, *_PUBLISHED]))
        raise fail(f"no rule set {fault.args[0]!r}; there are {known}", USAGE_PROBLEM) from None
    first, second = compare
    header = ("signal", "page", first, second, f"views only {first}", f"views only {second}", "views both")
    rows = [(row[0], row[1], *(f"{number:,}" for number in row[2:])) for row in result.rows()]
    out.print(table(f"Incidents under {first} and {second}, {published[0]} to {published[-1]}", header, rows))


_PUBLISHED = ("default", "posthog", "mixpanel", "amplitude", "openreplay")


@app.command()
def explain(
    metric: Annotated[str, typer.Argument(help="rage_clicks, sessions, retention:NAME or funnel:NAME.")],
    vendor: Annotated[str, typer.Option("--as", help="posthog, mixpanel or amplitude.")],
    home: HomeOption = DEFAULT_HOME,
    days: Annotated[int, typer.Option(min=1, help="Look at so many of the last days.")] = 90,
) -> None:
    """Show our number and another product's on your own data, and which rule makes the difference."""
    from pipeline.core.states import published_days
    from pipeline.publish.explain import METRICS, VENDORS, Vendor
    from pipeline.publish.explain import explain as laid_over

    opened = open_home(home)
    chosen: Vendor | None = next((name for name in VENDORS if name == vendor.lower()), None)
    if chosen is None:
        raise fail(f"no product {vendor!r}; write one of {', '.join(VENDORS)}", USAGE_PROBLEM)
    published = published_days(opened.lake, "events")[-days:]
    if not published:
        raise fail("no day is computed yet; run `footfall run` first", DATA_PROBLEM)
    try:
        reported = laid_over(opened.lake, opened.product, metric, chosen, published)
    except KeyError as fault:
        raise fail(f"no metric {fault.args[0]}; write one of {', '.join(METRICS)}", USAGE_PROBLEM) from None
    shown = {"count": "{:,.0f}", "share": "{:.2%}"}[reported.unit]
    rows: list[tuple[str, ...]] = []
    before: float | None = None
    for rule, value in reported.rows:
        change = (
            ""
            if before is None or value is None
            else f"{(value - before) * (100 if reported.unit == 'share' else 1):+,.2f}"
        )
        rows.append((rule, "-" if value is None else shown.format(value), change.removesuffix(".00")))
        before = value
    title = (
        f"{reported.what[0].upper()}{reported.what[1:]}, {published[0]} to {published[-1]}, ours and as {chosen} counts"
    )
    out.print(table(title, ("rule", "number", "points" if reported.unit == "share" else "difference"), rows))
    if reported.note:
        out.print(reported.note)
