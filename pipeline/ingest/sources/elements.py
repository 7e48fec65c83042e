r"""PostHog's ways of writing an element and its ancestors, read as (tag, attributes) innermost first.

Grammar of `elements_chain`: elements joined by `;`, innermost first; each `tag.class.class:key="value"key="value"`.
Inside quotes `\"` is a quote, and `;` and line breaks stand as they are; a backslash itself isn't escaped.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pipeline.ingest.sources.fields import Fields, element_chain, first, text

Element = tuple[str, dict[str, Any]]
_PREFIX = "attr__"
_NEXT_ELEMENT = re.compile(r";[a-z][a-z0-9-]*(?:[.:;]|$)")


def chain_of(row: Fields) -> str | None:
    """The canonical chain from the first of PostHog's fields that tells one; what was read is taken out of `row`."""
    chain = first(row, ("elements_chain", "properties.$elements_chain"), text)
    if chain is not None:
        row.pop("elements", None)
        return element_chain(from_chain(chain))
    return element_chain(first(row, ("elements", "properties.$elements"), _elements) or [])


def _elements(value: Any) -> list[Element] | None:  # noqa: ANN401  # JSON holds anything
    """A list, the JSON text of one as Parquet exports hold it, or a chain."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value, type=list[Any])
        except (msgspec.DecodeError, RecursionError):
            return from_chain(value)
    return from_list(value) if isinstance(value, list) else None


def from_chain(chain: str) -> list[Element]:
    """Elements of an `elements_chain`; what can't be read of it is passed over."""
    return [_element(part) for part in _split(chain, ";") if part.strip()]


def from_list(elements: Iterable[Any]) -> list[Element]:
    """Elements of an `elements` list, in its order."""
    given = [each for each in elements if isinstance(each, Mapping)]
    result: list[Element] = []
    for each in sorted(given, key=_order):
        own = each.get("attributes")
        attributes = _named(own if isinstance(own, Mapping) else each)
        classes = each.get("attr_class") or each.get("classes")
        if isinstance(classes, list):
            attributes.setdefault("class", " ".join(map(str, classes)))
        _own(each, attributes)
        result.append((str(each.get("tag_name") or ""), attributes))
    return result


def _order(element: Mapping[str, Any]) -> int:
    order = element.get("order")
    return order if isinstance(order, int) else 0


def _named(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(_PREFIX): value for name, value in attributes.items() if name.startswith(_PREFIX)}


def _own(reported: Mapping[str, Any], attributes: dict[str, Any]) -> None:
    """Add the attributes that PostHog tells under names of its own."""
    for name, value in (("id", reported.get("attr_id")), ("href", reported.get("href"))):
        if value:
            attributes.setdefault(name, value)


def _split(text: str, separator: str) -> list[str]:
    """Split at `separator` outside quotes."""
    parts: list[str] = []
    begin, quoted = 0, False
    for i, char in enumerate(text):
        if char == '"' and _ends(text, i, quoted):
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(text[begin:i])
            begin = i + 1
    return [*parts, text[begin:]]


def _ends(text: str, i: int, quoted: bool) -> bool:
    """Whether the quote at `i` begins or ends a value: an escaped one does neither.

    A value may end in a backslash, which isn't escaped: such a quote ends it if what follows looks like the next key.
    """
    if i == 0 or text[i - 1] != "\\":
        return True
    rest = text[i + 1 :]
    return quoted and (rest == "" or bool(_NEXT_ELEMENT.match(rest)) or _begins_key(rest))


def _begins_key(rest: str) -> bool:
    key, equals, after = rest.partition("=")
    return bool(equals) and after.startswith('"') and bool(key) and all(c.isalnum() or c in "-_:$" for c in key)


def _element(part: str) -> Element:
    head, _, attributes = _cut_head(part)
    tag, *classes = head.strip().split(".")
    result = _attributes(attributes)
    named = _named(result)
    if classes:
        named.setdefault("class", " ".join(classes))
    _own(result, named)
    return tag, named


def _cut_head(part: str) -> tuple[str, str, str]:
    """Tag with classes, and attributes. A class may hold a colon, so the head ends at the colon before the first key."""
    quote = part.find('="')
    if quote < 0:
        return part.partition(":")
    colon = part.rfind(":", 0, quote)
    # A key may hold a colon itself (attr__xlink:href).
    name = part.find("attr__")
    if 0 < name < quote and part[name - 1] == ":":
        colon = name - 1
    return (part[:colon], ":", part[colon + 1 :]) if colon >= 0 else part.partition(":")


def _attributes(text: str) -> dict[str, str]:
    result: dict[str, str] = {}
    while text:
        key, equals, rest = text.partition('="')
        if not equals:
            break
        end = next((i for i, char in enumerate(rest) if char == '"' and _ends(rest, i, quoted=True)), len(rest))
        result[key.strip()] = rest[:end].replace('\\"', '"')
        text = rest[end + 1 :]
    return result
