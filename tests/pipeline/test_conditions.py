"""Who counts: conditions on events, visits and people, as tables (docs/definitions/matching.md, "Who counts")."""

import re
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError
from support import at, events_frame, product

from pipeline.core.product_matches import Did, Where
from pipeline.core.registry import TABLES
from pipeline.domains.funnels.funnel_steps import step_events
from pipeline.domains.funnels.funnel_tables import funnel_results
from pipeline.events.conditions import conditions_met, people_conditions
from pipeline.events.sessions import session_events, sessions

DAY = date(2026, 2, 2)
NEXT = DAY + timedelta(days=1)
STEPS = [{"label": "Home", "kind": "page_view", "page": "home"}, {"label": "Bought", "kind": "order"}]
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"


def event(person: int, when: str, kind: str = "page_view", **about: Any) -> dict[str, Any]:
    return {"person_key": person, "anonymous_id": f"d{person}", "occurred_at": at(when), "kind": kind, **about}


# Person 1 sees home on an iPhone and buys; 2 on Windows; 3 comes by mail and buys after midnight (Berlin); 4 buys twice, the day before too.
EVENTS = [
    event(1, "2026-02-02T10:00", page="home", user_agent=IPHONE, country="DE"),
    event(1, "2026-02-02T10:05", kind="order", country="AT"),
    event(2, "2026-02-02T10:00", page="home", user_agent=WINDOWS, country="DE"),
    event(2, "2026-02-02T10:05", kind="order", country="DE"),
    event(3, "2026-02-02T22:50", page="home", url="https://shop.example/?utm_medium=email&utm_campaign=spring"),
    event(3, "2026-02-02T23:05", kind="order", country="DE"),
    event(4, "2026-02-01T10:00", kind="order", country="DE"),
    event(4, "2026-02-02T12:00", page="home", country="FR"),
    event(4, "2026-02-02T12:01", kind="order", country="FR"),
]
DAYS = [DAY - timedelta(days=1), DAY, NEXT]


def results(days: list[date] = DAYS, **funnel: Any) -> dict[str, list[int]]:
    """People by step of a funnel over the whole of `days`, through the days' tables; by group where there are some."""
    chosen = product(goals={}, zones=[], funnels={"f": {"steps": STEPS, "window": "1d", **funnel}})
    frame = events_frame(EVENTS)
    local = pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin").dt.date()
    on = {day: frame.filter(local == day) for day in [DAYS[0] - timedelta(1), *DAYS, NEXT + timedelta(1)]}
    steps: list[pl.DataFrame] = []
    met: list[pl.DataFrame] = []
    booked = {day: session_events(frame.lazy(), day, chosen) for day in on}
    told = {day: sessions(rows.lazy(), day) for day, rows in booked.items()}
    for day in days:
        before = [day - timedelta(1), day]
        around = pl.concat([on.get(each, frame.clear()) for each in (*before, day + timedelta(1))])
        near = pl.concat([booked[each] for each in before]).lazy(), pl.concat([told[each] for each in before]).lazy()
        steps.append(step_events(on[day].lazy(), day, chosen.funnels, *near, around.lazy()))
        met.append(conditions_met(on[day].lazy(), day, people_conditions(chosen), *near))
    rows = funnel_results(pl.concat(steps).lazy(), days, chosen, met=pl.concat(met).lazy())
    whole = rows.filter(pl.col("period") == "all").sort("group", "step")
    return {
        str(group): part["people_converted"].to_list()
        for (group,), part in whole.partition_by("group", as_dict=True, maintain_order=True).items()
    }


ORDERED = {"kind": "order"}


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({}, [4, 4]),
        # Of the event: the order of person 1 was sent from Austria.
        ({"where": [{"column": "country", "equals": "DE"}]}, [2, 1]),
        # Of the visit: all of it counts, where one event of it was sent from Germany.
        ({"where": [{"column": "country", "equals": "DE", "about": "visit"}]}, [3, 3]),
        # Of the person: 4 was in Germany the day before.
        ({"where": [{"column": "country", "equals": "DE", "about": "person"}]}, [4, 4]),
        ({"where": [{"column": "country", "equals": "AT", "about": "visit"}]}, [1, 1]),
        # Told of the visit: also of events that bore no agent.
        ({"where": [{"column": "os", "equals": "iOS"}]}, [1, 1]),
        ({"where": [{"column": "os", "equals": ["iOS", "Windows"]}]}, [2, 2]),
        ({"where": [{"column": "os", "is_set": False}]}, [2, 2]),
        ({"where": [{"column": "campaign", "equals": "spring"}]}, [1, 1]),
        ({"where": [{"column": "channel", "equals": "email", "about": "visit"}]}, [1, 1]),
        ({"where": [{"column": "os", "equals": "iOS"}, {"column": "country", "equals": "AT", "about": "visit"}]}, [1, 1]),
        ({"where": [{"column": "os", "equals": "iOS"}, {"column": "country", "equals": "FR", "about": "person"}]}, [0, 0]),
        ({"people": [{"event": ORDERED, "at_least": 2}]}, [1, 1]),
        ({"people": [{"event": ORDERED, "at_least": 2, "did": False}]}, [3, 3]),
        ({"people": [{"event": {"kind": "click"}, "did": False}]}, [4, 4]),
        ({"people": [{"event": {"kind": "click"}}]}, [0, 0]),
    ],
)  # fmt: skip
def test_who_counts(narrowed: dict[str, Any], expected: list[int]) -> None:
    assert results(**narrowed)[""] == expected


