"""Answers as the page shows them: which columns, in which words, and which numbers lead to the people behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

import polars as pl

from pipeline.ask.address import address_of
from pipeline.ask.answer import Answer
from pipeline.ask.question import ASKED, COMPARED, Question
from pipeline.ask.words import range_in_words
from pipeline.core.product import Product
from pipeline.report.parts import count, day_text, duration, figure_text, label, money, share
from services.ask.columns import COLUMNS, MORE, TITLES, Column, Row, visit_columns

MOST_ROWS = 200
PAGE_ROWS = 100


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


def tables_of(answer: Answer, product: Product) -> list[Table]:
    """The tables of an answer."""
    question = answer.question
    if question.show == "visits":
        return [visit_rows(answer.rows, question, product)]
    columns = [each for each in COLUMNS[question.show](question) if each.name in answer.rows.columns]
    tables = [_table("", answer, answer.rows, columns, product)]
    for name, rows in answer.more.items():
        besides = [each for each in MORE[name] if each.name in rows.columns]
        tables.append(_table(TITLES[name], answer, rows, besides, product))
    return tables


def _table(title: str, answer: Answer, rows: pl.DataFrame, columns: list[Column], product: Product) -> Table:
    if COMPARED in answer.question.spans:
        columns = [Column("range", "range", "range"), *columns]
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


def _link(question: Question, column: Column, row: Row) -> str:
    """The address of the list of people behind a number; empty where there are none."""
    if column.cell is None or not row[column.name]:
        return ""
    cell = column.cell(row)
    if cell is None:
        return ""
    said = {"range": row["range"], **cell}
    more = [(f"cell.{name}", value) for name, value in said.items() if value not in ("", _DEFAULTS.get(name))]
    return "behind?" + address_of(question, more)


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
        return range_in_words(question, str(value))
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


def visit_rows(rows: pl.DataFrame, question: Question, product: Product) -> Table:
    """Visits as a table, each recorded one linked to its replay at the moment."""
    columns = [each for each in visit_columns() if each.name in rows.columns]
    if COMPARED in question.spans and "range" in rows.columns:
        columns = [Column("range", "range", "range"), *columns]
    shown: list[list[Shown]] = []
    for row in rows.head(MOST_ROWS).rows(named=True):
        cells = [Shown(_text(row[each.name], each.kind, question, product)) for each in columns]
        link = ""
        if row["is_recorded"]:
            at = row.get("at") or row["started_at"]
            link = f"replay?{urlencode({'session': row['session_key'], 'at': at.isoformat()})}"
        shown.append([Shown("watch" if link else "–", link), *cells])  # noqa: RUF001
    header, left_out = ("replay", *(each.title for each in columns)), max(0, rows.height - MOST_ROWS)
    return Table("", header, ("", *("" for _ in columns)), shown, left_out)
