"""Facts by row: sessions, page views, orders and answers as an analyst reads them (docs/definitions/star.md, "Facts by row").

Rows are those of the days' own tables, bots left out, in the names and units of the star. What must not be here: what a
session or an order is.
"""

from collections.abc import Iterable
from decimal import Decimal

import polars as pl

from pipeline.core.columns import OTHER_PAGE
from pipeline.core.product import Product
from pipeline.core.product_surveys import Question
from pipeline.core.published import id_text, in_currency, in_seconds
from pipeline.core.registry import TABLES
from pipeline.events.quote_scrub import scrub_quote
from pipeline.events.sums import with_values
from pipeline.stats.answers import team_names
from pipeline.stats.bits import has_name

_BOOKED = ("device_type", "channel", "country", "landing_page")
_SEPARATOR = ", "
OTHER_CHOICE = "(other)"
_OF_PMF = ("very disappointed", "somewhat disappointed", "not disappointed")


def session_facts(
    sessions: pl.LazyFrame, events: pl.LazyFrame, friction: pl.LazyFrame, product: Product
) -> pl.DataFrame:
    """The sessions booked on a day, from what lies there of it: `sessions`, `session_events`, `session_friction`."""
    scores = friction.filter(pl.col("rule_set") == product.friction.first).select("session_key", friction_score="score")
    exposed = events.filter(pl.col("variant").is_not_null()).group_by("session_key")
    rows = (
        _of_people(with_values(sessions))
        .join(scores, on="session_key", how="left")
        .join(
            exposed.agg(variants=pl.col("variant").unique().sort().str.join(_SEPARATOR)), on="session_key", how="left"
        )
        .with_columns(
            pl.col("friction_score").fill_null(0),
            pl.col("exit_page").fill_null(OTHER_PAGE),
            revenue=in_currency(pl.col("revenue_micros")),
            duration_seconds=in_seconds(pl.col("duration_ms")),
            has_goal=pl.col("goal_events") > 0,
            has_page_view=pl.col("page_views") + pl.col("page_views_implied") > 0,
            goals=_names("goal_bits", product.goals),
            segments=_names("segment_bits", product.segments),
        )
    )
    return _conformed("fact_sessions", rows, product)


def page_view_facts(page_views: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """The page views of the sessions booked on a day."""
    rows = _of_people(page_views).with_columns(
        pl.col("page").fill_null(OTHER_PAGE),
        view_number="position",
        is_implied="implied",
        duration_seconds=in_seconds(pl.col("duration_ms")),
        engaged_seconds=in_seconds(pl.col("engaged_ms")),
        scroll_depth=_share("scroll_depth_e4"),
    )
    return _conformed("fact_page_views", rows, product)


def order_facts(
    events: pl.LazyFrame, session_events: pl.LazyFrame, sessions: pl.LazyFrame, product: Product
) -> pl.DataFrame:
    """The orders and refunds of the sessions booked on a day; `events` are those of the day and the next one."""
    sold = pl.col("kind").is_in(("order", "refund"))
    numbers = events.filter(sold).select("source", "event_id", "order_id")
    own = _of_people(session_events).filter(sold).select(
        "source", "event_id", "session_key", "person_key", "kind", "revenue_micros", ordered_at="occurred_at"
    )  # fmt: skip
    booked = with_values(sessions.filter(~pl.col("is_bot"))).select("session_key", "session_day", *_BOOKED)
    rows = (
        own.join(booked, on="session_key")
        .join(numbers, on=["source", "event_id"], how="left")
        .with_columns(
            orders=(pl.col("kind") == "order").cast(pl.Int64),
            revenue=in_currency(pl.col("revenue_micros").fill_null(0)),
        )
    )
    return _conformed("fact_orders", rows, product)


def answer_facts(feedback: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """The answers among the day's `feedback`; of a team's surveys none, since five colleagues would be told apart.

    Comments are shown as quotes are; of choices those of the product file, and words of one's own as `(other)`.
    """
    ours = feedback.filter(pl.col("kind") == "survey_answered", ~pl.col("survey").is_in(team_names(product)))
    rows = ours.with_columns(answered_at="occurred_at", sentiment=_share("sentiment_e4")).collect()
    texts = rows.select("text", "language", "non_answer").rows()
    comments = [None if no or text is None else scrub_quote(text, language or "") for text, language, no in texts]
    asked = {(name, key): each for name, survey in product.surveys.items() for key, each in survey.questions.items()}
    chosen = [
        None if choice is None else _choice(choice, asked.get((survey, question)))
        for survey, question, choice in rows.select("survey", "question", "choice").rows()
    ]
    shown = rows.with_columns(comment=pl.Series(comments, dtype=pl.String), choice=pl.Series(chosen, dtype=pl.String))
    return _conformed("fact_survey_answers", shown.lazy(), product, day="day")


def _choice(choice: str, question: Question | None) -> str:
    """What was chosen under the names of the product file, with commas; what isn't named there is `(other)`."""
    if question is None:
        return OTHER_CHOICE
    named = _OF_PMF if question.kind == "pmf" else question.choices
    known = {_plain(name): name for name in (*named, *((question.best_choice,) if question.kind == "pmf" else ()))}
    if _plain(choice) in known:
        return known[_plain(choice)]
    parts = [known.get(_plain(part), OTHER_CHOICE) for part in choice.split(question.separator) if part.strip()]
    return _SEPARATOR.join(dict.fromkeys(parts)) or OTHER_CHOICE


def _plain(choice: str) -> str:
    """As a choice is compared: tools differ in case and blanks."""
    return " ".join(choice.lower().split())


def _of_people(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(~pl.col("is_bot"))


def _share(e4: str) -> pl.Expr:
    """Ten-thousandths as an exact decimal: the last bit of a quotient depends on how many rows stand together."""
    return pl.col(e4).cast(pl.Decimal(38, 6)) * pl.lit(Decimal("0.0001"))


def _names(bits: str, names: Iterable[str]) -> pl.Expr:
    """The names whose bits are set, in alphabetical order, with commas; null where none is."""
    there = sorted(names)
    if not there:
        return pl.lit(None, dtype=pl.String)
    each = [pl.when(has_name(bits, name, there)).then(pl.lit(name)) for name in there]
    joined = pl.concat_str(each, separator=_SEPARATOR, ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _conformed(name: str, rows: pl.LazyFrame, product: Product, day: str = "session_day") -> pl.DataFrame:
    """Ids as text, which nobody sums, and no person where the product file says so."""
    table = TABLES[name]
    if not product.privacy.people_in_facts:
        rows = rows.with_columns(person_key=pl.lit(None, dtype=pl.Int64))
    keys = [c.name for c in table.columns if c.name.endswith("_key")]
    named = rows.with_columns(*map(id_text, keys), day=day)
    return table.conform(named.select(table.schema.names()).collect())
