"""The command line. What must not be here: anything that computes, and any import that `--help` would wait for."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assets.console import fail, out, show_progress, table

if TYPE_CHECKING:
    from assets.resources import Home
    from assets.running import Runner

DATA_PROBLEM = 1
USAGE_PROBLEM = 2
NEW_PRODUCT = """\
# What your product is. `footfall check` finds faults in here, docs/product.md explains every section.
name: My product
time_zone: Europe/Berlin
currency: EUR
start_date: {start}

sources:
  # One entry for each folder below landing/.
  web: {{format: canonical}}

pages:
  - {{name: home, urls: ["/"]}}
"""

app = typer.Typer(
    help="Experience analytics over your own events: landing files in, Parquet marts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 all is well, 1 a problem with data, 2 a wrong call.",
)
HomeOption = Annotated[Path, typer.Option("--home", envvar="FOOTFALL_HOME", help="The product's home folder.")]
DEFAULT_HOME = Path("footfall_home")


def _open(path: Path) -> "Home":
    """The home, or one sentence per fault of its product file."""
    from assets.resources import Home
    from pipeline.product_file import ProductFileError

    try:
        return Home(path.resolve())
    except ProductFileError as fault:
        raise fail("\n".join(fault.faults), USAGE_PROBLEM) from None


def _claim(home: "Home") -> None:
    """Refuse a product file that would move every event of the home."""
    from pipeline.home import HomeMismatch, claim

    try:
        claim(home.lake, home.product)
    except HomeMismatch as fault:
        raise fail(str(fault), DATA_PROBLEM) from None


@contextmanager
def _runner(path: Path) -> "Generator[Runner]":
    """A runner that shows its progress; exits with 1 and one sentence per run that failed."""
    from assets.running import open_runner

    home = _open(path)
    _claim(home)
    with show_progress(home), open_runner(home) as runner:
        yield runner
    if runner.failures:
        raise fail("\n".join(dict.fromkeys(runner.failures)), DATA_PROBLEM)


@app.command()
def run(
    home: HomeOption = DEFAULT_HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be computed.")] = False,
) -> None:
    """Take what landed, compute the days that changed, publish the marts."""
    if dry_run:
        _print_plan(_open(home))
        return
    with _runner(home) as runner:
        runner.run()


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
    with _runner(home) as runner:
        try:
            runner.backfill(first.date(), last.date())
        except ValueError as fault:
            raise fail(str(fault), USAGE_PROBLEM) from None
        runner.publish_marts()


@app.command()
def status(home: HomeOption = DEFAULT_HOME) -> None:
    """Tell which days are dirty, held back or stale, and why. Exits with 1 if a day is held back."""
    from assets.running import plan
    from pipeline.ingest.manifests import read_manifests, rejected_by_rule
    from pipeline.marts import read_record

    opened = _open(home)
    planned = plan(opened)
    manifests = read_manifests(opened.lake)
    out.print(f"{len(manifests)} landing files taken, {len(planned.files)} waiting")
    for rule, number in rejected_by_rule(manifests.values()).items():
        out.print(f"  rejected as {rule}: {number}", highlight=False)
    out.print(f"{sum(planned.days.values())} table days to compute" if planned.days else "no day is dirty")
    for first, last in planned.ranges:
        out.print(f"  {first} to {last}: new, changed or never computed inputs")
    for name, failures in planned.held_back.items():
        for day, reasons in failures.items():
            out.print(f"  {name} of {day} is held back: {'; '.join(reasons)}", style="red", markup=False)
    newest = {mart.newest_day for mart in read_record(opened.lake).values()}
    out.print(f"marts published, newest day {max(filter(None, newest), default='none')}" if newest else "no marts yet")
    out.print("marts are behind: run `footfall run`" if planned.marts else "marts are up to date")
    if planned.held_back:
        raise typer.Exit(DATA_PROBLEM)


@app.command()
def marts(
    home: HomeOption = DEFAULT_HOME,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Publish them again though nothing changed.")] = False,
) -> None:
    """Publish the marts if they are behind the days, and list them."""
    with _runner(home) as runner:
        runner.publish_marts(rebuild=rebuild)
    _print_marts(_open(home))


def _print_marts(home: "Home") -> None:
    from pipeline.lake import mart_key
    from pipeline.marts import read_record

    rows = [
        (name, f"{mart.rows:,}", str(home.lake.path(mart_key(name)))) for name, mart in read_record(home.lake).items()
    ]
    out.print(table("Marts", ("mart", "rows", "path"), rows))


@app.command()
def init(home: HomeOption = DEFAULT_HOME) -> None:
    """Make a new home: the product file to fill in, and the landing folder."""
    product = home / "product.yaml"
    if product.exists():
        raise fail(f"{product} is there already; edit it, then run `footfall check`", USAGE_PROBLEM)
    (home / "landing" / "web").mkdir(parents=True, exist_ok=True)
    product.write_text(NEW_PRODUCT.format(start=datetime.now().astimezone().date().replace(day=1)), encoding="utf-8")
    out.print(f"{product} is written: fill it in, then `footfall check --home {home}`", highlight=False)
    out.print(f"Drop event files into {home / 'landing' / 'web'}, then `footfall run --home {home}`", highlight=False)


@app.command()
def check(
    home: HomeOption = DEFAULT_HOME,
    schema: Annotated[bool, typer.Option("--schema", help="Print the product file's JSON Schema instead.")] = False,
) -> None:
    """Check the product file and the SQL models; every fault at once, with file, line, path and remedy."""
    from pipeline.product_file import ProductFileError, load_product
    from pipeline.product_file import schema as product_schema

    if schema:
        typer.echo(product_schema())
        return
    from pipeline.sql_models import ModelError, load_models

    faults: list[str] = []
    try:
        load_product(home / "product.yaml")
    except ProductFileError as fault:
        faults += fault.faults
    try:
        load_models()
    except ModelError as fault:
        faults.append(str(fault))
    if faults:
        raise fail("\n".join(faults), DATA_PROBLEM)
    out.print("the product file and the SQL models are sound")


@app.command()
def trace(event_id: str, home: HomeOption = DEFAULT_HOME) -> None:
    """Show an event's way: landing file, clean event, session, page view; or why it was rejected."""
    from pipeline.trace import trace as steps

    found = False
    for sentence in steps(_open(home).lake, event_id):
        found = True
        out.print(sentence, markup=False, highlight=False)
    if not found:
        raise fail(f"no landing file that was taken holds an event {event_id!r}", DATA_PROBLEM)


