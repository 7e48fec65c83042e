"""Scores by survey, question and group, with their intervals; daily counts that add up (docs/definitions/voice.md)."""

from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.answers import (
    LEAST_PEOPLE,
    ORDER,
    last_answers,
    team_names,
    valid_scores,
    with_cluster_key,
)
from pipeline.stats.intervals import design_effect, of_score
from pipeline.stats.memberships import EVERYBODY, in_segments
from pipeline.stats.periods import usual_periods

_WHERE = ["survey", "trigger", "page", "stage", "device_type"]
_DIMENSIONS = {"page": "page", "device": "device_type", "stage": "stage", "trigger": "trigger"}


def feedback_counts(rows: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """Daily sums of all feedback, by the contract; none of a team's surveys, whose days could be told apart."""
    table = TABLES["feedback_counts"]
    open_ = ~pl.col("survey").is_in(team_names(product))
    known = last_answers(rows).filter(open_)
    shown = known.filter(pl.col("kind") != "survey_answered")
    answered = known.filter(pl.col("kind") == "survey_answered")
    # A response is where its last answer was given.
    responses = _beside_showings(answered.filter(pl.struct("response_key", "survey").is_last_distinct()), shown)
    parts = [_sums_of_surveys(_grouped(shown, product), _grouped(responses, product))]
    parts.append(_sums_of_questions(_grouped(answered, product)))
    both = pl.concat(parts, how="diagonal_relaxed").with_columns(
        pl.col(column.name).fill_null(0) for column in table.columns if column.dtype == pl.Int64()
    )
    return table.conform(both)


def _grouped(rows: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Each row once for everybody and once for each segment of its session."""
    return pl.concat([rows.with_columns(segment=pl.lit(EVERYBODY)), in_segments(rows, product)])


def _beside_showings(responses: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Add `is_measured`, and book a response to a showing where and when that was: a rate compares what belongs together.

    The showing is the last of the survey to the person before the answer, and of the answer's own trigger where it has
    one; of several responses to one the first counts. Where people aren't known, a response is measured on days on which
    the survey was shown so.
    """
    has_own = pl.col("trigger") != ""
    own, rest = _linked(responses.filter(has_own), shown, ["survey", "trigger"]), responses.filter(~has_own)
    return pl.concat([own, _linked(rest, shown, ["survey"]).select(own.columns)])


def _linked(responses: pl.DataFrame, shown: pl.DataFrame, alike: list[str]) -> pl.DataFrame:
    """The same, of showings that are `alike`."""
    impressions = shown.filter(pl.col("kind") == "survey_shown")
    at = impressions.filter(pl.col("person_key").is_not_null()).select(
        "survey", "person_key", "segment_bits", *_WHERE[1:], "day", shown_at="occurred_at"
    )
    known = responses.filter(pl.col("person_key").is_not_null()).sort(ORDER)
    linked = known.join_asof(
        at.sort("shown_at", maintain_order=True), left_on="occurred_at", right_on="shown_at",
        by=[*alike, "person_key"], suffix="_shown", check_sortedness=False,
    )  # fmt: skip
    is_first = pl.struct(*alike, "person_key", "shown_at").is_first_distinct()
    moved = linked.with_columns(is_measured=pl.col("shown_at").is_not_null() & is_first).with_columns(
        pl.when("is_measured").then(pl.col(f"{name}_shown")).otherwise(pl.col(name)).alias(name)
        for name in ("segment_bits", *_WHERE[1:], "day")
        if name not in alike
    )
    days = (
        impressions.filter(pl.col("person_key").is_null())
        .select("day", *alike, is_measured=pl.lit(value=True))
        .unique()
    )
    rest = responses.filter(pl.col("person_key").is_null()).join(days, on=["day", *alike], how="left")
    return pl.concat([moved.select(rest.columns), rest]).with_columns(pl.col("is_measured").fill_null(value=False))


def _sums_of_surveys(shown: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """The survey as a whole: impressions, dismissals, responses with any answer."""
    keys = ["day", *_WHERE, "segment"]
    counted = shown.group_by(keys).agg(
        impressions=(pl.col("kind") == "survey_shown").sum(), dismissals=(pl.col("kind") == "survey_dismissed").sum()
    )
    answered = responses.group_by(keys).agg(
        responses=pl.len(), responses_measured=pl.col("is_measured").sum(), **_lacking()
    )
    joined = counted.join(answered, on=keys, how="full", coalesce=True)
    return joined.with_columns(question=pl.lit(""), question_kind=pl.lit(""))


def _lacking() -> dict[str, pl.Expr]:
    return {
        "without_person": pl.col("person_key").is_null().sum(),
        "without_session": pl.col("session_key").is_null().sum(),
        "without_page": (pl.col("page") == "").sum(),
    }


def _sums_of_questions(answered: pl.DataFrame) -> pl.DataFrame:
    is_text = pl.col("question_kind") == "text"
    is_comment = is_text & pl.col("text").is_not_null() & pl.col("non_answer").is_null()
    keys = ["day", *_WHERE, "segment", "question", "question_kind"]
    counts = pl.col("is_valid") | (pl.col("question_kind") == "choice") | is_comment
    # Several comments of one response are one response.
    once = answered.filter(counts).unique([*keys, "response_key"], keep="first", maintain_order=True)
    responses = once.group_by(keys).agg(
        responses=pl.len(),
        **{name: (pl.col("score_group") == name).sum() for name in ("high", "middle", "low")},
        points=pl.col("points").sum(),
        **_lacking(),
    )
    rest = answered.group_by(keys).agg(
        out_of_scale=(~is_text & ~counts).sum(), non_answers=(is_text & ~is_comment).sum(), comments=is_comment.sum()
    )
    return rest.join(responses, on=keys, how="left")


def score_results(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Scores of each period by page, device, segment, stage and trigger, with 95 % intervals clustered by person."""
    table = TABLES["score_results"]
    scored = with_cluster_key(valid_scores(last_answers(rows)))
    none = pl.lit("")
    team = pl.col("survey").is_in(team_names(product))
    open_ = scored.filter(~team)
    parts = [scored.with_columns(dimension=none, value=none)]
    parts += [
        open_.filter(pl.col(column) != "").with_columns(dimension=pl.lit(name), value=pl.col(column))
        for name, column in _DIMENSIONS.items()
    ]
    parts.append(in_segments(open_, product).with_columns(dimension=pl.lit("segment"), value="segment").drop("segment"))
    grouped = pl.concat(parts)
    result = [pl.DataFrame(schema=table.schema)]
    for period, first, last in usual_periods(days, product.week_start):
        inside = _counted(grouped.filter(pl.col("day").is_between(first, last)))
        # Of a team only weeks, which don't overlap: the difference of two periods would tell of single answers.
        is_reported = pl.lit(period == "week") & (pl.col("responses") >= LEAST_PEOPLE)
        shown = inside.filter(~team | is_reported)
        named = shown.with_columns(period=pl.lit(period), period_start=pl.lit(first), period_end=pl.lit(last))
        result.append(table.conform(named))
    return table.conform(pl.concat(result))


_KEYS = ["survey", "question", "question_kind", "dimension", "value"]


def _counted(grouped: pl.DataFrame) -> pl.DataFrame:
    """Counts by group with the design effect and the interval. All sums are of integers: no order changes them."""
    people = grouped.group_by(*_KEYS, "cluster_key").agg(n=pl.len().cast(pl.Int64), own=pl.col("points").sum())
    clusters = people.group_by(_KEYS).agg(
        clusters=pl.len(),
        nn=(pl.col("n") ** 2).sum(),
        sn=(pl.col("n") * pl.col("own")).sum(),
        ss=(pl.col("own") ** 2).sum(),
    )
    counts = grouped.group_by(_KEYS).agg(
        responses=pl.len(),
        people=pl.col("person_key").drop_nulls().n_unique(),
        **{name: (pl.col("score_group") == name).sum() for name in ("high", "middle", "low")},
        points=pl.col("points").sum(),
        squares=(pl.col("points") ** 2).sum(),
    )
    joined = counts.join(clusters, on=_KEYS)
    rows = joined.select("question_kind", "responses", "high", "low", "points", "squares", "clusters", "nn", "sn", "ss")
    effects = [design_effect(row) for row in rows.rows(named=True)]
    ends = [
        of_score(row["question_kind"], row, effect) or (None, None)
        for row, effect in zip(rows.rows(named=True), effects, strict=True)
    ]
    return joined.with_columns(
        pl.Series("design_effect", effects, dtype=pl.Float64),
        pl.Series("low_end", [low for low, _ in ends], dtype=pl.Float64),
        pl.Series("high_end", [high for _, high in ends], dtype=pl.Float64),
    )
