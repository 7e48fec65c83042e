"""README and docs tell the truth: their commands exist, their links lead somewhere, and everything is found from the table of contents."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from assets.cli import app

GROUP: Any = typer.main.get_command(app)
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
DOCS = sorted((ROOT / "docs").rglob("*.md"))


def test_every_command_is_told_of_and_the_other_way_round() -> None:
    reported = set(re.findall(r"^\| `footfall ([a-z-]+)", COMMANDS, flags=re.MULTILINE))
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


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = (ROOT / "docs" / "README.md").read_text()
    named = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", contents)}
    own = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert own <= named, own - named


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_in_docs_exist(page: Path) -> None:
    """Each `footfall ...` in docs is a command of ours, with options that it has."""
    known = {
        each.name: {o for p in each.params for o in (*p.opts, *p.secondary_opts)} for each in GROUP.commands.values()
    }
    for words in re.findall(r"(?:^|`)footfall ([a-z-]+)([^`\n]*)", page.read_text(), flags=re.MULTILINE):
        command, rest = words
        if "decisions" in page.parts and command not in known:
            continue  # a decision may tell of what there was
        assert command in known, f"footfall {command} in {page.name}"
        asked = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", rest))
        assert "decisions" in page.parts or asked <= known[command], f"footfall {command}{rest} in {page.name}"
