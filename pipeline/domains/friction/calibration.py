"""Which friction signals mean anything on this product: the like-for-like effect of each on each goal.

A day's `first_views` hold what the estimator needs of a session; `friction_effects` puts days together.
"""

from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.friction.friction_tables import scores_of_views
from pipeline.domains.friction.section import FrictionRules
from pipeline.events.outcomes import outcomes_after, results_of
from pipeline.stats.bits import has_bit
from pipeline.stats.buckets import ranges_of
from pipeline.stats.like_for_like import like_for_like

PERIODS = {"last_28": 28, "last_90": 90}
_BY = ["rule_set", "signal", "page", "goal"]
_STRATA = ["device_type", "is_new", "views_before"]
_VIEW = ["session_key", "page_view_key"]


def first_views(
    events: pl.LazyFrame, views: pl.LazyFrame, incidents: pl.LazyFrame, day: date, product: Product
) -> pl.DataFrame:
    """Each session's first view of each page: what was met in it and before it, which goals came before and after."""
    table = TABLES["first_views"]
    real = views.filter(~pl.col("is_bot"), ~pl.col("implied")).sort("session_key", "position").collect()
    began = events.group_by("session_key").agg(session_began=pl.col("occurred_at").min()).collect()
    ordered = real.with_columns(view_number=pl.int_range(pl.len(), dtype=pl.Int64).over("session_key")).join(
        began, on="session_key", how="left", maintain_order="left"
    )
    begun = events.filter(pl.col("kind") == "page_view").select("page_view_key", "event_index").collect()
    first = begun.unique("page_view_key", keep="first", maintain_order=True)
    placed = ordered.join(first, on="page_view_key", maintain_order="left")
    firsts = placed.filter(pl.col("page").is_not_null(), pl.struct("session_key", "page").is_first_distinct())
    after = outcomes_after(events, results_of(events), firsts.select("session_key", "event_index"))
    reached = after.select("session_key", "event_index", goals_after="goal_bits", revenue_after_micros="revenue_micros")
    goals = firsts.join(reached, on=["session_key", "event_index"])
    before = _goals_before(events, firsts)
    known = goals.join(before, on=_VIEW, how="left").with_columns(
        pl.col("goals_before").fill_null(0), views_before=pl.min_horizontal((pl.col("view_number") + 1) // 2, 2)
    )
    parts = [_met(known, ordered, incidents, name, rules) for name, rules in product.friction.rule_sets.items()]
    return table.conform(pl.concat(parts).with_columns(session_day=pl.lit(day)))


def _goals_before(events: pl.LazyFrame, firsts: pl.DataFrame) -> pl.DataFrame:
    reached = events.filter(pl.col("goal_bits") != 0).select("session_key", "goal_bits", then="event_index").collect()
    earlier = (
        firsts.select(*_VIEW, "event_index")
        .join(reached, on="session_key")
        .filter(pl.col("then") <= pl.col("event_index"))
    )
    return earlier.group_by(_VIEW).agg(goals_before=pl.col("goal_bits").bitwise_or())


def _met(
    known: pl.DataFrame, ordered: pl.DataFrame, incidents: pl.LazyFrame, name: str, rules: FrictionRules
) -> pl.DataFrame:
    """Add the rule set's bits: `met_in_view` and `met_before`, a bit per entry of `calibrated`."""
    names = rules.calibrated
    own = incidents.filter(pl.col("rule_set") == name).collect()
    order = {signal: 1 << i for i, signal in enumerate(names)}
    bit = pl.col("signal").replace_strict(order, return_dtype=pl.Int64)
    bits = own.group_by("page_view_key").agg(met=bit.bitwise_or())
    scores = scores_of_views(own.lazy()).collect()
    for score in rules.calibrated_scores:
        high = scores.filter(pl.col("score") >= score).select("page_view_key", met=pl.lit(order[f"score>={score}"]))
        bits = pl.concat([bits, high], how="vertical_relaxed")
    by_view = bits.group_by("page_view_key").agg(pl.col("met").bitwise_or())
    lined = ordered.select(*_VIEW).join(by_view, on="page_view_key", how="left", maintain_order="left")
    met = pl.col("met").fill_null(0)
    # Or over all earlier views of the session: few bits, each a running maximum.
    earlier = [
        ((met & value) != 0).cast(pl.Int64).cum_max().shift(1, fill_value=0).over("session_key") * value
        for value in order.values()
    ]
    marked = lined.with_columns(met_in_view=met, met_before=pl.sum_horizontal(earlier))
    return known.join(marked.select(*_VIEW, "met_in_view", "met_before"), on=_VIEW).with_columns(rule_set=pl.lit(name))


def friction_effects(rows: pl.LazyFrame, people: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Effects by rule set, signal, page and goal over the last 28 and 90 days; `rows` holds first_views of `days`, `people` people_first."""
    table = TABLES["friction_effects"]
    parts = [pl.DataFrame(schema=table.schema)]
    for period, length in PERIODS.items():
        if not days or not product.goals:
            break
        first = max(days[0], days[-1] - ONE_DAY * (length - 1))
        recent = rows.filter(pl.col("session_day") >= first)
        # A first view stands once for each signal and goal, in a wide row.
        most = 2 * len(product.goals) * max(len(rules.calibrated) for rules in product.friction.rule_sets.values())
        ranges = ranges_of(recent.select(pl.len()).collect().item() * most)
        made = like_for_like(lambda inside, of=recent: _units(of, people, inside, product), _BY, _STRATA, ranges)
        named = made.rename({"with": "sessions_with", "without": "sessions_without"}).with_columns(
            period=pl.lit(period), period_start=pl.lit(first), period_end=pl.lit(days[-1])
        )
        parts.append(table.conform(named))
    return table.conform(pl.concat(parts))


def _units(rows: pl.LazyFrame, people: pl.LazyFrame, inside: pl.Expr, product: Product) -> pl.DataFrame:
    """First views by signal and goal that are on one side: with the signal, or without it so far; goal not yet reached."""
    born = people.filter(inside).select("person_key", born_at="first_at")
    own = rows.filter(inside).join(born, on="person_key", how="left").collect()
    reported = own.with_columns(is_new=(pl.col("session_began") <= pl.col("born_at")).fill_null(value=False))
    parts = [pl.DataFrame(schema=_UNIT)]
    for name, rules in product.friction.rule_sets.items():
        mine = reported.filter(pl.col("rule_set") == name)
        for i, signal in enumerate(rules.calibrated):
            is_with, met = has_bit("met_in_view", i), has_bit("met_before", i)
            sided = mine.with_columns(is_with=is_with).filter(is_with | ~met)
            for g, goal in enumerate(sorted(product.goals)):
                open_ = sided.filter(~has_bit("goals_before", g))
                parts.append(
                    open_.select(
                        "person_key", *_STRATA, "page", "is_with", "rule_set",
                        reached=has_bit("goals_after", g), signal=pl.lit(signal), goal=pl.lit(goal),
                    ).select(list(_UNIT))
                )  # fmt: skip
    return pl.concat(parts)


_UNIT = {
    "person_key": pl.Int64,
    "rule_set": pl.String,
    "signal": pl.String,
    "page": pl.String,
    "goal": pl.String,
    "device_type": pl.String,
    "is_new": pl.Boolean,
    "views_before": pl.Int64,
    "is_with": pl.Boolean,
    "reached": pl.Boolean,
}
