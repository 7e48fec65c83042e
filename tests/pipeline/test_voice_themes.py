"""Themes: the team's by a table of cases, found ones that keep their ids, effects against a slow computation."""

from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import days_from, feedback_frame, product

from pipeline.domains.themes.discovered_themes import (
    EVERY_DAYS,
    FIRST_COMMENTS,
    DiscoveredTheme,
    Looked,
    look,
    look_days,
    name_of,
)
from pipeline.domains.themes.quotes import quote_list
from pipeline.domains.themes.section import Theme
from pipeline.domains.themes.team_themes import team_strengths
from pipeline.domains.themes.themes import comment_themes, theme_list, theme_results
from pipeline.stats.alerts import with_q
from pipeline.stats.differences import difference

PRODUCT = product(
    surveys={"shop": {"questions": {"recommend": {"kind": "nps"}, "why": {"kind": "text"}}}},
    themes={"delivery": {"words": ["deliver*", "parcel"]}},
)
TOPICS = {
    "delivery": ["parcel", "courier", "late", "arrived", "depot", "driver"],
    "size": ["size", "fits", "small", "chart", "narrow", "sleeve"],
    "quality": ["leather", "seam", "colour", "fabric", "scratch", "zipper"],
    "returns": ["refund", "return", "label", "voucher", "exchange", "credit"],
    "paying": ["card", "payment", "declined", "bank", "checkout", "invoice"],
}
START = date(2026, 1, 5)


def texts(count: int, seed: int = 1, topics: tuple[str, ...] = tuple(TOPICS)) -> list[str]:
    random = Random(seed)
    stated: list[str] = []
    for _ in range(count):
        words = random.sample(TOPICS[random.choice(topics)], 4)
        stated.append(f"The {words[0]} and the {words[1]} with {words[2]}, honestly {words[3]} every single time")
    return stated


def test_exact_words_count_as_they_stand() -> None:
    stated = [
        "My bill is wrong",
        "The bills are wrong",
        "Bill was kind",
        "billed twice",
        "@bill hello",
        "see bill.com/bill",
    ]
    comments = pl.DataFrame(
        [
            {"source": "web", "event_id": f"{i}", "question": "q", "text": text, "language": "en"}
            for i, text in enumerate(stated)
        ]
    )
    result = team_strengths(comments, {"bill": Theme(exact=("Bill", "..."))})
    assert sorted(result["event_id"]) == ["0", "2"]
    assert sorted(team_strengths(comments, {"bill": Theme(words=("bill",))})["event_id"]) == ["0", "1", "2", "3"]


def test_a_name_is_of_words_that_a_fifth_hold_and_that_dont_contradict_it() -> None:
    weights = {"courier": 9.0, "problem": 8.0, "perfect": 7.0, "lost": 6.0, "order": 5.0}
    texts = ["perfect order problem lost"] * 4 + ["the order was a problem"] * 4 + ["courier"]
    theme = DiscoveredTheme("found:en:1", START, weights)
    looked = Looked("en", START, START, [theme], pl.DataFrame(), {})
    assert name_of(theme, looked, texts, [])[0] == "problem, perfect, lost"
    # Its mood or its effect goes down: no praise; one up and one down: neither praise nor blame.
    assert name_of(theme, looked, texts, [-0.2])[0] == "problem, lost, order"
    assert name_of(theme, looked, texts, [-0.2, 5.0])[0] == "order"
    assert name_of(theme, looked, texts, [])[1] == "courier, problem, perfect, lost, order"
    assert name_of(theme, looked, ["something else"] * 9, [])[0] == "courier"


def comment_rows(stated: list[str], first: date = START, per_day: int = 10) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"c{first}-{i:04}", "response_key": hash((first, i)) % 10**9, "question": "why", "question_kind": "text",
            "text": text, "language": "en", "day": first + timedelta(days=i // per_day), "person_key": i,
        }
        for i, text in enumerate(stated)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "text", "language", "has"),
    [
        (["parcel"], "Parcels came late", "en", True),
        (["parcel"], "parcelled out", "en", True),
        (["wait*"], "I was waiting for hours", "en", True),
        (["wait*"], "the waiter was kind", "en", True),
        (["wait"], "the waiter was kind", "en", False),
        (["pay button"], "The pay button does nothing", "en", True),
        (["pay button"], "The PAY BUTTONS do nothing", "en", True),
        (["pay button"], "I pay with a button", "en", False),
        (["Größe"], "Die Größen fallen klein aus", "de", True),
        (["size"], "Oversized", "en", False),
        (["don't"], "I don\u2019t know", "en", True),
        (["late", "slow"], "so slow", "en", True),
        (["..."], "anything", "en", False),
    ],
)
def test_a_teams_words_are_found_in_whatever_inflection(
    words: list[str], text: str, language: str, *, has: bool
) -> None:
    comments = pl.DataFrame([{"source": "web", "event_id": "a", "question": "q", "text": text, "language": language}])
    result = team_strengths(comments, {"theme": Theme(words=tuple(words))})
    assert result["theme"].to_list() == (["theme"] if has else [])


