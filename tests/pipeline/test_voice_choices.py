"""Choices: what counts as one, several of an answer, shares of the answerers, and a slow count beside the fast one."""

from collections import Counter, defaultdict
from datetime import date
from itertools import product as crossed
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import compute_all, days_from, drop, feedback_frame, ndjson, product, record, take_all

from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.domains.voice.choices import OTHER, choice_counts
from pipeline.report.choices import choice_sections
from pipeline.stats.intervals import wilson

DAYS = days_from("2026-02-02", 14)
FREE = product(surveys={"shop": {"questions": {"reason": {"kind": "choice"}}}})
DECLARED = product(
    surveys={
        "shop": {
            "questions": {
                "reason": {
                    "kind": "choice",
                    "choices": ["Too expensive", "Delivery, too slow", "Unused"],
                    "separator": ", ",
                }
            }
        },
        "pulse": {"audience": "team", "questions": {"mood": {"kind": "choice", "choices": ["good", "bad"]}}},
    }
)


def chose(choice: str | None, person: int | None = None, day: date = DAYS[0], **more: Any) -> dict[str, Any]:
    return {"day": day, "question": "reason", "question_kind": "choice", "choice": choice, "person_key": person, **more}


def counted(rows: list[dict[str, Any]], chosen: Any = FREE, **only: str) -> list[dict[str, Any]]:
    """Rows of all days (or `period`), everybody unless a page or device is asked for."""
    result = choice_counts(feedback_frame(rows).lazy(), DAYS, chosen)
    wanted = {"period": "all", "page": "", "device_type": "", **only}
    return result.filter(pl.col(name) == value for name, value in wanted.items()).to_dicts()


def reported(rows: list[dict[str, Any]], chosen: Any = FREE, **only: str) -> list[tuple[Any, ...]]:
    return [(row["choice"], row["answers"], row["people"], row["answers_all"]) for row in counted(rows, chosen, **only)]


def test_a_choice_is_what_five_people_chose_and_the_rest_is_other() -> None:
    rows = [
        # Case and blanks are no other choice; the spelling used most names it.
        *(chose("Too expensive", person) for person in range(4)),
        chose(" too  EXPENSIVE ", 4),
        # Five times, but by four people.
        *(chose("shipping", person) for person in (5, 6, 7, 8, 8)),
        # In own words, which may be personal; and what nobody could call a choice, however many sent it.
        chose("other: my neighbour Anna Berg said no", 9),
        *(chose("z" * 201, person) for person in range(10, 16)),
        # No answer at all.
        chose(None, 20),
        chose("  ", 21),
    ]
    # (other): 5 + 1 + 6 responses of 4 + 1 + 6 people.
    assert reported(rows) == [(OTHER, 12, 11, 17), ("Too expensive", 5, 5, 17)]


def test_responses_of_nobody_known_are_people_of_their_own() -> None:
    assert reported([chose("price") for _ in range(5)]) == [("price", 5, 0, 5)]
    assert reported([chose("price") for _ in range(4)]) == [(OTHER, 4, 0, 4)]


def test_declared_choices_count_from_the_first_answer_and_all_else_is_other() -> None:
    rows = [
        chose("too expensive", 1),
        # A comma within a declared choice doesn't divide it.
        chose("Delivery, too slow", 2),
        chose("Too expensive, something else", 3),
        *(chose("often chosen, yet not declared", person) for person in range(4, 10)),
    ]
    assert reported(rows, DECLARED) == [
        (OTHER, 7, 7, 9),
        ("Delivery, too slow", 1, 1, 9),
        ("Too expensive", 2, 2, 9),
        ("Unused", 0, 0, 9),
    ]


def test_several_choices_of_one_answer_each_count_and_the_share_is_of_answerers() -> None:
    at = f"{DAYS[0]}T12:00:00+00:00"
    rows = [
        *(chose("a; b", person) for person in range(5)),
        # The same twice is once; nothing between separators is nothing.
        chose("b; ; B", 6),
        # Tools that send an event, or a column, for each choice.
        *(chose(letter, 7, response_key=70, occurred_at=at) for letter in "ab"),
        *(chose(letter, 8, response_key=80, question_id=f"column {letter}") for letter in "ab"),
    ]
    assert reported(rows) == [("a", 7, 7, 8), ("b", 8, 8, 8)]


