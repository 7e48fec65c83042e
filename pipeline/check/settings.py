"""Settings of a product file that do nothing, and mapped fields that no record holds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import BaseModel

from pipeline.check.looks import Samples
from pipeline.core.canonical import INPUT_COLUMNS
from pipeline.core.product import Product
from pipeline.core.product_mapping import ColumnRule
from pipeline.core.product_sources import Source
from pipeline.ingest.sources.fields import peek

Remark = tuple[str, str]
_TYPES = {column.name: column.dtype for column in INPUT_COLUMNS}
_NUMBERS = (pl.Int32(), pl.Int64())
_OF_ONE_RULE = ("rage_clicks", "rage_px", "rage_ms")
_OF_ONE_KIND = (("best", "csat"), ("best_choice", "pmf"), ("choices", "choice"), ("separator", "choice"))
# What a source's settings say of the formats that they are for.
_FOR = re.compile(r"^for the formats? ((?:`\w+`(?:, | and )?)+)")


def idle_settings(product: Product) -> Iterator[Remark]:
    """A path and a sentence for each setting that is accepted and changes nothing; of sources such are refused."""
    for name, rules in product.friction.rule_sets.items():
        given = [each for each in _OF_ONE_RULE if _is_given(rules, each)]
        if rules.rage != "default" and given:
            yield (
                f"friction.rule_sets.{name}.{given[0]}",
                f"does nothing beside `rage: {rules.rage}`; remove one of them",
            )
    if product.currency in product.exchange_rates:
        yield f"exchange_rates.{product.currency}", "does nothing: it is the product's own currency; remove it"
    for name, funnel in product.funnels.items():
        if _is_given(funnel, "exclusion_ends") and not funnel.exclusions:
            yield f"funnels.{name}.exclusion_ends", "does nothing without `exclusions`; add some, or remove it"
    yield from _of_questions(product)


def _of_questions(product: Product) -> Iterator[Remark]:
    for name, survey in product.surveys.items():
        for key, question in survey.questions.items():
            for setting, kind in _OF_ONE_KIND:
                if _is_given(question, setting) and question.kind != kind:
                    path = f"surveys.{name}.questions.{key}.{setting}"
                    yield path, f"does nothing for a question of kind {question.kind}; is it a {kind}?"


def _is_given(part: BaseModel, name: str) -> bool:
    """Whether a setting is written and says something else than its default."""
    return name in part.model_fields_set and getattr(part, name) != type(part).model_fields[name].get_default()


def unfound_fields(product: Product, sampled: Samples) -> Iterator[Remark]:
    """A path and a sentence for each field that a source names and no record of its sample holds under any of its names."""
    for name, source in product.sources.items():
        records = [record for record in sampled.get(name, []) if isinstance(record, dict)]
        if not records:
            continue
        for path, fields, split in _named(f"sources.{name}", source):
            rows = records if split is None else [{"item": each} for row in records for each in _entries(row, split)]
            if not any(peek(row, each) not in (None, "") for row in rows for each in fields):
                sentence = " nor ".join(f"`{each}`" for each in fields)
                yield (
                    path,
                    f"none of {len(records):,} records of landing/{name} holds {sentence}; correct the name of the field",
                )


def _entries(row: Mapping[str, Any], split: str) -> list[Any]:
    result = peek(row, split)
    return result if isinstance(result, list) else []


def _named(path: str, source: Source) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    """Each place where a source names fields, with its alternatives, and the list that holds them (`split`)."""
    if isinstance(source.event_id, tuple):
        yield from (
            (f"{path}.event_id.{i}", (each,), None) for i, each in enumerate(source.event_id) if not _is_item(each)
        )
    if source.mapping is None:
        return
    for i, condition in enumerate(source.mapping.where):
        yield f"{path}.mapping.where.{i}", condition.field, None
    yield from _of_columns(f"{path}.mapping.columns", source.mapping.columns, None)
    for i, event in enumerate(source.mapping.events):
        own = f"{path}.mapping.events.{i}"
        yield from ((f"{own}.where.{j}", condition.field, None) for j, condition in enumerate(event.where))
        if event.split is not None:
            yield f"{own}.split", (event.split,), None
        yield from _of_columns(f"{own}.columns", event.columns, event.split)


def _of_columns(
    path: str, columns: Mapping[str, ColumnRule], split: str | None
) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    for column, rule in columns.items():
        if rule.field:
            items = all(_is_item(each) for each in rule.field)
            if not items or split is not None:
                yield f"{path}.{column}", rule.field, split if items else None


def _is_item(field: str) -> bool:
    return field.startswith("item.")
