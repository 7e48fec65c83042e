"""Recorded rrweb events without what nobody may see: masked before anything is stored (docs/design.md, "Security").

What stands in form fields and editable elements and what is said of it, texts and fields below the product file's
`mask` selectors, all below `hide` selectors, and secrets in addresses and attributes are gone from what is kept; so is
what was typed into a masked field from later addresses (typed.py). Texts become `*` of the same length, so the layout
stays; form fields become five of them, so no length is told. Where a part of the recording is missing and nobody can
say whose a text is, it is masked.

Documentation: rrweb, the types of @rrweb/types (serializedNode, mutationData, inputData).
"""

import re
from typing import Any

from pipeline.core.product_sources import Replay
from pipeline.ingest.scrub import scrub_text, without_personal
from pipeline.ingest.scrub_names import kind_of
from pipeline.ingest.sources.covered import Covered
from pipeline.ingest.sources.dom import Dom, entries
from pipeline.ingest.sources.fields import Fields
from pipeline.ingest.sources.masked_texts import (
    ADDRESSES,
    CHOSEN,
    MASKED,
    NAMED,
    SHAPES,
    is_value,
    is_wording,
    names_secret,
    scrub,
    scrubbed,
    starred,
)
from pipeline.ingest.sources.typed import Typed

_SECRET = "[secret]"  # noqa: S105  # what stands in its place
# Whose text is their value.
_FILLED = frozenset({"textarea", "option", "output", "progress", "meter"})
# Fields into which nobody types.
_CLICKED = frozenset({"radio", "checkbox", "hidden", "button", "submit", "reset", "image", "range", "color", "file"})
_LOOKS_LIKE_ADDRESS = re.compile(r"\S*[/?#=]\S*")
_META, _SNAPSHOT, _INCREMENTAL, _CUSTOM, _PLUGIN = 4, 2, 3, 5, 6
_MUTATION, _INPUT, _CANVAS = 0, 5, 9
_ELEMENT = 2


