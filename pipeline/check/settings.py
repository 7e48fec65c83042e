"""Settings of a product file that do nothing, and mapped fields that no record holds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import BaseModel

from pipeline.check.looks import Samples
from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.contracts.canonical import INPUT_COLUMNS
from pipeline.ingest.sources import FORMATS
from pipeline.ingest.sources.fields import peek
from pipeline.ingest.sources.times import Clock
from pipeline.product import Product
from pipeline.product_base import EPOCHS
from pipeline.product_mapping import ColumnRule, RecordMapping
from pipeline.product_sources import Source

Remark = tuple[str, str]
_TYPES = {column.name: column.dtype for column in INPUT_COLUMNS}
_NUMBERS = (pl.Int32(), pl.Int64())
_OF_ONE_RULE = ("rage_clicks", "rage_px", "rage_ms")
# What a source's settings say of the formats that they are for.
_FOR = re.compile(r"^for the formats? ((?:`\w+`(?:, | and )?)+)")


def idle_settings(product: Product) -> Iterator[Remark]:
    """A path and a sentence for each setting that is accepted and changes nothing."""
    for name, source in product.sources.items():
        yield from _of_source(f"sources.{name}", source)
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
            for setting, kind in (("best", "csat"), ("best_choice", "pmf")):
                if _is_given(question, setting) and question.kind != kind:
                    path = f"surveys.{name}.questions.{key}.{setting}"
                    yield path, f"does nothing for a question of kind {question.kind}; is it a {kind}?"


def _is_given(part: BaseModel, name: str) -> bool:
    """Whether a setting is written and says something else than its default."""
    return name in part.model_fields_set and getattr(part, name) != type(part).model_fields[name].get_default()


def _of_source(path: str, source: Source) -> Iterator[Remark]:
    for name, about in Source.model_fields.items():
        told = _FOR.match(about.description or "")
        formats = re.findall(r"\w+", told[1].replace(" and ", " ")) if told else []
        if formats and name != "mapping" and source.format not in formats and _is_given(source, name):
            yield (
                f"{path}.{name}",
                f"does nothing for `format: {source.format}`; it is for {', '.join(formats)}; remove it",
            )
    if source.mapping is not None:
        for where, columns in _columns(source.mapping):
            for column, rule in columns.items():
                yield from _of_rule(f"{path}.mapping.{where}.{column}", column, rule)


def _columns(mapping: RecordMapping) -> Iterator[tuple[str, Mapping[str, ColumnRule]]]:
    yield "columns", mapping.columns
    for i, event in enumerate(mapping.events):
        yield f"events.{i}.columns", event.columns


def _of_rule(path: str, column: str, rule: ColumnRule) -> Iterator[Remark]:
    dtype = _TYPES.get(column)
    holds_time, holds_number = dtype == UTC_MICROSECONDS, dtype in _NUMBERS
    for name, is_used, what in (
        ("format", holds_time, "times"),
        ("zone", holds_time and _zone_matters(rule), "times that tell no zone, and epochs tell theirs"),
        ("scale", holds_number, "numbers"),
        ("decimal", holds_number, "numbers"),
        ("otherwise", rule.constant is None, "fields"),
    ):
        if _is_given(rule, name) and not is_used:
            yield f"{path}.{name}", f"does nothing here: it is for {what}; remove it"


def _zone_matters(rule: ColumnRule) -> bool:
    """Whether the zone moves a time: asked of the reader itself where all formats count from 1970."""
    if not all(form in EPOCHS for form in rule.format):
        return True
    return _read(rule) != _read(rule.model_copy(update={"zone": "UTC"}))


def _read(rule: ColumnRule) -> list[Any]:
    """What the mapping makes of an epoch under that rule."""
    at = {"field": "t", "format": list(rule.format), "zone": rule.zone}
    columns = {"occurred_at": at, "kind": {"constant": "custom"}}
    source = Source.model_validate({"format": "mapping", "event_id": "none", "mapping": {"columns": columns}})
    found = FORMATS["mapping"].begin(source, Clock())({"t": 1_770_112_800})
    return [event.get("occurred_at") for event in found if isinstance(event, dict)]


def unfound_fields(product: Product, sampled: Samples) -> Iterator[Remark]:
    """A path and a sentence for each field that a source names and no record of its sample holds under any of its names."""
    for name, source in product.sources.items():
        records = [record for record in sampled.get(name, []) if isinstance(record, dict)]
        if not records:
            continue
        for path, fields, split in _named(f"sources.{name}", source):
            rows = records if split is None else [{"item": each} for row in records for each in _entries(row, split)]
            if not any(peek(row, each) not in (None, "") for row in rows for each in fields):
                said = " nor ".join(f"`{each}`" for each in fields)
                yield (
                    path,
                    f"none of {len(records):,} records of landing/{name} holds {said}; correct the name of the field",
                )


def _entries(row: Mapping[str, Any], split: str) -> list[Any]:
    found = peek(row, split)
    return found if isinstance(found, list) else []


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