def test_of_a_response_the_last_answer_counts_where_and_when_it_was_given() -> None:
    rows = [
        *(chose(letter, person, page="cart") for letter in "ab" for person in range(5)),
        chose("a", 9, DAYS[0], response_key=90, page="cart"),
        chose("b", 9, DAYS[7], response_key=90, page="checkout"),
    ]
    assert reported(rows) == [("a", 5, 5, 11), ("b", 6, 6, 11)]
    assert reported(rows, page="cart") == [("a", 5, 5, 10), ("b", 5, 5, 10)]
    assert reported(rows, page="checkout") == [("a", 0, 0, 1), ("b", 1, 1, 1)]
    weeks = choice_counts(feedback_frame(rows).lazy(), DAYS, FREE).filter(
        pl.col("period") == "week", pl.col("page") == "", pl.col("device_type") == ""
    )
    assert weeks.select("period_start", "choice", "answers", "answers_all").rows() == [
        (DAYS[0], "a", 5, 10),
        (DAYS[0], "b", 5, 10),
        (DAYS[7], "a", 0, 1),
        (DAYS[7], "b", 1, 1),
    ]


def test_an_interval_worked_out_by_hand_and_widened_where_people_answer_again() -> None:
    # 5 of 10: Wilson's middle .5, half 1.96 sqrt(.025 + .0096) / 1.384 = .2634.
    rows = [chose("a" if person < 5 else "b", person) for person in range(10)]
    (a, _) = counted(rows)
    assert (round(a["low_end"], 4), round(a["high_end"], 4), a["design_effect"]) == (0.2366, 0.7634, 1)
    # Everybody says the same twice: ten people, twenty responses. Between people 10 x 1 x 10/9, within 20 x 1/4.
    (a, _) = counted([*rows, *rows])
    assert a["design_effect"] == pytest.approx((10 * 1 * 10 / 9) / (20 / 4))
    assert (a["answers"], a["people"], a["answers_all"]) == (10, 5, 20)
    assert (a["low_end"], a["high_end"]) == pytest.approx(wilson(4.5, 9))


def test_only_choices_of_people_are_counted_and_none_of_the_team() -> None:
    rows = [{**chose("good", person), "survey": "pulse", "question": "mood", "person_key": None} for person in range(9)]
    other = [{**chose("a", person), "question_kind": kind} for person in range(9) for kind in ("text", "pmf")]
    assert choice_counts(feedback_frame([*rows, *other]).lazy(), DAYS, DECLARED).is_empty()
    assert choice_counts(TABLES["feedback"].schema.to_frame().lazy(), [], DECLARED).is_empty()


def test_questions_that_the_product_file_does_not_name_are_counted_too() -> None:
    rows = [{**chose("a; b", person), "survey": "id:9", "question": "q"} for person in range(5)]
    assert reported(rows) == [("a", 5, 5, 5), ("b", 5, 5, 5)]


POSTHOG = [
    {
        "uuid": f"u{i}", "event": "survey sent", "distinct_id": f"p{i}", "timestamp": f"2026-02-03T10:0{i}:00Z", "elements_chain": "",
        "properties": {"$survey_id": "exit", "$survey_response_why": ["Too expensive", f"my own reason {i}"]},
    }
    for i in range(5)
]  # fmt: skip
# Typeform and others: a column for each choice, whose cell holds its name.
COLUMNS = "\n".join(
    ["#,Too expensive,Just looking,Submit Date (UTC),User ID"]
    + [f"{i},Too expensive,{'Just looking' if i else ''},2026-02-03 10:0{i}:00,p{i}" for i in range(6)]
)
CANONICAL = [
    record(f"e{i}", "2026-02-03T10:00:00", "survey_answered", survey_id="exit", question_id="why", user_id=f"p{i}", choice=stated)
    for i, stated in enumerate([*["Too expensive"] * 5, *["Just looking; Too expensive"] * 5])
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name", "data", "question", "expected"),
    [
        ("posthog", "a.ndjson", ndjson(POSTHOG), {}, [(OTHER, 5, 5, 5), ("Too expensive", 5, 5, 5)]),
        (
            "surveys",
            "a.csv",
            COLUMNS.encode(),
            {"ids": ["Too expensive", "Just looking"]},
            [("Just looking", 5, 5, 6), ("Too expensive", 6, 6, 6)],
        ),
        ("canonical", "a.ndjson", ndjson(CANONICAL), {}, [("Just looking", 5, 5, 10), ("Too expensive", 10, 10, 10)]),
    ],
)
def test_from_a_landing_file_to_the_mart(
    source: str, name: str, data: bytes, question: dict[str, Any], expected: list[Any], tmp_path: Path
) -> None:
    chosen = product(
        sources={"tool": {"format": source, **({"survey_id": "exit"} if source == "surveys" else {})}},
        surveys={"exit": {"questions": {"why": {"kind": "choice", **question}}}},
    )
    lake = Lake(tmp_path)
    drop(tmp_path, f"tool/{name}", data)
    take_all(lake, chosen)
    compute_all(lake, chosen, only=["choices"])
    mart = pl.read_parquet(tmp_path / "marts" / "choices.parquet")
    assert not mart.select(pl.col(pl.String).str.contains("my own reason").any()).sum_horizontal().item()
    everybody = mart.filter(pl.col("period") == "all", pl.col("page") == "", pl.col("device_type") == "")
    assert everybody.select("choice", "answers", "people", "answers_all").rows() == expected
    assert everybody["share"].to_list() == [row[1] / row[3] for row in expected]


