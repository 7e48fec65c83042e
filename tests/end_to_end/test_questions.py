"""Questions of analysts: the SQL of docs/questions.md beside counts of our own, row by row, from what lies in lake/."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipeline.core.lake import Lake
from pipeline.ingest.manifests import read_manifests
from pipeline.publish.query import query

SHOP = Path(__file__).parents[2] / "examples" / "shop"
QUESTIONS = dict(re.findall(r"## ([^\n]*)\n\n(?:[^`#][^\n]*\n\n)?```sql\n(.*?)```", (Path(__file__).parents[2] / "docs" / "questions.md").read_text(), flags=re.DOTALL))  # fmt: skip
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def lake(shop_lake: Lake) -> Lake:
    return shop_lake


class Known:
    """What lies in lake/, as rows in Python; bots left out."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.sessions = [row for row in self.rows("sessions") if not row["is_bot"]]
        self.days = [date(2026, 9, 28) + timedelta(days=i) for i in range(28)]
        # The product's start lies 92 days before the first event.
        self.since_start = [self.days[0] + timedelta(days=i) for i in range(-92, 28)]
        # Days on which each person was active.
        self.active: dict[int, set[date]] = defaultdict(set)
        for row in self.rows("activity"):
            self.active[row["person_key"]].add(row["day"])

    def rows(self, table: str) -> list[dict[str, Any]]:
        return pl.read_parquet(self.lake.path(f"lake/{table}") / "**" / "*.parquet").rows(named=True)

    def weeks(self) -> list[date]:
        return self.days[::7]

    def in_week(self, begin: date) -> set[int]:
        return {
            person
            for person, days in self.active.items()
            if any(begin <= day < begin + timedelta(days=7) for day in days)
        }


def week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def summed(rows: Iterable[tuple[tuple[Any, ...], float]]) -> Rows:
    result: dict[tuple[Any, ...], float] = defaultdict(float)
    for key, number in rows:
        result[key] += number
    return [(*key, number) for key, number in sorted(result.items())]


def quotients(rows: Iterable[tuple[tuple[Any, ...], float, float]]) -> Rows:
    """Sums of the second divided by sums of the third, where there are any."""
    top, bottom = defaultdict[tuple[Any, ...], float](float), defaultdict[tuple[Any, ...], float](float)
    for key, upper, lower in rows:
        top[key] += upper
        bottom[key] += lower
    return [(*key, top[key] / bottom[key]) for key in sorted(bottom) if bottom[key]]


def has_view(session: dict[str, Any]) -> bool:
    return session["page_views"] + session["page_views_implied"] > 0


def _clicked(known: Known) -> Rows:
    views = {
        v["page_view_key"]
        for v in known.rows("page_views")
        if v["page"] == "home" and not v["is_bot"] and not v["implied"]
    }
    clicked = {
        e["page_view_key"]
        for e in known.rows("session_events")
        if e["kind"] == "click" and 'class="hero"' in (e["element_chain"] or "") and 'class="cta"' in e["element_chain"]
    }
    return [(len(views & clicked) / len(views),)]


def _raged(known: Known) -> Rows:
    real = {v["page_view_key"] for v in known.rows("page_views") if not v["is_bot"] and not v["implied"]}
    return summed(
        ((i["page"],), 1)
        for i in known.rows("friction_incidents")
        if i["signal"] == "rage_click" and i["rule_set"] == "default" and i["page_view_key"] in real
    )


def _came_back(known: Known) -> Rows:
    first = {person: min(days) for person, days in known.active.items()}
    old = [person for person, day in first.items() if day + timedelta(days=7) <= known.days[-1]]
    return [(sum(first[p] + timedelta(days=7) in known.active[p] for p in old) / len(old),)]


def _resurrected(known: Known) -> Rows:
    result: Rows = []
    for begin in known.weeks():
        here, before = known.in_week(begin), known.in_week(begin - timedelta(days=7))
        seen = {person for person, days in known.active.items() if min(days) < begin}
        result.append((begin, len((here & seen) - before)))
    return result


def _by_bots(known: Known) -> Rows:
    zone = ZoneInfo("Europe/Berlin")
    return quotients(((e["occurred_at"].astimezone(zone).date(),), e["is_bot"], 1) for e in known.rows("events"))


def _rejected(known: Known) -> Rows:
    rules: Counter[str] = Counter()
    for manifest in read_manifests(known.lake).values():
        rules += Counter(manifest.rejected)
    return sorted(rules.items())


