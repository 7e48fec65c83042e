"""What a change is made of: factors of revenue, and each value's own rate and its share of all (docs/definitions/value.md, "KPI tree").

Parts add up to the change: exactly in micro-units of money, and to the last bit that a float holds otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from math import fsum, isclose, log
from typing import Any

import polars as pl

from pipeline.core.contract import MICROS
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.kpis.kpis import windows
from pipeline.stats.buckets import in_ranges, ranges_of
from pipeline.stats.key_figures import FIGURES, Grid, KeyFigure, by_person, grid_to, sums_of, top_values

_TREE = ("people", "orders per person", "revenue per order")
# Money given back where nothing was ordered: no product of factors, so none of them may bear it.
UNEXPLAINED = "unexplained"
# Headlines whose change is taken apart.
_TOTALS = ("people", "sessions", "orders", "revenue")
_RATES = (
    "conversion", "bounce_rate", "orders_per_person", "revenue_per_person", "average_order", "engaged_seconds", "frustration",
)  # fmt: skip
Sums = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Share:
    """A part of a change: what it is of, the figure before and after, its share of all, and what it adds."""

    kind: str
    part: str
    before: float | None
    after: float | None
    share_before: float | None
    share_after: float | None
    contribution: float


def tree(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Parts of a product's change by its factors: log-mean Divisia; Shapley's values where a factor is 0.

    Log-mean: L(R1, R0) ln(x1 / x0), L = (R1 - R0) / ln(R1 / R0). Ang 2005.
    """
    whole_before, whole_after = _product(before), _product(after)
    if min(*before, *after) <= 0:
        return _shapley(before, after)
    # So near to each other the quotient of differences is noise.
    if isclose(whole_before, whole_after, rel_tol=1e-9):
        mean = whole_before
    else:
        mean = (whole_after - whole_before) / log(whole_after / whole_before)
    return [mean * log(b / a) for a, b in zip(before, after, strict=True)]


def _product(factors: Sequence[float]) -> float:
    whole = 1.0
    for each in factors:
        whole *= each
    return whole


