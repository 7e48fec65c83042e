"""Which events a goal or a funnel step means, and which page an address belongs to, as Polars expressions."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.core.canonical import PROMOTED_PREFIX
from pipeline.core.days import day_start
from pipeline.core.product import Product
from pipeline.core.product_matches import ANSWER_COLUMNS, DIMENSIONS, Condition, Match
from pipeline.core.product_pages import Page
from pipeline.events.addresses import parts_of, path_decoded, query_decoded


def matches(match: Match) -> pl.Expr:
    """True where an event fits every line of `match`; never null. Values compare as text (docs/definitions/matching.md)."""
    tests = [pl.lit(value=True)]
    if match.kind is not None:
        tests.append(pl.col("kind") == match.kind)
    if match.name is not None:
        tests.append(pl.col("name") == match.name)
    if match.page is not None:
        tests.append(pl.col("page") == match.page)
    tests += [
        holds(pl.col(PROMOTED_PREFIX + name).cast(pl.String), condition) for name, condition in match.properties.items()
    ]
    # Only segments ask for these, of events that bear what is told of their visit.
    tests += [pl.col(name).is_in(values) for name, values in match.visit.items()]
    return pl.all_horizontal(*tests).fill_null(value=False)


def holds(text: pl.Expr, condition: Condition) -> pl.Expr:
    """Whether a value, as text, is as the condition says; never null (docs/definitions/matching.md)."""
    number = text.cast(pl.Float64, strict=False)
    lower = text.str.to_lowercase()
    result: dict[str, Callable[[Any], pl.Expr]] = {
        "equals": text.is_in,
        "is_not": text.is_in,
        "contains": lambda parts: pl.any_horizontal(lower.str.contains(each.lower(), literal=True) for each in parts),
        "not_contains": lambda parts: pl.any_horizontal(
            lower.str.contains(each.lower(), literal=True) for each in parts
        ),
        "regex": lambda pattern: _contains(text, pattern),
        "not_regex": lambda pattern: _contains(text, pattern),
        "gt": number.gt,
        "gte": number.ge,
        "lt": number.lt,
        "lte": number.le,
        "is_set": lambda wanted: text.is_not_null() == wanted,
    }
    given = {name: getattr(condition, name) for name in result if getattr(condition, name) is not None}
    tests = {name: result[name](value).fill_null(value=False) for name, value in given.items()}
    # What is not so also holds where there is no value.
    return pl.all_horizontal(~test if name in _NEGATED else test for name, test in tests.items())


def _contains(text: pl.Expr, pattern: str) -> pl.Expr:
    """Whether a text holds what a pattern says; each distinct one is looked at once, for patterns can be slow."""

    def among(values: pl.Series) -> pl.Series:
        distinct = values.drop_nulls().unique()
        return values.is_in(distinct.filter(distinct.str.contains(pattern)).implode())

    return text.map_batches(among, pl.Boolean, is_elementwise=True)


_NEGATED = frozenset({"is_not", "not_contains", "not_regex"})


def of_its_name(match: Match | None) -> pl.Expr:
    """True where an event is of the kind and name of `match`, whatever else it asks for; everywhere without these."""
    named = match.named if match is not None else None
    return pl.lit(value=True) if named is None else matches(named)


def column_of(dimension: str) -> str:
    """The column of events that a breakdown or a condition names: one of DIMENSIONS, of an answer, else a promoted property."""
    return dimension if dimension in DIMENSIONS else ANSWER_COLUMNS.get(dimension, PROMOTED_PREFIX + dimension)


def revenue_of(product: Product) -> pl.Expr:
    """Revenue of orders and refunds in micro-units of the product's currency; null for all else.

    Other currencies are changed at the product file's rate of the event's local day; without one they aren't counted.
    """
    own, micros = pl.col("currency").fill_null(product.currency), pl.col("revenue_micros")
    changed = pl.when(own == product.currency).then(micros)
    for currency, rates in product.exchange_rates.items():
        # The latest rate that holds comes first.
        for rate in sorted(rates, key=lambda each: each.valid_from, reverse=True):
            begins = pl.lit(day_start(rate.valid_from, product.zone_info))
            changed = changed.when((own == currency) & (pl.col("occurred_at") >= begins)).then(
                (micros * rate.rate).round().cast(pl.Int64)
            )
    return pl.when(pl.col("kind").is_in(("order", "refund"))).then(changed.otherwise(None))


def matches_any(result: Sequence[Match]) -> pl.Expr:
    """True where an event fits at least one of `found`."""
    return pl.any_horizontal(pl.lit(value=False), *(matches(match) for match in result))


def match_bits(result: Mapping[str, Match]) -> pl.Expr:
    """Bit i is set where an event fits the i-th of `found`, by name in alphabetical order."""
    bits = [matches(result[name]).cast(pl.Int64) * (1 << i) for i, name in enumerate(sorted(result))]
    return pl.sum_horizontal(pl.lit(0, dtype=pl.Int64), *bits)


def path_pattern(pattern: str) -> str:
    """A URL pattern of the product file as a regular expression over decoded paths: * stays within a part, ** does not.

    A part that is a parameter, as in /p/:id or /p/{id}, is one *.
    """
    starred = re.sub(r"(?<=/)(?::\w+|\{\w+\})(?=/|$)", "*", pattern.rstrip("/"))
    parts = re.split(r"(\*\*|\*)", starred)
    body = "".join({"*": "[^/]*", "**": ".*"}.get(part) or re.escape(path_decoded(part)) for part in parts)
    return f"^{body}/?$"


def _fits(pattern: str) -> pl.Expr:
    """Whether `parts_of` an address are as a URL pattern says: its path, each of its parameters, its fragment."""
    before, _, fragment = pattern.partition("#")
    path, _, query = before.partition("?")
    begins = path.startswith(("/", "*")) or not path
    tests = [pl.col("path" if begins else "whole").str.contains(path_pattern(path))]
    for parameter in filter(None, query.split("&")):
        name, has_value, value = parameter.partition("=")
        stated = [re.escape(query_decoded(part)) for part in value.split("*")]
        wanted = "=" + "[^&]*".join(stated) if has_value else "(?:=[^&]*)?"
        tests.append(pl.col("query").str.contains(rf"(?:^|&){re.escape(query_decoded(name))}{wanted}(?:&|$)"))
    if fragment:
        # What follows a ? in a fragment is a query of a router in the page.
        tests.append(pl.col("fragment").str.extract(r"^([^?]*)", 1).str.contains(path_pattern(fragment)))
    return pl.all_horizontal(tests)


def page_names(urls: pl.Series, pages: Sequence[Page]) -> pl.Series:
    """Name of the first page whose patterns fit each address; null where none does.

    Query and fragment are ignored unless the pattern has them, and so is one slash at the end of the path.
    """
    distinct = urls.drop_nulls().unique()
    rules = [pl.when(_fits(url)).then(pl.lit(page.name)) for page in pages for url in page.urls]
    named = parts_of(distinct).select(page=pl.coalesce(*rules, pl.lit(None, dtype=pl.String))).to_series()
    return urls.replace_strict(distinct, named, default=None, return_dtype=pl.String)
