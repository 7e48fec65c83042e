"""The command line: what runs and what is. What must not be here: anything that computes, or a slow import.

`--help` waits for every import at the top of these modules, so commands import what they run.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assets import cli_ask, cli_behaviour, cli_capture, cli_data, cli_demo, cli_home, cli_keep, cli_problems, cli_query
from assets.cli_app import (
    DATA_PROBLEM,
    DEFAULT_HOME,
    USAGE_PROBLEM,
    HomeOption,
    app,
    lake_at,
    open_home,
    open_run,
    print_marts,
)
from assets.console import fail, out, show_progress

if TYPE_CHECKING:
    from assets.resources import Home
    from assets.running import Runner

__all__ = [
    "app",
    "cli_ask",
    "cli_behaviour",
    "cli_capture",
    "cli_data",
    "cli_demo",
    "cli_home",
    "cli_keep",
    "cli_problems",
    "cli_query",
]


@app.command()
def run(
    home: HomeOption = DEFAULT_HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be computed.")] = False,
    rescan: Annotated[
        bool, typer.Option("--rescan", help="Look into every landing file, though its size and time are those known.")
    ] = False,
    today: Annotated[
        bool,
        typer.Option(
            "--today", help="Then compute today so far, provisionally: for Ask and replays, no mart counts it."
        ),
    ] = False,
    identity_as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Only make marts with people as they were known on that day, into --out."
        ),
    ] = None,
    target: Annotated[Path | None, typer.Option("--out", help="Empty folder for --identity-as-of.")] = None,
) -> None:
    """Take what landed, compute the days that changed, publish the marts."""
    if (identity_as_of is None) != (target is None):
        raise fail("--identity-as-of and --out belong together; give both or neither", USAGE_PROBLEM)
    if dry_run:
        _print_plan(open_home(home))
        return
    if identity_as_of is not None and target is not None:
        _marts_as_of(open_home(home), identity_as_of, target)
        return
    with open_run(home) as runner:
        runner.home.rescan = rescan
        runner.run()
        if today:
            _compute_today(runner)


def _compute_today(runner: "Runner") -> None:
    try:
        made = runner.compute_today()
    except ValueError as fault:
        runner.failures.append(str(fault))
        return
    at = f"{made.as_of.astimezone(runner.home.product.zone_info):%H:%M}"
    out.print(
        f"{made.day} is computed as of {at}, provisionally: `footfall serve` counts it where it is asked for",
        highlight=False,
    )


def _marts_as_of(home: "Home", day: datetime, target: Path) -> None:
    try:
        with show_progress(home):
            held = home.marts_as_of(day.date(), target)
    except ValueError as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    if held:
        raise fail("\n".join(dict.fromkeys(held)), DATA_PROBLEM)
    out.print(f"{target / 'marts'} holds the marts with people as they were known on {day:%Y-%m-%d}", highlight=False)


def _print_plan(home: "Home") -> None:
    from assets.running import plan

    planned = plan(home)
    out.print(f"{len(planned.files)} landing files to take")
    for file in planned.files:
        out.print(f"  landing/{file.name}", markup=False, highlight=False)
    for first, last in planned.ranges:
        out.print(f"days {first} to {last} to compute")
    for name, days in planned.days.items():
        out.print(f"  {name}: {days} days")
    out.print("marts to publish" if planned.marts else "marts are up to date")


@app.command()
def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Compute a range of days again, dirty or not, sessions a day wider on each side; then the marts."""
    if last < first:
        raise fail(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}; swap them", USAGE_PROBLEM)
    with open_run(home) as runner:
        try:
            runner.backfill(first.date(), last.date())
        except ValueError as fault:
            raise fail(str(fault), USAGE_PROBLEM) from None
        runner.publish_marts()


@app.command()
def status(home: HomeOption = DEFAULT_HOME) -> None:
    """Tell which days are dirty, held back or stale, and what makes numbers doubtful. Exits with 1 if anything does."""
    from assets.running import plan
    from pipeline.build.configured import unconfigured
    from pipeline.build.marts import read_record
    from pipeline.ingest.manifests import read_manifests, rejected_by_rule

    opened = open_home(home)
    planned = plan(opened)
    manifests = read_manifests(opened.lake)
    out.print(f"{len(manifests)} landing files taken, {len(planned.files)} waiting")
    for rule, number in rejected_by_rule(manifests.values()).items():
        out.print(f"  rejected as {rule}: {number}", highlight=False)
    out.print(f"{sum(planned.days.values())} table days to compute" if planned.days else "no day is dirty")
    for first, last in planned.ranges:
        out.print(f"  {first} to {last}: new, changed or never computed inputs")
    for sentence in opened.open_days():
        out.print(sentence, highlight=False)
    newest = {mart.newest_day for mart in read_record(opened.lake).values()}
    out.print(f"marts published, newest day {max(filter(None, newest), default='none')}" if newest else "no marts yet")
    out.print("marts are behind: run `footfall run`" if planned.marts else "marts are up to date")
    for lacking, names in unconfigured(opened.product, opened.models).items():
        out.print(f"without {lacking} in product.yaml: no {', '.join(names)}", highlight=False)
    faults = [*opened.landing_faults(), *opened.damaged_manifests(), *cli_problems.failed_runs(opened)]
    if cli_problems.tell_problems(opened.problems()) or faults:
        raise fail("\n".join(faults), DATA_PROBLEM) if faults else typer.Exit(DATA_PROBLEM)


