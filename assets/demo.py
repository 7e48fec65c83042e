"""What `footfall demo` does beyond a run: start the generator, show the headline numbers. Nothing else knows the demo."""

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

from assets.console import out, table
from assets.resources import Home
from pipeline.core.keys import mart_key
from pipeline.ingest.manifests import read_manifests, rejected_by_rule
from pipeline.publish.summary import funnel_rows, retention_rows, zone_rows

_INSTALLED = Path(__file__).resolve().parent / "shop"
EXAMPLE = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).resolve().parents[1] / "examples" / "shop"
_MARK = ".footfall-demo"
# The day that is to be held back (docs/demo.md).
HELD_BACK = date(2026, 8, 19)
# What arrives only after a first publication; out of the landing folder until then.
_LATER = ".later"


class DemoError(Exception):
    """The demo can't be made here; the sentence says what to do instead."""


def prepare(home: Path, people: int | None, days: int | None) -> None:
    """Make a new demo home with its landing files; DemoError where the folder holds anything but a demo.

    The generator runs in a process of its own: its memory is not the pipeline's.
    """
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise DemoError(f"{home} holds something else than a demo; choose another folder with --home")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / _MARK).touch()
    shutil.copy(EXAMPLE / "product.yaml", home / "product.yaml")
    shutil.copytree(EXAMPLE / "pictures", home / "pictures")
    out.print("Generating the events of a shop ...")
    chosen = [f"--{name}={value}" for name, value in (("people", people), ("days", days)) if value is not None]
    command = [sys.executable, str(EXAMPLE / "generate.py"), str(home / "landing"), f"--later={home / _LATER}", *chosen]
    subprocess.run(command, check=True)  # noqa: S603  # our own


def deliver_later(home: Path) -> None:
    """Let what arrives after the first publication arrive now."""
    later = home / _LATER
    for folder in sorted(path for path in later.glob("*/*") if path.is_dir()):
        (target := home / "landing" / folder.relative_to(later)).parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
    shutil.rmtree(later, ignore_errors=True)


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