def _shapley(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Mean over all orders in which factors may change one after the other."""
    orders = list(permutations(range(len(before))))
    result = [0.0] * len(before)
    for order in orders:
        factors = list(before)
        for i in order:
            was = _product(factors)
            factors[i] = after[i]
            result[i] += (_product(factors) - was) / len(orders)
    return result


def mix_and_rate(before: Sums, after: Sums) -> list[Share]:
    """Each value's part of a quotient's change: by its own rate, and by its share of the denominator.

    `before` and `after` give `y` and `x` of each value. Rate: change of the value's own quotient at its mean share; mix:
    change of its share, at how far its mean quotient lies from that of all. A value without anything on one side has no
    rate of its own there: all of it is mix.
    """
    wholes = [
        (sum(each["y"] for each in side.values()), sum(each["x"] for each in side.values())) for side in (before, after)
    ]
    if min(x for _, x in wholes) <= 0:
        return []
    middle = sum(y / x for y, x in wholes) / 2
    result: list[Share] = []
    for value in sorted({*before, *after}):
        (y0, x0), (y1, x1) = (
            (side.get(value, {}).get("y", 0), side.get(value, {}).get("x", 0)) for side in (before, after)
        )
        shares = x0 / wholes[0][1], x1 / wholes[1][1]
        own = (y0 / x0 if x0 else None), (y1 / x1 if x1 else None)
        known = [each for each in own if each is not None]
        if not known:
            # Nothing below the line on either side, as refunds without an order: what is above it counts as it is.
            rate = y1 / wholes[1][1] - y0 / wholes[0][1]
            result.append(Share("rate", value, None, None, *shares, rate))
            continue
        first, last = (own[0] if own[0] is not None else known[0]), (own[1] if own[1] is not None else known[0])
        # The same where a side has sums above the line only.
        loose = (y1 / wholes[1][1] if not x1 else 0.0) - (y0 / wholes[0][1] if not x0 else 0.0)
        rate = (last - first) * (shares[0] + shares[1]) / 2 + loose
        mix = (shares[1] - shares[0]) * ((first + last) / 2 - middle)
        result.append(Share("rate", value, *own, *shares, rate))
        result.append(Share("mix", value, *own, *shares, mix))
    return result


def _adding_up(parts: Sequence[float], whole: float) -> list[float]:
    """The parts, the largest of which takes what rounding left."""
    if not parts:
        return []
    largest = max(range(len(parts)), key=lambda i: abs(parts[i]))
    rest = fsum(parts[:largest]) + fsum(parts[largest + 1 :])
    return [whole - rest if i == largest else each for i, each in enumerate(parts)]


def _in_micros(parts: Sequence[float], whole: int) -> list[int]:
    """The parts in whole micro-units, which add up to `whole`."""
    result = [round(each) for each in parts]
    if result:
        largest = max(range(len(result)), key=lambda i: abs(result[i]))
        result[largest] += whole - sum(result)
    return result


def kpi_parts(sessions: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """The parts of each headline's change: the last complete week, the last 7 and 28 days, each beside what was before."""
    table = TABLES["kpi_parts"]
    there = set(days)
    rows: list[dict[str, Any]] = []
    for each in windows(days, product):
        grid = grid_to(each.grid.last, each.grid.length, 2)
        if each.period == "day" or not all(grid.first + timedelta(days=i) in there for i in range(2 * grid.length)):
            continue
        about = {"period": each.period, "period_start": grid.first_of(1), "period_end": grid.last}
        result = _sums(sessions, grid, product)
        rows += [{**row, **about} for row in (*_tree_rows(result), *_rows(result))]
    return table.conform(pl.DataFrame(rows, schema=table.schema, orient="row"))


def _sums(sessions: pl.LazyFrame, grid: Grid, product: Product) -> dict[str, list[dict[str, Any]]]:
    """Rows of sums by dimension: `value`, `window` (0 before, 1 after), and the figures' sums."""
    recent = sessions.filter(pl.col("session_day").is_between(grid.first, grid.last))
    groups = by_person(product, top_values(recent))
    number = ranges_of(8 * recent.select(pl.len()).collect().item())
    born = pl.DataFrame(schema={"person_key": pl.Int64, "born": pl.Date})
    parts = in_ranges(lambda inside: sums_of(recent.filter(inside).collect(), born, grid, groups), number)
    whole = pl.concat(parts).group_by("dimension", "value", "window").agg(pl.all().sum())
    result: dict[str, list[dict[str, Any]]] = {}
    for row in whole.sort("dimension", "value", "window").rows(named=True):
        result.setdefault(row["dimension"], []).append(row)
    return result


def _tree_rows(result: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    whole = {row["window"]: row for row in result.get("", [])}
    if len(whole) < 2 or min(row["people_y"] for row in whole.values()) == 0:  # noqa: PLR2004  # before and after
        return []
    factors: list[list[float]] = []
    rests: list[int] = []
    for side in (0, 1):
        people, orders, revenue = (whole[side][f"{name}_y"] for name in ("people", "orders", "revenue"))
        factors.append([people, orders / people, revenue / orders if orders else 0.0])
        rests.append(0 if orders else revenue)
    unexplained = rests[1] - rests[0]
    change = whole[1]["revenue_y"] - whole[0]["revenue_y"]
    parts = list(zip(_TREE, *factors, _in_micros(tree(*factors), change - unexplained), strict=True))
    if any(rests):
        parts.append((UNEXPLAINED, *rests, unexplained))
    scales = {"revenue per order": MICROS, UNEXPLAINED: MICROS}
    return [
        _row("revenue", "", Share("tree", name, a / scale, b / scale, None, None, part / MICROS), part)
        for name, a, b, part in parts
        for scale in (scales.get(name, 1),)
    ]


def _rows(result: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for dimension, own in result.items():
        if not dimension:
            continue
        for name in (*_TOTALS, *_RATES):
            sides: list[dict[str, dict[str, int]]] = [{}, {}]
            for row in own:
                sides[row["window"]][row["value"]] = {"y": int(row[f"{name}_y"]), "x": int(row[f"{name}_x"])}
            rows += _of_total(name, dimension, *sides) if name in _TOTALS else _of_rate(name, dimension, *sides)
    return rows


def _of_total(name: str, dimension: str, before: Sums, after: Sums) -> list[dict[str, Any]]:
    figure = FIGURES[name]
    rows: list[dict[str, Any]] = []
    for value in sorted({*before, *after}):
        a, b = (side.get(value, {}).get("y", 0) for side in (before, after))
        part = Share("volume", value, a / figure.scale, b / figure.scale, None, None, (b - a) / figure.scale)
        rows.append(_row(name, dimension, part, b - a if figure.unit == "currency" else None))
    return rows


def _of_rate(name: str, dimension: str, before: Sums, after: Sums) -> list[dict[str, Any]]:
    figure = FIGURES[name]
    parts = mix_and_rate(before, after)
    ends = [sum(e["y"] for e in side.values()) / max(1, sum(e["x"] for e in side.values())) for side in (before, after)]
    scale = figure.scale
    exact = _adding_up([each.contribution for each in parts], ends[1] - ends[0])
    micros: Sequence[int | None] = [None] * len(parts)
    if figure.unit == "currency":
        micros = _in_micros(exact, round(ends[1]) - round(ends[0]))
    return [
        _row(name, dimension, _scaled(each, contribution, figure), micro)
        for each, contribution, micro in zip(parts, [value / scale for value in exact], micros, strict=True)
    ]


def _scaled(part: Share, contribution: float, figure: KeyFigure) -> Share:
    before, after = (None if each is None else each / figure.scale for each in (part.before, part.after))
    return Share(part.kind, part.part, before, after, part.share_before, part.share_after, contribution)


def _row(kpi: str, dimension: str, part: Share, micros: int | None) -> dict[str, Any]:
    return {
        "kpi": kpi, "kind": part.kind, "dimension": dimension, "part": part.part, "before": part.before, "after": part.after,
        "share_before": part.share_before, "share_after": part.share_after, "contribution": part.contribution,
        "contribution_micros": micros,
    }  # fmt: skip
