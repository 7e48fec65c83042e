"""What people clicked, where, what they chose and which variant they met: against the marts, a slow count, and the lists behind."""

import re
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.ask.answer import AskError, Cell
from pipeline.ask.ask import Asker
from pipeline.ask.known import declared_choices, known_columns
from pipeline.ask.question import HEATS, Question
from pipeline.ask.snippet import snippet
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.core.states import published_days, scan_days
from pipeline.events.askable import Booked, askable
from services.ask.form import asked_by_form
from services.ask.phrases import match_of
from services.ask.presets import releases

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
WHOLE = {"first": date(2026, 9, 28), "last": date(2026, 10, 25)}
WEEK = {"first": date(2026, 10, 12), "last": date(2026, 10, 18)}
PHONES = [{"column": "device_type", "equals": ["mobile"], "about": "visit"}]


@pytest.fixture(scope="module")
def asker(shop_lake: Lake) -> Asker:
    return Asker(shop_lake, load_product(SHOP))


def asked(**said: Any) -> Question:
    return Question.model_validate(said)


def mart(asker: Asker, name: str) -> pl.DataFrame:
    return pl.read_parquet(asker.lake.path(mart_key(name)))


def days_of(asker: Asker, table: str, span: dict[str, date]) -> pl.LazyFrame:
    days = [day for day in published_days(asker.lake, table) if span["first"] <= day <= span["last"]]
    return scan_days(asker.lake, table, days)


# -- elements


def test_elements_are_what_was_clicked_counted_slowly(asker: Asker) -> None:
    rows = asker.answer(asked(show="elements", where=PHONES, **WEEK)).rows
    visits = set(
        days_of(asker, "session_events", WEEK).filter(pl.col("device_type") == "mobile").collect()["session_key"]
    )
    clicks: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    events = days_of(asker, "session_events", WEEK).filter(pl.col("kind") == "click", ~pl.col("is_bot")).collect()
    for event in events.rows(named=True):
        if event["session_key"] in visits and event["page"] and event["element_chain"]:
            # One without attributes is told with those around it, up to one that bears some.
            tag = re.search(r"(<[^<]* [^<]*>)?(<[^< ]*>)*$", event["element_chain"])
            assert tag
            clicks[event["page"], tag[0]].append(event)
    expected = {
        key: (len(own), len({each["session_key"] for each in own}), len({each["person_key"] for each in own}))
        for key, own in clicks.items()
    }
    assert len(expected) > 10
    assert {(r["page"], r["tag"]): (r["clicks"], r["sessions"], r["people"]) for r in rows.rows(named=True)} == expected
    for own in rows.partition_by("page"):
        assert own["click_share"].sum() == pytest.approx(1)
    alone = asker.answer(asked(show="elements", page="checkout", where=PHONES, **WEEK)).rows
    assert_frame_equal(alone, rows.filter(pl.col("page") == "checkout"), check_row_order=False)


# -- heatmaps


@pytest.mark.parametrize("heat", HEATS)
def test_a_heatmap_of_everybody_is_its_mart(asker: Asker, heat: str) -> None:
    found = asker.answer(asked(show="heatmap", page="product", heat=heat, **WHOLE)).rows
    own = mart(asker, "heatmaps").filter(pl.col("page") == "product", pl.col("kind") == heat)
    keys = ["device_type", "layer", "x_bin", "y_bin"]
    expected = own.group_by(keys).agg(pl.col("events", "page_views").sum(), pl.col("seconds").cast(pl.Float64).sum())
    assert expected.height > 20
    assert_frame_equal(found.select(expected.columns), expected, check_row_order=False)


