"""The README tells the truth: its commands exist, its links lead somewhere, its SQL runs, and the demo does what it says."""

import re
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from assets.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_command_of_the_readme_exists_and_the_other_way_round() -> None:
    reported = set(re.findall(r"^\| `footfall ([a-z-]+)", README, flags=re.MULTILINE))
    assert reported == {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    reported = set(re.findall(r"(?:^|`|my_home )make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"demo", "test", "dev", "bench"} <= reported <= targets


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.slow
def test_the_demo_in_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / ".dagster"))
    home = tmp_path / "demo"
    result = CliRunner().invoke(app, ["demo", "--home", str(home), "--people", "60"])
    assert result.exit_code == 0, result.output
    for words in (
        "quality_counts: ",
        "daily_kpis: 1",
        "malformed_json",
        "purchase 1. Product seen",
        "hero_button",
        "make dev",
    ):
        assert words in result.output, words
    (sql,) = re.findall(r"```sql\n(.*?)```", README, flags=re.DOTALL)
    rows = duckdb.sql(sql.replace("build/demo", str(home))).fetchall()
    assert 20 <= len(rows) <= 28
    assert all(rate is None or 0 <= rate <= 1 for _, rate in rows)
