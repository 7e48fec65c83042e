"""Answers as the page shows them: which columns, in which words, and which numbers lead to the people behind them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import polars as pl

from pipeline.ask.address import address_of
from pipeline.ask.answer import ASKED, COMPARED, Answer
from pipeline.ask.question import Question
from pipeline.core.product import Product
from pipeline.report.parts import count, day_text, duration, figure_text, label, money, share

MOST_ROWS = 200
PAGE_ROWS = 100
Row = Mapping[str, Any]
# Of a row, what in the address says whose people are meant; None: nobody's can be listed.
CellOf = Callable[[Row], dict[str, str] | None]


@dataclass(frozen=True)
class Shown:
    """A cell: its text, and where the people behind it are listed."""

    text: str
    people: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page; `meanings` says of each column what it is."""

    title: str
    header: tuple[str, ...]
    meanings: tuple[str, ...]
    rows: list[list[Shown]]
    left_out: int = 0


@dataclass(frozen=True)
class _Column:
    name: str
    title: str
    kind: str = "text"
    # Of a number of people or sessions: which they are.
    cell: CellOf | None = None


def tables_of(answer: Answer, product: Product) -> list[Table]:
    """The tables of an answer."""
    question = answer.question
    columns = [each for each in _COLUMNS[question.show](question) if each.name in answer.rows.columns]
    tables = [_table("", answer, answer.rows, columns, product)]
    for name, rows in answer.more.items():
        besides = [each for each in _MORE[name] if each.name in rows.columns]
        tables.append(_table(_TITLES[name], answer, rows, besides, product))
    return tables


def _table(title: str, answer: Answer, rows: pl.DataFrame, columns: list[_Column], product: Product) -> Table:
    if COMPARED in answer.question.spans:
        columns = [_Column("range", "range", "range"), *columns]
    if "is_whole" in rows.columns and rows["is_whole"].all():
        columns = [each for each in columns if each.name != "is_whole"]
    if "period_number" in rows.columns and "cohort_start" in rows.columns:
        # The cohort itself stands beside each of its rows; what isn't over yet isn't a 0.
        rows = rows.filter(pl.col("period_number") > 0).with_columns(
            people_returned=pl.when("mature").then("people_returned")
        )
    if not answer.question.by:
        columns = [each for each in columns if each.name != "breakdown_value"]
    shown = [
        [
            Shown(_text(row[each.name], each.kind, answer.question, product), _link(answer.question, each, row))
            for each in columns
        ]
        for row in rows.head(MOST_ROWS).rows(named=True)
    ]
    meanings = tuple(answer.columns.get(each.name, "") for each in columns)
    return Table(title, tuple(each.title for each in columns), meanings, shown, max(0, rows.height - MOST_ROWS))


def _link(question: Question, column: _Column, row: Row) -> str:
    """The address of the list of people behind a number; empty where there are none."""
    if column.cell is None or not row[column.name]:
        return ""
    cell = column.cell(row)
    if cell is None:
        return ""
    said = {"range": row["range"], **cell}
    more = [(f"cell.{name}", value) for name, value in said.items() if value not in ("", _DEFAULTS.get(name))]
    return "behind?" + address_of(question, more)


_OTHER = "Other"
_DEFAULTS = {"range": ASKED, "step": "1", "offset": "0"}


def _text(value: object, kind: str, question: Question, product: Product) -> str:  # noqa: PLR0911  # one for each kind
    if value is None:
        return "–"  # noqa: RUF001
    if isinstance(value, datetime):
        return day_text(
            value.astimezone(product.zone_info), "%d %b %Y %H:%M:%S" if kind == "time" else "%d %b %Y %H:%M"
        )
    if isinstance(value, date):
        return day_text(value, "%d %b %Y")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == "range":
        span = question.spans[str(value)]
        return f"{day_text(span.first)} – {day_text(span.last)}"  # noqa: RUF001
    if kind == "group":
        return str(value) or "everybody"
    if isinstance(value, str):
        return label(value) if kind == "name" else value
    number = float(value) if isinstance(value, int | float) else 0.0
    forms: dict[str, Callable[[float], str]] = {
        "share": share,
        "seconds": duration,
        "money": lambda v: money(v, product.currency),
        "score": lambda v: f"{v:,.1f}",
        "value": lambda v: figure_text(v, _unit(question), product.currency),
    }
    return forms.get(kind, count)(number)