@app.command()
def marts(
    home: HomeOption = DEFAULT_HOME,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Publish them again though nothing changed.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Also write them as CSV to this folder, safe to open in a spreadsheet.")
    ] = None,
    catalog: Annotated[
        bool, typer.Option("--catalog", help="Make marts/catalog.duckdb and the dictionary anew, for BI tools.")
    ] = False,
    dbt: Annotated[
        Path | None, typer.Option(help="Also write their SQL as a dbt project (dbt-duckdb) to this folder.")
    ] = None,
    cube: Annotated[
        Path | None, typer.Option(help="Also write them as Cube models over the catalog to this folder.")
    ] = None,
) -> None:
    """Publish the marts if they are behind the days, and list them."""
    from pipeline.publish.catalog import CATALOG_KEY
    from pipeline.publish.csv_export import export_csv
    from pipeline.publish.cube_models import export_cubes
    from pipeline.publish.dbt_project import export_dbt

    with open_run(home, tells=False) as runner:
        runner.publish_marts(rebuild=rebuild)
    opened = open_home(home)
    print_marts(opened)
    if catalog:
        views = opened.write_catalog()
        out.print(f"{len(views)} views in {opened.lake.name_of(CATALOG_KEY)}", highlight=False)
    if dbt is not None:
        out.print(f"a dbt project of {len(export_dbt(opened.lake, dbt))} marts written to {dbt}", highlight=False)
    if cube is not None:
        out.print(f"{len(export_cubes(opened.lake, cube))} cubes written to {cube}", highlight=False)
    if csv is not None:
        out.print(f"{len(export_csv(opened.lake, csv))} CSV files written to {csv}", highlight=False)


@app.command()
def replay(
    session: Annotated[str, typer.Argument(help="session_key of the mart `replays`.")],
    home: HomeOption = DEFAULT_HOME,
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Make the page of one recorded session, linked in the report or not."""
    import re

    from pipeline.report.write import NotPublishedError, write_replay

    if not re.fullmatch(r"[0-9a-f]{16}", session):
        raise fail(f"{session!r} is no session_key; the mart `replays` lists them", USAGE_PROBLEM)
    opened = open_home(home)
    try:
        page = write_replay(opened.lake, opened.product, session)
    except NotPublishedError as fault:
        raise fail(str(fault), DATA_PROBLEM) from None
    except KeyError:
        raise fail(f"session {session} isn't recorded; the mart `replays` lists those that are", DATA_PROBLEM) from None
    out.print(str(page), highlight=False)
    if show:
        typer.launch(str(page))


@app.command()
def doctor(
    home: HomeOption = DEFAULT_HOME,
    deep: Annotated[bool, typer.Option("--deep", help="Read every object and find what was damaged since.")] = False,
) -> None:
    """Look for what is wrong with the home: rights, settings, manifests, partitions, marts. Exits with 1 if anything is."""
    import time

    from pipeline.maintenance.doctor import examine, unchecked

    opened = open_home(home)
    swept = opened.lake.sweep(time.time() - 3600)
    if swept:
        out.print(f"{swept} half-written files of killed runs removed")
    findings = list(examine(opened.lake, opened.product, thorough=deep))
    if deep and (number := unchecked(opened.lake)):
        out.print(
            f"{number} objects can't be checked until their files are read again: `footfall retry-rejected --all`"
        )
    if findings:
        raise fail("\n".join(findings), DATA_PROBLEM)
    out.print("the home is sound")


@app.command()
def report(
    home: HomeOption = DEFAULT_HOME,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Make the report anew from the published marts: static pages for product managers."""
    from pipeline.report.faults import PagesFailedError
    from pipeline.report.write import NotPublishedError

    try:
        opened = open_home(home)
        first = opened.write_report()
    except (NotPublishedError, PagesFailedError) as fault:
        raise fail(str(fault), DATA_PROBLEM) from None
    out.print(opened.lake.name_of("report/index.html"), highlight=False)
    if show:
        # Its pages lead to each other.
        opened.lake.folder("report")
        typer.launch(first.resolve().as_uri())


@app.command()
def ui(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1.", min=1, max=65_535)] = 3000,
) -> None:
    """Serve the Dagster UI of the home, with its sensors and schedules, until Ctrl-C; starts again what dies."""
    from assets.dev import serve

    raise typer.Exit(serve(lake_at(home), port))


if __name__ == "__main__":
    app()
