"""Answers in words: what was counted, what is missing, what each column means."""

from collections.abc import Callable

import polars as pl

from pipeline.ask.data import Data
from pipeline.ask.question import ASKED, COMPARED, CONFIGURED, Question
from pipeline.core.contract import Table
from pipeline.core.product_matches import Condition, Did, Match, Narrowed, Where
from pipeline.core.registry import TABLES

_MART = {
    "funnel": "funnel_steps",
    "retention": "retention_cohorts",
    "journey": "journey_edges",
    "zones": "zone_metrics",
    "friction": "friction",
    "scores": "scores",
    "choices": "choices",
    "heatmap": "heatmaps",
}
_MEASURES = {
    "people": "People, each once a {every}",
    "sessions": "Sessions, booked on the day on which they began",
    "events": "Events",
    "orders": "Orders of the sessions that began on the day",
    "revenue": "Revenue less refunds of the sessions that began on the day",
    "goal_rate": "Share of the sessions that began on the day which reached {goal}",
}
_OWN_COLUMNS = {
    "range": "`asked`, or `compared`: the range that it is compared with",
    "period_start": "first local day of the period",
    "is_whole": "the period lies in the range whole, and all its days are there",
    "breakdown_value": "the group: a value of each column that the answer is broken down by; empty: everybody",
    "low": "lower end of the 95 % interval of the share",
    "high": "upper end of the 95 % interval of the share",
    "value": "the number that was asked for",
    "people": "people, each once",
    "sessions": "sessions",
    "events": "events",
    "orders": "orders",
    "revenue": "revenue less refunds, in the product's currency",
    "sessions_with_goal": "sessions that reached the goal",
    "landings": "sessions that began on the page",
    "exits": "page views that were their session's last",
    "exit_rate": "exits / page views, implied ones among them",
    "median_seconds": "median time from the page view's first event to the next page view, or the session's end",
    "page_views": "page views, those among them that are known only from acts on the page",
    "page_views_implied": "of them, those known only from acts on them",
    "clicks": "clicks",
    "is_recorded": "there is a recording of it that can be shown",
    "at": "when it happened",
    "dropped": "people who took this step and not the next",
    "element": "what a person would call it: its label, title, name or id, else its tag",
    "tag": "its open tag, or those around it up to one that bears an attribute",
    "click_share": "of the page's clicks on elements those on this one",
    "page_views_clicked": "page views with a click on it",
}
# What somebody did, by the kind of event.
KIND_WORDS = {
    "page_view": "Saw any page",
    "click": "Clicked",
    "order": "Ordered",
    "refund": "Got a refund",
    "error": "Had an error",
    "form_submit": "Submitted a form",
    "input": "Changed a field",
    "survey_shown": "Was shown a survey",
    "survey_answered": "Answered a survey",
    "survey_dismissed": "Closed a survey",
    "identify": "Signed in",
    "experiment": "Was in an experiment",
    "validation": "Had a field refused",
}
_OPERATORS = {
    "equals": "is {}",
    "is_not": "isn't {}",
    "contains": "contains {}",
    "not_contains": "doesn't contain {}",
    "regex": "fits {}",
    "not_regex": "doesn't fit {}",
    "gt": "is over {}",
    "gte": "is at least {}",
    "lt": "is under {}",
    "lte": "is at most {}",
}
_ABOUT = {"event": "{}", "visit": "in the visit {}", "person": "at any time {}"}


def columns_of_answer(question: Question, rows: pl.DataFrame) -> dict[str, str]:
    """What each column of an answer means: as its mart's contract says, else as said here."""
    table: Table | None = TABLES[_MART[question.show]] if question.show in _MART else None
    known = {column.name: column.description for column in table.columns} if table else {}
    visits = {column.name: column.description for column in TABLES["sessions"].columns}
    return {name: _OWN_COLUMNS.get(name) or known.get(name) or visits.get(name, "") for name in rows.columns}


def condition_in_words(condition: Condition) -> str:
    """Like "is DE or AT" or "is over 5"."""
    said = [
        words.format(_listed(getattr(condition, name)))
        for name, words in _OPERATORS.items()
        if getattr(condition, name) is not None
    ]
    if condition.is_set is not None:
        said.append("is known" if condition.is_set else "isn't known")
    return " and ".join(said)


def _listed(value: object) -> str:
    return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def where_in_words(where: Where) -> str:
    """Like "os is iOS" or "at any time plan is plus"."""
    return _ABOUT[where.about].format(f"{where.column.replace('_', ' ')} {condition_in_words(where)}")


def match_in_words(match: Match) -> str:
    """Like "saw checkout", "ordered" or "add_to_cart with plan is plus"."""
    if match.kind == "page_view" and match.page and not match.name:
        said = f"saw {match.page}"
    else:
        kind = match.kind or "any event"
        named = match.name or KIND_WORDS.get(kind, kind.replace("_", " ")).lower()
        said = named + (f" on {match.page}" if match.page else "")
    properties = [f"{name} {condition_in_words(each)}" for name, each in match.properties.items()]
    return said + (f" with {' and '.join(properties)}" if properties else "")


