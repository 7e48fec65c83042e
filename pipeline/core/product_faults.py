"""What is wrong with a product file, said in our own words: path, what stands there, what would be right.

Pydantic tells which rule a value broke; what would be right is read from the JSON Schema of the section, so that a
new field needs no words of its own.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError

from pipeline.core.product import Product
from pipeline.core.product_base import NAME_PATTERN

Path = tuple[str | int, ...]
_Node = dict[str, Any]
_LONGEST_SHOWN = 60
_MOST_LISTED = 30
# By the type of Pydantic's error, after the value that stands there.
_WRONG: dict[str, str] = {
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "is no section"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "iterable_type"), "is no list"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "is no text"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "is no whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "is no number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "is neither true nor false"),
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), "is no day"
    ),
    "literal_error": "is no word that is known here",
    "string_pattern_mismatch": "can't be written so",
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    **dict.fromkeys(("greater_than", "greater_than_equal"), "is too small"),
    **dict.fromkeys(("less_than", "less_than_equal"), "is too large"),
    "too_short": "has too few entries",
    "too_long": "has too many entries",
}
_WHOLE = {"integer": "whole "}
_PATTERNS: dict[str, str] = {
    NAME_PATTERN: "use lower-case letters, digits and _, a letter first",
    r"^[A-Z]{3}$": "use three capitals, such as EUR",
    r"^[a-z]{2}$": "use two small letters, such as en",
}


def sentences(fault: ValidationError) -> Iterator[tuple[Path, str]]:
    """For each fault its path in the product file and a sentence with the remedy; a rule's own sentence may name both."""
    for path, error in _own(fault):
        where = ".".join(map(str, path))
        shown = f"{where}: " if where else ""
        if error["type"] in ("value_error", "assertion_error"):
            # Rules of our own tell what is wrong and the remedy, one line for each fault.
            yield from ((path, shown + line) for line in str(error["ctx"]["error"]).splitlines())
        else:
            yield path, shown + _sentence(path, error)


def _own(fault: ValidationError) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The errors by path: of alternatives one error, and none for a list that only lacks entries which are at fault."""
    result = [(*_cleaned(dict(error)), error) for error in fault.errors()]
    inner = {path[:-1] for path, _, _ in result if path}
    of_alternatives = {path for path, is_alternative, _ in result if is_alternative}
    reported: set[Path] = set()
    for path, is_alternative, error in result:
        if error["type"] == "too_short" and path in inner:
            continue
        if path in of_alternatives or is_alternative:
            deeper = any(len(other) > len(path) and other[: len(path)] == path for other in of_alternatives)
            if path in reported or deeper:
                continue
            reported.add(path)
            yield path, {**error, "type": "alternatives"}
        else:
            yield path, error


def _cleaned(error: _Node) -> tuple[Path, bool]:
    """The path without Pydantic's names of alternatives, and whether there were some."""
    nodes, path, is_alternative = [_schema()], list[str | int](), False
    *_, last = error["loc"] or ("",)
    for part in error["loc"]:
        inner = [each for node in nodes for each in _step(node, part)]
        if inner:
            nodes = inner
            path.append(part)
        elif error["type"] == "extra_forbidden" and part == last:
            path.append(part)
        elif part != "[key]":
            is_alternative = True
    return tuple(path), is_alternative


