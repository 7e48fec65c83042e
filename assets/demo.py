"""What `footfall demo` does beyond a run: start the generator, show the headline numbers. Nothing else knows the demo."""

import importlib.util
from pathlib import Path

from assets.console import out, table
from assets.resources import Home
from pipeline.ingest.manifests import read_manifests, rejected_by_rule
from pipeline.lake import mart_key
from pipeline.summary import funnel_rows, retention_rows, zone_rows


def generate(script: Path, landing: Path, people: int | None) -> int:
    """Run the example's own generator and return the number of events written."""
    spec = importlib.util.spec_from_file_location("footfall_demo_generator", script)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write(landing, **({} if people is None else {"people": people}))


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
