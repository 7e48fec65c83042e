"""YAML files that other tools read: dbt, Cube."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def write_yaml(path: Path, tree: Mapping[str, Any], head: str = "") -> None:
    """Write a tree as YAML below a comment, its folder with it."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        yaml.dump(dict(tree), file)
