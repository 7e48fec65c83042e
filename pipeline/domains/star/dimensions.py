"""Rows of the dimensions, from the product file and the calendar (docs/definitions/star.md)."""

from datetime import date
from typing import Any

import polars as pl

from pipeline.core.columns import OTHER_PAGE
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.periods import week_begin


def dates(days: list[date], product: Product) -> pl.DataFrame:
    """Each day from the product's first to the last of `days`."""
    last = max([product.start_date, *days])
    spine = (
        pl.DataFrame({"day": pl.date_range(product.start_date, last, eager=True)})
        if days
        else pl.DataFrame(schema={"day": pl.Date})
    )
    day = pl.col("day")
    return TABLES["dates"].conform(
        spine.with_columns(
            week_start=week_begin(day, product.week_start),
            month_start=day.dt.truncate("1mo"),
            quarter_start=day.dt.truncate("1q"),
            year=day.dt.year(),
            quarter_of_year=day.dt.quarter(),
            month_of_year=day.dt.month(),
            iso_week=day.dt.week(),
            day_of_week=day.dt.weekday(),
            is_weekend=day.dt.weekday() >= 6,  # noqa: PLR2004  # Saturday
        )
    )


def page_list(product: Product) -> pl.DataFrame:
    """The pages, and what stands for addresses of none."""
    zones = {page.name: {zone.name for zone in product.zones if zone.page == page.name} for page in product.pages}
    rows: list[tuple[Any, ...]] = [(OTHER_PAGE, 0, None, None, 0)] if product.pages else []
    rows += [(p.name, i, p.stage, ", ".join(p.urls), len(zones[p.name])) for i, p in enumerate(product.pages, 1)]
    return _rows("page_list", rows)


def zone_list(product: Product) -> pl.DataFrame:
    """All versions of the zones."""
    rows = [
        (z.page, z.name, product.zone_validity(z)[0], z.valid_to, z.device_type or "", ", ".join(z.selectors))
        for z in product.zones
    ]
    return _rows("zone_list", rows)


def variant_list(product: Product) -> pl.DataFrame:
    """The variants of all experiments."""
    rows: list[tuple[Any, ...]] = []
    for name, each in product.experiments.items():
        whole = sum(each.variants.values())
        rows += [
            (name, variant, variant == each.control, weight / whole if whole else 0.0, each.valid_from, each.valid_to)
            for variant, weight in each.variants.items()
        ]
    return _rows("variant_list", rows)


def release_list(product: Product) -> pl.DataFrame:
    """The releases."""
    return _rows("release_list", [(name, each.day, each.note) for name, each in product.releases.items()])


def _rows(table: str, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return TABLES[table].conform(pl.DataFrame(rows, schema=TABLES[table].schema, orient="row"))
