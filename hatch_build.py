"""Refuses to build a wheel without what `make assets` builds: its reports would come without replays."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLAYER = Path("pipeline/report/player/dist/player.js")


class Built(BuildHookInterface[Any]):
    """Looks for the player; an editable install finds it later."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's own signature
        """Fail with the command that makes what lacks."""
        if version != "editable" and not (Path(self.root) / PLAYER).exists():
            raise FileNotFoundError(f"{PLAYER} isn't built; run `make assets`, then build again")
