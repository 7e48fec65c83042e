"""Which selectors of the zones still find an element: people act on it, or the page has changed under the zone."""

from datetime import date

import polars as pl

from pipeline.contracts import TABLES
from pipeline.metrics.chains import depth_of, parsed
from pipeline.metrics.zones import zones_valid_on
from pipeline.product import Product

SELECTORS = "selector_matches"
# So many page views without an act on it make a selector suspect; fewer say nothing.
LEAST_VIEWS = 100


def selector_matches(events: pl.LazyFrame, views: pl.LazyFrame, day: date, product: Product) -> pl.DataFrame:
    """Acts on elements that each selector of the zones valid on `day` fits, and page views of its page."""
    acted = events.filter(~pl.col("is_bot"), pl.col("element_chain").is_not_null(), pl.col("page").is_not_null())
    chains = acted.group_by("page", "element_chain").agg(n=pl.len()).collect().rows()
    soups = [(page, soup, n) for page, chain, n in chains if (soup := parsed(chain)) is not None]
    shown = views.filter(~pl.col("is_bot"), ~pl.col("implied")).group_by("page").agg(n=pl.len()).collect()
    seen = dict(shown.rows())
    rows = [
        (
            zone.page,
            zone.name,
            product.zone_validity(zone)[0],
            selector,
            sum(n for page, soup, n in soups if page == zone.page and depth_of(soup, [selector]) is not None),
            seen.get(zone.page, 0),
        )
        for zone in zones_valid_on(day, product)
        for selector in zone.selectors
    ]
    schema = {"page": pl.String, "zone": pl.String, "zone_version": pl.Date, "selector": pl.String}
    made = pl.DataFrame(rows, schema={**schema, "acts": pl.Int64, "page_views": pl.Int64}, orient="row")
    return TABLES[SELECTORS].conform(
        made.unique([*schema], keep="first", maintain_order=True).with_columns(session_day=pl.lit(day))
    )


def silent_selectors(rows: pl.LazyFrame, product: Product) -> list[str]:
    """A sentence for each selector of a zone that is valid on the last day and that no element fits any more."""
    found = rows.collect()
    if found.is_empty():
        return []
    last = found["session_day"].max()
    sentences: list[str] = []
    for zone in zones_valid_on(last, product):  # pyright: ignore[reportArgumentType]
        for selector in zone.selectors:
            own = found.filter(
                pl.col("page") == zone.page, pl.col("zone") == zone.name, pl.col("selector") == selector,
                pl.col("zone_version") == product.zone_validity(zone)[0],
            )  # fmt: skip
            met = own.filter(pl.col("acts") > 0)["session_day"].max()
            since = own.filter(pl.col("session_day") > met) if met is not None else own
            if since["page_views"].sum() >= LEAST_VIEWS:
                told = f"last on {met}" if met is not None else "never"
                sentences.append(
                    f"{zone.page}/{zone.name}: no element fits {selector!r} any more ({told}); has the page changed? "
                    f"`footfall zones --page {zone.page}` shows what is clicked"
                )
    return sentences
