"""What is worth a look in recorded sessions, and which of them to watch for what.

A list holds at most ten sessions of different people that show its subject. Recordings that can be shown come first, then
sessions that missed the goal; then devices take turns, so that a list is diverse, and of each device the short ones come
first.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.opportunities.evidence import met_of
from pipeline.domains.opportunities.opportunities import id_of
from pipeline.domains.opportunities.subjects import ZONE_SIGNALS, Span, Streams, goal_of

WATCH_LIST = "watch_list"
DAYS, PLACES = 28, 10
_KEY = ["kind", "page", "subject", "rule_set"]


def watch_list(views: pl.LazyFrame, beside: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """Up to ten recorded sessions for each page, and for whatever may be an opportunity, over the last 28 days.

    Without a goal of the product file nothing is an opportunity, and only pages have lists.
    """
    table = TABLES[WATCH_LIST]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    end = day_start(days[-1] + ONE_DAY, product.zone_info)
    span = Span(max(days[0], days[-1] - timedelta(days=DAYS - 1)), days[-1], end, days[0])
    recorded = (
        beside["recordings"].filter(span.holds(), pl.col("completeness") != "nothing to show")
        .select("session_key", "session_day", "duration_ms", "completeness", begins="started_at", device="device_type")
        .collect()
    )  # fmt: skip
    if recorded.is_empty():
        return table.conform(pl.DataFrame(schema=table.schema))
    seen = beside["session_kpis"].filter(span.holds()).select("session_key", converted=pl.col("goal_bits") > 0)
    met = [*_stuck(beside, span, product)]
    if goal_of(product) is not None:
        met.append(met_of(views, beside, span, product).filter(~pl.col("kind").is_in(["friction", "zone"])))
    chosen = pl.concat(met, how="diagonal_relaxed").join(recorded, on="session_key").join(
        seen.collect(), on="session_key", how="left"
    )  # fmt: skip
    ranked = _ranked(chosen)
    ids = [id_of(*row) if row[0] != "page" else "" for row in ranked.select(_KEY).rows()]
    offset = (pl.col("happened_at") - pl.col("begins")).dt.total_milliseconds()
    return table.conform(
        ranked.with_columns(
            pl.Series("id", ids, dtype=pl.String), pl.col("converted").fill_null(value=False), device_type="device",
            offset_ms=offset,
        )
    )  # fmt: skip


def _stuck(beside: Streams, span: Span, product: Product) -> Iterator[pl.DataFrame]:
    """Incidents by page (of each session the heaviest), by page and signal, and of clicks by zone too."""
    rules = product.friction.first
    own = (
        beside["friction_incidents"].filter(span.holds(), pl.col("rule_set") == rules, pl.col("page").is_not_null())
        .with_columns(happened_at="started_at", detail=pl.coalesce("detail", "element"))
        .sort("weight", "started_at", "incident_key", descending=[True, False, False])
        .select("page", "session_key", "person_key", "signal", "zone", "happened_at", "detail")
        .collect()
    )  # fmt: skip
    named = pl.concat_str(pl.col("signal").str.replace_all("_", " "), "detail", separator=": ", ignore_nulls=True)
    heaviest = own.unique(["page", "session_key"], keep="first", maintain_order=True)
    yield _of_kind("page", heaviest.with_columns(detail=named), pl.lit(""), "")
    yield _of_kind("friction", own, pl.col("signal"), rules)
    clicked = own.filter(pl.col("zone").is_not_null(), pl.col("signal").is_in(ZONE_SIGNALS))
    yield _of_kind("zone", clicked, pl.concat_str("signal", pl.lit(" in "), "zone"), rules)


def _of_kind(kind: str, rows: pl.DataFrame, subject: pl.Expr, rules: str) -> pl.DataFrame:
    named = rows.with_columns(kind=pl.lit(kind), subject=subject, rule_set=pl.lit(rules))
    return named.select(*_KEY, "session_key", "person_key", "happened_at", "detail")


def _ranked(met: pl.DataFrame) -> pl.DataFrame:
    first = met.sort("happened_at", "session_key", "detail", nulls_last=True).unique(
        [*_KEY, "session_key"], keep="first", maintain_order=True
    )
    is_odd = pl.col("completeness") != "whole"
    best = ["is_odd", "converted", "duration_ms", "session_key"]
    of_people = first.with_columns(is_odd=is_odd).sort(best, nulls_last=True).unique(
        [*_KEY, "person_key"], keep="first", maintain_order=True
    )  # fmt: skip
    turn = pl.int_range(pl.len()).over(*_KEY, "is_odd", "converted", "device")
    ordered = of_people.with_columns(turn=turn).sort(
        "is_odd", "converted", "turn", "duration_ms", "session_key", nulls_last=True
    )
    placed = ordered.with_columns(position=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(_KEY))
    return placed.filter(pl.col("position") <= PLACES)
