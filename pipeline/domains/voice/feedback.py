"""Survey events of a day as feedback: which question they answer, what the answer means, whose and where it was.

Definition: docs/definitions/voice.md. An answer belongs to the local day on which it was given, since survey
tools count by it; its row lies in the partition of the day on which its session is booked, so that a changed day touches
its neighbours and no more (decision 0016).
"""

from datetime import date

import polars as pl

from pipeline.core.canonical import PROMOTED_PREFIX
from pipeline.core.product import Product
from pipeline.core.product_surveys import ANY, Question, Survey
from pipeline.core.registry import TABLES
from pipeline.events.keys import stable_keys
from pipeline.events.outcomes import AFTER_SESSION
from pipeline.stats.text import language_of, non_answer, sentiment_e4, stock_phrases

KINDS = ("survey_shown", "survey_dismissed", "survey_answered")
UNTOLD = "(not told)"
_PROMOTED_STAGE = f"{PROMOTED_PREFIX}stage"
_NONE = pl.lit(None, dtype=pl.String)
_BOXES = 2
_CES_LOW, _CES_HIGH = 3, 5
_NPS_LOW, _NPS_HIGH = 6, 9


def feedback(
    events: pl.LazyFrame, session_events: pl.LazyFrame, page_views: pl.LazyFrame, day: date, product: Product
) -> pl.DataFrame:
    """Feedback of sessions booked on `day`, which may go on after midnight, and that of nobody known of the local day.

    `events` holds clean events of the day and the next, `session_events` and `page_views` those booked on the day.
    """
    table = TABLES["feedback"]
    survey = pl.col("kind").is_in(KINDS)
    local_day = pl.col("occurred_at").dt.convert_time_zone(product.time_zone).dt.date()
    reported = events.filter(survey, ~pl.col("is_bot")).with_columns(day=local_day).collect()
    booked = session_events.filter(survey).select("source", "event_id").collect()
    # Each event of a person is in a session: of this day, or of the day before, whose feedback it then is.
    known = reported.join(booked, on=["source", "event_id"], how="semi")
    mine = pl.concat([known, reported.filter(pl.col("person_key").is_null(), pl.col("day") == day)])
    if mine.is_empty():
        return table.conform(pl.DataFrame(schema=table.schema))
    placed = _of_surveys(_placed(mine, session_events, page_views), product)
    answered = pl.concat([_answers(placed, product), _others(placed, product)], how="diagonal_relaxed")
    return table.conform(_read(answered, product))


def _placed(reported: pl.DataFrame, session_events: pl.LazyFrame, page_views: pl.LazyFrame) -> pl.DataFrame:
    """Add session, page view, page, device and what the session is in: of its own, else of the person's last one."""
    mine = pl.col("person_key").is_in(reported["person_key"].drop_nulls().unique().implode())
    views = (
        page_views.filter(mine)
        .select("person_key", "session_key", "page_view_key", "started_at", view_page="page", view_device="device_type")
        .collect()
    )
    interactions = (
        session_events.filter(mine)
        .select(
            "person_key", "session_key", "page_view_key", "source", "event_id", "occurred_at", "segment_bits", "variant"
        )
        .collect()
    )
    own = interactions.filter(pl.col("session_key").is_in(views["session_key"].unique().implode()))
    direct = reported.join(
        own.select("source", "event_id", "session_key", "page_view_key"), on=["source", "event_id"], how="left"
    ).with_columns(joined=pl.when(pl.col("session_key").is_not_null()).then(pl.lit("session")))
    result = _by_person(direct.filter(pl.col("session_key").is_null()), own, views)
    whole = pl.concat([direct.filter(pl.col("session_key").is_not_null()), result], how="diagonal_relaxed")
    groups = own.group_by("session_key").agg(pl.col("segment_bits").bitwise_or())
    seen = views.select("page_view_key", "view_page", "view_device")
    joined = whole.join(groups, on="session_key", how="left").join(seen, on="page_view_key", how="left")
    return joined.join(_variants(joined, own), on=["source", "event_id"], how="left").with_columns(
        pl.col("segment_bits").fill_null(0),
        page=pl.coalesce("page", "view_page", pl.lit("")),
        device_type=pl.coalesce("device_type", "view_device", pl.lit("unknown")),
    )


def _by_person(rest: pl.DataFrame, own: pl.DataFrame, views: pl.DataFrame) -> pl.DataFrame:
    """Join the person's latest session that had begun, if it is over for at most 30 minutes, and its last view so far."""
    bare = rest.drop("session_key", "page_view_key", "joined").sort("occurred_at", "source", "event_id")
    spans = own.group_by("person_key", "session_key").agg(
        began=pl.col("occurred_at").min(), ended=pl.col("occurred_at").max() + AFTER_SESSION
    )
    # One person may be many: joined as of the answer, a shared account costs no more than others.
    latest = bare.join_asof(
        spans.sort("began", "session_key"),
        left_on="occurred_at",
        right_on="began",
        by="person_key",
        check_sortedness=False,
    )
    inside = (pl.col("occurred_at") <= pl.col("ended")).fill_null(value=False) & pl.col("person_key").is_not_null()
    result = latest.with_columns(session_key=pl.when(inside).then(pl.col("session_key")))
    seen = views.select("page_view_key", "session_key", "started_at").sort("started_at", "page_view_key")
    placed = result.join_asof(
        seen, left_on="occurred_at", right_on="started_at", by="session_key", check_sortedness=False
    ).drop("began", "ended", "started_at")
    return placed.with_columns(
        page_view_key=pl.when(pl.col("session_key").is_not_null()).then(pl.col("page_view_key")),
        joined=pl.when(pl.col("session_key").is_not_null()).then(pl.lit("person")),
    )


