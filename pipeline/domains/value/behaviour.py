"""Which behaviour of the first days goes with staying and buying, and what helps from one funnel step to the next.

Definition: docs/definitions/value.md, "Behaviour and value": what people did on days 0-6 after their first event, outcomes from day 7
on, mature people only, in strata of days active, device and channel. An association among people who are alike.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from pipeline.core.contract import MICROS
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.channels import NOT_MEASURED, UNKNOWN
from pipeline.stats.bits import has_bit
from pipeline.stats.buckets import in_ranges, ranges_of
from pipeline.stats.standardised import effects, marked, sums

_FIRST_DAYS = 7
# Outcome: its first and last day after the first event, and by what its integers are divided.
OUTCOMES: dict[str, tuple[int, int, int]] = {"retained": (7, 34, 1), "revenue": (7, 96, MICROS)}
STEP = "next_step"
STRATA = ["days_active", "device_type", "channel"]
_BY = ["kind", "behaviour"]
_MOST_DAYS = 4
# What is done so shortly before a step is the step's own click.
_OWN_CLICK = timedelta(seconds=5)
Streams = Mapping[str, pl.LazyFrame]
READS = ("outcomes", "session_kpis", "feature_days", "zone_people", "step_events", "friction_incidents")


def behaviour_values(activity: pl.LazyFrame, beside: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """Effects of each behaviour on each outcome; `beside` holds the tables of READS over all of `days`."""
    table = TABLES["behaviour_values"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    number = ranges_of(4 * activity.select(pl.len()).collect().item())
    parts = list(in_ranges(lambda inside: _sums(activity, beside, inside, days, product), number))
    result = [table.schema.to_frame()]
    for outcome in (*OUTCOMES, STEP):
        pairs = [part[outcome] for part in parts]
        everybody, doing, *rest = (pl.concat(each) for each in zip(*pairs, strict=True))
        unit = OUTCOMES[outcome][2] if outcome in OUTCOMES else 1
        reported = (
            _steps(everybody, doing, rest[0]) if outcome == STEP else effects(everybody, doing, STRATA, _BY, unit)
        )
        compared = reported.filter(pl.col("people_with") > 0).with_columns(outcome=pl.lit(outcome))
        result.append(table.conform(marked(compared, ["outcome"])))
    return table.conform(pl.concat(result))


def _steps(everybody: pl.DataFrame, doing: pl.DataFrame, unknown: pl.DataFrame) -> pl.DataFrame:
    """Suggestions of each step on their own: who stood at it is who they are compared with."""
    parts = [effects(everybody.clear().drop("step"), doing.clear().drop("step"), STRATA, _BY, 1)]
    for (step,), own in sorted(doing.partition_by("step", as_dict=True, include_key=False).items()):
        stood = everybody.filter(pl.col("step") == step).drop("step")
        parts.append(effects(stood, own, STRATA, _BY, 1, unknown.filter(pl.col("step") == step).drop("step")))
    return pl.concat(parts)


def _sums(
    activity: pl.LazyFrame, beside: Streams, inside: pl.Expr, days: list[date], product: Product
) -> dict[str, tuple[pl.DataFrame, ...]]:
    active = activity.filter(inside).select("person_key", "day", "first_at").collect()
    rows = {name: beside[name].filter(inside) for name in READS}
    people = _people(active, rows["session_kpis"])
    interactions = _interactions(rows, product)
    early = interactions.join(people.select("person_key", "born"), on="person_key").filter(
        pl.col("day") < pl.col("born") + timedelta(days=_FIRST_DAYS)
    )
    did = early.select("person_key", *_BY).unique()
    result: dict[str, tuple[pl.DataFrame, ...]] = {}
    for outcome, (first, last, _) in OUTCOMES.items():
        mature = people.filter(pl.col("born") + timedelta(days=last) <= days[-1])
        known = _reached(mature, active, rows["outcomes"], outcome, (first, last))
        result[outcome] = sums(known, did, STRATA, _BY)
    return {**result, STEP: _step_sums(people, interactions, rows["step_events"].collect(), days, product)}


def _people(active: pl.DataFrame, sessions: pl.LazyFrame) -> pl.DataFrame:
    """Each person's first day `born`, and strata: days active of the first seven, device and channel of the first session."""
    first = active.group_by("person_key").agg(born=pl.col("day").min())
    early = active.join(first, on="person_key").filter(pl.col("day") < pl.col("born") + timedelta(days=_FIRST_DAYS))
    counted = early.group_by("person_key").agg(days_active=pl.len().clip(upper_bound=_MOST_DAYS).cast(pl.Int64))
    ordered = sessions.select(
        "person_key", "started_at", "session_key", "device_type", pl.col("channel").fill_null(NOT_MEASURED)
    )
    began = (
        ordered.sort("started_at", "session_key")
        .group_by("person_key")
        .agg(pl.col("device_type", "channel").first())
        .collect()
    )
    known = first.join(counted, on="person_key").join(began, on="person_key", how="left")
    return known.with_columns(pl.col("device_type", "channel").fill_null(UNKNOWN))