class Masker:
    """Masks the events of one window. `dom` must know the document as it is after the event."""

    def __init__(self, rules: Replay, dropped_names: frozenset[str]) -> None:
        self._rules = rules
        self._dropped = dropped_names
        self._covered = Covered(rules)
        self._typed = Typed()

    def addresses(self, kind: Any, data: Fields) -> Fields:  # noqa: ANN401  # JSON holds anything
        """The data of an event before anything is read of it, without what was typed in its addresses."""
        href = data.get("href")
        if kind == _META and isinstance(href, str):
            clean = self._typed.without(href)
            self._typed.visited(href)
            return {**data, "href": clean}
        return self._without_typed(data) if kind == _CUSTOM else data

    def _without_typed(self, value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
        if isinstance(value, dict):
            return {name: self._without_typed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._without_typed(inner) for inner in value]
        is_address = isinstance(value, str) and _LOOKS_LIKE_ADDRESS.fullmatch(value)
        return self._typed.without(value) if is_address else value

    def event(self, dom: Dom, kind: Any, data: Fields) -> Fields:  # noqa: ANN401  # JSON holds anything
        """The data of an rrweb event of that type as it may be kept."""
        if kind == _SNAPSHOT:
            self._covered.begin(dom, data.get("node"))
            return {**scrubbed({n: v for n, v in data.items() if n != "node"}), "node": self._node(data.get("node"))}
        if kind == _INCREMENTAL:
            return self._incremental(dom, data)
        if kind == _META and isinstance(data.get("href"), str):
            return {**scrubbed(data), "href": scrub_text(data["href"], "address")}
        if kind == _CUSTOM:
            return without_personal(data, self._dropped)
        if kind == _PLUGIN:
            return {"plugin": data.get("plugin"), "payload": self._console(without_personal(data, self._dropped))}
        return scrubbed(data)

    def _console(self, plugin: Fields) -> Fields:
        """Level and message of the console's plugin; of others (requests with what was sent) nothing."""
        payload = plugin.get("payload")
        if not isinstance(payload, dict) or not str(plugin.get("plugin")).startswith("rrweb/console"):
            return {}
        stated = payload.get("payload")
        # Objects that a page prints hold whatever it has.
        first = [each for each in stated[:1] if isinstance(each, str)] if isinstance(stated, list) else []
        first = first if self._rules.texts == "keep" else []
        return {"level": payload.get("level"), "payload": first, "trace": []}

    def _incremental(self, dom: Dom, data: Fields) -> Fields:
        source = data.get("source")
        if source == _MUTATION:
            return self._mutation(dom, data)
        if source == _INPUT and not self._covered.keeps_typed(dom, data.get("id")):
            self._note_typed((dom.element(data.get("id")) or ("", {}))[1], data.get("id"), data.get("text"))
            return {**scrubbed(data), "text": MASKED if data.get("text") else "", "isChecked": False}
        if source == _CANVAS and self._covered.is_away(dom.path(data.get("id"))):
            # What is drawn may be text.
            return {"source": _CANVAS, "id": data.get("id"), "type": data.get("type"), "commands": []}
        return scrubbed(data)

    def _note_typed(self, known: Fields, field: Any, value: Any) -> None:  # noqa: ANN401  # JSON holds anything
        if str(known.get("type")).lower() not in _CLICKED:
            self._typed.add(field, value)

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
            **scrubbed({n: v for n, v in data.items() if n not in ("adds", "attributes", "texts", "removes")}),
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
        result: list[tuple[str, Fields]] = []
        for i, each in enumerate(path):
            element = dom.element(each)
            if element is not None:
                tag, known = element
                reported = {n: v for n, v in known.items() if n in NAMED} if self._covered.is_away(path[i:]) else known
                if not self._covered.keeps_field(path[i:], tag, known):
                    is_field = self._covered.is_field(tag, known)
                    reported = {n: v for n, v in reported.items() if not (is_value(n) or (is_field and is_wording(n)))}
                result.append((tag, reported))
        return result

    def _around(self, dom: Dom, added: Fields) -> str:
        """Tag of the element that something is added to; `masked` of a field that may not be kept."""
        path = dom.path(added.get("parentId"))
        field = dom.element(path[0]) if path else None
        if field is None:
            return ""
        hides = field[0].lower() in _FILLED and not self._covered.keeps_field(path, *field)
        return "masked" if hides else field[0].lower()

    def _text(self, dom: Dom, changed: Fields) -> str | None:
        """A changed text; of one that nobody knows it can't be told what it stands in."""
        value = changed.get("value")
        if not isinstance(value, str):
            return None
        path = dom.path(changed.get("id"))
        above = dom.element(path[1]) if len(path) > 1 else None
        if above is not None and above[0].lower() == "style":
            return scrub(value)
        # It may stand in a field, or below what a selector masks.
        is_unknown = not path
        if above is not None and above[0].lower() in _FILLED and not self._covered.keeps_field(path, *above):
            return MASKED
        return starred(value) if is_unknown or self._covered.is_masked(path) else scrub(value)

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
        is_private = not keeps and self._covered.is_field(tag, known)
        is_meta = "secret" in (kind_of(str(known.get("name"))), kind_of(str(known.get("property"))))
        for name, value in attributes.items():
            lower = str(name).lower()
            if lower in ("rr_dataurl", "srcdoc") and is_masked:
                continue
            if not keeps and is_value(lower):
                if lower not in CHOSEN and value:
                    kept[name] = MASKED
                if lower == "value" and tag.lower() in ("input", "textarea"):
                    self._note_typed(known, path[0] if path else None, value)
            elif not isinstance(value, str):
                kept[name] = scrubbed(value)
            elif lower in SHAPES:
                kept[name] = value
            elif names_secret(lower, value) or (lower == "content" and is_meta):
                kept[name] = _SECRET
            elif (is_masked or is_private) and is_wording(lower):
                kept[name] = starred(value)
            else:
                kept[name] = self._address(lower, value)
        return kept

    def _address(self, name: str, value: str) -> str:
        """An attribute's value scrubbed, and without what was typed where it is an address."""
        if name not in ADDRESSES or value.startswith("data:"):
            return scrub(value)
        return self._typed.without(scrub_text(value, "address"))

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
            self._covered.note(own, known, tag)
            kept["attributes"] = self._attributes(path, tag, known, known)
            around = "masked" if tag in _FILLED and not self._covered.keeps_field(path, tag, known) else tag
        else:
            kept = scrubbed({n: v for n, v in node.items() if n not in ("childNodes", "textContent")})
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
            scrub(text)
            if around == "style" or node.get("isStyle")
            else starred(text)
            if self._covered.is_masked(path)
            else scrub(text)
        )
