"""Choice answers by survey, question, choice, page and device: how many chose what (docs/definitions/voice.md).

The unit is the response, with its last answer: of a question that takes several choices each counts once, and a share is
of the responses that chose anything, so that shares may add up to more than 1. What people wrote themselves is no choice
("other: my cat did it"), may be personal, and is counted as `(other)`: a choice is what the product file names, else what
five people or more chose over all days.
"""

from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_surveys import SEPARATOR, Question
from pipeline.core.registry import TABLES
from pipeline.stats.answers import LEAST_PEOPLE, RESPONSE, last_answers, team_names, with_cluster_key
from pipeline.stats.intervals import design_effect, wilson
from pipeline.stats.periods import usual_periods

OTHER = "(other)"
_LONGEST = 200
_QUESTION = ["survey", "question"]
_CELL = [*_QUESTION, "page", "device_type"]
# Rows of one page and device, of one of them, of all.
_OVER: tuple[tuple[str, ...], ...] = ((), ("page",), ("device_type",), ("page", "device_type"))


def choice_counts(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Choices of each period by page and device, with 95 % intervals clustered by person; 0 where nobody chose what others did.

    `rows` holds feedback. Of a team's surveys none: five colleagues' answers would be told apart.
    """
    table = TABLES["choice_counts"]
    reported, named = _reported(rows, product)
    at = reported.unique(RESPONSE, keep="last", maintain_order=True).select(
        *RESPONSE, "day", "page", "device_type", "person_key", "cluster_key"
    )
    responses, chosen = _by_position(at), _by_position(at.join(named.select(*RESPONSE, "choice").unique(), on=RESPONSE))
    asked = _declared(product).select(*_QUESTION, choice="label")
    options = pl.concat([named.select(*_QUESTION, "choice"), asked]).unique()
    result = [pl.DataFrame(schema=table.schema)]
    for period, first, last in usual_periods(days, product.week_start):
        inside = pl.col("day").is_between(first, last)
        counted = _counted(responses.filter(inside), chosen.filter(inside), options)
        dated = counted.with_columns(period=pl.lit(period), period_start=pl.lit(first), period_end=pl.lit(last))
        result.append(table.conform(dated))
    return table.conform(pl.concat(result))


def chosen_answers(rows: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """The answers that `choice_counts` counts, a row per thing that was chosen, under its choice's name."""
    return _reported(rows, product)[1]


def _reported(rows: pl.LazyFrame, product: Product) -> tuple[pl.DataFrame, pl.DataFrame]:
    reported = _chosen(last_answers(rows), product)
    return reported, _named(reported, product)


def _questions(product: Product) -> list[tuple[str, str, Question]]:
    asked = [(name, key, each) for name, survey in product.surveys.items() for key, each in survey.questions.items()]
    return [each for each in asked if each[2].kind == "choice"]


def _declared(product: Product) -> pl.DataFrame:
    """The product file's choices: `survey`, `question`, `key`, `label`."""
    reported = [(s, q, choice, choice) for s, q, each in _questions(product) for choice in each.choices]
    frame = pl.DataFrame(reported, schema=dict.fromkeys([*_QUESTION, "key", "label"], pl.String), orient="row")
    return frame.with_columns(_key("key")).unique([*_QUESTION, "key"], keep="first", maintain_order=True)


def _plain(column: str) -> pl.Expr:
    return pl.col(column).str.replace_all(r"\s+", " ").str.strip_chars()


def _key(column: str) -> pl.Expr:
    """A choice as it is compared: tools, and versions of a survey, differ in case and blanks."""
    return _plain(column).str.to_lowercase()


def _chosen(answers: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Choice answers in order, a row per thing that was chosen: `choice` as it was sent, `key` as it is compared."""
    team = pl.col("survey").is_in(team_names(product))
    mine = with_cluster_key(answers.filter(pl.col("question_kind") == "choice", pl.col("choice").is_not_null(), ~team))
    between = [(survey, question, each.separator) for survey, question, each in _questions(product)]
    separators = pl.DataFrame(between, schema=dict.fromkeys([*_QUESTION, "separator"], pl.String), orient="row")
    whole = mine.with_columns(key=_key("choice")).join(
        _declared(product), on=[*_QUESTION, "key"], how="left", maintain_order="left"
    )
    split = whole.join(separators, on=_QUESTION, how="left", maintain_order="left").with_columns(
        # What is declared as a whole is one choice, whatever stands in it.
        pl.when(pl.col("label").is_not_null())
        .then(pl.concat_list("choice"))
        .otherwise(pl.col("choice").str.split(pl.col("separator").fill_null(SEPARATOR)))
    )
    parts = split.drop("label", "separator").explode("choice").with_columns(_plain("choice"), key=_key("choice"))
    return parts.filter(pl.col("key") != "")


def _named(reported: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Each thing chosen under its choice's name: that of the product file, else its most frequent spelling, else `(other)`."""
    declared = _declared(product)
    free = reported.join(declared, on=_QUESTION, how="anti").filter(pl.col("choice").str.len_chars() <= _LONGEST)
    group = [*_QUESTION, "key"]
    people = free.group_by(group).agg(pl.col("cluster_key").n_unique()).filter(pl.col("cluster_key") >= LEAST_PEOPLE)
    spelled = free.group_by(*group, label="choice").agg(n=pl.len()).sort("n", "label", descending=[True, False])
    labels = spelled.unique(group, keep="first", maintain_order=True).join(people, on=group, how="semi")
    known = pl.concat([declared, labels.select(declared.columns)])
    return reported.join(known, on=group, how="left").with_columns(choice=pl.col("label").fill_null(OTHER))


def _by_position(rows: pl.DataFrame) -> pl.DataFrame:
    """Each row once for its page and device, for each of them alone, and for all; where none is known only for all."""
    parts: list[pl.DataFrame] = []
    for over in _OVER:
        is_known = [pl.col(name) != "" for name in ("page", "device_type") if name not in over]
        known = rows.filter(pl.all_horizontal(pl.lit(value=True), *is_known))
        parts.append(known.with_columns(pl.lit("").alias(name) for name in over))
    return pl.concat(parts)


def _counted(responses: pl.DataFrame, chosen: pl.DataFrame, options: pl.DataFrame) -> pl.DataFrame:
    """Counts of each option wherever its question was answered, with the design effect and Wilson's interval."""
    n, own = pl.col("n"), pl.col("own")
    people = responses.group_by(*_CELL, "cluster_key").agg(n=pl.len().cast(pl.Int64))
    cells = people.group_by(_CELL).agg(answers_all=n.sum(), clusters=pl.len(), nn=(n**2).sum())
    each = chosen.group_by(*_CELL, "choice", "cluster_key").agg(
        own=pl.len().cast(pl.Int64), is_known=pl.col("person_key").is_not_null().any()
    )
    hits = (
        each.join(people, on=[*_CELL, "cluster_key"])
        .group_by(*_CELL, "choice")
        .agg(answers=own.sum(), people=pl.col("is_known").sum(), ss=(own**2).sum(), sn=(n * own).sum())
    )
    counts = ("answers", "people", "ss", "sn")
    whole = cells.join(options, on=_QUESTION).join(hits, on=[*_CELL, "choice"], how="left")
    whole = whole.with_columns(pl.col(counts).fill_null(0))
    # A response that chose it is worth 1, whose square is 1.
    sums = whole.select("clusters", "nn", "sn", "ss", responses="answers_all", points="answers", squares="answers")
    effects = [design_effect(row) for row in sums.rows(named=True)]
    ends = [
        wilson(hit / effect, of / effect) or (None, None)
        for hit, of, effect in zip(whole["answers"], whole["answers_all"], effects, strict=True)
    ]
    return whole.with_columns(
        pl.Series("design_effect", effects, dtype=pl.Float64),
        pl.Series("low_end", [low for low, _ in ends], dtype=pl.Float64),
        pl.Series("high_end", [high for _, high in ends], dtype=pl.Float64),
    )
