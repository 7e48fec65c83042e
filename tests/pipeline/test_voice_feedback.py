"""Feedback by hand: which question an answer answers, what it is worth, whose it is and where it was given."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from support import at, booked, compute_all, drop, events_frame, ndjson, product, record, take_all

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import ProductFileError, parse_product
from pipeline.core.registry import TABLES
from pipeline.core.states import published_days, scan_days
from pipeline.domains.voice.feedback import feedback
from pipeline.domains.voice.scores import feedback_counts
from pipeline.ingest.sources import FORMATS
from pipeline.ingest.sources.times import Clock
from pipeline.stats.answers import comments, last_answers, valid_scores
from pipeline.stats.text import BLANK, SIGNS, language_of, non_answer, sentiment_e4, stock_phrases

DAY = date(2026, 2, 3)
SURVEYS: dict[str, Any] = {
    "nps": {"trigger": "after_purchase", "questions": {"recommend": {"kind": "nps"}, "why": {"kind": "text"}}},
    "fft": {
        "id": "FFT 7",
        "stage": "care",
        "questions": {
            "rating": {"kind": "csat", "scale": [1, 6], "best": "low", "ids": ["*"]},
            "words": {"kind": "text", "ids": ["*"]},
        },
    },
    "effort": {"questions": {"ease": {"kind": "ces"}}},
    "fit": {"questions": {"miss": {"kind": "pmf"}}},
    "stars": {"questions": {"stars": {"kind": "csat"}}},
}
PRODUCT = product(surveys=SURVEYS, segments={"plus": {"properties": {"plan": "plus"}}})
NO_VIEWS = TABLES["page_views"].schema.to_frame()


def answer(occurred_at: str = "2026-02-03T10:00:00", **fields: Any) -> dict[str, Any]:
    return {"kind": "survey_answered", "occurred_at": at(occurred_at), **fields}


def made(
    rows: Sequence[dict[str, Any]],
    chosen: Product = PRODUCT,
    interactions: pl.DataFrame | None = None,
    views: pl.DataFrame = NO_VIEWS,
) -> pl.DataFrame:
    events = events_frame(rows)
    sessions = booked(events) if interactions is None else pl.concat([booked(events), interactions])
    return feedback(events.lazy(), sessions.lazy(), views.lazy(), DAY, chosen)


def reported(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return made(rows).to_dicts()


@pytest.mark.parametrize(
    ("survey", "question", "given", "points", "score_group"),
    [
        ("nps", "recommend", {"score": 10}, 100, "high"),
        ("nps", "recommend", {"score": 9}, 100, "high"),
        ("nps", "recommend", {"score": 8}, 0, "middle"),
        ("nps", "recommend", {"score": 7}, 0, "middle"),
        ("nps", "recommend", {"score": 6}, -100, "low"),
        ("nps", "recommend", {"score": 0}, -100, "low"),
        ("nps", "recommend", {"score": 11}, None, None),
        ("nps", "recommend", {"score": -1}, None, None),
        # Declared 1 to 6 with the best at 1: the top two boxes are 1 and 2.
        ("FFT 7", "Why?", {"score": 1}, 100, "high"),
        ("FFT 7", "Why?", {"score": 2}, 100, "high"),
        ("FFT 7", "Why?", {"score": 3}, 0, "middle"),
        ("FFT 7", "Why?", {"score": 5}, 0, "low"),
        ("FFT 7", "Why?", {"score": 6}, 0, "low"),
        ("FFT 7", "Why?", {"score": 7}, None, None),
        ("stars", "stars", {"score": 4}, 100, "high"),
        ("stars", "stars", {"score": 2}, 0, "low"),
        ("stars", "stars", {"score": 0}, None, None),
        ("effort", "ease", {"score": 7}, 7, "high"),
        ("effort", "ease", {"score": 4}, 4, "middle"),
        ("effort", "ease", {"score": 1}, 1, "low"),
        ("effort", "ease", {"score": 8}, None, None),
        ("fit", "miss", {"choice": " Very Disappointed "}, 100, "high"),
        ("fit", "miss", {"choice": "somewhat disappointed"}, 0, "low"),
    ],
)
def test_what_an_answer_is_worth(
    survey: str, question: str, given: dict[str, Any], points: int | None, score_group: str | None
) -> None:
    rows = [
        row
        for row in reported([answer(survey_id=survey, question_id=question, **given)])
        if row["question_kind"] != "text"
    ]
    (row,) = rows
    assert (row["points"], row["score_group"], row["is_valid"]) == (points, score_group, points is not None)


def test_an_event_with_score_and_words_answers_two_questions() -> None:
    rows = reported([answer(survey_id="FFT 7", question_id="Why?", score=2, text="Kind staff")])
    assert [(r["survey"], r["question"], r["score"], r["text"], r["stage"]) for r in rows] == [
        ("fft", "rating", 2, None, "care"),
        ("fft", "words", None, "Kind staff", "care"),
    ]


@pytest.mark.parametrize(
    ("own", "stage"),
    [({"properties": '{"stage":"trial"}'}, "trial"), ({"properties": '{"a":1}'}, "care"), ({"properties": "{"}, "care"), ({}, "care")],
)  # fmt: skip
def test_an_answer_may_name_its_own_stage(own: dict[str, Any], stage: str) -> None:
    rows = reported([answer(survey_id="FFT 7", question_id="Why?", score=2, text="Kind staff", **own)])
    assert {row["stage"] for row in rows} == {stage}


def test_a_blank_beside_a_score_is_a_non_answer_but_not_below_another_questions_id() -> None:
    (_, words) = reported([answer(survey_id="FFT 7", question_id="Why?", score=2)])
    assert words["non_answer"] == BLANK
    (only,) = reported([answer(survey_id="nps", question_id="recommend", score=9)])
    assert only["question"] == "recommend"


def test_surveys_and_questions_that_nobody_told_of_are_kept() -> None:
    rows = reported(
        [
            answer(survey_id="other", question_id="q7", text="Nice"),
            answer(survey_id="other", question_id="q8", score=3),
            answer(text="No survey at all"),
            {"kind": "survey_shown", "occurred_at": at("2026-02-03T09:00:00"), "survey_id": "nps"},
            {"kind": "survey_dismissed", "occurred_at": at("2026-02-03T09:00:01"), "survey_id": "nps"},
        ]
    )
    assert [(r["kind"], r["survey"], r["question"], r["question_kind"], r["trigger"]) for r in rows] == [
        ("survey_shown", "nps", "", "", "after_purchase"),
        ("survey_dismissed", "nps", "", "", "after_purchase"),
        ("survey_answered", "other", "q7", "text", ""),
        ("survey_answered", "other", "q8", "choice", ""),
        ("survey_answered", "", "(not told)", "text", ""),
    ]


def test_bots_and_other_events_are_no_feedback() -> None:
    assert not reported(
        [answer(survey_id="nps", is_bot=True), {"kind": "click", "occurred_at": at("2026-02-03T09:00:00")}]
    )


def test_a_response_counts_once_with_its_last_answer() -> None:
    rows = made(
        [
                answer("2026-02-03T10:00:00", event_id="a", survey_id="nps", question_id="recommend", score=3, response_id="r"),
                answer("2026-02-03T10:00:05", event_id="b", survey_id="nps", question_id="recommend", score=9, response_id="r"),
                answer("2026-02-03T10:00:06", event_id="c", survey_id="nps", question_id="recommend", score=99, response_id="r"),
                answer("2026-02-03T10:00:05", event_id="d", survey_id="nps", question_id="why", text="slow", response_id="r"),
                answer("2026-02-03T10:00:07", event_id="e", survey_id="nps", question_id="why", text="slow page", response_id="r"),
                answer("2026-02-03T10:00:05", event_id="f", survey_id="nps", question_id="recommend", score=5),
                answer("2026-02-03T10:00:05", event_id="g", survey_id="nps", question_id="why", text="of the same instant"),
            ]
    )  # fmt: skip
    answers = last_answers(rows.lazy())
    assert sorted(valid_scores(answers)["score"].to_list()) == [5, 9]
    assert sorted(comments(answers)["text"].to_list()) == ["of the same instant", "slow page"]
    # Without a response's id, what one device answers in one instant is one response.
    assert answers["response_key"].n_unique() == 2


SHOWN = {"anonymous_id": "d1", "device_type": "mobile", "url": "/"}


def joined(tmp_path: Any, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = product(surveys=SURVEYS, segments={"plus": {"properties": {"plan": "plus"}}})
    lake = Lake(tmp_path)
    drop(tmp_path, "web/a.ndjson", ndjson(rows))
    take_all(lake, chosen)
    compute_all(lake, chosen)
    return (
        scan_days(lake, "feedback", published_days(lake, "feedback"))
        .sort("occurred_at", "event_id")
        .collect()
        .to_dicts()
    )


def test_feedback_is_joined_to_person_session_page_view_and_page(tmp_path: Any) -> None:
    given = {"survey_id": "nps", "question_id": "recommend", "score": 9}
    mail = {"user_id": "u1", "device_type": "desktop"}
    rows = joined(
        tmp_path,
        record("v1", "2026-02-03T10:00:00", user_id="u1", properties={"plan": "plus"}, **SHOWN),
        record("x1", "2026-02-03T10:00:01", "experiment", user_id="u1", experiment_id="e", variant="b", **SHOWN),
        record("v2", "2026-02-03T10:05:00", user_id="u1", **{**SHOWN, "url": "/p/1"}),
        record("s1", "2026-02-03T10:05:30", "survey_answered", user_id="u1", **{**SHOWN, "url": "/p/1"}, **given),
        # By mail, of the same person on no device: 30 minutes after the session's end, and a second later.
        record("m1", "2026-02-03T10:35:30", "survey_answered", **mail, **given),
        record("m2", "2026-02-03T10:35:31", "survey_answered", **mail, **given),
        # Nobody known.
        record("n1", "2026-02-03T11:00:00", "survey_answered", anonymous_id=None, **given),
    )
    result = {row["event_id"]: row for row in rows}
    assert result["s1"]["joined"] == "session"
    assert result["m1"]["joined"] == "person"
    assert (result["m1"]["session_key"], result["m1"]["page_view_key"]) == (
        result["s1"]["session_key"],
        result["s1"]["page_view_key"],
    )
    assert [result[name]["page"] for name in ("s1", "m1", "m2", "n1")] == ["product", "product", "", ""]
    assert [result[name]["segment_bits"] for name in ("s1", "m1", "m2", "n1")] == [1, 1, 0, 0]
    assert [result[name]["variants"] for name in ("s1", "m1", "m2", "n1")] == ["e/b", "e/b", None, None]
    assert result["m2"]["joined"] is None
    assert result["m2"]["person_key"] == result["s1"]["person_key"]
    assert result["m2"]["session_key"] is None
    assert result["n1"]["person_key"] is None
    assert result["m2"]["device_type"] == "desktop"


def test_an_answer_after_midnight_belongs_to_its_own_day_and_to_the_session_of_the_day_before(tmp_path: Any) -> None:
    given = {"survey_id": "nps", "question_id": "recommend", "score": 9}
    rows = joined(
        tmp_path,
        record("v1", "2026-02-03T22:50:00", **SHOWN),
        record("s1", "2026-02-03T23:05:00", "survey_answered", **SHOWN, **given),
        record("n1", "2026-02-03T23:06:00", "survey_answered", anonymous_id=None, **given),
        record("v2", "2026-02-04T10:00:00", **SHOWN),
    )
    # Berlin is an hour ahead: both answers belong to the 4th, the session of the first to the 3rd.
    assert [(row["event_id"], row["day"], row["joined"]) for row in rows] == [
        ("s1", date(2026, 2, 4), "session"),
        ("n1", date(2026, 2, 4), None),
    ]


def test_answers_of_the_team_bear_nothing_that_tells_whose_they_are(tmp_path: Any) -> None:
    chosen = product(surveys={"pulse": {"audience": "team", "questions": {"mood": {"kind": "csat"}}}})
    given = {"survey_id": "pulse", "question_id": "mood", "properties": {"team": "blue"}}
    who = {"url": "https://x.example/staff/anna", "user_agent": "UA-of-Anna", "country": "DE"}

    def stated(name: str, day: int, score: int) -> dict[str, Any]:
        when = f"2026-02-{day:02}T10:00:00"
        return record(
            name, when, "survey_answered", user_id=f"u{name}", anonymous_id=f"d{name}", score=score, **given, **who
        )

    rows = [stated(f"t{i}", 3, 4) for i in range(5)]
    # One more in the next week, under the survey's name; and a record that is rejected.
    rows += [
        stated("t8", 10, 1),
        {**stated("t9", 3, 1), "occurred_at": "2025-02-03T10:00:00Z", "text": "my boss shouts"},
    ]
    rows += [record("t6", "2026-02-02T10:00:00", url="/"), record("t7", "2026-02-15T10:00:00", url="/")]
    lake = Lake(tmp_path)
    drop(tmp_path, "web/a.ndjson", ndjson(rows))
    take_all(lake, chosen)
    compute_all(lake, chosen)
    for path in (tmp_path / "lake").glob("*/*/*.parquet"):
        kept = pl.read_parquet(path)
        texts = kept.select(pl.col(pl.String).str.contains(r"blue|ut\d|dt\d|[Aa]nna|boss|emp-1").any())
        assert not texts.height or not any(texts.row(0)), path
    assert pl.read_parquet(tmp_path / "marts" / "feedback_daily.parquet").is_empty()
    scores = pl.read_parquet(tmp_path / "marts" / "scores.parquet")
    # No longer period: all less the week would tell what the sixth said. Nor the week of the one.
    assert scores.select("period", "period_start", "dimension", "responses", "score").rows() == [
        ("week", date(2026, 2, 2), "", 5, 100)
    ]


def test_who_bears_a_surveys_name_without_being_it_is_not_taken_for_it() -> None:
    chosen = product(surveys={"pulse": {"id": "FORM-77", "questions": {"mood": {"kind": "csat"}}}})
    rows = [answer(survey_id=name, question_id="mood", score=5) for name in ("pulse", "FORM-77")]
    result = made(rows, chosen)
    assert sorted(result["survey"].to_list()) == ["id:pulse", "pulse"]


@pytest.mark.parametrize(
    ("questions", "events", "result"),
    [
        # Tools send a choice as words.
        ({"fit": {"kind": "pmf"}}, [{"question_id": "fit", "text": "Very disappointed"}], [("fit", "pmf", 100, None)]),
        ({"why": {"kind": "choice"}}, [{"question_id": "why", "text": "price"}], [("why", "choice", None, None)]),
        # Of a choice a number is a name; of a pmf it is none.
        ({"kids": {"kind": "choice"}}, [{"question_id": "kids", "score": 2}], [("kids", "choice", None, None)]),
        # `*` leaves to others what they name.
        (
            {"recommend": {"kind": "nps", "ids": ["*"]}, "ease": {"kind": "ces"}},
            [{"question_id": "q1", "score": 9}, {"question_id": "ease", "score": 3}],
            [("ease", "ces", 3, None), ("recommend", "nps", 100, None)],
        ),
        (
            {"why": {"kind": "text"}, "other": {"kind": "text", "ids": ["*"]}},
            [{"question_id": "why", "text": "so slow"}, {"question_id": "x", "text": "so dear"}],
            [("other", "text", None, "so dear"), ("why", "text", None, "so slow")],
        ),
        # Words beside a score are a comment, and a comment may begin with a number.
        (
            {"recommend": {"kind": "nps"}},
            [{"question_id": "recommend", "score": 1, "text": "your courier broke it"}],
            [("recommend", "nps", -100, None), ("recommend", "text", None, "your courier broke it")],
        ),
        (
            {"why": {"kind": "text"}},
            [{"question_id": "why", "score": 10, "choice": "10: ten weeks of waiting"}],
            [("why", "text", None, "10: ten weeks of waiting")],
        ),
        # Thumbs: one box is the best.
        (
            {"thumb": {"kind": "csat", "scale": [0, 1]}},
            [{"question_id": "thumb", "score": 0}, {"question_id": "thumb", "score": 1}],
            [("thumb", "csat", 0, None), ("thumb", "csat", 100, None)],
        ),
    ],
)
def test_which_question_takes_what(questions: dict[str, Any], events: list[dict[str, Any]], result: list[Any]) -> None:
    chosen = product(surveys={"shop": {"questions": questions}})
    rows = [answer(survey_id="shop", **event) for event in events]
    reported_ = made(rows, chosen)
    assert sorted(reported_.select("question", "question_kind", "points", "text").rows(), key=str) == result


def test_a_number_that_was_chosen_is_a_choice() -> None:
    chosen = product(surveys={"shop": {"questions": {"kids": {"kind": "choice"}, "fit": {"kind": "pmf"}}}})
    events = [
        {"question_id": "kids", "score": 2},
        {"question_id": "kids", "text": "more"},
        {"question_id": "fit", "score": 3},
    ]
    result = made([answer(survey_id="shop", **event) for event in events], chosen)
    reported_ = result.select("question", "question_kind", "choice").rows()
    assert sorted(reported_, key=str) == [("fit", "choice", None), ("kids", "choice", "2"), ("kids", "choice", "more")]


def test_answers_of_several_kinds_to_one_question_keep_the_gate_open() -> None:
    chosen = product(surveys={"shop": {"questions": {"recommend": {"kind": "nps"}}}})
    rows = [
        answer(survey_id="shop", question_id="recommend", score=9, anonymous_id="a"),
        answer(survey_id="shop", question_id="recommend", text="prefer not to say", anonymous_id="b"),
        answer(survey_id="other", text="only words"),
    ]
    result = made(rows, chosen)
    counts, table = feedback_counts(result.lazy(), chosen), TABLES["feedback_counts"]
    assert counts.select(table.key).is_unique().all()
    whole = counts.filter(pl.col("question_kind") == "")
    assert dict(whole.select("survey", "responses").rows()) == {"shop": 2, "other": 1}


def test_an_account_that_many_share_costs_no_more_than_others() -> None:
    n = 5_000
    rows = [
        answer(f"2026-02-03T10:{i % 20:02}:{i % 60:02}", survey_id="nps", question_id="recommend", score=9)
        for i in range(n)
    ]
    views = [
        {"session_key": i, "page_view_key": i, "person_key": 1, "started_at": at("2026-02-03T09:00"), "page": "home"}
        for i in range(n)
    ]
    interactions = [
        {"session_key": i, "page_view_key": i, "person_key": 1, "source": "web", "event_id": f"v{i}",
         "occurred_at": at("2026-02-03T09:00") + timedelta(seconds=i), "segment_bits": 0}
        for i in range(n)
    ]  # fmt: skip
    frames = [
        pl.DataFrame(given, schema_overrides={"occurred_at": pl.Datetime("us", "UTC")}).pipe(
            lambda frame, name=name: pl.concat([TABLES[name].schema.to_frame(), frame], how="diagonal_relaxed")
        )
        for name, given in (("session_events", interactions), ("page_views", views))
    ]
    result = made(rows, PRODUCT, *frames)
    assert result.height == n
    assert set(result["joined"]) == {"person"}


PHRASES = stock_phrases(PRODUCT.voice.non_answers)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (None, BLANK),
        ("", BLANK),
        (" \n ", BLANK),
        ("-", SIGNS),
        ("...", SIGNS),
        ("\u200b\u200e", SIGNS),
        ("N/A", "n a"),
        ("Did not answer.", "did not answer"),
        ("NOTHING!!", "nothing"),
        ("Don\u2019t know", "dont know"),
        ("k.A.", "k a"),
        ("Weiß nicht", "weiß nicht"),
        ("Nothing works", None),
        ("no way", None),
        ("\U0001f44d", None),
        ("5", None),
        ("مرحبا", None),
    ],
)
def test_what_is_no_comment(text: str | None, result: str | None) -> None:
    assert non_answer(text, PHRASES) == result


@pytest.mark.parametrize(
    ("text", "stated", "language"),
    [
        ("Die Lieferung kam zu spät", None, "de"),
        ("The delivery came too late", "de", "en"),
        ("Le paiement ne marche pas sur mon téléphone", None, "fr"),
        ("top", "de-AT", "de"),
        ("top", None, "en"),
        ("\U0001f44d", "fr", "fr"),
        ("x" * 1_000_000, "de", "de"),
    ],
)
def test_the_language_is_found_or_what_the_event_says(text: str, stated: str | None, language: str) -> None:
    result = language_of(text, stated, "en")
    assert result == language or len(text) > 1_000


def posthog(**answers: Any) -> list[tuple[Any, ...]]:
    config = product(sources={"ph": {"format": "posthog"}}).sources["ph"]
    given = {"$survey_id": "s", "distinct_id": "d", **answers}
    row = {"event": "survey sent", "uuid": "u", "timestamp": "2026-02-03T10:00:00Z", "properties": given}
    events = FORMATS["posthog"].begin(config, Clock())(row)
    return [(e.get("question_id"), e.get("score"), e.get("text"), e.get("response_id")) for e in events]


def test_posthogs_answers_come_once_whether_named_by_id_by_place_or_by_both() -> None:
    # Older clients: by place, and two answers may be equal.
    assert posthog(**{"$survey_response": 5, "$survey_response_1": 5}) == [(None, 5, None, "u"), ("1", 5, None, "u")]
    # Newer ones: by id and by place; parts of a submission bear its id.
    both = {
        "$survey_response": 9,
        "$survey_response_aaa": 9,
        "$survey_response_1": "late",
        "$survey_response_bbb": "late",
    }
    assert posthog(**both, **{"$survey_submission_id": "sub"}) == [
        ("aaa", 9, None, "sub"),
        ("bbb", None, "late", "sub"),
    ]
    assert posthog(**{"$survey_response_aaa": None, "$survey_response_bbb": "x"}) == [("bbb", None, "x", "u")]


def test_a_thousand_smileys_take_no_longer_than_words() -> None:
    many = "I love it " + "".join(chr(0x1F600 + i % 60) for i in range(4_900))
    few = "I love it " + "".join(chr(0x1F600 + i % 60) for i in range(30))
    assert sentiment_e4(many, "en") == sentiment_e4(few, "en"), "the first thirty are read"


def test_mood_is_told_where_the_language_is_read() -> None:
    assert (sentiment_e4("I love it, wonderful!", "en") or 0) > 5_000
    assert (sentiment_e4("Terrible, I hate waiting", "en") or 0) < -5_000
    assert sentiment_e4("Ich liebe es", "de") is None


@pytest.mark.parametrize(
    ("surveys", "words"),
    [
        ({"a": {"questions": {"q": {"kind": "nps", "best": "low"}}}}, "is it a csat?"),
        ({"a": {"questions": {"q": {"kind": "text", "scale": [1, 5]}}}}, "has no scale"),
        ({"a": {"questions": {"q": {"kind": "csat", "scale": [5, 1]}}}}, "greatest answer"),
        ({"a": {"id": "s"}, "s": {}}, "stands twice"),
    ],
)
def test_faults_of_the_product_file_say_what_would_be_right(surveys: dict[str, Any], words: str) -> None:
    text = json.dumps({"name": "x", "start_date": "2026-01-01", "sources": {"web": {}}, "surveys": surveys})
    with pytest.raises(ProductFileError, match=words):
        parse_product(text)
