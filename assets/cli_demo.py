"""The command that makes the demo. What must not be here: anything that knows its shop (demo.py)."""

from pathlib import Path
from typing import Annotated

import typer

from assets.cli_app import USAGE_PROBLEM, app, open_home, open_run, print_marts
from assets.console import fail, out


@app.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Where the demo's home is made.")] = Path("build/demo"),
    people: Annotated[int | None, typer.Option(help="Visitors to simulate; default: the demo's own number.")] = None,
    days: Annotated[int | None, typer.Option(help="Days to simulate, the last ones; default: 120.")] = None,
) -> None:
    """Make the demo shop's events, run everything over them, and show what came out."""
    from assets.cli_problems import tell_problems
    from assets.demo import HELD_BACK, DemoError, deliver_later, prepare, print_results

    try:
        prepare(home, people, days)
    except DemoError as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    with open_run(home, tells=False) as runner:
        runner.take_files()
        runner.compute_dirty_days()
        # A home that lives: some of its files come when there are numbers already.
        runner.publish_marts(outputs=False)
        deliver_later(home)
        runner.run()
        # One of its days is to be held back; the problems below tell of it.
        if runner.home.dirty().held_back == {HELD_BACK}:
            runner.failures = [each for each in runner.failures if not each.startswith(f"{HELD_BACK} held back")]
    opened = open_home(home)
    print_marts(opened)
    print_results(opened)
    tell_problems(opened.problems())
    out.print(f"\nThe report:   {opened.lake.path('report/index.html')}", highlight=False)
    out.print(f"Open the UI:  footfall ui --home {home}", highlight=False)