def test_the_page_tells_what_was_chosen_most_and_shows_the_biggest() -> None:
    rows = [
        *(chose("price <b>", person, page="cart") for person in range(20)),
        *(chose("price <b>; size", person) for person in range(20, 30)),
        chose("my own words", 31),
    ]
    counts = choice_counts(feedback_frame(rows).lazy(), DAYS, FREE)
    mart = counts.with_columns(share=pl.col("answers") / pl.col("answers_all"), is_small=pl.col("answers_all") < 30)
    (section,) = choice_sections(mart)
    assert section.meaning.startswith("Of 31 answers in the last 28 days 96.8% chose “price <b>” (83.8% to 99.4%).")
    assert "more than 100 %" in section.meaning
    assert "“(other)” gathers" in section.meaning
    bodies = {body.picked[0]: [(row[0], row[1], row[4]) for row in body.rows] for body in section.bodies}
    assert bodies["everybody"] == [("price <b>", "96.8%", "30"), ("size", "32.3%", "10"), (OTHER, "3.2%", "1")]
    assert bodies["page: cart"] == [("price <b>", "100.0%", "20"), ("size", "0.0%", "0"), (OTHER, "0.0%", "0")]
    assert list(bodies) == ["everybody", "page: cart", "device: mobile"]
    assert section.header[0] == "choice"
    (drawn,) = section.charts
    assert "97% (30)" in drawn
    assert "<b>" not in drawn
    only_words = counts.filter(pl.col("choice") == OTHER).with_columns(share=pl.lit(0.1), is_small=pl.lit(value=True))
    (section,) = choice_sections(only_words)
    assert "none is a choice that can be told" in section.meaning
    assert choice_sections(mart.clear()) == []


def test_long_choices_are_cut_in_the_chart_and_whole_in_the_table() -> None:
    long = [f"I found the same thing cheaper in {where}" for where in ("a shop", "the market")]

    def page(*choices: str) -> tuple[str, list[str]]:
        rows = [chose(choice, 10 * n + i) for n, choice in enumerate(choices) for i in range(5)]
        counts = choice_counts(feedback_frame(rows).lazy(), DAYS, FREE)
        (section,) = choice_sections(counts.with_columns(share=pl.lit(0.5), is_small=pl.lit(value=True)))
        return str(section.charts[0]), [row[0] for row in section.bodies[0].rows]

    drawn, reported_ = page(long[0], "price")
    assert "I found the same thing cheaper in…" in drawn
    assert reported_ == [long[0], "price"]
    drawn, _ = page(*long)
    assert "I found the same thing cheaper in…" not in drawn, "two bars would be one"


