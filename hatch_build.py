"""Refuses to build a wheel without what `make assets` builds: its reports would come without replays, its Ask page bare, its collector without a tag."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = (
    Path("pipeline/report/player/dist/player.js"),
    Path("services/ask/static/htmx.min.js"),
    Path("services/capture/static/t.js"),
)


class Built(BuildHookInterface[Any]):
    """Looks for what pages need; an editable install finds it later."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's own signature
        """Fail with the command that makes what lacks."""
        for file in BUILT if version != "editable" else ():
            if not (Path(self.root) / file).exists():
                raise FileNotFoundError(f"{file} isn't built; run `make assets`, then build again")
