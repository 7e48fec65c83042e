"""Scores beside what the same people did: zones, friction, funnel steps, lifecycle, variants (docs/definitions/voice.md, "Scores by behaviour").

What counts lies in the days before the answer that the product file names, and before the answer; of zones that were
only seen the day alone is known. An association: who clicks a zone differs in other things too.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.alerts import with_q
from pipeline.stats.answers import last_answers, team_names, valid_scores, with_cluster_key
from pipeline.stats.bits import has_bit
from pipeline.stats.differences import difference, with_side
from pipeline.stats.periods import Calendar, usual_periods

_BEHAVIOUR = ["behaviour", "value"]
_QUESTION = ["survey", "question", "question_kind"]
# Shares of the people who did are told in integers too.
_SHARE = 10_000


def behaviour_results(
    rows: pl.LazyFrame, beside: Mapping[str, pl.LazyFrame], days: list[date], product: Product
) -> pl.DataFrame:
    """Scores of people who did and who didn't, over the last 28 and 90 days.

    `rows` holds feedback; `beside` zone_people, friction_incidents, step_events and activity of the same `days`.
    """
    table = TABLES["behaviour_results"]
    open_ = ~pl.col("survey").is_in(team_names(product))
    scored = with_cluster_key(valid_scores(last_answers(rows))).filter(open_, pl.col("person_key").is_not_null())
    periods = [each for each in usual_periods(days, product.week_start, weeks=False) if each[0] != "all"]
    if scored.is_empty() or not periods:
        return table.conform(pl.DataFrame(schema=table.schema))
    recent = scored.filter(pl.col("day") >= min(first for _, first, _ in periods)).with_columns(
        answer=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    did = _did(recent, beside, product)
    result = [pl.DataFrame(schema=table.schema)]
    for period, first, last in periods:
        inside = recent.filter(pl.col("day").is_between(first, last))
        named = _compared(inside, did).with_columns(
            period=pl.lit(period), period_start=pl.lit(first), period_end=pl.lit(last)
        )
        result.append(table.conform(named))
    return table.conform(pl.concat(result))


def _compared(inside: pl.DataFrame, did: pl.DataFrame) -> pl.DataFrame:
    """Each behaviour of somebody who answered the question, with and without it."""
    asked = inside.select("answer", *_QUESTION, "cluster_key", "points", is_low=pl.col("score_group") == "low")
    doing = did.join(asked.select("answer", *_QUESTION), on="answer")
    # A behaviour at a time: all answers beside all behaviours would be too many rows.
    parts = [
        _one(asked, own).with_columns(behaviour=pl.lit(behaviour), value=pl.lit(value))
        for (behaviour, value), own in sorted(doing.partition_by(_BEHAVIOUR, as_dict=True).items())
    ]
    none = _one(asked.clear(), doing.clear()).with_columns(behaviour=pl.lit(""), value=pl.lit(""))
    whole = pl.concat([none, *parts]).rename({
        "n_with": "responses_with", "n_without": "responses_without", "sum_with": "points_with",
        "sum_without": "points_without", "low": "effect_low", "high": "effect_high",
    })  # fmt: skip
    return with_q(whole, ["survey", "question"])


def _one(asked: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Scores of who did and who didn't, and how much more of the low answers' people did."""
    there = asked.join(own.select(_QUESTION).unique(), on=_QUESTION, how="semi")
    sided = with_side(there, own, ["answer", *_QUESTION]).with_columns(did=pl.col("side").cast(pl.Int64) * _SHARE)
    lows = sided.group_by(_QUESTION).agg(
        low_with=(pl.col("side") & pl.col("is_low")).sum(), low_without=(~pl.col("side") & pl.col("is_low")).sum()
    )
    effect = difference(sided, _QUESTION, "side", "points")
    other = difference(sided, _QUESTION, "is_low", "did").select(
        *_QUESTION,
        low_difference=pl.col("effect") / _SHARE,
        low_difference_low=pl.col("low") / _SHARE,
        low_difference_high=pl.col("high") / _SHARE,
    )
    # Who has no other side is compared with nobody.
    both = (pl.col("n_with") > 0) & (pl.col("n_without") > 0)
    return effect.filter(both).join(lows, on=_QUESTION).join(other, on=_QUESTION)


