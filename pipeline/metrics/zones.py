"""Zone click rates: which zone an element chain lies in, and clicks by zone per page view and per session.

Definition: metrics.md, "Zones". Implied page views are counted apart and are in neither numerator nor denominator.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipeline.contracts import TABLES
from pipeline.metrics.chains import depth_of, parsed
from pipeline.product import Product, Zone

_KEY = ["page", "zone", "zone_version"]


def zones_of_chain(chain: str, zones: Sequence[Zone]) -> tuple[list[int], int | None]:
    """Indices of the zones that an element lies in, and the innermost of them (None: it lies in none).

    `chain` is the element and its ancestors as open HTML tags, outermost first, as in
    `<main><section id="hero"><a class="cta">`. An element lies in a zone when it or an ancestor fits one of its
    selectors; innermost is the zone whose fitting element is deepest, among equals the first of the product file.
    """
    soup = parsed(chain)
    if soup is None:
        return [], None
    depths = {index: depth for index, zone in enumerate(zones) if (depth := depth_of(soup, zone.selectors)) is not None}
    innermost = min(depths, key=lambda index: (-depths[index], index)) if depths else None
    return list(depths), innermost


def zones_valid_on(day: date, product: Product) -> list[Zone]:
    """The zone versions that are valid on the local day."""
    return [zone for zone in product.zones if (valid := product.zone_validity(zone))[0] <= day <= valid[1]]


def daily_zones(events: pl.LazyFrame, views: pl.LazyFrame, day: date, product: Product) -> pl.DataFrame:
    """Clicks by zone of the sessions booked on `day`, from their session_events and page_views."""
    real_views = views.filter(~pl.col("is_bot"), ~pl.col("implied")).select(
        "page_view_key", "session_key", "page", "device_type"
    )
    clicks = (
        events.filter(pl.col("kind") == "click")
        .select("page_view_key", "element_chain")
        .join(real_views, on="page_view_key", how="inner")
        .collect()
    )
    zones = zones_valid_on(day, product)
    shown = real_views.group_by("page", "device_type").agg(
        page_views=pl.len(), sessions=pl.col("session_key").n_unique()
    )
    page_clicks = clicks.group_by("page", "device_type").agg(page_clicks=pl.len())
    grid = (
        _zone_frame(zones, product)
        .join(shown.collect(), on="page", how="inner")
        .filter(pl.col("only_device").is_null() | (pl.col("only_device") == pl.col("device_type")))
        .join(page_clicks, on=["page", "device_type"], how="left")
    )
    hits = clicks.join(chain_zones(clicks, zones, product), on=["page", "device_type", "element_chain"], how="inner")
    clicked = hits.group_by([*_KEY, "device_type"]).agg(
        clicks=pl.len(),
        own_clicks=pl.col("is_innermost").sum(),
        page_views_clicked=pl.col("page_view_key").n_unique(),
        sessions_clicked=pl.col("session_key").n_unique(),
    )
    counted = grid.join(clicked, on=[*_KEY, "device_type"], how="left")
    numbers = ("clicks", "own_clicks", "page_views_clicked", "sessions_clicked", "page_clicks")
    return TABLES["daily_zones"].conform(
        counted.with_columns(*(pl.col(name).fill_null(0) for name in numbers), session_day=pl.lit(day))
    )


def _zone_frame(zones: Sequence[Zone], product: Product) -> pl.DataFrame:
    rows = [(z.page, z.name, product.zone_validity(z)[0], z.device_type) for z in zones]
    schema = {"page": pl.String, "zone": pl.String, "zone_version": pl.Date, "only_device": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def chain_zones(clicks: pl.DataFrame, zones: Sequence[Zone], product: Product) -> pl.DataFrame:
    """Which zones each distinct (page, device, chain) lies in; the few thousand distinct ones are matched once."""
    rows: list[tuple[str, str, str, str, date, bool]] = []
    distinct = clicks.select("page", "device_type", "element_chain").drop_nulls().unique()
    for page, device, chain in distinct.iter_rows():
        here = [z for z in zones if z.page == page and z.device_type in (None, device)]
        inside, innermost = zones_of_chain(chain, here)
        rows += [(page, device, chain, here[i].name, product.zone_validity(here[i])[0], i == innermost) for i in inside]
    schema = {
        "page": pl.String,
        "device_type": pl.String,
        "element_chain": pl.String,
        "zone": pl.String,
        "zone_version": pl.Date,
        "is_innermost": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