def _variants(joined: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Variants that the session had been exposed to before the answer, by comma."""
    exposures = own.drop_nulls("variant").select("session_key", "variant", exposed_at="occurred_at")
    pairs = joined.select("source", "event_id", "session_key", "occurred_at").join(exposures, on="session_key")
    before = pairs.filter(pl.col("exposed_at") <= pl.col("occurred_at"))
    return before.group_by("source", "event_id").agg(variants=pl.col("variant").unique().sort().str.join(", "))


def _own_stage(placed: pl.DataFrame) -> pl.Expr:
    """The stage that an answer bears itself, as the property `stage`, promoted or not."""
    reported = [pl.col("properties").str.json_path_match("$.stage")]
    promoted = placed.schema.get(_PROMOTED_STAGE) == pl.String
    return pl.coalesce(*([pl.col(_PROMOTED_STAGE)] if promoted else []), *reported)


def _of_surveys(placed: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Name the survey, its trigger and stage, and the response."""
    ids = {survey.id or name: name for name, survey in product.surveys.items()}
    # What bears a survey's name without being it isn't taken for it.
    foreign = pl.when(pl.col("survey_id").is_in(list(product.surveys))).then("id:" + pl.col("survey_id"))
    known = pl.col("survey_id").replace_strict(ids, default=None, return_dtype=pl.String)
    survey = pl.coalesce(known, foreign, "survey_id", pl.lit(""))
    stages = {page.name: page.stage for page in product.pages if page.stage}
    triggers = {name: each.trigger for name, each in product.surveys.items() if each.trigger}
    fixed = {name: each.stage for name, each in product.surveys.items() if each.stage}

    def mapped(column: str, values: dict[str, str]) -> pl.Expr:
        return pl.col(column).replace_strict(values, default=None, return_dtype=pl.String)

    who = pl.coalesce("anonymous_id", "user_id")
    response = pl.coalesce(
        pl.concat_str(pl.lit("id|"), "response_id"),
        pl.concat_str(pl.lit("who|"), who, pl.lit("|"), pl.col("occurred_at").dt.epoch("us").cast(pl.String)),
        pl.concat_str(pl.lit("event|"), "event_id"),
    )
    named = placed.with_columns(survey=survey)
    return named.with_columns(
        trigger=pl.coalesce("survey_trigger", mapped("survey", triggers), pl.lit("")),
        stage=pl.coalesce(_own_stage(placed), mapped("survey", fixed), mapped("page", stages), pl.lit("")),
        response_key=stable_keys(pl.concat_str("source", pl.lit("|"), "survey", pl.lit("|"), response)),
    )


def _answers(known: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Answers to questions of the product file, once for each question that they answer."""
    answered = known.filter(pl.col("kind") == "survey_answered")
    parts: list[pl.DataFrame] = [answered.clear()]
    for name, survey in product.surveys.items():
        mine = answered.filter(pl.col("survey") == name)
        for question, each in survey.questions.items():
            own = mine.filter(_answers_to(question, each, survey))
            parts.append(_judged(own, each).with_columns(question=pl.lit(question), question_kind=pl.lit(each.kind)))
    return pl.concat(parts, how="diagonal_relaxed")


def _answers_to(name: str, question: Question, survey: Survey) -> pl.Expr:
    """Whether an event of the survey answers the question; `*` means any but what another question of its sort names."""
    ids = question.ids or (name,)
    named = pl.col("question_id").is_in(ids).fill_null(value=False)
    is_text = question.kind == "text"
    others = {n: (q.ids or (n,), q.kind == "text") for n, q in survey.questions.items() if n != name}
    alike = [i for own, kind in others.values() if kind == is_text for i in own if i != ANY]
    any_of = (~pl.col("question_id").is_in(alike)).fill_null(value=True) & pl.lit(ANY in ids)
    if not is_text:
        words = _words(question) if ANY not in ids else pl.col("choice")
        has = pl.col("score") if question.bounds else words
        return has.is_not_null() & (any_of | named)
    # A blank below another question's id is an answer to that one.
    scored = [i for own, kind in others.values() if not kind for i in own if i != ANY]
    is_theirs = pl.col("question_id").is_in(scored).fill_null(value=False)
    return named | (any_of & (pl.col("text").is_not_null() | ~is_theirs))


def _words(question: Question) -> pl.Expr:
    """A choice as words: tools send it as text, and "2" as a number."""
    number = [pl.col("score").cast(pl.String)] if question.kind == "choice" else []
    return pl.coalesce("choice", "text", *number)


def _judged(own: pl.DataFrame, question: Question) -> pl.DataFrame:
    """What a score or choice means: `is_valid`, `points`, `score_group`; a score question keeps no text, and vice versa."""
    score = pl.col("score")
    nothing = pl.lit(None, dtype=pl.Int64)
    if question.kind == "text":
        # Words that begin with a number were read as a score with its label.
        stated = own.with_columns(
            text=pl.coalesce("text", pl.when(pl.lit(ANY not in question.ids)).then(pl.col("choice")))
        )
        return stated.with_columns(
            score=None, choice=_NONE, is_valid=pl.lit(value=False), points=nothing, score_group=_NONE
        )
    if not question.bounds:
        own = own.with_columns(choice=_words(question))
    low, high = question.bounds or (0, 0)
    valid = score.is_between(low, high) if question.bounds else pl.lit(question.kind == "pmf")
    if question.kind == "nps":
        is_high, is_low = score >= _NPS_HIGH, score <= _NPS_LOW
    elif question.kind == "ces":
        is_high, is_low = score >= _CES_HIGH, score <= _CES_LOW
    elif question.kind == "csat":
        # The top two boxes of thumbs or three smileys would be nearly all of them.
        boxes = _BOXES if high - low + 1 > 2 * _BOXES - 1 else 1
        upward, downward = score > high - boxes, score < low + boxes
        is_high, is_low = (upward, downward) if question.best == "high" else (downward, upward)
    else:
        is_high = pl.col("choice").str.strip_chars().str.to_lowercase() == question.best_choice.strip().lower()
        is_low = ~is_high
    score_group = pl.when(is_high).then(pl.lit("high")).when(is_low).then(pl.lit("low")).otherwise(pl.lit("middle"))
    worst = -100 if question.kind == "nps" else 0
    points = score if question.kind == "ces" else pl.when(is_high).then(100).when(is_low).then(worst).otherwise(0)
    return own.with_columns(is_valid=valid.fill_null(value=False), text=_NONE).with_columns(
        points=pl.when(pl.col("is_valid")).then(points.cast(pl.Int64)),
        score_group=pl.when(pl.col("is_valid")).then(score_group),
    )


def _others(known: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Impressions, dismissals, and answers to questions that the product file doesn't tell of, which are kept too."""
    asked = [(n, s, q, each) for n, s in product.surveys.items() for q, each in s.questions.items()]
    tests = [(pl.col("survey") == n) & _answers_to(q, each, s) for n, s, q, each in asked]
    # Of questions that take an event's words.
    taken = [test for test, (*_, each) in zip(tests, asked, strict=True) if each.bounds is None]
    is_declared = pl.any_horizontal(pl.lit(value=False), *tests).fill_null(value=False)
    is_answer = pl.col("kind") == "survey_answered"
    whole = known.filter(~is_answer | ~is_declared)
    # Words beside a score that no question of words takes are a comment all the same.
    is_taken = pl.any_horizontal(pl.lit(value=False), *taken).fill_null(value=False)
    words = known.filter(is_answer, is_declared, ~is_taken, pl.col("text").is_not_null())
    rest = pl.concat([whole, words.with_columns(score=pl.lit(None, dtype=pl.Int32), choice=_NONE)])
    kind = pl.when(pl.col("text").is_not_null()).then(pl.lit("text")).otherwise(pl.lit("choice"))
    return rest.with_columns(
        question=pl.when(is_answer).then(pl.col("question_id").fill_null(UNTOLD)).otherwise(pl.lit("")),
        question_kind=pl.when(is_answer).then(kind).otherwise(pl.lit("")),
        is_valid=pl.lit(value=False),
        points=pl.lit(None, dtype=pl.Int64),
        score_group=_NONE,
    )


def _read(answered: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Read the comments: none or some, language, mood."""
    phrases, otherwise = stock_phrases(product.voice.non_answers), product.voice.language
    spoken = {name: survey.language for name, survey in product.surveys.items() if survey.language}
    by_survey = pl.col("survey").replace_strict(spoken, default=None, return_dtype=pl.String)
    rows = answered.select("question_kind", "text", pl.coalesce(by_survey, "language")).rows()
    nones = [non_answer(text, phrases) if kind == "text" else None for kind, text, _ in rows]
    is_comment = [kind == "text" and none is None for (kind, _, _), none in zip(rows, nones, strict=True)]
    languages = [
        language_of(text, stated, otherwise) if is_one else None
        for (_, text, stated), is_one in zip(rows, is_comment, strict=True)
    ]
    moods = [
        sentiment_e4(text, language) if language else None
        for (_, text, _), language in zip(rows, languages, strict=True)
    ]
    return answered.with_columns(
        pl.Series("non_answer", nones, dtype=pl.String),
        pl.Series("language", languages, dtype=pl.String),
        pl.Series("sentiment_e4", moods, dtype=pl.Int32),
    )