@pytest.mark.parametrize(("when", "expected"), [("range", [0, 0]), ("ever", [1, 1])])
def test_what_people_did_before_the_range_counts_where_ever_is_said(when: str, expected: list[int]) -> None:
    """Only the day itself is looked at; the order of the day before is known all the same."""
    people = [{"event": ORDERED, "at_least": 2, "when": when}]
    chosen = product(goals={}, zones=[], funnels={"f": {"steps": STEPS, "window": "1d", "people": people}})
    frame = events_frame(EVENTS)
    nothing = TABLES["session_events"].schema.to_frame().lazy(), TABLES["sessions"].schema.to_frame().lazy()
    met = [
        conditions_met(frame.filter(pl.col("occurred_at").dt.date() == day).lazy(), day, people_conditions(chosen), *nothing)
        for day in (DAYS[0], DAY)
    ]  # fmt: skip
    rows = step_events(frame.filter(pl.col("occurred_at").dt.date() == DAY).lazy(), DAY, chosen.funnels)
    made = funnel_results(rows.lazy(), [DAY], chosen, met=pl.concat(met).lazy())
    assert made.sort("step")["people_converted"].to_list() == expected


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("channel", {"email": [1, 1]}),
        ("campaign", {"spring": [1, 1]}),
        ("landing_page", {"home": [4, 4]}),
    ],
)
def test_breakdowns_by_how_a_visit_began(by: str, expected: dict[str, list[int]]) -> None:
    found = results(breakdown={"by": by})
    assert {name: found[name] for name in expected} == expected


def test_who_entered_in_the_range_has_the_whole_window() -> None:
    """Person 3 enters on the day and buys after midnight: in `ends` that step lies after the range."""
    assert results([DAY])[""] == [4, 3]
    chosen = product(
        goals={}, zones=[], funnels={"f": {"steps": STEPS, "window": "1d", "range": "enters"}}, week_start="monday"
    )
    frame = events_frame(
        [*EVENTS, event(5, "2026-02-08T22:00", page="home"), event(5, "2026-02-09T10:00", kind="order")]
    )
    days = [DAY + timedelta(days=i) for i in range(14)]
    local = pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin").dt.date()
    rows = pl.concat(step_events(frame.filter(local == day).lazy(), day, chosen.funnels) for day in days).lazy()
    weeks = funnel_results(rows, days, chosen).filter(pl.col("period") == "week", pl.col("step") == 2)
    assert dict(weeks.select("period_start", "people_converted").rows()) == {DAY: 5, DAY + timedelta(days=7): 0}
    assert weeks["people_mature"].to_list() == [5, 0]
    ends = product(goals={}, zones=[], funnels={"f": {"steps": STEPS, "window": "1d"}}, week_start="monday")
    weeks = funnel_results(rows, days, ends).filter(pl.col("period") == "week", pl.col("step") == 2)
    assert weeks.sort("period_start")["people_converted"].to_list() == [4, 0]


@pytest.mark.parametrize(
    ("funnel", "words"),
    [
        ({"where": [{"column": "shoe_size", "equals": "9"}]}, "'shoe_size' is not promoted"),
        ({"where": [{"column": "os"}]}, "says nothing"),
        ({"people": [{"event": {"kind": "order", "page": "nowhere"}}]}, "no page 'nowhere'"),
        ({"people": [{"event": {}}]}, "fits every event"),
        ({"people": [{"event": ORDERED, "at_least": 0}]}, "greater than or equal to 1"),
        ({"where": [{"column": "os", "equals": "iOS", "about": "session"}]}, "'event', 'visit' or 'person'"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_said(funnel: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        product(goals={}, zones=[], funnels={"f": {"steps": STEPS, "window": "1d", **funnel}})


def test_equal_conditions_have_one_text() -> None:
    one = Did.model_validate({"event": {"kind": "order", "properties": {"plan": "plus"}}})
    same = Did.model_validate({"event": {"properties": {"plan": {"equals": ["plus"]}}, "kind": "order"}, "at_least": 3})
    other = Where.model_validate({"column": "plan", "equals": "plus", "about": "person"})
    chosen = product(goals={}, zones=[], funnels={"f": {"steps": STEPS, "people": [one, same], "where": [other]}})
    assert len(people_conditions(chosen)) == 2
