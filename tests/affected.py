"""The test files that import a module which changed since the last commit, or changed themselves: what `make quick` runs.

Nearly every test imports nearly every module through others, so only what a test names itself counts; `make test` runs all.
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_IMPORT = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)


def changed() -> set[str]:
    """Paths below the project that differ from the last commit, new ones among them."""
    listed = ["git", "ls-files", "--modified", "--others", "--exclude-standard"]
    staged = ["git", "diff", "--cached", "--name-only"]
    runs = [subprocess.run(each, cwd=ROOT, capture_output=True, text=True, check=True) for each in (listed, staged)]
    return {line for run in runs for line in run.stdout.splitlines()}


def affected(paths: set[str], tests: dict[str, str]) -> list[str]:
    """Of `tests` (path, text) those that changed or import a changed module; a changed SQL model is the SQL tests'."""
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths}
    helpers = {Path(path).stem for path in paths if path.startswith("tests/") and path.count("/") == 1}
    result = {path for path, text in tests.items() if not (modules | helpers).isdisjoint(_IMPORT.findall(text))}
    result |= paths & tests.keys()
    if any(path.endswith(".sql") for path in paths):
        result |= {path for path in tests if path.startswith("tests/sql/")}
    return sorted(result)


if __name__ == "__main__":
    every = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in ROOT.glob("tests/*/test_*.py")}
    print(" ".join(affected(changed(), every)) or "tests/sql")  # noqa: T201  # for the Makefile
