"""What `footfall demo` does beyond a run: start the generator, show the headline numbers. Nothing else knows the demo."""

import subprocess
import sys
from pathlib import Path

from assets.console import out, table
from assets.resources import Home
from pipeline.ingest.manifests import read_manifests, rejected_by_rule
from pipeline.lake import mart_key
from pipeline.summary import funnel_rows, retention_rows, zone_rows


def generate(script: Path, landing: Path, people: int | None) -> None:
    """Run the example's own generator in a process of its own: its memory is not the pipeline's."""
    chosen = [] if people is None else ["--people", str(people)]
    subprocess.run([sys.executable, str(script), str(landing), *chosen], check=True)  # noqa: S603  # our own script


def print_results(home: Home) -> None:
    """Rejected records by rule, and the headline retention, funnel and zone numbers from the marts."""
    rejected = rejected_by_rule(read_manifests(home.lake).values())
    out.print(table("Rejected records", ("rule", "records"), [(rule, f"{n:,}") for rule, n in rejected.items()]))
    paths = {name: home.lake.path(mart_key(name)) for name in ("retention", "funnel_steps", "zone_metrics")}
    out.print(
        table("Retention", ("days after the first", "people", "returned", "rate"), retention_rows(paths["retention"]))
    )
    out.print(table("Funnel", ("step", "people", "of the step before", "of all"), funnel_rows(paths["funnel_steps"])))
    out.print(table("Zones", ("page", "zone", "from", "page views", "click rate"), zone_rows(paths["zone_metrics"])))