def test_examples_find_what_is_like_them() -> None:
    stated = ["The pay button did nothing at all", "My payment button does nothing", "Lovely leather, great quality"]
    comments = pl.DataFrame(
        [
            {"source": "web", "event_id": str(i), "question": "q", "text": text, "language": "en"}
            for i, text in enumerate(stated)
        ]
    )
    result = team_strengths(comments, {"paying": Theme(examples=("The pay button did nothing",))}).sort("event_id")
    assert result["event_id"].to_list() == ["0", "1"]
    assert result["strength"][0] > result["strength"][1]


def test_found_themes_are_the_topics_that_were_put_in() -> None:
    frame = pl.DataFrame(comment_rows(texts(300)))
    result = look(frame.with_columns(source=pl.lit("web")), "en", START + timedelta(days=30))
    assert result is not None
    best = result.strengths.sort("strength", descending=True).unique("event_id", keep="first")
    topics = frame.with_columns(
        topic=pl.concat_list(
            pl.col("text").str.contains(f"\\b{words[0]}|\\b{words[1]}|\\b{words[2]}|\\b{words[3]}").cast(pl.Int8)
            for words in TOPICS.values()
        ).list.arg_max()
    )
    joined = best.join(topics.select("event_id", "topic"), on="event_id")
    purity = joined.group_by("theme", "topic").len().group_by("theme").agg(pl.col("len").max())["len"].sum()
    assert joined.height > 0.9 * frame.height
    assert purity > 0.95 * joined.height


@settings(max_examples=10, deadline=None)
@given(st.randoms())
def test_the_same_comments_in_another_order_give_the_same_themes_and_bytes(tmp_path_factory: Any, random: Any) -> None:
    rows = comment_rows(texts(150))
    days = days_from("2026-01-05", 30)
    folder = tmp_path_factory.mktemp("order")
    made: list[bytes] = []
    for name in ("as_it_came", "shuffled"):
        frame = feedback_frame(rows)
        parts = [compute(frame.lazy(), days, PRODUCT) for compute in (comment_themes, theme_list, theme_results)]
        for i, part in enumerate(parts):
            part.write_parquet(folder / f"{name}{i}.parquet")
            made.append((folder / f"{name}{i}.parquet").read_bytes())
        random.shuffle(rows)
    assert made[:3] == made[3:]


def test_themes_keep_their_ids_from_night_to_night_and_new_ones_are_announced() -> None:
    rows = comment_rows(texts(200, topics=("delivery", "size", "quality", "returns")))
    names: list[dict[str, str]] = []
    for night in range(20, 27):
        days = days_from("2026-01-05", night)
        reported = theme_list(feedback_frame([r for r in rows if r["day"] <= days[-1]]).lazy(), days, PRODUCT)
        names.append(dict(reported.filter(pl.col("origin") == "found").select("theme", "name").rows()))
    assert all(set(later) == set(names[0]) for later in names)
    # A topic that nobody spoke of before.
    more = comment_rows(texts(250, seed=2), first=START + timedelta(days=25))
    days = days_from("2026-01-05", 60)
    after = theme_list(feedback_frame([*rows, *more]).lazy(), days, PRODUCT).filter(pl.col("origin") == "found")
    stayed = after.filter(pl.col("theme").is_in(list(names[0])))
    new = after.filter(pl.col("since") > START + timedelta(days=25))
    assert stayed.height >= 3, "what was spoken of before is told as before"
    assert any(set(words.split(", ")) & set(TOPICS["paying"]) for words in new["words"])


