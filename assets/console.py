"""What the command line prints with: progress, tables, one-sentence errors. What must not be here: what to print."""

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, track
from rich.table import Table

if TYPE_CHECKING:
    from assets.resources import Home

T = TypeVar("T")
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def fail(sentence: str, code: int) -> typer.Exit:
    """Print what is wrong and return the exit to raise."""
    err.print(sentence, style="red", markup=False, highlight=False)
    return typer.Exit(code)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose cells are shown as they are."""
    shown = Table(*header, title=title, title_justify="left")
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    return shown


def tracked(items: Sequence[T], what: str) -> Iterable[T]:
    """The items, one by one, with a bar on a terminal."""
    return track(items, what, console=out, transient=True) if out.is_terminal else items


@contextmanager
def show_progress(home: "Home") -> Generator[None]:
    """While in it, show what `home` computes: bars on a terminal, a line for each table elsewhere."""
    started = time.monotonic()

    def line(what: str, done: int, total: int) -> None:
        if done == total:
            out.print(f"{time.monotonic() - started:6.1f} s  {what}: {total}", highlight=False)

    if not out.is_terminal:
        home.on_progress = line
        yield
        return
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out) as bars:
        tasks: dict[str, TaskID] = {}

        def bar(what: str, done: int, total: int) -> None:
            if done == 1 or what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        home.on_progress = bar
        yield