def _did(recent: pl.DataFrame, beside: Mapping[str, pl.LazyFrame], product: Product) -> pl.DataFrame:
    """`answer`, `behaviour`, `value`: what the person of each answer had done before it."""
    people = recent["person_key"].unique()
    mine = pl.col("person_key").is_in(people.implode())
    rules = product.friction.first
    zones = beside["zone_people"].filter(mine, pl.col("zone") != "").select(
        "person_key", "is_clicked", "is_exposed", "first_click_at", day="session_day",
        value=pl.concat_str("page", pl.lit("/"), "zone"),
    ).collect()  # fmt: skip
    signals = (
        beside["friction_incidents"]
        .filter(mine, pl.col("rule_set") == rules)
        .select("person_key", day="session_day", at="started_at", value="signal", behaviour=pl.lit("friction"))
        .collect()
    )
    interactions = [
        zones.filter("is_clicked").select("person_key", "day", "value", at="first_click_at", behaviour=pl.lit("zone_clicked")),
        zones.filter("is_exposed").select("person_key", "day", "value", at=_begin_of_day(product), behaviour=pl.lit("zone_seen")),
        signals,
        _steps(beside["step_events"].filter(mine), product),
    ]  # fmt: skip
    columns = ["person_key", "day", "at", *_BEHAVIOUR]
    every = pl.concat([each.select(columns) for each in interactions])
    reported = [
        _last_before(recent, every, product),
        _states(recent, beside["activity"].filter(mine), product),
        _variants(recent),
    ]
    return pl.concat([each.select("answer", *_BEHAVIOUR) for each in reported]).unique()


def _last_before(recent: pl.DataFrame, interactions: pl.DataFrame, product: Product) -> pl.DataFrame:
    """For each answer the behaviours whose last act before it lies in the days that count.

    Joined as of the answer: a person who is many (a shared account) has many answers and many acts.
    """
    keys = ["person_key", *_BEHAVIOUR]
    answers = recent.select("answer", "person_key", "occurred_at", answered="day")
    asked = answers.join(interactions.select(keys).unique(), on="person_key").sort("occurred_at", "answer", *_BEHAVIOUR)
    # Of one instant the act of the latest day is the one that counts.
    ordered = interactions.sort("at", "day")
    latest = asked.join_asof(ordered, left_on="occurred_at", right_on="at", by=keys, check_sortedness=False)
    days = pl.col("answered") - ONE_DAY * product.voice.looks_back_days
    return latest.filter((pl.col("day") >= days).fill_null(value=False))


def _begin_of_day(product: Product) -> pl.Expr:
    local = (
        pl.col("day")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(product.time_zone, ambiguous="earliest", non_existent="null")
    )
    # Where a clock change leaves out midnight, noon less twelve hours is close enough for a day.
    noon = (pl.col("day").cast(pl.Datetime("us")) + pl.duration(hours=12)).dt.replace_time_zone(product.time_zone)
    return pl.coalesce(local, noon - pl.duration(hours=12)).dt.convert_time_zone("UTC")


def _steps(steps: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """Steps of funnels that a person took, each on its own."""
    taken = steps.select("funnel", "person_key", "day", "steps", at="occurred_at").collect()
    none = pl.lit("")
    parts = [taken.clear().with_columns(value=none, behaviour=none)]
    for name, funnel in product.funnels.items():
        mine = taken.filter(pl.col("funnel") == name)
        parts += [
            mine.filter(has_bit("steps", i)).with_columns(
                value=pl.lit(f"{name}: {step.label}"), behaviour=pl.lit("funnel_step")
            )
            for i, step in enumerate(funnel.steps)
        ]
    return pl.concat(parts)


def _states(recent: pl.DataFrame, activity: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """Lifecycle state of the person in the week of the answer (docs/definitions/activity.md, "Lifecycle")."""
    week = Calendar("week", product.time_zone, product.week_start)
    active = activity.select("person_key", "first_at").collect().with_columns(week=week.number("first_at"))
    weeks = active.select("person_key", "week").unique()
    born = weeks.group_by("person_key").agg(born=pl.col("week").min())
    answered = recent.select("answer", "person_key", week=week.number("occurred_at")).join(born, on="person_key")
    before = weeks.select("person_key", week=pl.col("week") + 1, follows=pl.lit(value=True))
    joined = answered.join(before, on=["person_key", "week"], how="left")
    state = (
        pl.when(pl.col("born") == pl.col("week"))
        .then(pl.lit("new"))
        .when(pl.col("follows").fill_null(value=False))
        .then(pl.lit("returning"))
        .otherwise(pl.lit("resurrecting"))
    )
    return joined.with_columns(behaviour=pl.lit("lifecycle"), value=state)


def _variants(recent: pl.DataFrame) -> pl.DataFrame:
    reported = recent.filter(pl.col("variants").is_not_null())
    return reported.select("answer", behaviour=pl.lit("variant"), value=pl.col("variants").str.split(", ")).explode(
        "value"
    )
