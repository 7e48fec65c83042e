"""Recorded rrweb events without what nobody may see: masked before anything is stored (design.md, "Security").

What stands in form fields and editable elements, texts and fields below the product file's `mask` selectors, all below `hide` selectors, and
secrets in addresses and attributes are gone from what is kept. Texts become `*` of the same length, so the layout
stays; form fields become five of them, so no length is told. Where a part of the recording is missing and nobody can
say whose a text is, it is masked.

Documentation: rrweb, the types of @rrweb/types (serializedNode, mutationData, inputData).
"""

import re
from functools import lru_cache
from typing import Any

from pipeline.ingest.scrub import plain_name, scrub_text, without_personal
from pipeline.ingest.sources.covered import SECRET_NAME, Covered
from pipeline.ingest.sources.dom import Dom, entries
from pipeline.ingest.sources.fields import Fields
from pipeline.product_sources import Replay

MASKED = "*****"
_SECRET = "[secret]"  # noqa: S105  # what stands in its place
_TOLD = frozenset(
    {"title", "alt", "placeholder", "aria-label", "aria-description", "aria-valuetext", "label", "content", "value"}
)
# Numbers of drawings, some of which look like those of cards.
_SHAPES = frozenset({"d", "points", "transform", "gradienttransform", "viewbox", "stroke-dasharray", "path"})
# What tells an element without telling what is in it.
_NAMED = frozenset({"id", "class", "name", "role", "type"})
# What says which of several is chosen, and what says what stands in a field.
_CHOSEN = frozenset({"checked", "selected", "aria-checked", "aria-selected"})
_VALUES = _CHOSEN | {"value", "aria-valuetext", "aria-valuenow"}
_VISIBLE = re.compile(r"\S")
_LONG = 1_024
_META, _SNAPSHOT, _INCREMENTAL, _CUSTOM, _PLUGIN = 4, 2, 3, 5, 6
_MUTATION, _INPUT, _CANVAS = 0, 5, 9
_ELEMENT = 2


