"""Every command that README and docs show runs as it stands there, over the demo shop."""

import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest
from samples import FILES
from support import take_all
from typer.testing import CliRunner

from assets.cli import app
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.ingest.sources import FORMATS

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/definitions").glob("*.md"))]
# What serves until it is stopped, computes a home anew or makes one: other tests run these, by the word and file.
ELSEWHERE = {
    "footfall ui": ("ui", "test_ui.py"), "footfall serve": ("serve", "test_ask_page.py"), "footfall mcp": ("mcp", "test_ask_home.py"),
    "footfall capture": ("capture", "test_capture.py"), "footfall zones --pick": ("--pick", "test_tag.py"),
    "footfall zones --accept": ("--accept", "test_tag.py"),
    "footfall demo": ("demo", "test_wheel.py"), "footfall init --home s3": ("init", "test_object_home.py"),
    "footfall run --home s3": ("run", "test_object_home.py"),
    "footfall run --today": ("--today", "test_today.py"), "footfall rebuild": ("rebuild", "../assets/test_cli_data.py"),
    **{f"footfall {name}": (name.split()[-1], "../assets/test_cli.py") for name in (
        "backfill", "erase", "retract", "retry-rejected", "init", "marts --rebuild", "run --identity-as-of",
    )},
}  # fmt: skip


def commands() -> list[str]:
    """Commands of code blocks, over all their lines, and those within sentences that tell the whole command."""
    found: list[str] = []
    for page in PAGES:
        text = page.read_text()
        for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            lines = re.findall(r'^footfall (?:[^"\n]|"[^"]*")*', block, flags=re.MULTILINE)
            found += [re.sub(r"\s+#\s.*", "", line).strip() for line in lines]
        found += re.findall(
            r"`(footfall [a-z-]+(?: [^`]+)?)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        )
    return sorted({command.replace("\n", " ") for command in found})


COMMANDS = [
    command for command in commands() if not command.startswith(tuple(ELSEWHERE)) and command != "footfall query"
]


@pytest.fixture(scope="module")
def home(shop_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo shop after its marts are published, with all that its product file names."""
    copy = tmp_path_factory.mktemp("docs") / "home"
    shutil.copytree(shop_lake.path(""), copy)
    shutil.copytree(SHOP, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


def filled(command: str, home: Path) -> list[str]:
    """The command with what its placeholders stand for in this home."""
    event = pl.read_parquet(home / "lake/**/raw_events/**/*.parquet", columns=["event_id"], n_rows=1).row(0)[0]
    session = pl.read_parquet(home / "marts/replays.parquet")["session_key"][0]
    words = {
        "P": "posthog" if "explain" in command else "product", "S": "web", "FOLDER": "out", "HOME": str(home), "H": str(home), "my_home": str(home),
        "build/demo": str(home), "EVENT_ID": event, "SESSION": session, "METRIC": "sessions", "[MART]": "kpis", "select ...": "select * from kpis",
        "A": "default", "B": "default",
    }  # fmt: skip
    result = [words.get(word, word) for word in shlex.split(command)[1:]]
    return result if "--home" in result else [*result, "--home", str(home)]


def test_each_command_is_run_here_or_there() -> None:
    assert len(COMMANDS) > 20
    for command, (word, elsewhere) in ELSEWHERE.items():
        assert f'"{word}"' in (Path(__file__).parent / elsewhere).read_text(), command


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_docs_runs(command: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home / ".dagster"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, filled(command, home))
    # Some data of the demo are bad on purpose, which these say by their exit code.
    tell = command.split()[1] in ("status", "rejected", "run")
    assert result.exit_code in ((0, 1) if tell else (0,)), (result.output, result.exception)


def quickstarts() -> dict[str, str]:
    """The block of commands of each source."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/quickstart.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    return {re.findall(r"--(?:format|from) (\S+)", block)[0]: block for block in blocks}


def test_each_format_has_its_five_lines() -> None:
    assert set(quickstarts()) - {"exports/events.csv"} == set(FORMATS) - {"canonical", "mapping"}
    assert {len(block.splitlines()) for block in quickstarts().values()} == {5}


@pytest.mark.parametrize("name", [name for name in quickstarts() if name in FILES])
def test_the_five_lines_of_a_source_take_its_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    begin, _, check, *_ = quickstarts()[name].splitlines()
    assert CliRunner().invoke(app, shlex.split(begin)[1:]).exit_code == 0
    file, data = FILES[name]()
    (tmp_path / "my_home/landing/web" / file).write_bytes(data)
    assert CliRunner().invoke(app, shlex.split(check)[1:]).exit_code == 0
    (manifest,) = take_all(Lake(tmp_path / "my_home"), load_product(tmp_path / "my_home/product.yaml"))
    assert manifest.events > 0
    assert not manifest.rejected
