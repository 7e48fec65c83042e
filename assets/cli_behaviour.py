"""Commands about zones and friction. What must not be here: how either is found."""

from typing import Annotated

import typer

from assets.cli_app import DATA_PROBLEM, DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, open_home
from assets.console import fail, out, table, tracked


@app.command()
def zones(
    page: Annotated[str, typer.Option("--page", help="A page of the product file.")],
    home: HomeOption = DEFAULT_HOME,
    days: Annotated[int, typer.Option(min=1, help="Look at so many of the last days.")] = 28,
) -> None:
    """List the most clicked elements of a page that lie in no zone, with a selector for each."""
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