def _unit(question: Question) -> str:
    return {"goal_rate": "share", "revenue": "currency"}.get(question.counted.measure, "")


def _of_step(*, dropped: bool) -> CellOf:
    def cell(row: Row) -> dict[str, str] | None:
        if row["unit"] not in ("person", "session"):
            return None
        return {"group": row["breakdown_value"], "step": str(row["step"]), **({"dropped": "true"} if dropped else {})}

    return cell


def _of_period(row: Row) -> dict[str, str]:
    return {"group": row["breakdown_value"], "start": str(row["period_start"])}


def _of_cohort(row: Row) -> dict[str, str] | None:
    if row["breakdown_value"] == _OTHER:
        return None
    return {"group": row["breakdown_value"], "start": str(row["cohort_start"]), "offset": str(row["period_number"])}


def _of_page(row: Row) -> dict[str, str] | None:
    return None if row["page"] == "(other)" else {"page": row["page"]}


def _funnel(_question: Question) -> Iterator[_Column]:
    yield _Column("breakdown_value", "group", "group")
    yield _Column("step_name", "step")
    yield _Column("people_converted", "people", "count", _of_step(dropped=False))
    yield _Column("step_rate", "of the step before", "share")
    yield _Column("conversion_rate", "of all", "share")
    yield _Column("low", "95 % from", "share")
    yield _Column("high", "to", "share")
    yield _Column("dropped", "stopped here", "count", _of_step(dropped=True))
    yield _Column("conversion_rate_of_mature", "of all whose time is over", "share")
    yield _Column("median_seconds_from_previous", "median time", "seconds")


def _trend(question: Question) -> Iterator[_Column]:
    measure = question.counted.measure
    counted = {"people": "people", "events": "people"}.get(measure, "sessions")
    if question.counted.every != "range":
        yield _Column("period_start", "from" if question.counted.every == "week" else "day")
    yield _Column("breakdown_value", "group", "group")
    lists = {"people": "value", "sessions": "value", "goal_rate": "sessions_with_goal", "orders": "", "revenue": ""}
    listed = lists.get(measure, "people")
    yield _Column("value", label(measure), "value", _of_period if listed == "value" else None)
    if measure == "goal_rate":
        yield _Column("low", "95 % from", "share")
        yield _Column("high", "to", "share")
        yield _Column("sessions_with_goal", "sessions with the goal", "count", _of_period)
    if measure in ("orders", "revenue"):
        yield _Column("orders", "orders", "count")
    if measure != counted:
        yield _Column(counted, counted, "count", _of_period if listed == counted else None)
    yield _Column("is_whole", "complete")


def _retention(_question: Question) -> Iterator[_Column]:
    yield _Column("breakdown_value", "group", "group")
    yield _Column("cohort_start", "began in the period from")
    yield _Column("period_number", "periods later", "count")
    yield _Column("people_in_cohort", "people", "count")
    yield _Column("people_returned", "came back", "count", _of_cohort)
    yield _Column("return_rate", "share", "share")
    yield _Column("low", "95 % from", "share")
    yield _Column("high", "to", "share")


def _journey(_question: Question) -> Iterator[_Column]:
    yield _Column("source", "from")
    yield _Column("target", "to")
    yield _Column("transitions", "times", "count")
    yield _Column("people", "people", "count", lambda row: {"source": row["source"], "target": row["target"]})
    yield _Column("share_of_source", "of all from there", "share")
    yield _Column("mean_wait_seconds", "mean time between", "seconds")


def _pages(_question: Question) -> Iterator[_Column]:
    yield _Column("page", "page")
    yield _Column("page_views", "page views", "count")
    yield _Column("sessions", "sessions", "count", _of_page)
    yield _Column("people", "people", "count")
    yield _Column("landings", "landings", "count")
    yield _Column("exits", "exits", "count")
    yield _Column("exit_rate", "exit rate", "share")
    yield _Column("clicks", "clicks", "count")
    yield _Column("median_seconds", "median time on it", "seconds")


