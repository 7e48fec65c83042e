"""What shows an opportunity: sessions to watch at the moment where it happens, and what their people said."""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.opportunities.opportunities import id_of, spans
from pipeline.domains.opportunities.subjects import COMMENT, Span, Streams, Subjects, goal_of, subjects
from pipeline.domains.opportunities.units import funnel_steps
from pipeline.events.quote_scrub import scrub_quote
from pipeline.stats.answers import comments, last_answers, survey_scores, team_names
from pipeline.stats.bits import has_name

SESSIONS, QUOTES = 10, 3
_SHORTEST, _LONGEST = 20, 400
# From here on VADER's authors call a mood positive.
_PRAISE_E4 = 500
# So many comments of a theme, and so much oftener than in all comments, make it what an opportunity's people speak of.
_LEAST_OF_THEME, _OFTENER = 3, 2
_MET: dict[str, pl.DataType] = {
    "kind": pl.String(), "page": pl.String(), "subject": pl.String(), "rule_set": pl.String(), "person_key": pl.Int64(),
    "session_key": pl.Int64(), "page_view_key": pl.Int64(), "day": pl.Date(), "happened_at": pl.Datetime("us", "UTC"),
    "offset_ms": pl.Int64(), "device_type": pl.String(), "detail": pl.String(), "reached": pl.Boolean(),
}  # fmt: skip
_KEY = ["kind", "page", "subject", "rule_set"]
_WORDS = ("person_key", "session_key", "page_view_key", "day", "text", "language", "device_type", "given")


