"""What all commands share: the app, the home option, a runner. What must not be here: a command."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assets.console import fail, show_progress

if TYPE_CHECKING:
    from assets.resources import Home
    from assets.running import Runner

DATA_PROBLEM = 1
USAGE_PROBLEM = 2
app = typer.Typer(
    help="Experience analytics over your own events: landing files in, Parquet marts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 all is well, 1 a problem with data, 2 a wrong call.",
)
HomeOption = Annotated[Path, typer.Option("--home", envvar="FOOTFALL_HOME", help="The product's home folder.")]
DEFAULT_HOME = Path("footfall_home")


def open_home(path: Path) -> "Home":
    """The home, or one sentence per fault of its product file."""
    from assets.resources import Home
    from pipeline.product_file import ProductFileError

    try:
        return Home(path.resolve())
    except ProductFileError as fault:
        raise fail("\n".join(fault.faults), USAGE_PROBLEM) from None


def claim_home(home: "Home") -> None:
    """Refuse a product file that would move every event of the home."""
    from pipeline.home import HomeMismatch, claim

    try:
        claim(home.lake, home.product)
    except HomeMismatch as fault:
        raise fail(str(fault), DATA_PROBLEM) from None


@contextmanager
def open_run(path: Path, *, tells: bool = True) -> "Generator[Runner]":
    """A runner that shows its progress; exits with 1 and one sentence per run that failed.

    With `tells` it ends with what became of the files that were taken and what makes numbers doubtful: exit 1 too.
    """
    from assets.cli_problems import tell_problems, tell_taken
    from assets.running import open_runner

    home = open_home(path)
    claim_home(home)
    told_before = home.problems_told()
    with show_progress(home), open_runner(home) as runner:
        yield runner
    tell_taken(home.taken)
    is_doubtful = tells and tell_problems(home.problems(but_for=told_before))
    if runner.failures:
        raise fail("\n".join(dict.fromkeys(runner.failures)), DATA_PROBLEM)
    if is_doubtful:
        raise typer.Exit(DATA_PROBLEM)