def _interactions(rows: Streams, product: Product) -> pl.DataFrame:
    """Everything that counts as a behaviour: `person_key`, `day`, `at`, `kind`, `behaviour`."""
    features = rows["feature_days"].filter(pl.col("feature") != "", pl.col("uses") > 0).select(
        "person_key", "day", at="first_at", kind=pl.lit("feature"), behaviour="feature"
    )  # fmt: skip
    zones = rows["zone_people"].filter(pl.col("zone") != "", pl.col("is_clicked")).select(
        "person_key", day="session_day", at="first_click_at", kind=pl.lit("zone"),
        behaviour=pl.concat_str("page", pl.lit("/"), "zone"),
    )  # fmt: skip
    own = pl.col("rule_set") == product.friction.first
    friction = rows["friction_incidents"].filter(own).select(
        "person_key", day="session_day", at="started_at", kind=pl.lit("friction"), behaviour="signal"
    )  # fmt: skip
    taken = rows["step_events"]
    steps = [
        taken.filter(pl.col("funnel") == name, has_bit("steps", i)).select(
            "person_key", "day", at="occurred_at", kind=pl.lit("funnel_step"), behaviour=pl.lit(f"{name}: {step.label}")
        )
        for name, funnel in product.funnels.items()
        for i, step in enumerate(funnel.steps)
    ]
    parts = pl.collect_all([features, zones, friction, *steps])
    return pl.concat(parts)


def _reached(
    people: pl.DataFrame, active: pl.DataFrame, outcomes: pl.LazyFrame, outcome: str, span: tuple[int, int]
) -> pl.DataFrame:
    """Add `y`: whether a person was active, or the revenue, on the days of `span` after the first."""
    inside = (pl.col("day") - pl.col("born")).dt.total_days().is_between(*span)
    if outcome == "retained":
        rows, amount = active, pl.lit(1, dtype=pl.Int64)
    else:
        rows, amount = outcomes.select("person_key", "day", "revenue_micros").collect(), pl.col("revenue_micros").sum()
    reported = rows.join(people.select("person_key", "born"), on="person_key").filter(inside)
    summed = reported.group_by("person_key").agg(y=amount)
    return people.join(summed, on="person_key", how="left").with_columns(pl.col("y").fill_null(0))


def _step_sums(
    people: pl.DataFrame, interactions: pl.DataFrame, steps: pl.DataFrame, days: list[date], product: Product
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Sums for suggestions: at each step of each funnel by persons, who did what before the next one.

    Of a day only the first time is known that somebody did a thing: who did it before the step on the same day may have
    done it again after, and is on neither side.
    """
    end = day_start(days[-1] + ONE_DAY, product.zone_info)
    empty = people.clear().with_columns(y=pl.lit(0, dtype=pl.Int64))
    known = sums(empty, interactions.select("person_key", *_BY).clear(), STRATA, _BY)
    everybody = [known[0].with_columns(step=pl.lit(""))]
    doing = [known[1].with_columns(step=pl.lit(""))]
    unknown = [known[1].with_columns(step=pl.lit(""))]
    helpful = interactions.filter(pl.col("kind").is_in(["feature", "zone"]))
    for name, funnel in product.funnels.items():
        own = steps.filter(pl.col("funnel") == name)
        window = funnel.length
        if funnel.unit != "person" or own.is_empty():
            continue
        for k, step in enumerate(funnel.steps[:-1]):
            stood = _stood(own, k, window).filter(pl.col("at_step") + window <= end).join(people, on="person_key")
            until = pl.min_horizontal(pl.col("next_at") - _OWN_CLICK, pl.col("at_step") + window)
            near = helpful.join(stood.select("person_key", "at_step", "step_day", "next_at"), on="person_key")
            label = f"{name}: {step.label}"
            named = near.with_columns(
                kind=pl.lit("step_suggestion"),
                behaviour=pl.concat_str(pl.lit(f"{label} > "), "kind", pl.lit(" "), "behaviour"),
            )
            who = ["person_key", *_BY]
            did = named.filter(pl.col("at") > pl.col("at_step"), pl.col("at") < until).select(who).unique()
            earlier = named.filter(pl.col("at") <= pl.col("at_step"), pl.col("day") == pl.col("step_day"))
            maybe = earlier.select(who).unique().join(did, on=who, how="anti")
            stood_sums, did_sums = sums(stood, did, STRATA, _BY)
            _, maybe_sums = sums(stood, maybe, STRATA, _BY)
            for result, part in ((everybody, stood_sums), (doing, did_sums), (unknown, maybe_sums)):
                result.append(part.with_columns(step=pl.lit(label)))
    return pl.concat(everybody), pl.concat(doing), pl.concat(unknown)


def _stood(own: pl.DataFrame, k: int, window: timedelta) -> pl.DataFrame:
    """Who took step k: `at_step`, `next_at` of step k + 1 within the window, `y` whether it was taken."""
    at = (
        own.filter(has_bit("steps", k))
        .group_by("person_key")
        .agg(at_step=pl.col("occurred_at").min(), step_day=pl.col("day").min())
    )
    later = own.filter(has_bit("steps", k + 1)).select("person_key", "occurred_at")
    follows = (pl.col("occurred_at") > pl.col("at_step")) & (pl.col("occurred_at") <= pl.col("at_step") + window)
    after = (
        later.join(at, on="person_key").filter(follows).group_by("person_key").agg(next_at=pl.col("occurred_at").min())
    )
    joined = at.join(after, on="person_key", how="left")
    return joined.with_columns(y=pl.col("next_at").is_not_null().cast(pl.Int64))
