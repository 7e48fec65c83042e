"""Answers against their marts, against a slow count of the same events, and against the people behind them."""

import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import ordered_funnel
from polars.testing import assert_frame_equal
from support import compute_all

from pipeline.ask.address import address_of, params_of, question_of
from pipeline.ask.answer import AskError, Cell
from pipeline.ask.ask import Asker
from pipeline.ask.data import Stop, StoppedError
from pipeline.ask.question import ASKED, HEATS, KINDS, Question
from pipeline.ask.snippet import snippet, with_snippet
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product, parse_product
from pipeline.core.states import published_days, scan_days

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
FIRST, LAST = date(2026, 9, 28), date(2026, 10, 25)
WHOLE = {"first": FIRST, "last": LAST}
WEEK = {"first": date(2026, 10, 12), "last": date(2026, 10, 18)}
SEEN = {"kind": "page_view", "page": "product"}
ORDERED = {"kind": "order"}


@pytest.fixture(scope="module")
def asker(shop_lake: Lake) -> Asker:
    return Asker(shop_lake, load_product(SHOP))


def answered(asker: Asker, **asked: Any) -> pl.DataFrame:
    return asker.answer(Question.model_validate(asked)).rows.drop("range")


def mart(asker: Asker, name: str) -> pl.DataFrame:
    return pl.read_parquet(asker.lake.path(mart_key(name)))


