"""Which events a goal or a funnel step means, and which page an address belongs to, as Polars expressions."""

import re
from collections.abc import Sequence

import polars as pl

from pipeline.contracts.canonical import PROMOTED_PREFIX
from pipeline.product import Page
from pipeline.product_metrics import Match

_PATH = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)"


def matches(match: Match) -> pl.Expr:
    """True where an event fits every line of `match`; never null. Values compare as text (semantics.md, section 0)."""
    tests = [pl.lit(value=True)]
    if match.kind is not None:
        tests.append(pl.col("kind") == match.kind)
    if match.name is not None:
        tests.append(pl.col("name") == match.name)
    if match.page is not None:
        tests.append(pl.col("page") == match.page)
    tests += [pl.col(PROMOTED_PREFIX + name).cast(pl.String) == value for name, value in match.properties.items()]
    return pl.all_horizontal(*tests).fill_null(value=False)


def own_currency_revenue(currency: str) -> pl.Expr:
    """Revenue of orders and refunds in the product's own currency, in micro-units; null for all else."""
    is_money = pl.col("kind").is_in(("order", "refund"))
    is_own = pl.col("currency").fill_null(currency) == currency
    return pl.when(is_money & is_own).then(pl.col("revenue_micros"))


def matches_any(found: Sequence[Match]) -> pl.Expr:
    """True where an event fits at least one of `found`."""
    return pl.any_horizontal(pl.lit(value=False), *(matches(match) for match in found))


def path_pattern(pattern: str) -> str:
    """A URL pattern of the product file as a regular expression over paths: * stays within a part, ** does not."""
    parts = re.split(r"(\*\*|\*)", pattern.rstrip("/") or "")
    body = "".join({"*": "[^/]*", "**": ".*"}.get(part, re.escape(part)) for part in parts)
    return f"^{body}/?$"


def page_names(urls: pl.Series, pages: Sequence[Page]) -> pl.Series:
    """Name of the first page whose patterns fit the path of each address; null where none does.

    Query and fragment are ignored, and so is one slash at the end.
    """
    distinct = pl.DataFrame({"url": urls.drop_nulls().unique()}).with_columns(path=pl.col("url").str.extract(_PATH, 1))
    rules = [
        pl.when(pl.col("path").str.contains(path_pattern(url))).then(pl.lit(page.name))
        for page in pages
        for url in page.urls
    ]
    named = distinct.with_columns(page=pl.coalesce(*rules, pl.lit(None, dtype=pl.String)))
    return urls.replace_strict(named["url"], named["page"], default=None, return_dtype=pl.String)