def did_in_words(did: Did) -> str:
    """Like people who did “order” 2 times or more in the range."""
    when = " at any time before the range ends" if did.when == "ever" else " in the range"
    times = f" {did.at_least} times or more" if did.at_least > 1 else ""
    what = match_in_words(did.event)
    return f"people who did{'' if did.did else ' not do'} “{what}”{times}{when}"


def narrowed_in_words(narrowed: Narrowed, *, of_visits: bool = False) -> str:
    """All conditions in one clause; empty where there are none. `of_visits`: one on an event is one on its visit."""
    where = [
        each.model_copy(update={"about": "visit"}) if of_visits and each.about == "event" else each
        for each in narrowed.where
    ]
    said = [*map(where_in_words, where), *map(did_in_words, narrowed.people)]
    return f"; only where {'; and '.join(said)}" if said else ""


def sentence_of(data: Data, question: Question) -> str:
    """What was counted, in one sentence."""
    said = _SENTENCES[question.show](data, question)
    by = f", by {' and '.join(name.replace('_', ' ') for name in question.by)}" if question.by else ""
    of_events = question.show in CONFIGURED or (
        question.show == "trend" and question.counted.measure in ("people", "events")
    )
    return f"{said}{by}{narrowed_in_words(question, of_visits=not of_events)}. Bots left out."


def range_in_words(question: Question, name: str) -> str:
    """Like "12 Oct to 18 Oct 2026"; beside everybody, whose days are the same, who is meant."""
    if question.against == "everybody":
        return {ASKED: "these", COMPARED: "everybody"}[name]
    span = question.spans[name]
    return f"{span.first:%d %b} to {span.last:%d %b %Y}"


def _trend(_data: Data, question: Question) -> str:
    asked = question.counted
    every = {"range": "range"}.get(asked.every, asked.every)
    goal = f"the goal {asked.goal}" if asked.goal else "a goal"
    event = f" with an event: {match_in_words(asked.event)}" if asked.event else ""
    return _MEASURES[asked.measure].format(every=every, goal=goal) + event


def _funnel(data: Data, question: Question) -> str:
    funnel = question.asked_funnel(data.product)
    whose = "People" if funnel.unit == "person" else f"Streams of one {funnel.unit.replace('_', ' ')}"
    order = {"ordered": "in this order", "strict": "in this order with nothing between", "unordered": "in any order"}
    counts = (
        "of who took step 1 in the range, whenever the others follow"
        if funnel.range == "enters"
        else "up to the end of the range"
    )
    return f"{whose} who took each step within {funnel.length_text} of the first, {order[funnel.order]}, {counts}"


def _retention(data: Data, question: Question) -> str:
    asked = question.asked_retention(data.product)
    start = match_in_words(asked.start) if asked.start else "any event"
    back = match_in_words(asked.returning) if asked.returning else "any event"
    which = {
        "recurring": "each time they did",
        "first_time": "for the first time",
        "first_ever": "with their first ever",
    }
    mode = {
        "on": "just so many {}s later",
        "on_or_after": "so many {}s later or after that",
        "until": "within so many {}s",
        "streak": "in each of so many {}s after it",
    }
    return (
        f"Of the people who began ({start}) in a {asked.period} of the range, {which[asked.cohort]}, those who came back "
        f"({back}) {mode[asked.mode].format(asked.period)}"
    )


def _journey(data: Data, question: Question) -> str:
    asked = question.asked_journey(data.product)
    begin = f" from {asked.start} on" if asked.start else ""
    end = f" up to {asked.end}" if asked.end else ""
    return (
        f"Visits cut at pauses of half an hour; from one of {asked.items} to the next{begin}{end}, {asked.steps} steps"
    )


_HEATS = {
    "click": "Clicks by where they fell",
    "move": "The pointer's moves by where it was",
    "attention": "Time that each 20 px were in the window, at most 30 s between two acts,",
    "reach": "Page views that had each 20 px, or what lies below, in the window",
}
_SENTENCES: dict[str, Callable[[Data, Question], str]] = {
    "trend": _trend,
    "funnel": _funnel,
    "retention": _retention,
    "journey": _journey,
    "pages": lambda _data, _question: "Pages of the sessions that began in the range",
    "zones": lambda _data, _question: "What was done with each zone in sessions that began in the range",
    "friction": lambda _data, _question: "Page views of sessions that began in the range with a signal of friction",
    "elements": lambda _data, _question: "Clicks on elements of pages in sessions that began in the range",
    "heatmap": lambda _data, question: (
        f"{_HEATS[question.heat]} on {question.page} in sessions that began in the range"
    ),
    "scores": lambda _data, _question: "Answers given in the range, the last of each response",
    "choices": lambda _data, _question: (
        "Choices of answers given in the range, the last of each response; a share is of the responses that chose anything"
    ),
    "visits": lambda _data, _question: (
        "Sessions that began in the range, those with a recording first, then the newest"
    ),
}