def test_when_themes_are_looked_for() -> None:
    days = [START + timedelta(days=i // 10) for i in range(1_000)]
    looks = look_days(days, START + timedelta(days=200))
    # With 100 comments on the tenth day, 200 on the 20th, 400 on the 40th, 800 on the 80th; else after 28 days.
    assert [(day - START).days for day in looks] == [9, 19, 39, 67, 79, 107, 135, 163, 191]
    assert look_days(days[: FIRST_COMMENTS - 1], START + timedelta(days=99)) == []
    assert all((later - earlier).days <= EVERY_DAYS for earlier, later in pairwise(looks))
    # What comes later changes no look that was.
    until = START + timedelta(days=50)
    assert look_days([day for day in days if day <= until], until) == [day for day in looks if (day - START).days <= 50]


def test_components_of_the_same_words_are_one_theme() -> None:
    random = Random(35)
    kinds = ["india", "delta", "golf india", "hotel juliet", "lima bravo alpha"]
    rows = comment_rows([random.choice(kinds) for _ in range(300)])
    reported = theme_list(feedback_frame(rows).lazy(), days_from("2026-01-05", 40), PRODUCT)
    assert reported["theme"].is_unique().all()


def test_people_who_were_joined_are_not_kept_from_an_earlier_run() -> None:
    rows, days = comment_rows(texts(150)), days_from("2026-01-05", 30)
    before = quote_list(feedback_frame(rows).lazy(), days, PRODUCT)
    one_person = [{**row, "person_key": 1} for row in rows]
    after = quote_list(feedback_frame(one_person).lazy(), days, PRODUCT)
    assert before.group_by("survey", "theme").len()["len"].max() == 3
    assert after.group_by("survey", "theme").len()["len"].max() == 1, "one of a person"


def test_few_comments_or_none_have_no_found_themes() -> None:
    days = days_from("2026-01-05", 30)
    few = feedback_frame(comment_rows(texts(FIRST_COMMENTS - 1))).lazy()
    assert theme_list(few, days, PRODUCT)["origin"].to_list() == ["team"]
    same = feedback_frame(comment_rows(["the of and"] * 200)).lazy()
    assert theme_list(same, days, PRODUCT)["origin"].to_list() == ["team"]
    assert comment_themes(feedback_frame([]).lazy(), [], PRODUCT).is_empty()


def slow_difference(rows: list[tuple[int, bool, int]]) -> tuple[float, float] | None:
    """Effect and its standard error with people as clusters, in plain Python."""
    sides = {side: [value for _, is_with, value in rows if is_with is side] for side in (True, False)}
    if not sides[True] or not sides[False]:
        return None
    means = {side: sum(values) / len(values) for side, values in sides.items()}
    pulls: dict[int, float] = {}
    for person, side, value in rows:
        pull = (value - means[side]) / len(sides[side]) * (1 if side else -1)
        pulls[person] = pulls.get(person, 0.0) + pull
    people = len(pulls)
    if people < 2:
        return None
    return means[True] - means[False], (sum(p * p for p in pulls.values()) * people / (people - 1)) ** 0.5


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.sampled_from([-100, 0, 100])), min_size=1, max_size=160),
    st.randoms(),
)
def test_differences_against_a_slow_computation(rows: list[tuple[int, bool, int]], random: Any) -> None:
    frame = pl.DataFrame(rows, schema=["cluster_key", "side", "value"], orient="row").with_columns(of=pl.lit("x"))
    result = difference(frame, ["of"], "side", "value")
    random.shuffle(rows)
    again = pl.DataFrame(rows, schema=["cluster_key", "side", "value"], orient="row").with_columns(of=pl.lit("x"))
    assert difference(again, ["of"], "side", "value").equals(result)
    (row,) = result.to_dicts()
    expected = slow_difference(rows)
    # People and not answers: one person's many tell of one.
    least = min(len({person for person, is_with, _ in rows if is_with is side}) for side in (True, False))
    if expected is None:
        assert row["low"] is None
        return
    assert row["effect"] == pytest.approx(expected[0])
    if least >= 10:
        assert row["high"] - row["low"] == pytest.approx(2 * 1.959964 * expected[1], abs=1e-3)
    else:
        assert row["low"] is None
    assert (row["p_value"] is not None) == (least >= 30 and expected[1] > 0)


def test_benjamini_hochberg_worked_out_by_hand() -> None:
    # p .01, .02, .03, .5 of four: .04, .04, .04, .5; what has no p isn't counted.
    rows = pl.DataFrame({"of": ["a"] * 5, "p_value": [0.03, 0.01, 0.5, 0.02, None]})
    result = with_q(rows, ["of"]).sort("p_value", nulls_last=True)
    assert result["q_value"].to_list() == pytest.approx([0.04, 0.04, 0.04, 0.5, None], abs=1e-12)


def test_share_trend_and_effect_of_a_theme_worked_out_by_hand() -> None:
    # The last 28 days: 12 comments on delivery (all detractors), 20 others (all promoters): effect -200.
    # The 28 days before: 5 of 20 comments.
    days = days_from("2026-01-05", 56)
    rows: list[dict[str, Any]] = []
    plan = [(days[40], 12, "parcel is late", -100, "low"), (days[40], 20, "nice things", 100, "high")]
    plan += [(days[10], 5, "delivery slow", -100, "low"), (days[10], 15, "nice things", 100, "high")]
    for day, number, text, points, score_group in plan:
        for _ in range(number):
            key = len(rows)
            common = {"day": day, "response_key": key, "person_key": key}
            rows.append(
                {**common, "event_id": f"a{key}", "question": "why", "question_kind": "text", "text": text, "language": "en",
                 "sentiment_e4": 5_000 if points > 0 else -5_000}
            )  # fmt: skip
            rows.append(
                {**common, "event_id": f"b{key}", "question": "recommend", "question_kind": "nps", "is_valid": True,
                 "points": points, "score_group": score_group}
            )  # fmt: skip
    results = theme_results(feedback_frame(rows).lazy(), days, PRODUCT)
    recent = results.filter(pl.col("period") == "last_28", pl.col("theme") == "delivery")
    (whole,) = recent.filter(pl.col("question") == "").to_dicts()
    assert [whole[n] for n in ("comments", "comments_all", "comments_before", "comments_all_before")] == [12, 32, 5, 20]
    assert whole["sentiment_mean"] == -0.5
    (scored,) = recent.filter(pl.col("question") == "recommend").to_dicts()
    assert (scored["responses_with"], scored["responses_without"], scored["effect"]) == (12, 20, -200)
    covered = results.filter(pl.col("period") == "last_28", pl.col("theme") == "")
    assert covered["comments"].to_list() == [12]