def assert_has_columns_of(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The same rows in all columns that the mart has, but for the names that say which question it was."""
    names = [name for name in expected.columns if name in found.columns]
    left_out = {"funnel", "retention", "journey", "period", "day", "period_start", "period_end"}
    assert set(expected.columns) - set(names) <= left_out | {"survey_id"}
    assert expected.height > 0
    assert_frame_equal(found.select(names), expected.select(names), check_row_order=False)


# -- a configured metric is the mart's number


@pytest.mark.parametrize(("label", "span"), [("all", WHOLE), ("week", WEEK)])
@pytest.mark.parametrize("by", [(), ("device_type",)])
def test_a_configured_funnel_is_its_mart(asker: Asker, label: str, span: dict[str, date], by: tuple[str, ...]) -> None:
    found = answered(asker, show="funnel", of="purchase", by=by, **span)
    expected = mart(asker, "funnel_steps").filter(
        pl.col("period") == label, pl.col("period_start") == span["first"], pl.col("period_end") == span["last"]
    )
    assert_has_columns_of(found, expected if by else expected.filter(pl.col("breakdown_value") == ""))


@pytest.mark.parametrize(("name", "by"), [("weekly", ()), ("weekly", ("device_type",)), ("buyers", ())])
def test_a_configured_retention_is_its_mart(asker: Asker, name: str, by: tuple[str, ...]) -> None:
    answer = asker.answer(Question.model_validate({"show": "retention", "of": name, "by": by, **WHOLE}))
    for found, table in ((answer.rows, "retention_cohorts"), (answer.more["averages"], "retention_averages")):
        expected = mart(asker, table).filter(pl.col("retention") == name)
        assert_has_columns_of(found, expected if by else expected.filter(pl.col("breakdown_value") == ""))


@pytest.mark.parametrize("name", ["to_order", "from_home"])
def test_a_configured_journey_is_its_mart(asker: Asker, name: str) -> None:
    answer = asker.answer(Question.model_validate({"show": "journey", "of": name, **WHOLE}))
    for found, table in ((answer.rows, "journey_edges"), (answer.more["paths"], "journey_sequences")):
        assert_has_columns_of(found, mart(asker, table).filter(pl.col("journey") == name))


@pytest.mark.parametrize(
    ("measure", "column"),
    [("people", "people_active"), ("sessions", "sessions"), ("orders", "orders"), ("goal_rate", "goal_rate"), ("revenue", "revenue")],
)  # fmt: skip
def test_a_trend_by_day_is_the_daily_key_figure(asker: Asker, measure: str, column: str) -> None:
    found = answered(asker, trend={"measure": measure}, **WHOLE).sort("period_start")["value"]
    expected = mart(asker, "daily_kpis").sort("day")[column].cast(pl.Float64)
    assert expected.sum() > 0
    assert found.to_list() == pytest.approx(expected.to_list())


def test_zones_friction_and_scores_of_everybody_are_their_marts(asker: Asker) -> None:
    zones = answered(asker, show="zones", **WHOLE)
    of_all = mart(asker, "zone_metrics").filter(pl.col("segment") == "", pl.col("variant") == "")
    sums = ["page_views", "page_views_clicked", "sessions_clicked", "page_views_exposed", "own_clicks"]
    keys = ["page", "zone", "zone_version", "device_type"]
    assert_frame_equal(
        zones.group_by(keys).agg(pl.col(sums).sum()),
        of_all.group_by(keys).agg(pl.col(sums).sum()),
        check_row_order=False,
    )
    friction = answered(asker, show="friction", **WHOLE)
    own = mart(asker, "friction").filter(pl.col("rule_set") == asker.product.friction.first)
    counts = ["incidents", "page_views_with", "page_views_measured", "sessions_with"]
    assert_frame_equal(
        friction.select("signal", "page", *counts),
        own.group_by("signal", "page").agg(pl.col(counts).sum()),
        check_row_order=False,
    )
    scores = mart(asker, "scores").filter(pl.col("period") == "all", pl.col("dimension") == "")
    assert_has_columns_of(answered(asker, show="scores", **WHOLE), scores.drop("dimension", "value"))


# -- questions that nobody configured, against a slow count


class Events:
    """All events of the shop in plain Python, with what their visits are told to be."""

    def __init__(self, lake: Lake) -> None:
        days = published_days(lake, "events")
        events = scan_days(lake, "events", days).filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
        told = scan_days(lake, "session_events", days).select("source", "event_id", "session_key", "os", "browser")
        visits = scan_days(lake, "sessions", days).select("session_key", "channel", "landing_page", "campaign")
        joined = events.drop("os", "browser").join(told, on=["source", "event_id"]).join(visits, on="session_key")
        columns = ["person_key", "occurred_at", "kind", "name", "page", "country", "os", "browser", "channel"]
        rows = joined.select(*columns, "landing_page", "session_key", "prop_plan").collect()
        self.rows = rows.rows(named=True)
        self.known: dict[tuple[int, int, int], bool] = {}
        self.zone = load_product(SHOP).zone_info
        for row in self.rows:
            row["day"] = row["occurred_at"].astimezone(self.zone).date()
            row["plan"] = row.pop("prop_plan")
        self.by_visit: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.by_person: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            self.by_visit[row["session_key"]].append(row)
            self.by_person[row["person_key"]].append(row)

    def matches(self, row: dict[str, Any], match: dict[str, Any]) -> bool:
        return all(row[name] == value for name, value in match.items())

    def counts(self, row: dict[str, Any], question: dict[str, Any]) -> bool:
        for n, where in enumerate(question.get("where", ())):
            if where["about"] == "event":
                holds = row[where["column"]] in where["equals"]
            else:
                key = row["session_key" if where["about"] == "visit" else "person_key"]
                holds = self.once(
                    (id(question), n, key), lambda where=where: self.has_one(row, where, question["last"])
                )
            if not holds:
                return False
        for n, did in enumerate(question.get("people", ())):
            key = (id(question), -1 - n, row["person_key"])
            if not self.once(key, lambda did=did: self.did(row["person_key"], did, question)):
                return False
        return True

    def once(self, key: tuple[int, int, int], ask: Callable[[], bool]) -> bool:
        if key not in self.known:
            self.known[key] = ask()
        return self.known[key]

    def has_one(self, row: dict[str, Any], where: dict[str, Any], last: date) -> bool:
        if where["about"] == "visit":
            near = self.by_visit[row["session_key"]]
        else:
            near = [each for each in self.by_person[row["person_key"]] if each["day"] <= last]
        return any(each[where["column"]] in where["equals"] for each in near)

    def did(self, person: int, did: dict[str, Any], question: dict[str, Any]) -> bool:
        begin = FIRST if did["when"] == "ever" else question["first"]
        inside = (each for each in self.by_person[person] if begin <= each["day"] <= question["last"])
        return (sum(self.matches(each, did["event"]) for each in inside) >= did["at_least"]) == did["did"]

    def funnel(self, question: dict[str, Any], steps: list[dict[str, Any]], window: timedelta) -> list[int]:
        """People who took each step, by the oracle's machine over each person's events."""
        reached = [0] * len(steps)
        until = question["last"] + window + timedelta(1) if question.get("range") == "enters" else question["last"]
        for rows in self.by_person.values():
            inside = [r for r in rows if question["first"] <= r["day"] <= until]
            marked = ((r, sum(self.matches(r, s) << k for k, s in enumerate(steps))) for r in inside)
            fits = [
                (int(r["occurred_at"].timestamp() * 1e6), bits, 0)
                for r, bits in marked
                if bits and self.counts(r, question)
            ]
            # Who entered later has no place in the range.
            midnight = datetime.combine(question["last"] + timedelta(1), datetime.min.time(), self.zone)
            end = int(midnight.timestamp() * 1e6)
            if question.get("range") == "enters":
                fits = [(at, bits if at < end else bits & ~1, x) for at, bits, x in fits]
            result = ordered_funnel([fit for fit in fits if fit[1]], len(steps), int(window.total_seconds() * 1e6), [])
            for k in range(result[0] if result else 0):
                reached[k] += 1
        return reached


@pytest.fixture(scope="module")
def events(shop_lake: Lake) -> Events:
    return Events(shop_lake)


@pytest.fixture(autouse=True)
def _nothing_known(request: pytest.FixtureRequest) -> None:
    """What the slow count keeps is of one question: another may lie at its place in memory."""
    if "events" in request.fixturenames:
        request.getfixturevalue("events").known.clear()


_STEPS = [
    {"kind": "page_view", "page": "home"}, SEEN, {"kind": "page_view", "page": "category"}, ORDERED,
    {"kind": "custom", "name": "add_to_cart"}, {"kind": "click", "page": "product"}, {"kind": "page_view", "page": "checkout"},
]  # fmt: skip
_VALUES = {
    "os": ["iOS", "Windows"], "country": ["DE", "AT", "PL"], "channel": ["search", "direct"], "page": ["cart", "home"],
    "plan": ["plus", "free"], "landing_page": ["home", "product"], "browser": ["Safari"],
}  # fmt: skip


def narrowed(chance: random.Random) -> dict[str, Any]:
    """Conditions as somebody might ask for them."""
    where = [
        {
            "column": column,
            "equals": [chance.choice(_VALUES[column])],
            "about": chance.choice(["event", "visit", "person"]),
        }
        for column in chance.sample(sorted(_VALUES), chance.choice([0, 1, 1, 2]))
    ]
    people = [
        {"event": chance.choice(_STEPS), "did": chance.random() < 0.7, "at_least": chance.choice([1, 1, 2]), "when": chance.choice(["range", "ever"])}
        for _ in range(chance.choice([0, 0, 1]))
    ]  # fmt: skip
    first = FIRST + timedelta(chance.randrange(20))
    return {
        "where": where,
        "people": people,
        "first": first,
        "last": min(LAST, first + timedelta(chance.randrange(1, 9))),
    }


@pytest.mark.parametrize("seed", range(30))
def test_a_random_funnel_is_the_slow_count_and_its_people(asker: Asker, events: Events, seed: int) -> None:
    chance = random.Random(seed)
    asked = narrowed(chance)
    steps, hours = chance.sample(_STEPS, chance.choice([2, 3])), chance.choice([1, 24, 72])
    asked |= {"range": chance.choice(["ends", "enters"])}
    funnel = {"steps": [{**s, "label": f"s{k}"} for k, s in enumerate(steps)], "window": f"{hours}h"}
    question = Question.model_validate({"show": "funnel", "funnel": funnel, **asked})
    rows = asker.answer(question).rows.sort("step")
    assert rows["people_converted"].to_list() == events.funnel(asked, steps, timedelta(hours=hours))
    for row in rows.rows(named=True):
        there = asker.behind(question, Cell(step=row["step"]))
        assert there["person_key"].n_unique() == there.height == row["people_converted"]
        if row["dropped"] is not None:
            assert asker.behind(question, Cell(step=row["step"], dropped=True)).height == row["dropped"]


@pytest.mark.parametrize("seed", range(20))
def test_a_random_trend_is_the_slow_count_and_its_people(asker: Asker, events: Events, seed: int) -> None:
    chance = random.Random(100 + seed)
    asked, event = narrowed(chance), chance.choice([None, *_STEPS])
    by = chance.choice([(), ("country",), ("os", "channel")])
    trend = {"measure": "people", "every": chance.choice(["day", "range"]), **({"event": event} if event else {})}
    question = Question.model_validate({"trend": trend, "by": by, **asked})
    rows = asker.answer(question).rows
    expected: dict[tuple[date, str], set[int]] = defaultdict(set)
    for row in events.rows:
        if (
            asked["first"] <= row["day"] <= asked["last"]
            and (not event or events.matches(row, event))
            and events.counts(row, asked)
        ):
            start = row["day"] if trend["every"] == "day" else asked["first"]
            expected[start, " · ".join(str(row[name]) for name in by)].add(row["person_key"])
    found = {(r["period_start"], r["breakdown_value"]): r["people"] for r in rows.rows(named=True) if r["people"]}
    assert found == {key: len(people) for key, people in expected.items()}
    for start, group in chance.sample(sorted(found), min(3, len(found))):
        there = asker.behind(question, Cell(start=start, group=group))
        assert there["person_key"].n_unique() == there.height == found[start, group]


@pytest.mark.parametrize("seed", range(6))
def test_sessions_that_were_narrowed_are_the_slow_count(asker: Asker, events: Events, seed: int) -> None:
    chance = random.Random(200 + seed)
    asked, event = narrowed(chance), chance.choice(_STEPS)
    question = Question.model_validate({"trend": {"measure": "sessions", "every": "range", "event": event}, **asked})
    # Of all but funnels, retentions and journeys a condition on an event is one on its visit.
    of_visits = {**asked, "where": [{**w, "about": "visit"} if w["about"] == "event" else w for w in asked["where"]]}
    kept = {
        key
        for key, rows in events.by_visit.items()
        if asked["first"] <= min(r["day"] for r in rows) <= asked["last"]
        and any(events.matches(r, event) for r in rows)
        and events.counts(rows[0], of_visits)
    }
    found = asker.answer(question).rows
    assert (found["sessions"].to_list() or [0]) == [len(kept)]
    assert asker.behind(question, Cell(start=asked["first"])).height == len(kept)


def test_every_number_that_leads_to_people_has_as_many(asker: Asker) -> None:
    phones = [{"column": "device_type", "equals": ["mobile"]}]
    retention = Question.model_validate({"show": "retention", "of": "weekly", "where": phones, **WHOLE})
    cells = asker.answer(retention).rows.filter(pl.col("people_returned") > 0)
    assert cells.height > 5
    for row in cells.rows(named=True):
        cell = Cell(start=row["cohort_start"], offset=row["period_number"])
        assert asker.behind(retention, cell).height == row["people_returned"]
    journey = Question.model_validate({"show": "journey", "of": "to_order", "where": phones, **WEEK})
    for row in asker.answer(journey).rows.head(8).rows(named=True):
        assert asker.behind(journey, Cell(source=row["source"], target=row["target"])).height == row["people"]
    pages = Question.model_validate({"show": "pages", "where": phones, **WEEK})
    for row in asker.answer(pages).rows.filter(pl.col("page") != "(other)").rows(named=True):
        assert asker.behind(pages, Cell(page=row["page"])).height == row["sessions"]
    friction = Question.model_validate({"show": "friction", "where": phones, **WHOLE})
    for row in asker.answer(friction).rows.filter(pl.col("page_views_with") > 0).rows(named=True):
        there = asker.behind(friction, Cell(page=row["page"], signal=row["signal"]))
        assert there.height == row["sessions_with"], row
    visits = Question.model_validate({"show": "visits", "people": [{"event": ORDERED}], **WEEK})
    assert asker.behind(visits, Cell()).height == asker.answer(visits).rows.height > 0


def test_some_visits_add_up_to_everybodys(asker: Asker) -> None:
    """Zones, friction and pages of each device, computed anew for its visits, are the parts of the whole."""
    for show, keys, counts in (
        ("zones", ["page", "zone", "zone_version", "device_type"], ["page_views", "page_views_clicked", "sessions_converted_after_click"]),
        ("friction", ["signal", "page"], ["incidents", "page_views_with", "page_views"]),
        ("pages", ["page"], ["page_views", "sessions", "exits"]),
    ):  # fmt: skip
        parts = [
            answered(asker, show=show, where=[{"column": "device_type", "equals": [device]}], **WEEK)
            for device in ("desktop", "mobile", "tablet")
        ]
        summed = pl.concat(parts).group_by(keys).agg(pl.col(counts).sum())
        whole = answered(asker, show=show, **WEEK).select(*keys, *counts)
        assert_frame_equal(
            summed.filter(pl.col(counts[0]) > 0), whole.filter(pl.col(counts[0]) > 0), check_row_order=False, check_column_order=False
        )  # fmt: skip


# -- saved, it is computed every night


def test_a_question_that_is_saved_is_the_same_number_in_its_mart(asker: Asker, tmp_path: Path) -> None:
    funnel = {"steps": [{**SEEN, "label": "Seen"}, {**ORDERED, "label": "Ordered"}], "window": "3d"}
    where = [
        {"column": "channel", "equals": ["search"], "about": "visit"},
        {"column": "country", "equals": ["DE"], "about": "person"},
    ]
    people = [
        {"event": {"kind": "custom", "name": "add_to_cart"}},
        {"event": ORDERED, "at_least": 3, "did": False, "when": "ever"},
    ]
    questions = {
        "funnel": {"funnel": {**funnel, "range": "enters"}, "by": ["device_type"]},
        "retention": {"retention": {"start": SEEN, "period": "week", "periods": 3}},
        "journey": {"journey": {"end": "thanks"}},
    }
    home = tmp_path / "home"
    shutil.copytree(asker.lake.home, home, ignore=shutil.ignore_patterns("report", "versions", "landing"))
    shutil.copytree(asker.lake.home / "landing", home / "landing", copy_function=lambda a, b: Path(b).hardlink_to(a))
    text = SHOP.read_text()
    asked: dict[str, Question] = {}
    for show, own in questions.items():
        asked[show] = Question.model_validate({"show": show, **own, "where": where, "people": people, **WHOLE})
        lines = snippet(asked[show], asker.product, "mine")
        assert lines is not None
        assert with_snippet(text, lines) == []
        section, body = lines.split("\n", 1)
        assert f"\n{section}\n" in text
        text = text.replace(f"\n{section}\n", f"\n{section}\n{body}", 1)
    product, lake = parse_product(text), Lake(home)
    compute_all(lake, product, only=["funnel_steps", "retention_cohorts", "journey_edges"])
    for show, table in (("funnel", "funnel_steps"), ("retention", "retention_cohorts"), ("journey", "journey_edges")):
        saved = pl.read_parquet(lake.path(mart_key(table))).filter(pl.col(show) == "mine")
        saved = saved.filter(pl.col("period") == "all") if show == "funnel" else saved
        assert_has_columns_of(asker.answer(asked[show]).rows, saved)


def test_what_does_not_fit_is_said_before_it_is_saved(asker: Asker) -> None:
    question = Question.model_validate({"show": "funnel", "of": "purchase", **WEEK})
    lines = snippet(question, asker.product, "mine")
    assert lines is not None
    faults = with_snippet(SHOP.read_text(), lines.replace("page: product", "page: nowhere"))
    assert any("nowhere" in fault for fault in faults)
    assert snippet(Question.model_validate(WEEK), asker.product, "mine") is None


# -- addresses


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
MATCHES = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["order", "click", "page_view"])}),
    st.fixed_dictionaries({"kind": st.just("custom"), "name": TEXTS}),
    st.fixed_dictionaries({"properties": st.dictionaries(st.just("plan"), st.fixed_dictionaries({"equals": st.lists(TEXTS, min_size=1, max_size=3)}), min_size=1)}),
)  # fmt: skip
WHERES = st.one_of(
    st.fixed_dictionaries({"column": st.sampled_from(["os", "plan"]), "equals": st.lists(TEXTS, min_size=1, max_size=2), "about": st.sampled_from(["event", "visit", "person"])}),
    st.fixed_dictionaries({"column": st.just("items"), "gte": st.floats(-1e6, 1e6)}),
    st.fixed_dictionaries({"column": st.just("os"), "is_set": st.booleans()}),
)  # fmt: skip
MODELS = st.one_of(
    st.fixed_dictionaries({"show": st.just("trend"), "trend": st.fixed_dictionaries({"measure": st.sampled_from(["people", "orders"]), "event": MATCHES})}),
    st.fixed_dictionaries({"show": st.just("funnel"), "of": st.just("purchase"), "range": st.sampled_from(["ends", "enters"])}),
    st.fixed_dictionaries({"show": st.just("funnel"), "funnel": st.builds(lambda ms: {"steps": [{**m, "label": f"{i} & {i}=?#"} for i, m in enumerate(ms)]}, st.lists(MATCHES, min_size=2, max_size=12))}),
    st.fixed_dictionaries({"show": st.just("retention"), "retention": st.fixed_dictionaries({"brackets": st.lists(st.integers(1, 5), max_size=3)})}),
    st.fixed_dictionaries({"show": st.sampled_from([kind for kind in KINDS if kind not in ("funnel", "retention", "journey", "heatmap")])}),
    st.fixed_dictionaries({"show": st.just("heatmap"), "page": st.just("product"), "heat": st.sampled_from(HEATS)}),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    model=MODELS,
    days=st.tuples(DAYS, DAYS).map(sorted),
    where=st.lists(WHERES, max_size=3),
    people=st.lists(st.fixed_dictionaries({"event": MATCHES, "did": st.booleans(), "at_least": st.integers(1, 9)}), max_size=2),
    against=st.sampled_from(["none", "before", "year", "everybody"]),
    chance=st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_question_has_one_address_and_comes_back_from_it(
    model: dict[str, Any], days: list[date], where: list[Any], people: list[Any], against: str, chance: random.Random
) -> None:
    question = Question.model_validate(
        {**model, "first": days[0], "last": days[1], "where": where, "people": people, "against": against}
    )
    params = params_of(question)
    assert question_of(params) == question
    mixed = [*params, ("of", "")] if question.of is None else [*params]
    chance.shuffle(mixed)
    assert address_of(question_of(mixed)) == address_of(question)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([("first", "2026-10-12")], "last"),
        ([("first", "2026-10-19"), ("last", "2026-10-12")], "lies before"),
        ([("first", "0001-01-01"), ("last", "2026-10-12")], "no such day"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("show", "funnel")], "name a funnel"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("show", "funnel"), ("of", "purchase"), ("trend.every", "week")], "is for show=trend"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("first", "2026-10-13")], "stands twice"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("first.x", "1")], "contradicts"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("where.0.column", "os")], "says nothing"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("where.0.column", "os"), ("where.0.regex", "(")], "no regular expression"),
        ([("first", "2026-10-12"), ("last", "2026-10-18"), ("where.0.column", "os"), ("where.0.gt", "nan")], "finite"),
        ([("a." * 20, "1")], "so long a parameter"),
        ([("by.0", "os"), ("by.1", "os"), ("first", "2026-10-12"), ("last", "2026-10-18")], "each column once"),
    ],
)  # fmt: skip
def test_what_is_no_question_is_said_in_a_sentence(params: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        question_of(params)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"show": "funnel", "of": "nothing"}, "no funnel 'nothing'"),
        ({"by": ["shoe_size"]}, "no column 'shoe_size'"),
        ({"where": [{"column": "shoe_size", "equals": "9"}]}, "no column 'shoe_size'"),
        ({"people": [{"event": {"page": "nowhere"}}]}, "no page 'nowhere'"),
        ({"trend": {"event": {"kind": "order", "properties": {"size": "9"}}}}, "no property 'size'"),
        ({"trend": {"measure": "goal_rate", "goal": "none"}}, "no goal 'none'"),
        ({"trend": {"measure": "sessions"}, "by": ["page"]}, "a session has no page"),
        ({"first": date(2020, 1, 1), "last": date(2020, 1, 2)}, "days with data go from 2026-09-28 to 2026-10-25"),
    ],
)
def test_what_this_home_cannot_be_asked_is_said(asker: Asker, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(AskError, match=words):
        asker.answer(Question.model_validate({**WEEK, **asked}))


def test_days_that_are_not_there_are_told(asker: Asker) -> None:
    answer = asker.answer(Question.model_validate({"first": date(2026, 10, 20), "last": date(2026, 10, 31)}))
    assert any("6 of 12 days have no data" in note for note in answer.notes)
    assert answer.rows.filter(pl.col("range") == ASKED).height == 12


def test_an_answer_that_nobody_waits_for_is_not_computed(asker: Asker) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        asker.answer(Question.model_validate({"show": "funnel", "of": "purchase", **WEEK}), stop)
    with pytest.raises(StoppedError):
        asker.answer(Question.model_validate(WHOLE), Stop(0))