def _ordered(known: Known) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each order with its session, in the order of time."""
    sessions = {s["session_key"]: s for s in known.sessions}
    found = [e for e in known.rows("session_events") if e["kind"] == "order" and e["session_key"] in sessions]
    return [(e, sessions[e["session_key"]]) for e in sorted(found, key=lambda e: (e["occurred_at"], e["source"], e["event_id"]))]  # fmt: skip


def _returning(known: Known) -> Rows:
    before, rows = set[int](), []
    for order, session in _ordered(known):
        if order["person_key"] in before:
            month = session["session_day"].replace(day=1)
            rows.append(((month, session["country"] or "unknown"), (order["revenue_micros"] or 0) / 1e6))
        before.add(order["person_key"])
    return summed(rows)


def _by_landing(known: Known) -> Rows:
    landing = {s["session_key"]: s["landing_page"] or "(other)" for s in known.sessions}
    answers = [f for f in known.rows("feedback") if f["question_kind"] == "nps" and f["is_valid"]]
    return quotients(((landing[f["session_key"]],), 100 * ((f["score"] >= 9) - (f["score"] <= 6)), 1) for f in answers if f["session_key"] in landing)  # fmt: skip


def _median(known: Known) -> Rows:
    found: dict[str, list[float]] = defaultdict(list)
    for order, session in _ordered(known):
        found[session["channel"] or "not measured"].append((order["revenue_micros"] or 0) / 1e6)
    return [(channel, median(orders)) for channel, orders in sorted(found.items())]


def _orders(known: Known) -> Rows:
    people = [e for e in known.rows("events") if e["kind"] == "order" and not e["is_bot"]]
    return [(sum(s["orders"] for s in known.sessions), len(people))]


COUNTS: dict[str, Callable[[Known], Rows]] = {
    "Sessions by channel by day": lambda k: summed(((s["session_day"], s["channel"] or "not measured"), 1) for s in k.sessions),
    "Revenue by country and month": lambda k: summed(((s["session_day"].replace(day=1), s["country"] or "unknown"), s["revenue_micros"] / 1e6) for s in k.sessions),
    "Conversion by device and week": lambda k: quotients(((week(s["session_day"]), s["device_type"]), s["goal_events"] > 0, 1) for s in k.sessions),
    "Bounce rate by landing page": lambda k: quotients(((s["landing_page"] or "(other)",), s["is_bounce"], has_view(s)) for s in k.sessions),
    "Mean length of a session by channel, in seconds": lambda k: quotients(((s["channel"] or "not measured",), s["duration_ms"] / 1000, 1) for s in k.sessions),
    "Average order by device": lambda k: quotients(((s["device_type"],), s["revenue_micros"] / 1e6, s["orders"]) for s in k.sessions),
    "Share of sessions on mobile by week": lambda k: quotients(((week(s["session_day"]),), s["device_type"] == "mobile", 1) for s in k.sessions),
    "Sessions by weekday": lambda k: summed(((s["session_day"].isoweekday(),), 1) for s in k.sessions),
    "Days on which nobody came by paid channels": lambda k: [(day,) for day in k.since_start if day not in {s["session_day"] for s in k.sessions if s["channel"] == "paid"}],
    "Pages on which nobody landed": lambda k: [(page,) for page in sorted({"(other)", "home", "category", "product", "cart", "checkout", "thanks"} - {s["landing_page"] or "(other)" for s in k.sessions})],
    "People active in each week": lambda k: [(begin, len(k.in_week(begin))) for begin in k.weeks()],
    "New people by day": lambda k: sorted(Counter(min(days) for days in k.active.values()).items()),
    "Who came back on the seventh day after the first": _came_back,
    "People who came back after a week or more away, by week": _resurrected,
    "Click rate of the button on the home page": _clicked,
    "Rage clicks by page": _raged,
    "Rejected events by rule": _rejected,
    "Share of events that bots made, by day": _by_bots,
    "NPS by page": lambda k: quotients(((f["page"],), 100 * ((f["score"] >= 9) - (f["score"] <= 6)), 1) for f in k.rows("feedback") if f["question_kind"] == "nps" and f["is_valid"]),
    "Orders by the day of the order and by that of the session": _orders,
    "Revenue of returning buyers by country and month": _returning,
    "NPS by landing page": _by_landing,
    "Median order by channel": _median,
}  # fmt: skip


@pytest.fixture(scope="module")
def known(lake: Lake) -> Known:
    return Known(lake)


def test_every_question_has_a_count_of_its_own() -> None:
    assert QUESTIONS.keys() == COUNTS.keys()
    assert len(QUESTIONS) == 23


@pytest.mark.parametrize("question", COUNTS)
def test_the_answer_is_that_of_our_own_count(lake: Lake, known: Known, question: str) -> None:
    answer = [tuple(float(v) if isinstance(v, int | float) or hasattr(v, "as_tuple") else v for v in row) for row in query(lake, QUESTIONS[question]).rows.rows()]  # fmt: skip
    counted = [tuple(float(v) if isinstance(v, int | float) else v for v in row) for row in COUNTS[question](known)]
    assert counted or question.startswith(("Days", "Pages"))
    assert [row[:-1] for row in answer] == [row[:-1] for row in counted]
    for ours, theirs in zip(counted, answer, strict=True):
        assert theirs[-1] == (pytest.approx(ours[-1], abs=1e-9) if isinstance(ours[-1], float) else ours[-1])
