"""What is told of the data after a run, in `status` and in `rejected`. What must not be here: what a problem is."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from assets.cli_app import DATA_PROBLEM, DEFAULT_HOME, HomeOption, app, open_home, open_records
from assets.console import fail, out

if TYPE_CHECKING:
    from assets.resources import Home
    from pipeline.events.problem import Problem
    from pipeline.ingest.manifests import Manifest

_MOST = 20


def failed_runs(home: "Home") -> list[str]:
    """A sentence for each job whose last run failed."""
    from assets.running import last_failures

    with open_records(home) as instance:
        return [
            f"the last run of `{job}` failed on {when:%Y-%m-%d at %H:%M}; `footfall run` tries again and says why"
            for job, when in last_failures(instance).items()
        ]


def tell_taken(taken: "Sequence[Manifest]") -> None:
    """Say what became of the records of the files that were taken."""
    if not taken:
        return
    read, accepted, rejected = (
        sum(getattr(m, name) for m in taken) for name in ("records_read", "accepted", "records_rejected")
    )
    left_out = sum(sum(m.filtered.values()) for m in taken)
    refused = sum(m.file_rule is not None for m in taken)
    parts = [f"{accepted:,} accepted", f"{rejected:,} rejected", f"{left_out:,} left out"]
    reported = f"{len(taken)} landing files taken, {read:,} records: {', '.join(parts)}"
    out.print(f"{reported}; {refused} files refused whole" if refused else reported, highlight=False)


def tell_problems(result: "Collection[Problem]") -> bool:
    """Print problems and notes with their remedies; returns whether there is a problem, which exits with 1."""
    problems = [each for each in result if each.severity == "problem"]
    notes = [each for each in result if each.severity != "problem"]
    for name, group, style in (("problems with the data", problems, "red"), ("notes on the data", notes, "yellow")):
        if group:
            out.print(f"{len(group)} {name}:", style=style, highlight=False)
        for each in group[:_MOST]:
            since = f" (since {each.since})" if each.since != each.day else ""
            out.print(f"  {each.problem}: {each.sentence}{since}", style=style, markup=False, highlight=False)
            out.print(f"    {each.remedy}", markup=False, highlight=False)
        if len(group) > _MOST:
            out.print(f"  ... and {len(group) - _MOST} more in marts/data_problems.parquet", highlight=False)
    return bool(problems)


@app.command()
def rejected(
    home: HomeOption = DEFAULT_HOME,
    rule: Annotated[str | None, typer.Option(help="Only records that broke this rule.")] = None,
    source: Annotated[str | None, typer.Option(help="Only records of this source.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Show so many examples of each rule.")] = 3,
) -> None:
    """Show examples of rejected records by rule, scrubbed, with where they stand and why. Exits with 1 if there are any."""
    from pipeline.ingest.rejected import examples

    result = list(examples(open_home(home).lake, rule=rule, source=source, most=most))
    if not result:
        out.print("no record is rejected")
        return
    for example in result:
        out.print(f"{example.rule}: {example.where}: {example.reason}", markup=False, highlight=False)
        out.print(f"    {example.raw_text}", style="dim", markup=False, highlight=False)
    raise fail("`footfall retry-rejected` reads them again after a fix", DATA_PROBLEM)