def test_heatmaps_of_each_system_add_up_to_everybodys(asker: Asker) -> None:
    counts, keys = ["events", "page_views"], ["device_type", "layer", "x_bin", "y_bin"]
    question = {"show": "heatmap", "page": "product", **WEEK}
    visits = days_of(asker, "sessions", WEEK).select(pl.col("os").unique()).collect()["os"]
    parts = [
        asker.answer(asked(**question, where=[{"column": "os", "equals": [os], "about": "visit"}])).rows
        for os in visits.drop_nulls()
    ]
    parts.append(asker.answer(asked(**question, where=[{"column": "os", "is_set": False, "about": "visit"}])).rows)
    summed = pl.concat(parts).group_by(keys).agg(pl.col(counts).sum())
    whole = asker.answer(asked(**question)).rows.select(*keys, *counts)
    assert_frame_equal(summed, whole, check_row_order=False)


# -- choices


def test_choices_of_everybody_are_their_mart(asker: Asker) -> None:
    found = asker.answer(asked(show="choices", **WHOLE)).rows.drop("range")
    own = mart(asker, "choices").filter(pl.col("period") == "all", pl.col("page") == "", pl.col("device_type") == "")
    assert own.height > 0
    assert_frame_equal(found, own.select(found.columns), check_row_order=False)


# -- the people behind


@pytest.mark.parametrize(
    ("show", "cell_of", "number"),
    [
        ("elements", lambda r: Cell(page=r["page"], element=r["tag"]), "sessions"),
        (
            "zones",
            lambda r: Cell(page=r["page"], zone=r["zone"], start=r["zone_version"], device=r["device_type"]),
            "sessions_clicked",
        ),
        ("scores", lambda r: Cell(survey=r["survey"], question=r["question"]), "people"),
        ("choices", lambda r: Cell(survey=r["survey"], question=r["question"], choice=r["choice"]), "people"),
    ],
)
@pytest.mark.parametrize("where", [[], PHONES])
def test_every_number_that_leads_to_people_has_as_many(
    asker: Asker, show: str, cell_of: Any, number: str, where: list[Any]
) -> None:
    question = asked(show=show, where=where, **WHOLE)
    rows = asker.answer(question).rows.filter(pl.col(number) > 0)
    assert rows.height > 0
    for row in rows.rows(named=True):
        assert asker.behind(question, cell_of(row)).height == row[number], row


def test_a_heatmap_says_what_to_ask_instead(asker: Asker) -> None:
    with pytest.raises(AskError, match="ask for visits"):
        asker.behind(asked(show="heatmap", page="product", **WEEK), Cell())


# -- beside everybody


@pytest.mark.parametrize("show", ["trend", "pages", "zones", "elements", "friction", "scores", "choices", "visits"])
def test_beside_everybody_stands_the_same_without_its_conditions(asker: Asker, show: str) -> None:
    both = asker.answer(asked(show=show, where=PHONES, against="everybody", **WEEK)).rows
    for name, where in (("asked", PHONES), ("compared", [])):
        alone = asker.answer(asked(show=show, where=where, **WEEK)).rows.drop("range")
        assert_frame_equal(both.filter(pl.col("range") == name).drop("range"), alone, check_row_order=False)


def test_the_people_of_everybody_can_be_listed_too(asker: Asker) -> None:
    question = asked(show="funnel", of="purchase", where=PHONES, against="everybody", **WEEK)
    rows = asker.answer(question).rows.filter(pl.col("step") == 2)
    for row in rows.rows(named=True):
        assert asker.behind(question, Cell(range=row["range"], step=2)).height == row["people_converted"]
    assert rows["people_converted"].n_unique() == 2
    assert "of everybody" in asker.answer(question).headline


# -- variants

NOTE = "variant_of_shipping_note"


@pytest.fixture(scope="module")
def variants(asker: Asker) -> dict[int, str]:
    """Each person's variant of the shop's experiment, in plain Python."""
    met: dict[int, set[str]] = defaultdict(set)
    for row in days_of(asker, "exposures", WHOLE).collect().rows(named=True):
        if row["experiment_id"] == "shipping_note":
            met[row["person_key"]].add(row["variant"])
    return {person: min(own) if len(own) == 1 else "(several)" for person, own in met.items()}


