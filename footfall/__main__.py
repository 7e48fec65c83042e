"""Where the command begins: it looks first whether Python would load our packages or others of the same names."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

USAGE_PROBLEM = 2
# Names that others use too.
OURS = ("assets", "pipeline", "services", "dbt_like_sql")


def shadowed() -> Iterator[str]:
    """A sentence for each of our packages instead of which Python finds another."""
    root = Path(__file__).resolve().parents[1]
    for name in OURS:
        spec = find_spec(name)
        found = [Path(each).resolve() for each in (spec.submodule_search_locations or [] if spec else [])]
        if found != [root / name]:
            place = ", ".join(map(str, found)) or (spec.origin if spec and spec.origin else "nowhere")
            yield (
                f"`import {name}` leads to {place}, not to footfall's own package in {root}: take the other out of PYTHONPATH "
                "or uninstall it, or install footfall in an environment of its own"
            )


def main() -> None:
    """Run the command line; exit 2 where it can't be ours."""
    if faults := list(shadowed()):
        sys.stderr.write("\n".join(faults) + "\n")
        raise SystemExit(USAGE_PROBLEM)
    from assets.cli import app  # noqa: PLC0415  # only once it is known to be ours

    app()


if __name__ == "__main__":
    main()
