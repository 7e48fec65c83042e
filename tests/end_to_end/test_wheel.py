"""The wheel is the whole program: built, installed into an environment of its own, away from the checkout, and run."""

import html
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
MOST_OF_A_PAGE = 600_000
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def footfall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed from the wheel with the versions that the lock names."""
    if not (ROOT / "pipeline/report/player/dist/player.js").exists():
        pytest.skip("a wheel needs the player of replays: make assets")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", folder / "venv/bin/python"]
    subprocess.run([*install, "--constraint", ROOT / "requirements.lock", wheel], check=True)
    return folder / "venv/bin/footfall"


def call(footfall: Path, *words: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command where nothing of the checkout lies."""
    known = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "DAGSTER_HOME"}}
    return subprocess.run(
        [footfall, *words], cwd=folder, env={**known, **variables}, capture_output=True, text=True, check=False
    )


def stories() -> list[tuple[str, str]]:
    """Pages, and the words that docs/demo.md promises on them."""
    told = re.findall(r"^\| .*\| `(\w+)` \| (.*) \|$", (ROOT / "docs" / "demo.md").read_text(), flags=re.MULTILINE)
    assert len(told) > 15
    return told


def words_of(page: Path) -> str:
    """What is read on a page."""
    shown = re.sub(r"<(script|style).*?</\1>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", shown)).split())


@pytest.mark.slow
def test_the_demo_tells_its_stories(footfall: Path, tmp_path: Path) -> None:
    home = tmp_path / "demo"
    # One thread and one process: beside other tests more only wait for each other.
    done = call(footfall, "demo", "--home", str(home), folder=tmp_path, POLARS_MAX_THREADS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "quality_counts: ",
        "daily_kpis: 1",
        "malformed_json",
        "purchase 1. Product seen",
        "hero_button",
        "footfall ui",
    ):
        assert words in done.stdout + done.stderr, words
    (sql,) = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    rows = duckdb.sql(sql.replace("build/demo", str(home))).fetchall()
    # All days but the one that is held back.
    assert len(rows) == 119
    assert all(rate is None or 0 <= rate <= 1 for _, rate in rows)
    assert list((home / "report" / "replays").glob("*.html")), "replays need the player, which is in the wheel"
    assert "sessions" in (home / "report" / "definitions.html").read_text(), "so are the definitions"
    pages = {name: words_of(home / "report" / f"{name}.html") for name, _ in stories()}
    assert not [(name, words) for name, words in stories() if words not in pages[name]]
    sizes = {page.name: page.stat().st_size for page in (home / "report").glob("*.html")}
    assert not {name: size for name, size in sizes.items() if size > MOST_OF_A_PAGE}


def test_the_version(footfall: Path, tmp_path: Path) -> None:
    assert call(footfall, "--version", folder=tmp_path).stdout == f"footfall {version('footfall')}\n"


def test_another_package_of_our_name_is_reported_at_once(footfall: Path, tmp_path: Path) -> None:
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").touch()
    done = call(footfall, "--help", folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert f"`import pipeline` leads to {tmp_path / 'pipeline'}" in done.stderr
    assert "take the other out of PYTHONPATH" in done.stderr


def test_types_come_with_it(footfall: Path) -> None:
    (site,) = (footfall.parents[1] / "lib").glob("python*/site-packages")
    assert all((site / name / "py.typed").exists() for name in ("footfall", "pipeline", "assets"))
