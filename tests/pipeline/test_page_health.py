"""Speed, errors and forms of pages: edge cases by hand, and random visits against a slow count in plain Python."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, product

from pipeline.core.product import Product
from pipeline.core.published import id_of
from pipeline.core.registry import TABLES
from pipeline.domains.errors.errors import error_counts, page_sessions, plain_message, session_errors, telling
from pipeline.domains.forms.forms import field_sums, form_sums
from pipeline.domains.forms.forms import telling as telling_submits
from pipeline.domains.web_vitals.vitals import LIMITS, vital_counts, vital_percentiles
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events
from pipeline.stats.buckets import added_up

DAY = date(2026, 2, 3)
TEN = at("2026-02-03T10:00")
Row = dict[str, Any]
WHO = ("ann", "bob", "cid")
PRODUCT = product(
    pages=[{"name": "home", "urls": ["/"]}, {"name": "pay", "urls": ["/pay"]}],
    zones=[],
    funnels={},
    goals={"buy": {"kind": "order"}},
)
FORM = '<main><form id="checkout">'
CARD, NAME, BUTTON = f'{FORM}<input name="card">', f'{FORM}<select aria-label="Your name">', f'{FORM}<button id="pay">'


def act(seconds: float, kind: str, *, person: str = "ann", page: str | None = "pay", **fields: Any) -> Row:
    url = {"home": "https://a.example/", "pay": "https://a.example/pay"}.get(page or "", "https://a.example/nowhere")
    about = {"anonymous_id": person, "person_key": WHO.index(person), "url": url, "page": page, "device_type": "mobile"}
    return {"occurred_at": TEN + timedelta(seconds=seconds), "kind": kind, **about, **fields}


def told(rows: list[Row], chosen: Product = PRODUCT) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """session_events and page_views of the rows."""
    events = session_events(events_frame(rows).lazy(), DAY, chosen).lazy()
    return events, page_views(events, DAY, chosen.sources).lazy()


# -- speed


def test_a_page_view_has_its_worst_value() -> None:
    rows = [
        act(0, "page_view"), act(1, "performance", lcp_ms=900), act(2, "performance", lcp_ms=2_600, inp_ms=40),
        act(3, "performance", inp_ms=300), act(4, "page_view"), act(5, "performance", cls_e4=1_000),
    ]  # fmt: skip
    counted = vital_counts(*told(rows), DAY)
    assert counted.select("metric", "value", "page_views").rows() == [
        ("cls", 1_000, 1),
        ("inp", 300, 1),
        ("lcp", 2_600, 1),
    ]
    days = vital_percentiles(counted.lazy(), [DAY], PRODUCT).filter(
        pl.col("page") == "", pl.col("period") == "day", pl.col("device_type") == ""
    )
    good = dict(days.select("metric", "page_views_good").rows())
    assert good == {"cls": 1, "inp": 0, "lcp": 0}
    assert days["page_views_poor"].sum() == 0


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 19, 20, 21])
def test_a_percentile_is_the_nearest_rank(number: int) -> None:
    counts = pl.DataFrame(
        [{"session_day": DAY, "page": "pay", "device_type": "mobile", "metric": "lcp", "value": 10 * n, "page_views": 1} for n in range(1, number + 1)],
        schema=TABLES["daily_vitals"].schema,
    )  # fmt: skip
    row = vital_percentiles(counts.lazy(), [DAY], PRODUCT).filter(pl.col("period") == "all").row(0, named=True)
    for percent in (50, 75, 95):
        assert row[f"p{percent}"] == 10 * -(-number * percent // 100)


VALUES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["home", "pay"]),
        st.sampled_from(["mobile", "desktop"]),
        st.integers(0, 6_000),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_percentiles_equal_a_slow_count(values: list[tuple[int, str, str, int]]) -> None:
    counted = Counter(values)
    rows = [
        {
            "session_day": DAY + timedelta(days=d),
            "page": page,
            "device_type": device,
            "metric": "lcp",
            "value": value,
            "page_views": n,
        }
        for (d, page, device, value), n in counted.items()
    ]
    days = [DAY + timedelta(days=n) for n in range(3)]
    made = vital_percentiles(pl.DataFrame(rows, schema=TABLES["daily_vitals"].schema).lazy(), days, PRODUCT)
    for row in made.filter(pl.col("period").is_in(["day", "all"])).rows(named=True):
        own = sorted(
            value for d, page, device, value in values
            if row["period_start"] <= DAY + timedelta(days=d) <= row["period_end"]
            and row["page"] in ("", page) and row["device_type"] in ("", device)
        )  # fmt: skip
        assert row["page_views_measured"] == len(own) > 0
        assert [row[f"p{p}"] for p in (50, 75, 95)] == [own[-(-len(own) * p // 100) - 1] for p in (50, 75, 95)]
        good, poor = LIMITS["lcp"]
        assert row["page_views_good"] == sum(value <= good for value in own)
        assert row["page_views_poor"] == sum(value > poor for value in own)
    assert made.filter(pl.col("period") == "all", pl.col("page") == "", pl.col("device_type") == "")[
        "page_views_measured"
    ].to_list() == [len(values)]


# -- errors


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("TypeError: x is undefined at pay.js:120:7", "TypeError: x is undefined at pay.js:#"),
        ("order 4711 of 2026-02-03 failed", "order # of #-#-# failed"),
        ("user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone", "user # gone"),
        ("at 0x7fffdeadbeef", "at #"),
        ("chunk a1b2c3d4e5 failed to load", "chunk # failed to load"),
        ("facade is not a function", "facade is not a function"), ("order a3f09bc1 not found", "order # not found"),
        ("costs 1,299.00 EUR", "costs # EUR"),
        ("  many\n\tblanks ", "many blanks"),
        ("", ""), (None, ""), ("x" * 500, "x" * 200),
    ],
)  # fmt: skip
def test_what_varies_in_a_message_does_not_make_another_error(message: str | None, expected: str) -> None:
    frame = pl.DataFrame({"message": [message]}, schema={"message": pl.String})
    assert frame.select(plain_message(pl.col("message"))).item() == expected


def test_an_error_without_a_page_or_a_message_is_counted_too() -> None:
    # Without an address it belongs to the page view before it, where there is one.
    rows = [
        act(0, "page_view"),
        act(1, "error"),
        act(2, "error", page=None, error_type="F"),
        act(0, "error", person="bob", page=None, error_type="E"),
    ]
    made = session_errors(*told(rows), DAY)
    assert sorted(made.select("page", "error_type", "message").rows()) == [
        ("(other)", "E", ""),
        ("pay", "", ""),
        ("pay", "F", ""),
    ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(WHO), st.sampled_from(["view home", "view pay", "error A 1", "error A 2", "error B", "order"])
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_errors_equal_a_slow_count(steps: list[tuple[str, str]]) -> None:
    rows: list[Row] = []
    place = dict.fromkeys(WHO, "home")
    for n, (who, step) in enumerate([*((w, "view home") for w in WHO), *steps]):
        if step.startswith("view"):
            place[who] = step[5:]
            rows.append(act(n, "page_view", person=who, page=place[who]))
        elif step == "order":
            rows.append(act(n, "order", person=who, page=place[who], revenue_micros=1))
        else:
            rows.append(act(n, "error", person=who, page=place[who], error_type="E", error_message=step))
    events, views = told(rows)
    made = session_errors(events, views, DAY)
    pages = page_sessions(events, views, DAY, telling(events, views, PRODUCT))
    counts = error_counts(made.lazy(), pages.lazy(), TABLES["recordings"].schema.to_frame().lazy(), [DAY], PRODUCT)
    expected = _slow(rows)
    found = {(r["message"], r["page"]): r for r in counts.rows(named=True)}
    assert found.keys() == expected.keys()
    for key, (sessions, errors, with_goal, others, others_with_goal) in expected.items():
        row = found[key]
        assert (row["sessions_with"], row["errors"], row["sessions_with_goal"]) == (sessions, errors, with_goal), key
        assert (row["sessions_without"], row["sessions_without_with_goal"]) == (others, others_with_goal), key
        assert row["people_with"] == row["sessions_last_7"] == sessions
        assert len(row["example_sessions"].split(", ")) == min(5, sessions)


def _slow(rows: list[Row]) -> dict[tuple[str, str], tuple[int, int, int, int, int]]:
    last_order = {
        who: max((n for n, r in enumerate(rows) if r["anonymous_id"] == who and r["kind"] == "order"), default=-1)
        for who in WHO
    }
    on_page: dict[str, dict[str, int]] = defaultdict(dict)
    met: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for n, row in enumerate(rows):
        on_page[row["page"]].setdefault(row["anonymous_id"], n)
        if row["kind"] == "error":
            met[row["error_message"].replace("1", "#").replace("2", "#"), row["page"]][row["anonymous_id"]].append(n)
    result = {}
    for (message, page), own in met.items():
        others = {who: n for who, n in on_page[page].items() if who not in own}
        result[message, page] = (
            len(own), sum(map(len, own.values())), sum(last_order[who] > places[0] for who, places in own.items()),
            len(others), sum(last_order[who] > n for who, n in others.items()),
        )  # fmt: skip
    return result


def test_an_error_is_new_since_a_release_and_recorded_sessions_come_first() -> None:
    chosen = PRODUCT.model_copy(
        update={"releases": product(releases={"old": {"day": "2026-01-01"}, "new": {"day": "2026-02-01"}}).releases}
    )
    made = session_errors(
        *told(
            [
                act(0, "page_view"),
                act(1, "error", error_message="x"),
                act(0, "page_view", person="bob"),
                act(9, "error", person="bob", error_message="x"),
            ]
        ),
        DAY,
    )
    first = made.filter(pl.col("first_at") == pl.col("first_at").min())["session_key"].item()
    last = made.filter(pl.col("first_at") == pl.col("first_at").max())["session_key"].item()
    recorded = pl.LazyFrame({"session_key": [first], "completeness": ["whole"]})
    counts = error_counts(made.lazy(), TABLES["page_sessions"].schema.to_frame().lazy(), recorded, [DAY], chosen)
    row = counts.row(0, named=True)
    assert (row["release"], row["days_after_release"]) == ("new", 2)
    assert row["example_sessions"] == f"{id_of(first)}, {id_of(last)}"


# -- forms


def forms_of(rows: list[Row]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    events, views = told(rows)
    tells = telling_submits(events, views)
    forms = form_sums(events, views, DAY, tells).rows(named=True)
    fields = field_sums(events, views, DAY, tells).rows(named=True)
    return (forms[0] if forms else {}), {row["field"]: row for row in fields}


# Somebody else submits: that it would be told is known.
SUBMITTED = [act(0, "page_view", person="cid"), act(1, "form_submit", person="cid", element_chain=FORM)]


def test_a_form_and_its_fields_have_names() -> None:
    form, fields = forms_of(
        [act(0, "page_view"), act(1, "input", element_chain=CARD), act(2, "input", element_chain=NAME)]
    )
    assert form["form"] == "checkout"
    assert fields.keys() == {"card", "Your name"}
    bare, _ = forms_of([act(0, "page_view"), act(1, "form_submit", element_chain="<form><form class>")])
    assert bare["form"] == "form"


def test_who_only_looks_or_presses_the_button_has_started_nothing() -> None:
    form, fields = forms_of(
        [act(0, "page_view"), act(1, "click", element_chain=BUTTON), act(2, "click", element_chain=FORM)]
    )
    assert (form, fields) == ({}, {})
    touched, fields = forms_of([*SUBMITTED, act(0, "page_view"), act(1, "click", element_chain=CARD)])
    assert (touched["page_views_started"], touched["page_views_measured_submit"], touched["page_views_submitted"]) == (
        2,
        2,
        1,
    )
    assert (fields["card"]["page_views_touched"], fields["card"]["page_views_left_at"], fields["card"]["changes"]) == (
        1,
        1,
        0,
    )


def test_time_is_from_the_touch_before() -> None:
    rows = [
        act(0, "page_view"),
        act(10, "click", element_chain=CARD),
        act(14, "input", element_chain=CARD),
        act(900, "input", element_chain=NAME),
    ]
    _, fields = forms_of(rows)
    assert (fields["card"]["fill_ms"], fields["card"]["changes_timed"]) == (4_000, 1)
    assert fields["Your name"]["fill_ms"] == 300_000, "at most five minutes"
    _, first = forms_of([act(0, "page_view"), act(9, "input", element_chain=CARD)])
    assert (first["card"]["changes"], first["card"]["changes_timed"]) == (1, 0), "nobody knows when it was begun"


ACTS = st.lists(
    st.tuples(st.sampled_from(WHO), st.sampled_from(["view", "card", "name", "refuse", "submit", "focus"])), max_size=25
)


@settings(max_examples=100, deadline=None)
@given(ACTS, st.integers(1, 3))
def test_forms_equal_a_slow_count_of_any_part_of_the_people(steps: list[tuple[str, str]], parts: int) -> None:
    kinds = {
        "card": ("input", CARD),
        "name": ("input", NAME),
        "refuse": ("validation", CARD),
        "submit": ("form_submit", FORM),
        "focus": ("click", CARD),
    }
    rows: list[Row] = []
    views: dict[str, list[list[str]]] = {who: [[]] for who in WHO}
    for n, (who, step) in enumerate([*((w, "view") for w in WHO), *steps]):
        if step == "view":
            rows.append(act(n, "page_view", person=who))
            views[who].append([])
        else:
            kind, chain = kinds[step]
            rows.append(act(n, kind, person=who, element_chain=chain))
            views[who][-1].append(step)
    whole, views_ = (frame.collect() for frame in told(rows))
    tells = telling_submits(whole.lazy(), views_.lazy())
    people = sorted(whole["person_key"].unique())
    ranges = [
        tuple(frame.filter(pl.col("person_key").is_in(people[n::parts])).lazy() for frame in (whole, views_))
        for n in range(parts)
    ]
    forms = added_up([form_sums(*each, DAY, tells) for each in ranges], TABLES["daily_forms"].key)
    summed = added_up([field_sums(*each, DAY, tells) for each in ranges], TABLES["daily_form_fields"].key)
    fields = {row["field"]: row for row in summed.rows(named=True)}
    is_told = any(step == "submit" for _, step in steps)
    every = [view for own in views.values() for view in own[1:]]
    acted = [view for view in every if view]
    assert forms.height == bool(acted)
    if acted:
        row = forms.row(0, named=True)
        assert row["page_views_started"] == len(acted)
        assert row["page_views_measured_submit"] == is_told * len(acted)
        assert row["page_views_submitted"] == sum("submit" in view for view in acted)
        assert row["page_views_submitted_again"] == sum(view.count("submit") > 1 for view in acted)
        assert row["page_views_refused"] == sum("refuse" in view for view in acted)
    for name, of in (("card", {"card", "refuse", "focus"}), ("Your name", {"name"})):
        touched = [view for view in acted if of & {*view}]
        change = "card" if name == "card" else "name"
        found = fields.get(name, dict.fromkeys(TABLES["daily_form_fields"].schema.names(), 0))
        assert found["page_views_touched"] == len(touched)
        assert found["changes"] == sum(view.count(change) for view in acted)
        assert found["page_views_changed"] == sum(change in view for view in acted)
        assert found["page_views_corrected"] == sum(view.count(change) > 1 for view in acted)
        assert found["page_views_left_at"] == is_told * sum("submit" not in view and view[-1] in of for view in acted)
        assert found["page_views_refused"] == (sum("refuse" in view for view in acted) if name == "card" else 0)


def test_where_no_submission_is_told_nobody_has_left() -> None:
    form, fields = forms_of([act(0, "page_view"), act(1, "input", element_chain=CARD)])
    assert (form["page_views_started"], form["page_views_measured_submit"]) == (1, 0)
    assert (fields["card"]["page_views_left_at"], fields["card"]["page_views_measured_submit"]) == (0, 0)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ('<input class="x" data-value="Jane Doe" id="who">', "who"),
        ('<input data-id="8731" id="email" name="email">', "email"),
        ('<input aria-label="Card number" name="card">', "Card number"),
        ("<textarea>", "textarea"),
    ],
)
def test_a_field_is_never_named_by_what_stands_in_it(tag: str, name: str) -> None:
    _, fields = forms_of([act(0, "page_view"), act(1, "input", element_chain=f"{FORM}{tag}")])
    assert fields.keys() == {name}


def test_an_element_that_begins_like_a_form_is_none() -> None:
    inside, _ = forms_of([act(0, "page_view"), act(1, "input", element_chain=f"{FORM}<form-group><input name='x'>")])
    assert inside["form"] == "checkout"
    assert forms_of([act(0, "page_view"), act(1, "input", element_chain="<form-row><input name='x'>")]) == ({}, {})


def test_what_happens_on_a_page_view_is_on_its_page() -> None:
    """Though the event bears no address, or another: a page may change it as it goes."""
    view = {"page_view_id": "v1"}
    rows = [
        act(0, "page_view", **view), act(1, "error", page=None, error_message="x", **view), act(2, "performance", page=None, lcp_ms=9, **view),
        act(3, "performance", page="home", lcp_ms=10, **view), act(4, "input", page="home", element_chain=CARD, **view),
    ]  # fmt: skip
    assert session_errors(*told(rows), DAY)["page"].to_list() == ["pay"]
    assert vital_counts(*told(rows), DAY).select("page", "value", "page_views").rows() == [("pay", 10, 1)]
    form, _ = forms_of(rows)
    assert form["page"] == "pay"


def test_sessions_without_an_error_are_of_sources_that_tell_of_errors() -> None:
    silent = {"source": "silent"}
    rows = [
        act(0, "page_view"), act(1, "error", error_message="x"), act(0, "page_view", person="bob"),
        act(0, "page_view", person="cid", **silent), act(1, "order", person="cid", revenue_micros=1, **silent),
    ]  # fmt: skip
    chosen = product(
        pages=[{"name": "pay", "urls": ["/pay"]}],
        zones=[],
        funnels={},
        goals={"buy": {"kind": "order"}},
        sources={"web": {}, "silent": {}},
    )
    events, views = told(rows, chosen)
    pages = page_sessions(events, views, DAY, telling(events, views, chosen))
    assert pages.select("page", "sessions", "sessions_with_goal").rows() == [("pay", 2, 0)]