def _friction(_question: Question) -> Iterator[_Column]:
    yield _Column("signal", "signal", "name")
    yield _Column("page", "page")
    yield _Column("page_views_with", "page views with it", "count")
    yield _Column("page_views_measured", "of measured", "count")
    yield _Column("page_view_rate", "share", "share")
    yield _Column("low", "95 % from", "share")
    yield _Column("high", "to", "share")
    yield _Column("sessions_with", "sessions", "count", lambda row: {"page": row["page"], "signal": row["signal"]})


def _zones(_question: Question) -> Iterator[_Column]:
    yield _Column("page", "page")
    yield _Column("zone", "zone", "name")
    yield _Column("zone_version", "since")
    yield _Column("device_type", "device")
    yield _Column("page_views", "page views", "count")
    for name in ("click_rate", "low", "high", "exposure_rate", "attractiveness_rate", "conversion_per_click"):
        yield _Column(name, {"low": "95 % from", "high": "to"}.get(name, label(name)), "share")
    yield _Column("seconds_to_click", "time before first click", "seconds")
    yield _Column("revenue_per_click", "revenue per click", "money")


def _scores(_question: Question) -> Iterator[_Column]:
    yield _Column("survey", "survey", "name")
    yield _Column("question", "question", "name")
    yield _Column("question_kind", "kind")
    yield _Column("responses", "responses", "count")
    yield _Column("people", "people", "count")
    yield _Column("score", "score", "score")
    yield _Column("low_end", "95 % from", "score")
    yield _Column("high_end", "to", "score")
    yield _Column("share_low", "share low", "share")


def visit_columns() -> list[_Column]:
    """Of visits what people look at."""
    return [
        _Column("at", "when", "time"),
        _Column("started_at", "visit began"),
        _Column("device_type", "device"),
        _Column("os", "system"),
        _Column("browser", "browser"),
        _Column("country", "country"),
        _Column("channel", "channel"),
        _Column("landing_page", "landed on"),
        _Column("exit_page", "left from"),
        _Column("page_views", "page views", "count"),
        _Column("clicks", "clicks", "count"),
        _Column("duration_seconds", "length", "seconds"),
        _Column("orders", "orders", "count"),
        _Column("revenue", "revenue", "money"),
    ]


_COLUMNS: dict[str, Callable[[Question], Iterator[_Column]]] = {
    "funnel": _funnel,
    "trend": _trend,
    "retention": _retention,
    "journey": _journey,
    "pages": _pages,
    "friction": _friction,
    "zones": _zones,
    "scores": _scores,
    "visits": lambda _question: iter(visit_columns()),
}
_TITLES = {"averages": "Mean over cohorts whose time is over", "paths": "Whole paths"}
_MORE: dict[str, list[_Column]] = {
    "averages": [
        _Column("breakdown_value", "group", "group"),
        _Column("period_number", "periods later", "count"),
        _Column("cohorts", "cohorts", "count"),
        _Column("people_in_cohort", "people", "count"),
        _Column("people_returned", "came back", "count"),
        _Column("pooled", "pooled", "share"),
        _Column("simple", "simple", "share"),
    ],
    "paths": [
        _Column("path", "path"),
        _Column("visits", "visits", "count"),
        _Column("people", "people", "count"),
        _Column("share", "share", "share"),
    ],
}


def visit_rows(rows: pl.DataFrame, question: Question, product: Product) -> Table:
    """Visits as a table, each recorded one linked to its replay at the moment."""
    columns = [each for each in visit_columns() if each.name in rows.columns]
    shown: list[list[Shown]] = []
    for row in rows.rows(named=True):
        cells = [Shown(_text(row[each.name], each.kind, question, product)) for each in columns]
        link = ""
        if row["is_recorded"]:
            at = row.get("at") or row["started_at"]
            link = f"replay?{urlencode({'session': row['session_key'], 'at': at.isoformat()})}"
        shown.append([Shown("watch" if link else "–", link), *cells])  # noqa: RUF001
    return Table("", ("replay", *(each.title for each in columns)), ("", *("" for _ in columns)), shown)
