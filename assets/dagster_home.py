"""Where Dagster keeps its records: in the home, with settings of ours. What must not be here: Dagster itself.

`python -m assets.dagster_home HOME` makes the folder and prints its path, for `make dev`.
"""

import os
import sys
from pathlib import Path

VARIABLE = "DAGSTER_HOME"
SETTINGS = """\
# Made by footfall. Telemetry and the sign-up prompt are off; one queued run at a time, none longer than a day.
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  runs: {max_concurrent_runs: 1}
run_monitoring: {enabled: true, max_runtime_seconds: 86400}
"""


def dagster_home(home: Path) -> Path:
    """DAGSTER_HOME, else the folder .dagster in the home; made, with its settings, where it isn't there."""
    chosen = Path(os.environ.setdefault(VARIABLE, str(home.resolve() / ".dagster")))
    chosen.mkdir(parents=True, exist_ok=True)
    settings = chosen / "dagster.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    return chosen


if __name__ == "__main__":
    sys.stdout.write(f"{dagster_home(Path(sys.argv[1]))}\n")
