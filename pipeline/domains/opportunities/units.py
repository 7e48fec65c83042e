"""Who met what, and what became of it: the units that impact is told from, for each kind of opportunity.

A unit is a session's first view of a page (friction, zones, broken links), a person at a step of a funnel (drops), or a
comment (themes); `is_with` where it met the thing, `reached` where the goal followed, `revenue_micros` what came after.
"""

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from pipeline.core.product import Product
from pipeline.core.signals import SIGNAL_NAMES
from pipeline.domains.opportunities.subjects import AFTER_COMMENT, COMMENT, Span, Streams, Subjects, goal_of
from pipeline.stats.answers import comments, last_answers, team_names
from pipeline.stats.bits import has_bit, has_name

BY = ["kind", "page", "subject", "rule_set", "goal"]
STRATA = ["device_type", "is_new", "views_before"]
READS = ("friction_incidents", "step_events", "outcomes", "feedback", "people_first", "session_kpis")
UNIT: dict[str, pl.DataType] = {
    "person_key": pl.Int64(),
    **dict.fromkeys(BY, pl.String()),
    "device_type": pl.String(),
    "is_new": pl.Boolean(),
    "views_before": pl.Int64(),
    "is_with": pl.Boolean(),
    "reached": pl.Boolean(),
    "revenue_micros": pl.Int64(),
    "weeks": pl.Float64(),
    "day": pl.Date(),
    "session_key": pl.Int64(),
}
# Which of STRATA tell units of a kind apart; the others are the same for all of them.
STRATA_OF: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("friction", "zone", "broken_link"), tuple(STRATA)),
    "funnel_drop": ("is_new",),
    "theme": ("device_type", "is_new"),
}


def units(
    views: pl.LazyFrame, beside: Streams, inside: pl.Expr, span: Span, product: Product, looked: Subjects
) -> pl.DataFrame:
    """All units of a range of people, by BY and STRATA, of the `subjects` of all people.

    `views` holds first_views, `beside` the tables of READS, and `comment_themes` where comments have themes.
    """
    born = beside["people_first"].filter(inside).select("person_key", born_at="first_at").collect()
    rows = {name: beside[name].filter(inside) for name in READS}
    parts = [
        pl.DataFrame(schema=UNIT),
        *_of_views(views.filter(inside, span.holds()), rows["friction_incidents"], born, span, product, looked),
        *(_unit(part) for part in funnel_steps(rows["step_events"], rows["outcomes"], born, span, product, looked)),
        *(_unit(part) for part in _comments(rows, beside.get("comment_themes"), born, span, product, looked)),
    ]
    return pl.concat(parts)


def _unit(part: pl.DataFrame) -> pl.DataFrame:
    return part.select(pl.col(name).cast(dtype) for name, dtype in UNIT.items())


def _of_views(
    views: pl.LazyFrame, incidents: pl.LazyFrame, born: pl.DataFrame, span: Span, product: Product, looked: Subjects
) -> Iterator[pl.DataFrame]:
    goal, rules = goal_of(product), product.friction.first
    if goal is None:
        return
    open_ = views.filter(pl.col("rule_set") == rules, ~has_name("goals_before", goal, product.goals)).collect()
    known = open_.join(born, on="person_key", how="left").with_columns(
        is_new=(pl.col("session_began") <= pl.col("born_at")).fill_null(value=False),
        reached=has_name("goals_after", goal, product.goals),
        revenue_micros="revenue_after_micros",
        rule_set=pl.lit(rules),
        goal=pl.lit(goal),
        weeks=pl.lit(span.weeks),
        day="session_day",
    )
    for i, signal in enumerate(product.friction.rule_sets[rules].calibrated):
        # A broken link is met on the page that it leads from; scores are sums of signals.
        if signal not in SIGNAL_NAMES or signal == "broken_link":
            continue
        is_with = has_bit("met_in_view", i)
        sided = known.with_columns(is_with=is_with).filter(is_with | ~has_bit("met_before", i))
        reported = sided.filter(pl.col("page").is_in(looked.pages.get(signal, [])))
        yield _unit(reported.with_columns(kind=pl.lit("friction"), subject=pl.lit(signal)))
    own = incidents.filter(span.holds(), pl.col("rule_set") == rules).collect()
    yield from _zones(known, own, looked.zones)
    yield from _broken_links(known, own, looked.broken)


def _zones(known: pl.DataFrame, incidents: pl.DataFrame, zones: list[tuple[str, str, str]]) -> Iterator[pl.DataFrame]:
    """Clicks that failed in a zone, beside all other first views of its page."""
    for page, signal, zone in zones:
        own = incidents.filter(pl.col("page") == page, pl.col("signal") == signal, pl.col("zone") == zone)
        is_with = pl.col("page_view_key").is_in(own["page_view_key"].implode())
        there = known.filter(pl.col("page") == page).with_columns(is_with=is_with)
        yield _unit(there.with_columns(kind=pl.lit("zone"), subject=pl.lit(f"{signal} in {zone}")))