def _sentence(path: Path, error: Mapping[str, Any]) -> str:
    kind, nodes = error["type"], nodes_at(path)
    if kind == "missing":
        return f"is missing; add it: {_expected(nodes).removeprefix('write ')}"
    if kind == "extra_forbidden":
        known = [name for node in nodes_at(path[:-1]) for name in node.get("properties", {})]
        return f"isn't known here; {_nearest(str(path[-1]), known)}remove it or correct its spelling"
    wrong = _WRONG.get(kind, "can't stand here")
    value = error["input"]
    pattern = error.get("ctx", {}).get("pattern") if kind == "string_pattern_mismatch" else None
    if pattern is not None:
        return f"{_shown(value)} {wrong}; {_PATTERNS.get(pattern, f'it must fit {pattern}')}"
    words = [str(word) for node in nodes for word in _words(node)]
    return f"{_shown(value)} {wrong}; {_nearest(value, words) if isinstance(value, str) else ''}{_expected(nodes)}"


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{near[0]}`? " if near else ""


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list"
    written = str(value) if not isinstance(value, str) else repr(value)
    return written if len(written) <= _LONGEST_SHOWN else f"{written[:_LONGEST_SHOWN]}..."


# The JSON Schema, walked by path.


@cache
def _schema() -> _Node:
    return Product.model_json_schema()


def nodes_at(path: Path) -> list[_Node]:
    """The parts of the JSON Schema that describe what stands at `path`; none where nothing may."""
    nodes = [_schema()]
    for part in path:
        nodes = [inner for node in nodes for inner in _step(node, part)]
    return [each for node in nodes for each in _alternatives(node)]


def _alternatives(node: _Node) -> Iterator[_Node]:
    """A node, or each of those that it allows."""
    if "$ref" in node:
        yield from _alternatives(_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]])
    elif "anyOf" in node:
        for each in node["anyOf"]:
            yield from _alternatives(each)
    else:
        yield node


def _step(node: _Node, part: str | int) -> Iterator[_Node]:
    for each in _alternatives(node):
        if isinstance(part, int):
            positions = each.get("prefixItems", [])
            inner = positions[part] if part < len(positions) else each.get("items")
        elif part in each.get("properties", {}):
            inner = each["properties"][part]
        else:
            named = list(each.get("patternProperties", {}).values())
            inner = named[0] if named else each.get("additionalProperties")
        if isinstance(inner, dict):
            yield inner


def _words(node: _Node) -> list[Any]:
    return node.get("enum") or ([node["const"]] if "const" in node else [])


def _expected(nodes: Sequence[_Node]) -> str:
    expected = list(dict.fromkeys(_right(node) for node in nodes if node.get("type") != "null"))
    return "write " + (", or ".join(expected) or "what docs/product.md names")


def _right(node: _Node) -> str:
    if words := _words(node):
        listed = ", ".join(map(str, words))
        return f"one of {listed}" if len(words) > 1 else listed
    kind = node.get("type")
    if kind == "string":
        return _right_text(node)
    if kind in ("integer", "number", "boolean"):
        return "true or false" if kind == "boolean" else f"a {_WHOLE.get(kind, '')}number{_bounds(node)}"
    if kind == "array":
        return _right_list(node)
    known = ", ".join(list(node.get("properties", {}))[:_MOST_LISTED])
    return (
        f"a section with keys such as {known}"
        if known
        else "a section: each entry a name, a colon and what it stands for"
    )


def _right_list(node: _Node) -> str:
    least, most = node.get("minItems"), node.get("maxItems")
    bounds = (f"at least {least}" if least else "", f"at most {most}" if most else "")
    number = " and ".join(filter(None, bounds))
    inner = [_right(each) for each in _alternatives(node["items"])] if "items" in node else ["numbers"]
    return f"a list ({number} of {inner[0]})" if number else f"a list of {inner[0]}"


def _right_text(node: _Node) -> str:
    if node.get("format") == "date":
        return "a day such as 2026-01-31"
    if "pattern" in node:
        return f"text: {_PATTERNS.get(node['pattern'], node['pattern'])}"
    return 'text, in quotes ("...") where it looks like a number or a list'


def _bounds(node: _Node) -> str:
    least, above = node.get("minimum"), node.get("exclusiveMinimum")
    most = node.get("maximum")
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    named = (("of at least", least), ("above", above), ("up to", most))
    reported = [f"{word} {bound:g}" for word, bound in named if bound is not None]
    return f" {' and '.join(reported)}" if reported else ""
