"""Which selectors of the zones still find an element: people act on it, or the page has changed under the zone."""

from datetime import date
from typing import NamedTuple

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.core.registry import TABLES
from pipeline.events.chains import depth_of, parsed
from pipeline.events.zones import zones_valid_on

SELECTORS = "selector_matches"
# So many page views without an act on it make a selector suspect; fewer say nothing.
LEAST_VIEWS = 100


def selector_matches(events: pl.LazyFrame, views: pl.LazyFrame, day: date, product: Product) -> pl.DataFrame:
    """Acts on elements that each selector of the zones valid on `day` fits, and page views of its page."""
    acted = events.filter(
        ~pl.col("is_bot"), pl.col("element_chain").is_not_null(), pl.col("page").is_not_null()
    ).with_columns(pl.col("device_type").fill_null("unknown"))
    chains = acted.group_by("page", "device_type", "element_chain").agg(n=pl.len()).collect().rows()
    soups = [(page, device, soup, n) for page, device, chain, n in chains if (soup := parsed(chain)) is not None]
    # Sources that send no elements say nothing about selectors.
    telling = acted.select("source", "device_type").unique()
    real = views.filter(~pl.col("is_bot"), ~pl.col("implied"), pl.col("page").is_not_null())
    shown = real.join(telling, on=["source", "device_type"], how="semi").group_by("page", "device_type").agg(n=pl.len())
    seen = shown.collect().rows()
    rows: list[tuple[str, str, date, str, int, int]] = []
    for zone in zones_valid_on(day, product):
        own = [(soup, n) for page, device, soup, n in soups if _is_of(zone, page, device)]
        views_of_page = sum(n for page, device, n in seen if _is_of(zone, page, device))
        for selector in zone.selectors:
            interactions = sum(n for soup, n in own if depth_of(soup, [selector]) is not None)
            rows.append((zone.page, zone.name, product.zone_validity(zone)[0], selector, interactions, views_of_page))
    schema = {"page": pl.String, "zone": pl.String, "zone_version": pl.Date, "selector": pl.String}
    made = pl.DataFrame(rows, schema={**schema, "interactions": pl.Int64, "page_views": pl.Int64}, orient="row")
    return TABLES[SELECTORS].conform(
        made.unique([*schema], keep="first", maintain_order=True).with_columns(session_day=pl.lit(day))
    )


def _is_of(zone: Zone, page: str, device: str) -> bool:
    return page == zone.page and zone.device_type in (None, device)


class SilentSelector(NamedTuple):
    """A selector of a zone that no element fits: after which day, in how many page views since, and the sentence that says so."""

    page: str
    zone: str
    selector: str
    met: date | None
    page_views: int
    sentence: str


def silent_selectors(rows: pl.LazyFrame, product: Product) -> list[SilentSelector]:
    """The selectors of zones that are valid on the last day and that no element fits any more."""
    result = rows.collect()
    if result.is_empty():
        return []
    last = result["session_day"].max()
    silent: list[SilentSelector] = []
    for zone in zones_valid_on(last, product):  # pyright: ignore[reportArgumentType]
        for selector in zone.selectors:
            own = result.filter(
                pl.col("page") == zone.page, pl.col("zone") == zone.name, pl.col("selector") == selector,
                pl.col("zone_version") == product.zone_validity(zone)[0],
            )  # fmt: skip
            met = own.filter(pl.col("interactions") > 0)["session_day"].max()
            since = own.filter(pl.col("session_day") > met) if met is not None else own
            if (views := since["page_views"].sum()) >= LEAST_VIEWS:
                reported = f"last on {met}" if met is not None else "never"
                sentence = f"{zone.page}/{zone.name}: no element fits {selector!r} any more ({reported}); has the page changed?"
                silent.append(SilentSelector(zone.page, zone.name, selector, met, views, sentence))  # pyright: ignore[reportArgumentType]
    return silent
