"""Commands about single events, files and people. What must not be here: how any of them is found or removed."""

from typing import TYPE_CHECKING, Annotated

import typer

from assets.cli_app import DATA_PROBLEM, DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, claim_home, open_home, open_run
from assets.console import fail, out

if TYPE_CHECKING:
    from pipeline.maintenance.rebuild import Plan


@app.command()
def trace(event_id: str, home: HomeOption = DEFAULT_HOME) -> None:
    """Show an event's way: landing file, clean event, session, page view; or why it was rejected."""
    from pipeline.publish.trace import trace as steps

    result = False
    for sentence in steps(open_home(home).lake, event_id):
        result = True
        out.print(sentence, markup=False, highlight=False)
    if not result:
        raise fail(f"no landing file that was taken holds an event {event_id!r}", DATA_PROBLEM)


@app.command()
def retract(file: str, home: HomeOption = DEFAULT_HOME) -> None:
    """Take back the events of one landing FILE (its path below landing/); the next run computes its days again."""
    from pipeline.ingest.files import retract as withdraw

    try:
        manifest = withdraw(open_home(home).lake, file)
    except KeyError:
        raise fail(f"no file was taken under the name {file!r}; `footfall status` counts them", USAGE_PROBLEM) from None
    out.print(f"landing/{manifest.name} is retracted; run `footfall run`", markup=False, highlight=False)


@app.command()
def rebuild(
    home: HomeOption = DEFAULT_HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on though something listed can't come back.")
    ] = False,
) -> None:
    """Make the home anew for another time zone or start date, or after doubt; erased and retracted stays gone."""
    from pipeline.maintenance.rebuild import WouldLose
    from pipeline.maintenance.rebuild import plan as foresee
    from pipeline.maintenance.rebuild import rebuild as make_anew

    opened = open_home(home)
    try:
        if dry_run:
            _print_rebuild(foresee(opened.lake, opened.product))
            return
        _print_rebuild(make_anew(opened.lake, opened.product, accept_loss=accept_loss))
    except WouldLose as loss:
        listed = "\n".join(f"  {each}" for each in loss.losses)
        raise fail(f"nothing was changed; --accept-loss goes on without this:\n{listed}", DATA_PROBLEM) from None
    with open_run(home) as runner:
        runner.run()


def _print_rebuild(plan: "Plan") -> None:
    for change in plan.changes:
        out.print(change, markup=False, highlight=False)
    out.print(f"{len(plan.again)} landing files to read again; rows of {len(plan.gone)} that are gone to carry over")
    for manifest in plan.gone:
        out.print(f"  landing/{manifest.name}: {manifest.events} events", markup=False, highlight=False)
    out.print(f"{len(plan.retracted)} files stay retracted, erased people stay erased, all days are computed anew")
    for loss in plan.losses:
        out.print(f"  lost: {loss}", style="red", markup=False, highlight=False)


@app.command("retry-rejected")
def retry_rejected(
    file: Annotated[
        str | None, typer.Argument(help="Only this landing file; default: those with rejected records.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    everything: Annotated[bool, typer.Option("--all", help="Read all files again, not only those.")] = False,
) -> None:
    """Read landing files with rejected records again, after a fix; the next run computes what changed."""
    from assets.cli_problems import tell_problems
    from pipeline.ingest.files import ingest, of_content, with_rejections
    from pipeline.ingest.landing import find

    opened = open_home(home)
    claim_home(opened)
    if file is not None:
        files = of_content(opened.lake, file)
        if not files:
            raise fail(f"no landing file {file!r} was taken and is still there; see landing/", USAGE_PROBLEM)
    else:
        files = find(opened.lake) if everything else with_rejections(opened.lake)
    taken = list(ingest(opened.lake, opened.product, files, again=True))
    rejected = sum(manifest.records_rejected for manifest in taken)
    out.print(f"{len(taken)} files read again, {rejected} records still rejected; run `footfall run`")
    if tell_problems(opened.problems_of_files(taken)):
        raise typer.Exit(DATA_PROBLEM)


@app.command()
def erase(
    person: Annotated[str, typer.Option("--person", help="user:<id> or device:<id>")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Remove a person for good and compute anew what they touched. Exits with 1 while anything still holds an id."""
    from pipeline.maintenance.erase import erase as remove
    from pipeline.maintenance.erase import still_held

    opened = open_home(home)
    claim_home(opened)
    try:
        erased = remove(opened.lake, opened.product, person)
    except ValueError as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    with open_run(home, tells=False) as runner:
        runner.compute_dirty_days()
        runner.publish_marts(rebuild=True)
    out.print(
        f"{erased.events} events, {erased.rejected} rejected records and {erased.recorded} recorded events removed, "
        f"of {len(erased.users)} user ids and {len(erased.devices)} devices; they are never taken again"
    )
    if erased.mentions:
        out.print(f"in {erased.mentions} rows of other people the ids were replaced by [erased]")
    with_ids = "landing file that holds an id, in it or in its name; remove it, then erase again"
    held = [*(f"landing/{name}: {with_ids}" for name in erased.landing_files), *still_held(opened.lake, erased)]
    if held:
        listed = "\n".join(f"  {each}" for each in held)
        raise fail(f"the person isn't gone yet; this still holds an id:\n{listed}", DATA_PROBLEM)
