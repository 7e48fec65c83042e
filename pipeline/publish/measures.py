"""What may be done with each column of a mart: summed, divided as sums, or only read (docs/definitions/rules.md, "What adds up")."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.core.contract import Column, Table

_RESERVED = frozenset({"hour", "day", "week", "month", "quarter", "year"})
_DESCRIBING = frozenset({"String", "Boolean", "Date"})
Kind = Literal["dimension", "sum", "ratio of sums", "not additive"]
_QUOTIENT = re.compile(r"([a-z][a-z0-9_]*) / ([a-z][a-z0-9_]*)(?![a-z0-9_ ]*[a-z0-9_])")


@dataclass(frozen=True)
class Measure:
    """What a column is to somebody who adds up: of a `ratio of sums` with the columns whose sums are divided."""

    kind: Kind
    numerator: str = ""
    denominator: str = ""


def measure_of(mart: Table, column: Column) -> Measure:
    """What may be done with a column of `mart`.

    `sum`: over the dimensions of `adds_over`. `ratio of sums`: as the quotient of the sums of two such columns, as its
    description says. `not additive`: read the row that you need.
    """
    if not column.dtype.is_numeric() or column.name in mart.key:
        return Measure("dimension")
    if column.adds_over:
        return Measure("sum")
    quotient = _QUOTIENT.match(column.description)
    if quotient is not None:
        known = {each.name: each for each in mart.columns}
        parts = [known.get(name) for name in quotient.groups()]
        if all(part is not None and part.adds_over for part in parts):
            return Measure("ratio of sums", *quotient.groups())
    return Measure("not additive")


def adds_over_all(mart: Table, column: Column) -> bool:
    """Whether any grouping of the mart's rows gives true sums of the column."""
    return bool(column.adds_over) and set(mart.key) <= set(column.adds_over)


def semantic_layer(marts: Mapping[str, Table]) -> dict[str, Any]:
    """`semantic_models` and `metrics` of MetricFlow: what adds up whichever way it is grouped, and quotients of such sums.

    What adds up over some dimensions only isn't in it: there is no way to say so there.
    """
    models, metrics = list[dict[str, Any]](), list[dict[str, Any]]()
    for mart in marts.values():
        time = next((c.name for c in mart.columns if c.name in mart.key and str(c.dtype) == "Date"), None)
        free = [column for column in mart.columns if adds_over_all(mart, column)]
        if time is None or not free:
            continue
        models.append(_semantic_model(mart, time, free))
        metrics += [_simple(mart, column) for column in free]
        metrics += _ratios(mart, {column.name for column in free})
    return {"semantic_models": models, "metrics": metrics}


def _semantic_model(mart: Table, time: str, free: list[Column]) -> dict[str, Any]:
    known = {column.name: column for column in mart.columns}
    return {
        "name": mart.name,
        "description": mart.grain,
        "model": f"ref('{mart.name}')",
        "defaults": {"agg_time_dimension": _named(time)},
        "primary_entity": f"{mart.name}_row",
        "dimensions": [_dimension(known[name]) for name in dimensions_of(mart)],
        "measures": [
            {"name": f"{mart.name}_{c.name}", "description": c.description, "agg": "sum", "expr": f'"{c.name}"'}
            for c in free
        ],
    }


def dimensions_of(mart: Table) -> Sequence[str]:
    """What its sums are grouped by: its key; of facts by row all that describes a row, but for ids and times."""
    if mart.layer != "fact":
        return mart.key
    described = [c.name for c in mart.columns if not c.dtype.is_numeric() and str(c.dtype) in _DESCRIBING]
    return [name for name in described if not name.endswith(("_key", "_id"))]


def _named(column: str) -> str:
    """A dimension's name: granularities of time are MetricFlow's own words."""
    return f"local_{column}" if column in _RESERVED else column


def _dimension(column: Column) -> dict[str, Any]:
    described = {"name": _named(column.name), "description": column.description, "expr": f'"{column.name}"'}
    if str(column.dtype) == "Date":
        return {**described, "type": "time", "type_params": {"time_granularity": "day"}}
    return {**described, "type": "categorical"}


def _simple(mart: Table, column: Column) -> dict[str, Any]:
    name = f"{mart.name}_{column.name}"
    return {
        "name": name,
        "label": name.replace("_", " "),
        "description": f"{column.description} [{column.unit}]" if column.unit else column.description,
        "type": "simple",
        "type_params": {"measure": name},
    }


def _ratios(mart: Table, free: set[str]) -> list[dict[str, Any]]:
    """Quotients that the mart has as columns, and shares of what it says is a part of something."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for column in mart.columns:
        measure = measure_of(mart, column)
        if measure.kind == "ratio of sums":
            found[measure.numerator, measure.denominator] = (column.name, column.description)
    for part, whole in mart.at_most:
        found.setdefault((part, whole), (f"{part}_share", f"{part} / {whole}"))
    return [
        {
            "name": f"{mart.name}_{name}",
            "label": f"{mart.name}_{name}".replace("_", " "),
            "description": description,
            "type": "ratio",
            "type_params": {"numerator": f"{mart.name}_{part}", "denominator": f"{mart.name}_{whole}"},
        }
        for (part, whole), (name, description) in found.items()
        if {part, whole} <= free
    ]