def opportunity_evidence(views: pl.LazyFrame, beside: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """Sessions and quotes for each opportunity of the last complete week."""
    table = TABLES["opportunity_evidence"]
    looked = spans(days, product)
    if not looked or goal_of(product) is None:
        return table.conform(pl.DataFrame(schema=table.schema))
    span, _ = looked[-1]
    met = pl.concat([pl.DataFrame(schema=_MET), *_met(views, beside, span, product)])
    comments_of = _comments(beside["feedback"], span, product)
    spoken = _spoken(comments_of, beside.get("comment_themes"))
    quotes = _quotes(met, comments_of, spoken)
    result = pl.concat([_sessions(pl.concat([met, _in_sessions(spoken)])), quotes], how="diagonal_relaxed")
    ids = [id_of(*row) for row in result.select(_KEY).rows()]
    shown = result.drop("kind").rename({"what": "kind"}).with_columns(pl.Series("id", ids, dtype=pl.String))
    return table.conform(shown)


def met_of(views: pl.LazyFrame, beside: Streams, span: Span, product: Product) -> pl.DataFrame:
    """Every session of the span in which something was met that may be an opportunity, and when; the goal must be set."""
    spoken = _spoken(_comments(beside["feedback"], span, product), beside.get("comment_themes"))
    return pl.concat([pl.DataFrame(schema=_MET), *_met(views, beside, span, product), _in_sessions(spoken)])


def _in_sessions(spoken: pl.DataFrame) -> pl.DataFrame:
    return _as_met(spoken.filter(pl.col("session_key").is_not_null()))


def _met(views: pl.LazyFrame, beside: Streams, span: Span, product: Product) -> Iterator[pl.DataFrame]:
    """Every time that something was met: where, when, and whether the goal was reached after it."""
    rules = product.friction.first
    reached = pl.col("goals_after") | pl.col("goals_before")
    own = beside["friction_incidents"].filter(span.holds(), pl.col("rule_set") == rules).collect()
    first = views.filter(span.holds(), pl.col("rule_set") == rules).select(
        "session_key", "page_view_key", "page", reached=has_name(reached, goal_of(product) or "", product.goals)
    ).collect()  # fmt: skip
    known = own.join(first.select("page_view_key", "reached"), on="page_view_key", how="left").with_columns(
        pl.col("reached").fill_null(value=True), day="session_day", happened_at="started_at",
        detail=pl.coalesce("detail", "element"),
    )  # fmt: skip
    in_first = known.join(first.select("page_view_key"), on="page_view_key", how="semi")
    yield _as_met(in_first.with_columns(kind=pl.lit("friction"), subject="signal"))
    zoned = in_first.filter(pl.col("zone").is_not_null())
    subject = pl.concat_str("signal", pl.lit(" in "), "zone")
    yield _as_met(zoned.with_columns(kind=pl.lit("zone"), subject=subject))
    led = first.select("session_key", came_from="page", had="reached")
    broken = known.filter(pl.col("signal") == "broken_link").join(led, on=["session_key", "came_from"])
    yield _as_met(broken.with_columns(kind=pl.lit("broken_link"), page="came_from", subject="signal", reached="had"))
    yield from _dropped(beside, span, product, subjects(views, beside, span, product))


def _as_met(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in _MET.items())


def _dropped(beside: Streams, span: Span, product: Product, what: Subjects) -> Iterator[pl.DataFrame]:
    """People who took a step and not the next one, in the session in which they took it."""
    born = pl.DataFrame(schema={"person_key": pl.Int64, "born_at": pl.Datetime("us", "UTC")})
    sessions = (
        beside["session_kpis"]
        .filter(pl.col("session_day") <= span.last, pl.col("session_day") >= _earliest(span, product))
        .select("person_key", "session_key", "session_day", "started_at", "device_type")
        .sort("started_at", "session_key")
        .collect()
    )
    for part in funnel_steps(beside["step_events"], beside["outcomes"], born, span, product, what):
        left = part.filter("is_with", ~pl.col("reached")).select(
            "person_key", "kind", "page", "subject", "rule_set", "reached", happened_at="begins"
        )
        begun = left.sort("happened_at").join_asof(
            sessions, left_on="happened_at", right_on="started_at", by="person_key", check_sortedness=False
        )
        placed = begun.filter(pl.col("session_key").is_not_null()).with_columns(
            day="session_day", page_view_key=pl.lit(None), detail=pl.lit(None),
            offset_ms=(pl.col("happened_at") - pl.col("started_at")).dt.total_milliseconds(),
        )  # fmt: skip
        yield _as_met(placed)


def _earliest(span: Span, product: Product) -> date:
    """The first day on which a step of a funnel may have been taken that is looked at."""
    windows = [funnel.length for funnel in product.funnels.values()]
    return min((span.moved(window).first for window in windows), default=span.first)


def _sessions(met: pl.DataFrame) -> pl.DataFrame:
    """The latest ones of different people that didn't reach the goal, at the moment at which it first happened."""
    ordered = met.sort("happened_at", "session_key", "detail", nulls_last=True)
    once = ordered.unique([*_KEY, "session_key"], keep="first", maintain_order=True)
    latest = once.sort("reached", "happened_at", "session_key", descending=[False, True, False])
    of_people = latest.unique([*_KEY, "person_key"], keep="first", maintain_order=True)
    placed = of_people.with_columns(position=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(_KEY))
    return placed.filter(pl.col("position") <= SESSIONS).with_columns(what=pl.lit("session"))


def _comments(feedback: pl.LazyFrame, span: Span, product: Product) -> pl.DataFrame:
    """Comments of the span with the score given beside them, lowest first."""
    open_ = ~pl.col("survey").is_in(team_names(product))
    answers = last_answers(feedback.filter(pl.col("day").is_between(span.first, span.last + timedelta(days=7)), open_))
    length = pl.col("text").str.len_chars()
    reported = comments(answers).filter(length.is_between(_SHORTEST, _LONGEST))
    scores = survey_scores(answers, product)
    scored = scores.select(
        "survey", "response_key", given=pl.col("score").cast(pl.Int64), worth="points", score_group_of="score_group"
    )
    is_praise = (pl.col("sentiment_e4") >= _PRAISE_E4) | (pl.col("score_group_of") == "high")
    joined = reported.join(scored, on=["survey", "response_key"], how="left").with_columns(
        is_praise=is_praise.fill_null(value=False)
    )
    ordered = joined.sort("worth", "sentiment_e4", "occurred_at", "source", "event_id", "question", nulls_last=True)
    return ordered.select(*_WORDS, *COMMENT, "survey", "is_praise", happened_at="occurred_at").with_row_index("order")


def _spoken(comments_of: pl.DataFrame, themes: pl.LazyFrame | None) -> pl.DataFrame:
    """Comments with each theme that they have, as something that was met."""
    none = pl.DataFrame(schema={**dict.fromkeys(COMMENT, pl.String), "theme": pl.String}).lazy()
    having = (none if themes is None else themes).select(*COMMENT, subject="theme").collect()
    return comments_of.join(having, on=COMMENT).with_columns(
        kind=pl.lit("theme"), page="survey", rule_set=pl.lit(""), offset_ms=pl.lit(None), detail=pl.lit(None),
        reached=pl.lit(value=False),
    )  # fmt: skip


def _quotes(met: pl.DataFrame, comments_of: pl.DataFrame, spoken: pl.DataFrame) -> pl.DataFrame:
    """What people said after they had met it, in the very session, and no praise; of a theme what bears it.

    Where they speak of something more than others do (a theme that is twice as frequent as in all comments), only that.
    """
    began = met.group_by(*_KEY, "session_key").agg(met_at=pl.col("happened_at").min())
    is_after, is_praise = pl.col("happened_at") >= pl.col("met_at"), pl.col("is_praise")
    in_session = _of_their_themes(
        comments_of.join(began, on="session_key").filter(is_after, ~is_praise), comments_of, spoken
    )
    own = [each.select("order", "happened_at", *_WORDS, *_KEY) for each in (in_session, spoken)]
    ordered = pl.concat(own).sort(*_KEY, "order")
    once = ordered.unique([*_KEY, "text"], keep="first", maintain_order=True)
    speaker = pl.coalesce("person_key", pl.col("order").cast(pl.Int64))
    of_people = once.with_columns(speaker=speaker).unique([*_KEY, "speaker"], keep="first", maintain_order=True)
    placed = of_people.with_columns(position=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(_KEY))
    best = placed.filter(pl.col("position") <= QUOTES)
    shown = [scrub_quote(text, language) for text, language in best.select("text", "language").rows()]
    return best.with_columns(
        pl.Series("detail", shown, dtype=pl.String), score="given", what=pl.lit("quote"),
        offset_ms=pl.lit(None, dtype=pl.Int64),
    )  # fmt: skip


def _of_their_themes(own: pl.DataFrame, comments_of: pl.DataFrame, spoken: pl.DataFrame) -> pl.DataFrame:
    """The comments that bear a theme which is twice as frequent among an opportunity's own; all, where there is none."""
    themes = spoken.select("order", theme="subject").unique()
    usual = themes.group_by("theme").agg(usual=pl.len() / max(comments_of.height, 1))
    bearing = own.join(themes, on="order")
    often = bearing.group_by(*_KEY, "theme").agg(n=pl.len()).join(own.group_by(_KEY).agg(of=pl.len()), on=_KEY)
    reported = often.join(usual, on="theme").filter(
        pl.col("n") >= _LEAST_OF_THEME, pl.col("n") / pl.col("of") >= _OFTENER * pl.col("usual")
    )  # fmt: skip
    fits = bearing.join(reported, on=[*_KEY, "theme"], how="semi").select(*_KEY, "order").unique()
    none = own.join(reported, on=_KEY, how="anti")
    return pl.concat([own.join(fits, on=[*_KEY, "order"], how="semi"), none])