def test_variants_are_groups(asker: Asker, variants: dict[int, str]) -> None:
    assert NOTE in known_columns(asker.product)
    people: dict[str, set[int]] = defaultdict(set)
    for row in days_of(asker, "askable", WEEK).select("person_key").unique().collect().rows():
        people[variants.get(row[0], "(none)")].add(row[0])
    found = asker.answer(asked(trend={"every": "range"}, by=[NOTE], **WEEK)).rows
    assert dict(found.select("breakdown_value", "people").rows()) == {name: len(own) for name, own in people.items()}
    assert {"control", "note"} <= people.keys()
    sessions = asker.answer(asked(trend={"every": "range", "measure": "sessions"}, by=[NOTE], **WEEK)).rows
    expected: dict[str, int] = defaultdict(int)
    for (person,) in days_of(asker, "sessions", WEEK).filter(~pl.col("is_bot")).select("person_key").collect().rows():
        expected[variants.get(person, "(none)")] += 1
    assert dict(sessions.select("breakdown_value", "sessions").rows()) == expected


@pytest.mark.parametrize("show", ["funnel", "retention"])
def test_a_variant_as_a_group_is_the_variant_as_a_condition(asker: Asker, show: str) -> None:
    of = {"funnel": "purchase", "retention": "weekly"}[show]
    groups = asker.answer(asked(show=show, of=of, by=[NOTE], **WEEK)).rows
    for name in ("control", "note"):
        where = [{"column": NOTE, "equals": [name]}]
        alone = asker.answer(asked(show=show, of=of, where=where, **WEEK)).rows.filter(pl.col("breakdown_value") == "")
        own = groups.filter(pl.col("breakdown_value") == name)
        assert alone.height > 1
        assert_frame_equal(own.drop("breakdown_value"), alone.drop("breakdown_value"), check_row_order=False)


def test_people_of_a_variant_can_be_chosen_for_anything(asker: Asker, variants: dict[int, str]) -> None:
    question = asked(show="visits", where=[{"column": NOTE, "equals": ["note"], "about": "person"}], **WEEK)
    sessions = days_of(asker, "sessions", WEEK).filter(~pl.col("is_bot")).select("person_key").collect()
    expected = [person for (person,) in sessions.rows() if variants.get(person) == "note"]
    assert asker.answer(question).rows.height == len(expected) > 10


def test_what_the_nightly_run_cannot_tell_apart_is_not_offered_to_be_saved(asker: Asker) -> None:
    assert snippet(asked(show="funnel", of="purchase", by=[NOTE], **WEEK), asker.product, "mine") is None
    assert snippet(asked(show="funnel", of="purchase", by=["os"], **WEEK), asker.product, "mine") is not None


# -- answers as a condition


def test_who_gave_a_low_score_can_be_chosen(asker: Asker) -> None:
    """Which pages did people see who gave 6 or less?"""
    low = {"column": "answer_score", "lte": 6, "about": "person"}
    rows = asker.answer(asked(show="pages", where=[low], **WHOLE)).rows
    events = days_of(asker, "events", WHOLE).filter(pl.col("score") <= 6, ~pl.col("is_bot")).collect()
    people = set(events["person_key"].drop_nulls())
    views: dict[str, set[int]] = defaultdict(set)
    for view in days_of(asker, "page_views", WHOLE).filter(~pl.col("is_bot")).collect().rows(named=True):
        if view["person_key"] in people:
            views[view["page"] or "(other)"].add(view["person_key"])
    assert len(people) > 1
    assert dict(rows.select("page", "people").rows()) == {page: len(own) for page, own in views.items()}


