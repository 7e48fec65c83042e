"""Read the product file: every fault at once, each with file, line, path and remedy; and its JSON Schema."""

import json
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_faults import sentences

PRODUCT_FILE = "product.yaml"


class ProductFileError(Exception):
    """The product file can't be used; `faults` holds one sentence per fault, with file, line, path and remedy."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Constructor(RoundTripConstructor):
    """Days stay as they are written, so that one that doesn't exist is a fault with its path."""


def _as_written(_constructor: Any, node: Any) -> str:  # noqa: ANN401  # ruamel's own types
    return str(node.value)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def load_product(path: Path, file: str = "") -> Product:
    """Read and check the product file at `path`; ProductFileError names every fault with line, path and remedy.

    `file` is the name that faults are reported under, where that isn't the path.
    """
    file = file or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProductFileError([f"{file}: there is no product file; `footfall init` writes one"]) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ProductFileError([f"{file}: can't be read: {fault}; save it as UTF-8 text"]) from None
    return parse_product(text, file)


def product_of(lake: Lake) -> Product:
    """The product file of a home; ProductFileError as of `load_product`."""
    return load_product(lake.path(PRODUCT_FILE), lake.name_of(PRODUCT_FILE))


def parse_product(text: str, file: str = "product.yaml") -> Product:
    """Check the text of a product file; `file` is the name that faults are reported under."""
    tree = _tree(text, file)
    try:
        return Product.model_validate(_plain(tree))
    except RecursionError:
        raise ProductFileError([f"{file}:1: a section holds itself by its anchor; write it out"]) from None
    except ValidationError as fault:
        result = [
            f"{file}:{_line(tree, _path_of_fault(path, sentence))}: {sentence}" for path, sentence in sentences(fault)
        ]
        raise ProductFileError(result) from None


def line_of(text: str, path: str) -> int:
    """The line of a sound product file on which the deepest part of `path` (with dots) stands, from 1."""
    return _line(_tree(text, ""), _parts(path))


def _tree(text: str, file: str) -> Any:  # noqa: ANN401  # YAML holds anything
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    try:
        tree: Any = yaml.load(StringIO(text))
    except DuplicateKeyError as fault:
        key = re.search(r'key "(.*?)"', str(fault.problem))
        reported = f"`{key[1]}` stands" if key else "a key stands"
        raise ProductFileError([f"{file}:{_mark(fault)}: {reported} twice in one section; keep one of them"]) from None
    except MarkedYAMLError as fault:
        reported = f"not valid YAML: {fault.problem}; check indentation and quotes"
        raise ProductFileError([f"{file}:{_mark(fault)}: {reported}"]) from None
    except (YAMLError, ValueError, RecursionError) as fault:
        reported = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise ProductFileError([f"{file}:1: not valid YAML: {reported}; check quotes and what was pasted in"]) from None
    if not isinstance(tree, dict):
        raise ProductFileError([f"{file}:1: the file must hold sections such as name:, start_date:, sources:"])
    return tree


def _mark(fault: MarkedYAMLError) -> int:
    return fault.problem_mark.line + 1 if fault.problem_mark else 1


def _plain(node: Any) -> Any:  # noqa: ANN401  # YAML holds anything
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def _path_of_fault(path: Sequence[str | int], sentence: str) -> Sequence[str | int]:
    """Where a fault stands: its path, or for one of the whole file the path that its sentence begins with."""
    named = re.match(r"[a-z_]+(?:\.[a-z0-9_]+)*(?=:)", sentence)
    return path or (_parts(named[0]) if named else ())


def _parts(path: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in path.split(".")]


def _line(tree: Any, path: Sequence[str | int]) -> int:  # noqa: ANN401  # YAML holds anything
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