class Masker:
    """Masks the events of one window. `dom` must know the document as it is after the event."""

    def __init__(self, rules: Replay, dropped_names: frozenset[str]) -> None:
        self._rules = rules
        self._dropped = dropped_names
        self._covered = Covered(rules)

    def event(self, dom: Dom, kind: Any, data: Fields) -> Fields:  # noqa: ANN401  # JSON holds anything
        """The data of an rrweb event of that type as it may be kept."""
        if kind == _SNAPSHOT:
            self._covered.begin(dom, data.get("node"))
            return {**_scrubbed({n: v for n, v in data.items() if n != "node"}), "node": self._node(data.get("node"))}
        if kind == _INCREMENTAL:
            return self._incremental(dom, data)
        if kind == _CUSTOM:
            return without_personal(data, self._dropped)
        if kind == _PLUGIN:
            return {"plugin": data.get("plugin"), "payload": self._console(without_personal(data, self._dropped))}
        return _scrubbed(data)

    def _console(self, plugin: Fields) -> Fields:
        """Level and message of the console's plugin; of others (requests with what was sent) nothing."""
        payload = plugin.get("payload")
        if not isinstance(payload, dict) or not str(plugin.get("plugin")).startswith("rrweb/console"):
            return {}
        said = payload.get("payload")
        # Objects that a page prints hold whatever it has.
        first = [each for each in said[:1] if isinstance(each, str)] if isinstance(said, list) else []
        first = first if self._rules.texts == "keep" else []
        return {"level": payload.get("level"), "payload": first, "trace": []}

    def _incremental(self, dom: Dom, data: Fields) -> Fields:
        source = data.get("source")
        if source == _MUTATION:
            return self._mutation(dom, data)
        if source == _INPUT and not self._covered.keeps_typed(dom, data.get("id")):
            return {**_scrubbed(data), "text": MASKED if data.get("text") else "", "isChecked": False}
        if source == _CANVAS and self._covered.is_away(dom.path(data.get("id"))):
            # What is drawn may be text.
            return {"source": _CANVAS, "id": data.get("id"), "type": data.get("type"), "commands": []}
        return _scrubbed(data)

    def _mutation(self, dom: Dom, data: Fields) -> Fields:
        added, changed = entries(data, "adds"), entries(data, "attributes")
        for each in added:
            self._covered.added(dom, each.get("node"), dom.path(each.get("parentId")))
        for each in changed:
            if isinstance(each.get("attributes"), dict):
                self._covered.changed(dom, each.get("id"), each["attributes"])

        def is_shown(each: Fields, name: str = "parentId") -> bool:
            return not self._covered.is_hidden(dom.path(each.get(name)))

        return {
            **_scrubbed({n: v for n, v in data.items() if n not in ("adds", "attributes", "texts", "removes")}),
            "texts": [
                {**each, "value": self._text(dom, each)} for each in entries(data, "texts") if is_shown(each, "id")
            ],
            "attributes": [self._attributes_of(dom, each) for each in changed if is_shown(each, "id")],
            "removes": [each for each in entries(data, "removes") if is_shown(each)],
            "adds": [
                {**each, "node": self._node(each.get("node"), dom.path(each.get("parentId")), self._around(dom, each))}
                for each in added
                if is_shown(each)
            ],
        }

    def ancestry(self, dom: Dom, node: Any) -> list[tuple[str, Fields]]:  # noqa: ANN401  # JSON holds anything
        """The element and its ancestors, innermost first; of what is masked or hidden without labels and data."""
        path = dom.path(node)
        found: list[tuple[str, Fields]] = []
        for i, each in enumerate(path):
            element = dom.element(each)
            if element is not None:
                tag, known = element
                told = {n: v for n, v in known.items() if n in _NAMED} if self._covered.is_away(path[i:]) else known
                if not self._covered.keeps_field(path[i:], tag, known):
                    told = {n: v for n, v in told.items() if not _is_value(n)}
                found.append((tag, told))
        return found

    def _around(self, dom: Dom, added: Fields) -> str:
        """Tag of the element that something is added to; `masked` of a field that may not be kept."""
        path = dom.path(added.get("parentId"))
        field = dom.element(path[0]) if path else None
        if field is None:
            return ""
        hides = field[0].lower() == "textarea" and not self._covered.keeps_field(path, *field)
        return "masked" if hides else field[0].lower()

    def _text(self, dom: Dom, changed: Fields) -> str | None:
        """A changed text; of one that nobody knows it can't be told what it stands in."""
        value = changed.get("value")
        if not isinstance(value, str):
            return None
        path = dom.path(changed.get("id"))
        above = dom.element(path[1]) if len(path) > 1 else None
        if above is not None and above[0].lower() == "style":
            return _scrub(value)
        # It may stand in a field, or below what a selector masks.
        is_unknown = not path
        if above is not None and above[0].lower() == "textarea" and not self._covered.keeps_field(path, *above):
            return MASKED
        return _starred(value) if is_unknown or self._covered.is_masked(path) else _scrub(value)

    def _attributes_of(self, dom: Dom, changed: Fields) -> Fields:
        attributes = changed.get("attributes")
        path = dom.path(changed.get("id"))
        tag, known = dom.element(changed.get("id")) or ("input", {"type": "password"})
        if not isinstance(attributes, dict):
            return {"id": changed.get("id"), "attributes": {}}
        return {"id": changed.get("id"), "attributes": self._attributes(path, tag, known, attributes)}

    def _attributes(self, path: list[int], tag: str, known: Fields, attributes: Fields) -> Fields:
        """Attributes as they may be kept; `known` are all of the element, which tell what kind of field it is."""
        is_masked = self._covered.is_masked(path)
        keeps = self._covered.keeps_field(path, tag, known)
        kept: Fields = {}
        is_secret = bool(SECRET_NAME.search(plain_name(f"{known.get('name', '')} {known.get('property', '')}")))
        for name, value in attributes.items():
            lower = str(name).lower()
            if lower in ("rr_dataurl", "srcdoc") and is_masked:
                continue
            if not keeps and _is_value(lower):
                if lower not in _CHOSEN and value:
                    kept[name] = MASKED
            elif not isinstance(value, str):
                kept[name] = _scrubbed(value)
            elif lower in _SHAPES:
                kept[name] = value
            elif SECRET_NAME.search(plain_name(lower)) or (lower == "content" and is_secret):
                kept[name] = _SECRET
            elif is_masked and (lower in _TOLD or lower.startswith("data-")):
                kept[name] = _starred(value)
            else:
                kept[name] = _scrub(value)
        return kept

    def _node(self, node: Any, above: list[int] | None = None, around: str = "") -> Any:  # noqa: ANN401  # JSON holds anything
        """A serialized node as it may be kept, with all that is in it; `above` are the ids around it, `around` its parent's tag."""
        if not isinstance(node, dict):
            return None
        own = node.get("id")
        path = [*([own] if isinstance(own, int) else []), *(above or [])]
        tag = str(node.get("tagName") or "").lower()
        if node.get("type") == _ELEMENT:
            attributes = node.get("attributes")
            known: Fields = attributes if isinstance(attributes, dict) else {}
            kept = {n: v for n, v in node.items() if n not in ("childNodes", "attributes")}
            if self._covered.is_hidden(path[:1]):
                sizes = {n: v for n, v in known.items() if n in ("rr_width", "rr_height", "class", "id")}
                return {
                    **kept,
                    "attributes": {**sizes, "style": "background: #bbb; color: transparent"},
                    "childNodes": [],
                }
            self._covered.note(own, known)
            kept["attributes"] = self._attributes(path, tag, known, known)
            around = "masked" if tag == "textarea" and not self._covered.keeps_field(path, tag, known) else tag
        else:
            kept = _scrubbed({n: v for n, v in node.items() if n not in ("childNodes", "textContent")})
            if isinstance(node.get("textContent"), str):
                kept["textContent"] = self._words(node, path, around)
        children = node.get("childNodes")
        if isinstance(children, list):
            # One frame a level: pages nest as deep as somebody likes.
            inside: list[Any] = []
            for child in children:
                inside.append(self._node(child, path, around))  # noqa: PERF401
            kept["childNodes"] = inside
        return kept

    def _words(self, node: Fields, path: list[int], around: str) -> str:
        """The words of a text, comment or CDATA node as they may be kept."""
        text = str(node["textContent"])
        if around == "masked":
            return MASKED
        return (
            _scrub(text)
            if around == "style" or node.get("isStyle")
            else _starred(text)
            if self._covered.is_masked(path)
            else _scrub(text)
        )


def _is_value(name: str) -> bool:
    """Whether an attribute tells what stands in a form field."""
    name = name.lower()
    return name in _VALUES or (name.startswith("data-") and "value" in name)


def _starred(text: str) -> str:
    return _VISIBLE.sub("*", text)


def _scrubbed(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """A value of any shape with its texts scrubbed; nothing is taken out, or the recording would not play."""
    if isinstance(value, dict):
        return {name: _scrubbed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_scrubbed(inner) for inner in value]
    return _scrub(value) if isinstance(value, str) else value


def _scrub(text: str) -> str:
    # Pictures and fonts as bytes hold no words, and are long.
    if not text.startswith("data:image/svg") and text.startswith(
        ("data:image/", "data:font/", "data:audio/", "data:video/", "data:application/font")
    ):
        return text
    return scrub_text(text) if len(text) < _LONG else _scrub_long(text)


@lru_cache(maxsize=64)
def _scrub_long(text: str) -> str:
    # Style sheets come again with each snapshot; keeping many of them would cost memory.
    return scrub_text.__wrapped__(text)