def _broken_links(known: pl.DataFrame, incidents: pl.DataFrame, pages: list[str]) -> Iterator[pl.DataFrame]:
    """Sessions that a page led to one that isn't there, beside others on that page."""
    for page in pages:
        own = incidents.filter(pl.col("signal") == "broken_link", pl.col("came_from") == page)
        is_with = pl.col("session_key").is_in(own["session_key"].implode())
        there = known.filter(pl.col("page") == page).with_columns(is_with=is_with)
        yield _unit(there.with_columns(kind=pl.lit("broken_link"), subject=pl.lit("broken_link")))


def funnel_steps(
    steps: pl.LazyFrame, outcomes: pl.LazyFrame, born: pl.DataFrame, span: Span, product: Product, looked: Subjects
) -> Iterator[pl.DataFrame]:
    """People at each step, by group of the breakdown: did they take the next one, as others do?

    The days looked at are those whose windows are over by the end of the span, as many as it has. Revenue is that of the
    window. Funnels by sessions or properties, and those without a breakdown, have nobody to compare with.
    """
    for name, funnel in product.funnels.items():
        if funnel.unit != "person" or funnel.breakdown is None:
            continue
        window = funnel.length
        moved = span.moved(window)
        reads = pl.col("day").is_between(moved.first, span.last)
        own = steps.filter(pl.col("funnel") == name, reads).collect()
        money = outcomes.filter(reads).select(
            "person_key", "occurred_at", "revenue_micros", reached=pl.lit(value=False)
        )
        for k, step in enumerate(funnel.steps[:-1]):
            taken = own.filter(moved.holds("day"), has_bit("steps", k)).sort("occurred_at", "tie", "value")
            at = taken.group_by("person_key", maintain_order=True).agg(
                pl.col("value", "day").first(), begins=pl.col("occurred_at").first()
            )
            following = own.filter(has_bit("steps", k + 1)).select(
                "person_key", "occurred_at", revenue_micros=pl.lit(0, dtype=pl.Int64), reached=pl.lit(value=True)
            )
            interactions = pl.concat([following, money.collect()])
            known = _with_what_followed(at, interactions, window, born).with_columns(
                kind=pl.lit("funnel_drop"), page=pl.lit(name), rule_set=pl.lit(""), goal=pl.lit(funnel.steps[k + 1].label),
                device_type=pl.lit(""), views_before=pl.lit(0), weeks=pl.lit(moved.weeks),
                session_key=pl.lit(None),
            )  # fmt: skip
            for group in looked.groups.get((name, k), []):
                subject = f"{step.label}, {group or '(none)'}"
                yield known.with_columns(is_with=pl.col("value") == group, subject=pl.lit(subject))


def _with_what_followed(
    people: pl.DataFrame, interactions: pl.DataFrame, window: timedelta, born: pl.DataFrame
) -> pl.DataFrame:
    """Add `reached` and `revenue_micros` of the person's acts after `begins` and within the window, and `is_new`."""
    numbered = people.with_row_index("unit")
    joined = numbered.select("unit", "person_key", "begins").join(interactions, on="person_key")
    after = joined.filter(pl.col("occurred_at") > pl.col("begins"), pl.col("occurred_at") <= pl.col("begins") + window)
    summed = after.group_by("unit").agg(pl.col("reached").any(), pl.col("revenue_micros").sum())
    reported = numbered.join(summed, on="unit", how="left").join(born, on="person_key", how="left")
    return reported.with_columns(
        pl.col("reached").fill_null(value=False),
        pl.col("revenue_micros").fill_null(0),
        is_new=(pl.col("begins") - pl.col("born_at") < timedelta(days=1)).fill_null(value=False),
    )


def _comments(
    rows: Streams, themes: pl.LazyFrame | None, born: pl.DataFrame, span: Span, product: Product, looked: Subjects
) -> Iterator[pl.DataFrame]:
    """Comments with each theme beside those without: did the person reach the goal in the days after?"""
    goal = goal_of(product)
    if goal is None or themes is None or not looked.themes:
        return
    moved = span.moved(AFTER_COMMENT)
    open_ = ~pl.col("survey").is_in([*team_names(product), *looked.after_goal]) & pl.col("person_key").is_not_null()
    reported = comments(last_answers(rows["feedback"].filter(moved.holds("day"), open_)))
    interactions = rows["outcomes"].filter(pl.col("day").is_between(moved.first, span.last)).select(
        "person_key", "occurred_at", "revenue_micros", reached=has_name("goal_bits", goal, product.goals)
    ).collect()  # fmt: skip
    known = _with_what_followed(reported.with_columns(begins="occurred_at"), interactions, AFTER_COMMENT, born).with_columns(
        kind=pl.lit("theme"), page="survey", rule_set=pl.lit(""), goal=pl.lit(goal), views_before=pl.lit(0),
        weeks=pl.lit(moved.weeks),
    )  # fmt: skip
    having = themes.filter(pl.col("theme").is_in(looked.themes)).select(*COMMENT, "theme").collect()
    for theme in looked.themes:
        marks = having.filter(pl.col("theme") == theme).select(*COMMENT, is_with=pl.lit(value=True)).unique()
        sided = known.join(marks, on=COMMENT, how="left").with_columns(pl.col("is_with").fill_null(value=False))
        yield sided.with_columns(subject=pl.lit(theme))
