"""Commands that answer questions over the marts. What must not be here: SQL, and what columns mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assets.cli_app import DATA_PROBLEM, DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, open_home
from assets.console import fail, out, table

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.core.contract import Column
    from pipeline.core.contract import Table as Contract
    from pipeline.publish.query import Answer

# More rows than anybody reads; a file holds all.
_SHOWN_ROWS = 100


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT over the marts; `-` reads it from stdin.")],
    home: HomeOption = DEFAULT_HOME,
    target: Annotated[
        Path | None, typer.Option("--out", help="Write all rows to this file: .csv, .parquet or .json.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
) -> None:
    """Answer a question in SQL over the published marts, with what the columns mean."""
    from pipeline.publish.query import WRITERS, QueryError
    from pipeline.publish.query import query as ask

    if target is not None and target.suffix not in WRITERS:
        raise fail(f"{target}: the ending says the format; it must be {', '.join(WRITERS)}", USAGE_PROBLEM)
    question = typer.get_text_stream("stdin").read() if sql == "-" else sql
    try:
        answer = ask(open_home(home).lake, question)
    except QueryError as fault:
        raise fail(str(fault), DATA_PROBLEM) from None
    if target is not None:
        WRITERS[target.suffix](answer.rows, target)
        out.print(f"{answer.rows.height:,} rows written to {target}", highlight=False)
    elif csv:
        typer.echo(answer.rows.write_csv(), nl=False)
    else:
        _print_answer(answer)


def _print_answer(answer: "Answer") -> None:
    rows = [[_cell(value) for value in row] for row in answer.rows.head(_SHOWN_ROWS).iter_rows()]
    out.print(table("", answer.rows.columns, rows))
    if answer.rows.height > _SHOWN_ROWS:
        out.print(f"{_SHOWN_ROWS} of {answer.rows.height:,} rows; --out FILE writes all", highlight=False)
    for name, words in answer.meanings.items():
        out.print(f"{name}: {words}", style="dim", markup=False, highlight=False)


def _cell(value: object) -> str:
    return "null" if value is None else str(value)


@app.command()
def describe(
    mart: Annotated[str | None, typer.Argument(help="A mart; without it they are listed.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List the published marts, or say of one what a row and each column is and what may be summed."""
    from pipeline.publish.query import QueryError, described, published_marts

    lake = open_home(home).lake
    if mart is None:
        listed = [(name, each.grain) for name, each in sorted(published_marts(lake).items())]
        if not listed:
            raise fail("no mart is published yet; run `footfall run` first", DATA_PROBLEM)
        out.print(_named(table("Marts", ("mart", "a row"), listed)))
        return
    try:
        contract = described(lake, mart)
    except QueryError as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    rows: Sequence[Sequence[str]] = [
        (
            f"{column.name} (key)" if column.name in contract.key else column.name,
            f"{column.sql_type}{', null' if column.nullable else ''}",
            column.unit,
            _summed(contract, column),
            column.description,
        )
        for column in contract.columns
    ]
    out.print(contract.grain, markup=False, highlight=False)
    out.print(_named(table("", ("column", "type", "unit", "may be summed over", "meaning"), rows)))


def _summed(mart: "Contract", column: "Column") -> str:
    from pipeline.publish.measures import measure_of

    measure = measure_of(mart, column)
    if measure.kind == "ratio of sums":
        return f"as sum({measure.numerator}) / sum({measure.denominator})"
    return "" if measure.kind == "dimension" else ", ".join(column.adds_over) or "never"


def _named(shown: "Table") -> "Table":
    """Names are whole, however narrow the terminal: they are copied from here."""
    shown.columns[0].no_wrap = True
    return shown
