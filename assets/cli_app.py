"""What all commands share: the app, the home option, a runner. What must not be here: a command."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from assets.console import fail, out, show_progress, table
from assets.faults import DEBUG_VARIABLE, in_words

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from assets.resources import Home
    from assets.running import Runner
    from pipeline.core.lake import Lake

DATA_PROBLEM = 1
USAGE_PROBLEM = 2
INTERRUPTED = 130
# How Dagster says that Ctrl-C came while a run was under way; by name, since `--help` must not load it.
_INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


class _Commands(TyperGroup):
    """All commands, none of which ends in a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  # typer's own
        """Run the command; what it didn't foresee is one sentence and exit 1, Ctrl-C is exit 130."""
        try:
            return super().invoke(ctx)
        except BaseException as fault:
            # Those that bear an exit code are said by typer; nobody reads what a closed pipe would get.
            is_reported = hasattr(fault, "exit_code") or isinstance(fault, typer.Abort | SystemExit)
            if (
                is_reported
                or (isinstance(fault, OSError) and fault.errno == errno.EPIPE)
                or os.environ.get(DEBUG_VARIABLE)
            ):
                raise
            if type(fault).__name__ in _INTERRUPTS:
                raise fail("interrupted; what is published is whole. Run again to go on", INTERRUPTED) from None
            raise fail(in_words(fault), DATA_PROBLEM) from None


app = typer.Typer(
    cls=_Commands,
    help="Experience analytics over your own events: landing files in, Parquet marts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 all is well, 1 a problem with data or the machine, 2 a wrong call, 130 interrupted.",
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        out.print(f"footfall {version('footfall')}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


HomeOption = Annotated[
    Path, typer.Option("--home", envvar="FOOTFALL_HOME", help="The product's home: a folder, or s3://bucket/prefix.")
]
DEFAULT_HOME = Path("footfall_home")


def lake_at(path: Path) -> "Lake":
    """The folder or store of a home, whatever lies there; exits where that store isn't known."""
    from pipeline.core.object_lake import UnknownStore, open_lake

    try:
        return open_lake(path)
    except UnknownStore as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None


def open_home(path: Path) -> "Home":
    """The home, or one sentence per fault of its product file."""
    from assets.resources import Home
    from pipeline.core.object_lake import UnknownStore
    from pipeline.core.product_file import ProductFileError
    from pipeline.ingest.home import HomeMismatch

    try:
        return Home(path)
    except ProductFileError as fault:
        raise fail("\n".join(fault.faults), USAGE_PROBLEM) from None
    except UnknownStore as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    except HomeMismatch as fault:
        raise fail(str(fault), DATA_PROBLEM) from None


def claim_home(home: "Home") -> None:
    """Refuse a product file that would move every event of the home."""
    from pipeline.ingest.home import HomeMismatch, claim

    try:
        claim(home.lake, home.product)
    except HomeMismatch as fault:
        raise fail(str(fault), DATA_PROBLEM) from None


@contextmanager
def open_records(home: "Home") -> "Generator[DagsterInstance]":
    """Dagster's records of the home, as the UI uses them."""
    from assets.dagster_home import DagsterHomeError, dagster_home
    from assets.running import open_instance

    try:
        dagster_home(home.lake.home)
    except DagsterHomeError as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    with open_instance(home) as instance:
        yield instance


@contextmanager
def open_run(path: Path, *, tells: bool = True) -> "Generator[Runner]":
    """A runner that shows its progress; exits with 1 and one sentence per run that failed.

    With `tells` it ends with what became of the files that were taken and what makes numbers doubtful: exit 1 too.
    """
    from assets.cli_problems import tell_problems, tell_taken
    from assets.running import Runner

    home = open_home(path)
    reported_before = home.reported_problems()
    with open_records(home) as instance, show_progress(home):
        claim_home(home)
        runner = Runner(home, instance)
        yield runner
    tell_taken(home.taken)
    for sentence in home.open_days() if tells else []:
        out.print(sentence, highlight=False)
    is_doubtful = tells and tell_problems(home.problems(but_for=reported_before))
    if runner.failures:
        raise fail("\n".join(dict.fromkeys(runner.failures)), DATA_PROBLEM)
    if is_doubtful:
        raise typer.Exit(DATA_PROBLEM)


def print_marts(home: "Home") -> None:
    """The published marts, with their rows and where they lie."""
    from pipeline.build.marts import read_record
    from pipeline.core.keys import mart_key

    rows = [
        (name, f"{mart.rows:,}", home.lake.name_of(mart_key(name))) for name, mart in read_record(home.lake).items()
    ]
    out.print(table("Marts", ("mart", "rows", "path"), rows))