@app.command()
def retract(file: str, home: HomeOption = DEFAULT_HOME) -> None:
    """Take back the events of one landing FILE (its path below landing/); the next run computes its days again."""
    from pipeline.ingest.files import retract as withdraw

    try:
        manifest = withdraw(_open(home).lake, file)
    except KeyError:
        raise fail(f"no file was taken under the name {file!r}; `footfall status` counts them", USAGE_PROBLEM) from None
    out.print(f"landing/{manifest.name} is retracted; run `footfall run`", markup=False, highlight=False)


@app.command("retry-rejected")
def retry_rejected(
    home: HomeOption = DEFAULT_HOME,
    everything: Annotated[bool, typer.Option("--all", help="Read all files again, not only those.")] = False,
) -> None:
    """Read landing files with rejected records again, after a fix; the next run computes what changed."""
    from pipeline.ingest.files import ingest, with_rejections
    from pipeline.ingest.landing import find

    opened = _open(home)
    _claim(opened)
    files = find(opened.lake.path("landing")) if everything else with_rejections(opened.lake)
    taken = list(ingest(opened.lake, opened.product, files, again=True))
    rejected = sum(manifest.records_rejected for manifest in taken)
    out.print(f"{len(taken)} files read again, {rejected} records still rejected; run `footfall run`")


@app.command()
def doctor(home: HomeOption = DEFAULT_HOME) -> None:
    """Look for what is wrong with the home: rights, settings, manifests, partitions, marts. Exits with 1 if anything is."""
    import time

    from pipeline.doctor import examine

    opened = _open(home)
    swept = opened.lake.sweep(time.time() - 3600)
    if swept:
        out.print(f"{swept} half-written files of killed runs removed")
    findings = list(examine(opened.lake, opened.product))
    if findings:
        raise fail("\n".join(findings), DATA_PROBLEM)
    out.print("the home is sound")


@app.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Where the demo's home is made.")] = Path("build/demo"),
    people: Annotated[int | None, typer.Option(help="Visitors to simulate; default: the demo's own number.")] = None,
) -> None:
    """Make the demo shop's events, run everything over them, and show what came out."""
    from assets.demo import DemoError, prepare, print_results

    try:
        prepare(home, people)
    except DemoError as fault:
        raise fail(str(fault), USAGE_PROBLEM) from None
    with _runner(home) as runner:
        runner.run()
    opened = _open(home)
    _print_marts(opened)
    print_results(opened)
    out.print(f"\nOpen the UI:  FOOTFALL_HOME={home} make dev", highlight=False)
