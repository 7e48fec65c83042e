"""Which columns of an answer the page shows, in which words, and whose people a number leads to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.ask.question import Question
from pipeline.core.columns import OTHER_PAGE
from pipeline.domains.funnels.funnel_groups import OTHER
from pipeline.report.parts import label

Row = Mapping[str, Any]
# Of a row, what in the address says whose people are meant; None: nobody's can be listed.
CellOf = Callable[[Row], dict[str, str] | None]


@dataclass(frozen=True)
class Column:
    """A column: its name in the answer, its words, and the kind of its values."""

    name: str
    title: str
    kind: str = "text"
    # Of a number of people or sessions: which they are.
    cell: CellOf | None = None


_INTERVAL = (Column("low", "95 % from", "share"), Column("high", "to", "share"))


def _of_step(*, dropped: bool) -> CellOf:
    def cell(row: Row) -> dict[str, str] | None:
        if row["unit"] not in ("person", "session"):
            return None
        return {"group": row["breakdown_value"], "step": str(row["step"]), **({"dropped": "true"} if dropped else {})}

    return cell


def _of_period(row: Row) -> dict[str, str]:
    return {"group": row["breakdown_value"], "start": str(row["period_start"])}


def _of_cohort(row: Row) -> dict[str, str] | None:
    if row["breakdown_value"] == OTHER:
        return None
    return {"group": row["breakdown_value"], "start": str(row["cohort_start"]), "offset": str(row["period_number"])}


def _of_page(row: Row) -> dict[str, str] | None:
    return None if row["page"] == OTHER_PAGE else {"page": row["page"]}


def _of_zone(row: Row) -> dict[str, str]:
    version = str(row["zone_version"])
    return {"page": row["page"], "zone": row["zone"], "start": version, "device": row["device_type"]}


def _of_answer(row: Row) -> dict[str, str]:
    return {name: row[name] for name in ("survey", "question", "choice") if name in row}


def _funnel(_question: Question) -> Iterator[Column]:
    yield Column("breakdown_value", "group", "group")
    yield Column("step_name", "step")
    yield Column("people_converted", "people", "count", _of_step(dropped=False))
    yield Column("step_rate", "of the step before", "share")
    yield Column("conversion_rate", "of all", "share")
    yield from _INTERVAL
    yield Column("dropped", "stopped here", "count", _of_step(dropped=True))
    yield Column("conversion_rate_of_mature", "of all whose time is over", "share")
    yield Column("median_seconds_from_previous", "median time", "seconds")


def _trend(question: Question) -> Iterator[Column]:
    measure = question.counted.measure
    counted = {"people": "people", "events": "people"}.get(measure, "sessions")
    if question.counted.every != "range":
        yield Column("period_start", "from" if question.counted.every == "week" else "day")
    yield Column("breakdown_value", "group", "group")
    lists = {"people": "value", "sessions": "value", "goal_rate": "sessions_with_goal", "orders": "", "revenue": ""}
    listed = lists.get(measure, "people")
    yield Column("value", label(measure), "value", _of_period if listed == "value" else None)
    if measure == "goal_rate":
        yield from _INTERVAL
        yield Column("sessions_with_goal", "sessions with the goal", "count", _of_period)
    if measure in ("orders", "revenue"):
        yield Column("orders", "orders", "count")
    if measure != counted:
        yield Column(counted, counted, "count", _of_period if listed == counted else None)
    yield Column("is_whole", "complete")


def _retention(_question: Question) -> Iterator[Column]:
    yield Column("breakdown_value", "group", "group")
    yield Column("cohort_start", "began in the period from")
    yield Column("period_number", "periods later", "count")
    yield Column("people_in_cohort", "people", "count")
    yield Column("people_returned", "came back", "count", _of_cohort)
    yield Column("return_rate", "share", "share")
    yield from _INTERVAL


def _journey(_question: Question) -> Iterator[Column]:
    yield Column("source", "from")
    yield Column("target", "to")
    yield Column("transitions", "times", "count")
    yield Column("people", "people", "count", lambda row: {"source": row["source"], "target": row["target"]})
    yield Column("share_of_source", "of all from there", "share")
    yield Column("mean_wait_seconds", "mean time between", "seconds")


def _pages(_question: Question) -> Iterator[Column]:
    yield Column("page", "page")
    yield Column("page_views", "page views", "count")
    yield Column("sessions", "sessions", "count", _of_page)
    yield Column("people", "people", "count")
    yield Column("landings", "landings", "count")
    yield Column("exits", "exits", "count")
    yield Column("exit_rate", "exit rate", "share")
    yield Column("clicks", "clicks", "count")
    yield Column("median_seconds", "median time on it", "seconds")


def _friction(_question: Question) -> Iterator[Column]:
    yield Column("signal", "signal", "name")
    yield Column("page", "page")
    yield Column("page_views_with", "page views with it", "count")
    yield Column("page_views_measured", "of measured", "count")
    yield Column("page_view_rate", "share", "share")
    yield from _INTERVAL
    yield Column("sessions_with", "sessions", "count", lambda row: {"page": row["page"], "signal": row["signal"]})


def _zones(_question: Question) -> Iterator[Column]:
    yield Column("page", "page")
    yield Column("zone", "zone", "name")
    yield Column("zone_version", "since")
    yield Column("device_type", "device")
    yield Column("page_views", "page views", "count")
    yield Column("sessions_clicked", "sessions that clicked", "count", _of_zone)
    yield Column("click_rate", label("click_rate"), "share")
    yield from _INTERVAL
    for name in ("exposure_rate", "attractiveness_rate", "conversion_per_click"):
        yield Column(name, label(name), "share")
    yield Column("seconds_to_click", "time before first click", "seconds")
    yield Column("revenue_per_click", "revenue per click", "money")


def _scores(_question: Question) -> Iterator[Column]:
    yield Column("survey", "survey", "name")
    yield Column("question", "question", "name")
    yield Column("question_kind", "kind")
    yield Column("responses", "responses", "count")
    yield Column("people", "people", "count", _of_answer)
    yield Column("score", "score", "score")
    yield Column("low_end", "95 % from", "score")
    yield Column("high_end", "to", "score")
    yield Column("share_low", "share low", "share")


def _choices(_question: Question) -> Iterator[Column]:
    yield Column("survey", "survey", "name")
    yield Column("question", "question", "name")
    yield Column("choice", "choice")
    yield Column("answers", "responses", "count")
    yield Column("answers_all", "of all that chose", "count")
    yield Column("share", "share", "share")
    yield Column("low_end", "95 % from", "share")
    yield Column("high_end", "to", "share")
    yield Column("people", "people", "count", _of_answer)


def _elements(_question: Question) -> Iterator[Column]:
    yield Column("page", "page")
    yield Column("element", "element")
    yield Column("tag", "tag")
    yield Column("clicks", "clicks", "count")
    yield Column("click_share", "of the page's clicks", "share")
    yield Column("page_views_clicked", "page views", "count")
    yield Column("sessions", "sessions", "count", lambda row: {"page": row["page"], "element": row["tag"]})
    yield Column("people", "people", "count")


def _heatmap(question: Question) -> Iterator[Column]:
    yield Column("device_type", "device")
    yield Column("y_px", "from px", "count")
    if question.heat in ("click", "move"):
        yield Column("x_bin", "% of the width", "count")
        yield Column("events", "clicks" if question.heat == "click" else "moves", "count")
        yield Column("layer", "layer")
    if question.heat == "attention":
        yield Column("seconds", "time in the window", "seconds")
    else:
        yield Column("page_views", "page views", "count")


def visit_columns() -> list[Column]:
    """Of visits what people look at."""
    return [
        Column("at", "when", "time"),
        Column("started_at", "visit began"),
        Column("device_type", "device"),
        Column("os", "system"),
        Column("browser", "browser"),
        Column("country", "country"),
        Column("channel", "channel"),
        Column("landing_page", "landed on"),
        Column("exit_page", "left from"),
        Column("page_views", "page views", "count"),
        Column("clicks", "clicks", "count"),
        Column("duration_seconds", "length", "seconds"),
        Column("orders", "orders", "count"),
        Column("revenue", "revenue", "money"),
    ]


COLUMNS: dict[str, Callable[[Question], Iterator[Column]]] = {
    "funnel": _funnel,
    "trend": _trend,
    "retention": _retention,
    "journey": _journey,
    "pages": _pages,
    "friction": _friction,
    "zones": _zones,
    "elements": _elements,
    "heatmap": _heatmap,
    "scores": _scores,
    "choices": _choices,
    "visits": lambda _question: iter(visit_columns()),
}
# Of tables beside the first.
TITLES = {"averages": "Mean over cohorts whose time is over", "paths": "Whole paths"}
MORE: dict[str, list[Column]] = {
    "averages": [
        Column("breakdown_value", "group", "group"),
        Column("period_number", "periods later", "count"),
        Column("cohorts", "cohorts", "count"),
        Column("people_in_cohort", "people", "count"),
        Column("people_returned", "came back", "count"),
        Column("pooled", "of all people", "share"),
        Column("simple", "mean of cohorts", "share"),
    ],
    "paths": [
        Column("path", "path"),
        Column("visits", "visits", "count"),
        Column("people", "people", "count"),
        Column("share", "share", "share"),
    ],
}
