"""Read the product file: every fault at once, each with file, line, path and remedy; and its JSON Schema."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from pipeline.product import Product


class ProductFileError(Exception):
    """The product file can't be used; `faults` holds one sentence per fault, with file, line, path and remedy."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


_REMEDIES = {
    "extra_forbidden": "remove it or correct its spelling",
    "missing": "add it",
    "string_pattern_mismatch": "use lower-case letters, digits and _, a letter first (a currency: three capitals)",
    "too_short": "add at least one entry",
}


def load_product(path: Path) -> Product:
    """Read and check the product file at `path`; ProductFileError names every fault with line, path and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProductFileError([f"{path}: there is no product file; `footfall init` writes one"]) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ProductFileError([f"{path}: can't be read: {fault}; save it as UTF-8 text"]) from None
    return parse_product(text, str(path))


def parse_product(text: str, file: str = "product.yaml") -> Product:
    """Check the text of a product file; `file` is the name that faults are reported under."""
    try:
        tree: Any = YAML(typ="rt").load(StringIO(text))
    except MarkedYAMLError as fault:
        mark = fault.problem_mark
        line = mark.line + 1 if mark else 1
        raise ProductFileError(
            [f"{file}:{line}: not valid YAML: {fault.problem}; check indentation and quotes"]
        ) from None
    if not isinstance(tree, dict):
        raise ProductFileError([f"{file}:1: the file must hold sections such as name:, start_date:, sources:"])
    try:
        return Product.model_validate(_plain(tree))
    except ValidationError as fault:
        raise ProductFileError([_sentence(file, tree, dict(error)) for error in _own_faults(fault)]) from None


def _own_faults(fault: ValidationError) -> list[Any]:
    """Pydantic's errors without those of a list that only lacks the entries which are at fault themselves."""
    errors = fault.errors()
    inner = {error["loc"][: len(error["loc"]) - 1] for error in errors if error["loc"]}
    return [error for error in errors if not (error["type"] == "too_short" and error["loc"] in inner)]


def _plain(node: Any) -> Any:  # noqa: ANN401  # YAML holds anything
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def _sentence(file: str, tree: Any, error: dict[str, Any]) -> str:  # noqa: ANN401  # YAML holds anything
    path = [part for part in error["loc"] if part != "[key]"]
    message = str(error["msg"]).removeprefix("Value error, ")
    remedy = _REMEDIES.get(str(error["type"]), "")
    where = ".".join(str(part) for part in path)
    if not where and (named := re.match(r"(?P<path>[a-z_]+(?:\.[a-z0-9_]+)*)", message)):
        path = [int(part) if part.isdigit() else part for part in named["path"].split(".")]
    shown = f"{where}: " if where else ""
    return f"{file}:{_line(tree, path)}: {shown}{message}{'; ' + remedy if remedy else ''}"


def _line(tree: Any, path: list[Any]) -> int:  # noqa: ANN401  # YAML holds anything
    """Line of the deepest part of `path` that stands in the file, from 1."""
    line = 1
    node = tree
    for part in path:
        try:
            marks = node.lc
            position = marks.item(part) if isinstance(part, int) else marks.key(part)
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
        line = int(position[0]) + 1
    return line


def schema() -> str:
    """JSON Schema of the product file, for editors."""
    return json.dumps(Product.model_json_schema(), indent=2, sort_keys=True)
