"""The wheel is the whole program: built, installed into an environment of its own, away from the checkout, and run."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
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


@pytest.mark.slow
def test_the_demo_in_small(footfall: Path, tmp_path: Path) -> None:
    home = tmp_path / "demo"
    # One thread: beside other tests more only wait for each other.
    done = call(
        footfall, "demo", "--home", str(home), "--people", "60", "--days", "28", folder=tmp_path, POLARS_MAX_THREADS="1"
    )
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
    assert 20 <= len(rows) <= 28
    assert all(rate is None or 0 <= rate <= 1 for _, rate in rows)
    assert list((home / "report" / "replays").glob("*.html")), "replays need the player, which is in the wheel"
    assert "sessions" in (home / "report" / "definitions.html").read_text(), "so are the definitions"


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