def test_what_a_team_says_is_laid_beside_nobody(shop_lake: Lake, asker: Asker) -> None:
    name = next(iter(asker.product.surveys))
    team = asker.product.surveys[name].model_copy(update={"audience": "team"})
    product = asker.product.model_copy(update={"surveys": {**asker.product.surveys, name: team}})
    survey = team.id or name
    asks = asked(show="visits", where=[{"column": "answer_survey", "equals": [survey]}], **WHOLE)
    assert asker.answer(asks).rows.height > 0, "while it is people's, it can be asked for"
    booked = Booked(*(days_of(asker, table, WHOLE) for table in ("session_events", "sessions")), product.team_surveys)
    told = askable(days_of(asker, "events", WHOLE), WHOLE["first"], booked)
    assert survey in days_of(asker, "events", WHOLE).select("survey_id").collect()["survey_id"].to_list()
    assert survey not in told["survey_id"].to_list()
    assert told.filter(
        pl.col("survey_id").is_null(), pl.col("score").is_not_null() | pl.col("choice").is_not_null()
    ).is_empty()
    with pytest.raises(AskError, match="colleagues"):
        Asker(shop_lake, product).behind(asked(show="scores", **WHOLE), Cell(survey=name, question="x"))


@pytest.mark.parametrize(
    "said",
    [{"contains": ["boss"]}, {"regex": "^Other"}, {"equals": ["Other: my boss told me"]}, {"is_not": ["x"]}, {"gt": 1}],
)
def test_what_somebody_wrote_cannot_be_looked_for(asker: Asker, said: dict[str, Any]) -> None:
    with pytest.raises(AskError, match="answer_choice is one of the choices that the product file names"):
        asker.answer(asked(show="visits", where=[{"column": "answer_choice", **said}], **WHOLE))


def test_choices_that_the_product_file_names_can_be_asked_for(asker: Asker) -> None:
    offered = dict(asker.known().values.get("answer_choice", ()))
    assert set(offered) <= set(declared_choices(asker.product)) != set()
    choice = declared_choices(asker.product)[0]
    rows = asker.answer(asked(show="visits", where=[{"column": "answer_choice", "equals": [choice]}], **WHOLE)).rows
    events = days_of(asker, "events", WHOLE).filter(pl.col("choice") == choice, ~pl.col("is_bot")).collect()
    assert rows.height <= events.height
    with pytest.raises(AskError, match="no column 'answer_score'"):
        asker.answer(asked(by=["answer_score"], **WHOLE))


# -- releases


def test_a_release_is_asked_about_as_before_and_after_it(asker: Asker) -> None:
    known = asker.known()
    assert dict(releases(known, asker.product)) == {"redesign": (date(2026, 10, 12), date(2026, 10, 18))}
    fields = [
        ("form", "1"),
        ("show", "zones"),
        ("preset", "release_redesign"),
        ("first", "2026-10-01"),
        ("page", "product"),
    ]
    question = Question.model_validate(asked_by_form(fields, known, asker.product))
    assert (question.first, question.last, question.against) == (date(2026, 10, 12), date(2026, 10, 18), "range")
    assert question.other is not None
    assert (question.other.first, question.other.last) == (date(2026, 10, 5), date(2026, 10, 11))
    with pytest.raises(AskError, match="no release 'none'"):
        asked_by_form([("form", "1"), ("preset", "release_none")], known, asker.product)


# -- words


def test_a_step_is_known_by_the_name_that_the_team_gives_it(asker: Asker) -> None:
    step = asker.product.funnels["purchase"].steps[1]
    assert match_of(step.label, asker.known(), asker.product) == step.model_dump(
        include={"kind", "name", "page"}, exclude_none=True
    )


@pytest.mark.parametrize("heat", HEATS)
def test_a_heatmap_answers_in_a_sentence(asker: Asker, heat: str) -> None:
    answer = asker.answer(asked(show="heatmap", page="product", heat=heat, **WEEK))
    assert re.search(r"\d", answer.headline)
    assert "product" in answer.sentence
