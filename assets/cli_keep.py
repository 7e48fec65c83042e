"""The command that frees space. What must not be here: what may go (pipeline/maintenance/prune.py, assets/keeping.py)."""

from typing import Annotated

import typer

from assets.cli_app import DEFAULT_HOME, HomeOption, app, open_home, open_records
from assets.console import out


@app.command()
def prune(
    home: HomeOption = DEFAULT_HOME,
    keep_days: Annotated[int, typer.Option("--keep-days", min=1, help="Keep Dagster's runs of so many days.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
) -> None:
    """Remove what nothing needs: old Dagster runs and logs, left-overs, replaced raw objects. Every Sunday by itself."""
    from assets.keeping import prune_runs
    from pipeline.maintenance.prune import prune as prune_home

    opened = open_home(home)
    with open_records(opened) as instance:
        pruned = [*prune_home(opened.lake, dry_run=dry_run), prune_runs(instance, keep_days, dry_run=dry_run)]
    for each in pruned:
        out.print(f"{each.what}: {each.files}, {each.size / 1e6:.1f} MB", highlight=False)
    total = sum(each.size for each in pruned) / 1e6
    out.print(f"{total:.1f} MB would be freed" if dry_run else f"{total:.1f} MB freed", highlight=False)