ANSWER = st.fixed_dictionaries(
    {
        "day": st.sampled_from([*DAYS[:3], DAYS[8]]),
        # No person: hashes never meet.
        "response_key": st.integers(100, 114),
        "question": st.sampled_from(["reason", "reason", "where"]),
        "choice": st.sampled_from([None, "", "a", "A ", "b", "a; b", "b; c", "c; ", "own words"]),
        "person_key": st.sampled_from([None, *range(8)]),
        "page": st.sampled_from(["", "cart", "home"]),
        "device_type": st.sampled_from(["mobile", "desktop"]),
        "hour": st.integers(0, 1),
    }
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ANSWER, max_size=60), st.randoms())
def test_against_a_slow_count_in_whatever_order(drawn: list[dict[str, Any]], random: Any) -> None:
    rows = [
        {
            **{name: value for name, value in each.items() if name != "hour"},
            "question_kind": "choice",
            "event_id": f"e{i:03}",
            "occurred_at": f"{each['day']}T1{each['hour']}:00:00+00:00",
        }
        for i, each in enumerate(drawn)
    ]
    frame = feedback_frame(rows) if rows else TABLES["feedback"].schema.to_frame()
    result = choice_counts(frame.lazy(), DAYS, FREE)
    shuffled = list(range(frame.height))
    random.shuffle(shuffled)
    assert choice_counts(frame[shuffled].lazy(), DAYS, FREE).equals(result)
    periods = {
        ("week", DAYS[0]): DAYS[:7],
        ("week", DAYS[7]): DAYS[7:],
        **dict.fromkeys(((name, DAYS[0]) for name in ("last_28", "last_90", "all")), DAYS),
    }
    expected = {
        (period, start, *key): value
        for (period, start), days in periods.items()
        for key, value in slow_counts(rows, days).items()
    }
    names = ["period", "period_start", "question", "page", "device_type", "choice"]
    columns = [*names, "answers", "people", "answers_all", "design_effect"]
    got = {tuple(row[:6]): tuple(row[6:]) for row in result.select(columns).rows()}
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        assert got[key] == pytest.approx(value), key


def slow_counts(rows: list[dict[str, Any]], days: list[date]) -> dict[tuple[Any, ...], tuple[float, ...]]:
    """Answers, people, answerers and design effect by question, page, device and choice, a response at a time."""
    last: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda r: (r["occurred_at"], r["event_id"])):
        key = (row["response_key"], row["question"])
        together = [each for each in last.get(key, []) if each["occurred_at"] == row["occurred_at"]]
        last[key] = [*together, row]

    def with_cluster_key(row: dict[str, Any]) -> str:
        return f"r{row['response_key']}" if row["person_key"] is None else f"p{row['person_key']}"

    stated: list[tuple[str, dict[str, Any], set[str], dict[str, set[str]]]] = []
    for (_, question), answers in last.items():
        parts = [
            (part.strip().lower(), with_cluster_key(row))
            for row in answers
            for part in (row["choice"] or "").split("; ")
            if part.strip()
        ]
        if parts:
            telling = [row for row in answers if (row["choice"] or "").replace(";", "").strip()]
            by = {part: {who for each, who in parts if each == part} for part, _ in parts}
            stated.append((question, telling[-1], set(by), by))
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    spelled: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (_, question), answers in last.items():
        for row in answers:
            for part in filter(str.strip, (row["choice"] or "").split("; ")):
                people[question, part.strip().lower()].add(with_cluster_key(row))
                spelled[question, part.strip().lower()][part.strip()] += 1

    def label(question: str, part: str) -> str:
        if len(people[question, part]) < 5:
            return OTHER
        counts = spelled[question, part]
        return min(counts, key=lambda name: (-counts[name], name))

    options: dict[str, set[str]] = defaultdict(set)
    for question, part in people:
        options[question].add(label(question, part))
    result: dict[tuple[Any, ...], tuple[float, ...]] = {}
    positions = list(crossed(["", "cart", "home"], ["", "mobile", "desktop"]))
    for question, (page, device) in crossed(options, positions):
        inside = [
            (row, {label(question, part) for part in parts})
            for asked, row, parts, _ in stated
            if asked == question
            and row["day"] in days
            and page in ("", row["page"])
            and device in ("", row["device_type"])
        ]
        for option in options[question] if inside else ():
            hit = [row for row, names in inside if option in names]
            known = {row["person_key"] for row in hit if row["person_key"] is not None}
            result[question, page, device, option] = (
                len(hit),
                len(known),
                len(inside),
                clustered([(with_cluster_key(row), int(option in names)) for row, names in inside]),
            )
    return result


def clustered(values: list[tuple[str, int]]) -> float:
    """By the textbook: squared sums of people's deviations beside those of responses."""
    average = sum(value for _, value in values) / len(values)
    by: dict[str, float] = defaultdict(float)
    for who, value in values:
        by[who] += value - average
    if len(by) == len(values):
        return 1.0
    if len(by) < 2:
        return float(len(values))
    simple = sum((value - average) ** 2 for _, value in values)
    together = sum(total**2 for total in by.values()) * len(by) / (len(by) - 1)
    return max(1.0, together / simple) if simple > 1e-12 else 1.0
