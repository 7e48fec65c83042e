"""Our number and theirs: each rule's difference against what was put in, on small data that tells rules apart."""

from typing import Any

import pytest
from support import approve, days_from, drop, ndjson, product, record, take_all

from pipeline.build.compute import build_days
from pipeline.build.configured import day_tables
from pipeline.build.context import find_dirty
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.publish.explain import Vendor, explain

DAYS = days_from("2026-02-02", 14)
CHANGES: dict[str, Any] = {
    "retention": {"daily": {"period": "day", "periods": 4}, "weekly": {"period": "week", "periods": 2}},
    "funnels": {
        "buy": {
            "steps": [{"label": "Home", "kind": "page_view", "page": "home"}, {"label": "Bought", "kind": "order"}],
            "window_days": 1,
            "exclusions": [{"kind": "custom", "name": "help"}],
        }
    },
}


def clicks(who: str, at: str, count: int, chain: str, ms: int = 200) -> list[dict[str, Any]]:
    return [
        record(
            f"{who}{at}{i}", f"{at}.{i * ms % 1000:03}", "click", anonymous_id=who, url="https://a.example/",
            element_chain=chain, x=100, y=100, session_id=f"s{who}",
        )
        for i in range(count)
    ]  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Three angry clicks, four on a stepper; a visit over midnight; one that pauses for an hour; help and a purchase."""

    def view(who: str, at: str, **more: Any) -> dict[str, Any]:
        return record(f"{who}{at}", at, anonymous_id=who, url="https://a.example/", **more)

    return [
        view("a", "2026-02-03T10:00:00", session_id="sa"),
        *clicks("a", "2026-02-03T10:00:10", 3, '<main><img class="big">'),
        *clicks("a", "2026-02-03T10:01:10", 4, '<div class="stepper"><button>'),
        # 22:50 to 23:10 UTC is over midnight in Berlin, and the pause is short.
        view("b", "2026-02-04T22:20:00", session_id="sb"),
        view("b", "2026-02-04T22:50:00", session_id="sb"),
        view("b", "2026-02-04T23:10:00", session_id="sb"),
        # One id of the source, a pause of an hour.
        view("c", "2026-02-05T10:00:00", session_id="sc"),
        view("c", "2026-02-05T11:00:00", session_id="sc"),
        # Help after the view.
        view("d", "2026-02-06T10:00:00", session_id="sd"),
        record("help", "2026-02-06T10:01:00", "custom", name="help", anonymous_id="d", session_id="sd"),
        # A purchase on Saturday, and back on Sunday, within 24 hours.
        view("f", "2026-02-07T12:00:00"),
        record("order", "2026-02-07T12:01:00", "order", anonymous_id="f", revenue_micros=1),
        view("f", "2026-02-08T11:00:00"),
        # Back after 23 hours, on the next calendar day, and a week later.
        view("e", "2026-02-07T10:00:00"),
        view("e", "2026-02-08T09:00:00"),
        view("e", "2026-02-15T09:00:00"),
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    home = tmp_path_factory.mktemp("home")
    drop(home, "web/a.ndjson", ndjson(rows()))
    made, chosen = Lake(home), stated()
    take_all(made, chosen)
    days = sorted(find_dirty(made, chosen, lambda _day: True).runnable)
    for table in day_tables(chosen):
        list(build_days(made, chosen, table.contract.name, days, approve))
    return made


def stated() -> Product:
    return product(**CHANGES)


def numbers(lake: Lake, metric: str, vendor: Vendor) -> list[float | None]:
    return [value for _, value in explain(lake, stated(), metric, vendor, DAYS).rows]


@pytest.mark.parametrize(
    ("vendor", "expected"), [("posthog", [1, 2, 2]), ("mixpanel", [1, 2, 1]), ("amplitude", [1, 2, 1])]
)
def test_rage_clicks(lake: Lake, vendor: Vendor, expected: list[float]) -> None:
    """Ours: the three on the picture. With steppers two. Rules of four clicks leave the stepper's only."""
    assert numbers(lake, "rage_clicks", vendor) == expected


@pytest.mark.parametrize(
    ("vendor", "expected"),
    [
        # Six people; e comes three times, f twice. Ours cuts nothing: b's visit goes on over midnight as one.
        ("posthog", [9, 9, 9]),
        # Without ids c's pause makes two; at midnight b's visit becomes two.
        ("mixpanel", [9, 10, 11]),
        ("amplitude", [9, 9, 10]),
    ],
)
def test_sessions(lake: Lake, vendor: Vendor, expected: list[float]) -> None:
    assert numbers(lake, "sessions", vendor) == expected


def test_retention_by_calendar_days_and_by_24_hours(lake: Lake) -> None:
    """b is on two calendar days within an hour, e and f after 23 hours: three of six by the calendar, none by 24 hours."""
    assert numbers(lake, "retention:daily", "amplitude") == [pytest.approx(3 / 6), 0.0]


def test_retention_of_recurring_cohorts_and_of_weeks_from_sunday(lake: Lake) -> None:
    """Of six in week one e is back in the next; where weeks begin on Sunday e and f are. Later weeks aren't over."""
    ours, recurring, sunday = numbers(lake, "retention:weekly", "posthog")
    assert ours == recurring == pytest.approx(1 / 6)
    assert sunday == pytest.approx(2 / 6)


def test_retention_weighed_twice(lake: Lake) -> None:
    """Cohorts of 1, 1, 1, 1 and 2, of which 0, 1, 0, 0 and 2 are back: 3 of 6, or (1 + 2 x 2) of (4 + 2 x 2)."""
    assert numbers(lake, "retention:daily", "mixpanel") == [pytest.approx(3 / 6), pytest.approx(5 / 8)]


def test_an_exclusion_that_ends_the_attempt_only(lake: Lake) -> None:
    """d asked for help: out of our funnel, and one more who didn't buy in theirs."""
    assert numbers(lake, "funnel:buy", "mixpanel") == [pytest.approx(1 / 5), pytest.approx(1 / 6)]
    assert explain(lake, stated(), "funnel:buy", "posthog", DAYS).note.startswith("No rule of theirs")


@pytest.mark.parametrize("metric", ["conversion", "retention", "retention:none", "funnel:none"])
def test_what_isnt_there_is_named(lake: Lake, metric: str) -> None:
    with pytest.raises(KeyError):
        explain(lake, stated(), metric, "posthog", DAYS)
