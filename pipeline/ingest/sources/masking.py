"""Recorded rrweb events without what nobody may see: masked before anything is stored (design.md, "Security").

What stands in form fields, texts and fields below the product file's `mask` selectors, all below `hide` selectors, and
secrets in addresses and attributes are gone from what is kept. Texts become `*` of the same length, so the layout
stays; form fields become five of them, so no length is told. Where a part of the recording is missing and nobody can
say whose a text is, it is masked.

Documentation: rrweb, the types of @rrweb/types (serializedNode, mutationData, inputData).
"""

import re
from functools import lru_cache
from typing import Any

import soupsieve
from bs4 import BeautifulSoup, Tag

from pipeline.ingest.scrub import plain_name, scrub_text, without_personal
from pipeline.ingest.sources.dom import Dom, entries
from pipeline.ingest.sources.fields import Fields
from pipeline.product_sources import Replay

MASKED = "*****"
_SECRET = "[secret]"  # noqa: S105  # what stands in its place
_FIELDS = frozenset({"input", "textarea", "select"})
# Fields whose value is a label that the page gave them.
_LABELS = frozenset({"button", "submit", "reset", "image"})
_ALWAYS = frozenset({"password", "email", "tel"})
_TOLD = frozenset({"title", "alt", "placeholder", "aria-label", "aria-valuetext", "label", "content"})
# Numbers of drawings, some of which look like those of cards.
_SHAPES = frozenset({"d", "points", "transform", "gradienttransform", "viewbox", "stroke-dasharray", "path"})
_SECRET_NAME = re.compile(r"token|csrf|xsrf|secret|password|passwd|nonce|apikey|authorization|sessionid")
_VISIBLE = re.compile(r"\S")
_LONG = 1_024
_META, _SNAPSHOT, _INCREMENTAL, _CUSTOM, _PLUGIN = 4, 2, 3, 5, 6
_MUTATION, _INPUT, _CANVAS = 0, 5, 9
_ELEMENT, _TEXT = 2, 3


class Masker:
    """Masks the events of one window. `dom` must know the document as it is after the event."""

    def __init__(self, rules: Replay, dropped_names: frozenset[str]) -> None:
        self._rules = rules
        self._dropped = dropped_names
        self._mask, self._hide = ", ".join(rules.mask), ", ".join(rules.hide)
        self._masked: set[int] = set()
        self._hidden: set[int] = set()

    def event(self, dom: Dom, kind: Any, data: Fields) -> Fields:  # noqa: ANN401  # JSON holds anything
        """The data of an rrweb event of that type as it may be kept."""
        if kind == _SNAPSHOT:
            self._masked, self._hidden = set(), set()
            self._find(dom, [data.get("node")])
            return {**_scrubbed({n: v for n, v in data.items() if n != "node"}), "node": self._node(data.get("node"))}
        if kind == _INCREMENTAL:
            return self._incremental(dom, data)
        if kind in (_CUSTOM, _PLUGIN):
            kept = without_personal(data, self._dropped)
            payload = kept.get("payload")
            return (
                {**kept, "payload": {**payload, "trace": []}} if kind == _PLUGIN and isinstance(payload, dict) else kept
            )
        return _scrubbed(data)

    def _incremental(self, dom: Dom, data: Fields) -> Fields:
        source = data.get("source")
        if source == _MUTATION:
            return self._mutation(dom, data)
        if source == _INPUT:
            tag, attributes = dom.element(data.get("id")) or ("input", {})
            if not self._keeps_field(dom.path(data.get("id")), tag, attributes):
                return {**_scrubbed(data), "text": MASKED if data.get("text") else "", "isChecked": False}
        if source == _CANVAS and self._rules.texts == "mask":
            # What is drawn may be text.
            return {"source": _CANVAS, "id": data.get("id"), "type": data.get("type"), "commands": []}
        return _scrubbed(data)

    def _mutation(self, dom: Dom, data: Fields) -> Fields:
        added, changed = entries(data, "adds"), entries(data, "attributes")
        for each in added:
            above, node = dom.path(each.get("parentId")), each.get("node")
            if not above and (self._mask or self._hide) and isinstance(node, dict) and isinstance(node.get("id"), int):
                self._masked.add(node["id"])
            self._find(dom, [node], above)
        for each in changed:
            self._find_again(dom, each.get("id"))

        def is_shown(each: Fields, name: str = "parentId") -> bool:
            return not self._is_in(dom.path(each.get(name)), self._hidden)

        return {
            **_scrubbed({n: v for n, v in data.items() if n not in ("adds", "attributes", "texts", "removes")}),
            "texts": [
                {**each, "value": self._text(dom, each)} for each in entries(data, "texts") if is_shown(each, "id")
            ],
            "attributes": [self._attributes_of(dom, each) for each in changed if is_shown(each, "id")],
            "removes": [each for each in entries(data, "removes") if is_shown(each)],
            "adds": [
                {**each, "node": self._node(each.get("node"), dom.path(each.get("parentId")))}
                for each in added
                if is_shown(each)
            ],
        }

    def _text(self, dom: Dom, changed: Fields) -> str | None:
        """A changed text; of one that nobody knows it can't be told what it stands in."""
        value = changed.get("value")
        if not isinstance(value, str):
            return None
        path = dom.path(changed.get("id"))
        above = dom.element(path[1]) if len(path) > 1 else None
        if above is not None and above[0].lower() == "style":
            return _scrub(value)
        is_unknown = not path and bool(self._mask or self._hide)
        if above is not None and above[0].lower() == "textarea" and not self._keeps_field(path, *above):
            return MASKED
        return _starred(value) if is_unknown or self._is_masked(path) else _scrub(value)

    def _attributes_of(self, dom: Dom, changed: Fields) -> Fields:
        attributes = changed.get("attributes")
        path = dom.path(changed.get("id"))
        tag, known = dom.element(changed.get("id")) or ("input", {})
        if not isinstance(attributes, dict):
            return {"id": changed.get("id"), "attributes": {}}
        return {"id": changed.get("id"), "attributes": self._attributes(path, tag, known, attributes)}

    def _attributes(self, path: list[int], tag: str, known: Fields, attributes: Fields) -> Fields:
        """Attributes as they may be kept; `known` are all of the element, which tell what kind of field it is."""
        is_masked = self._is_masked(path)
        keeps = self._keeps_field(path, tag, known)
        kept: Fields = {}
        is_secret = bool(_SECRET_NAME.search(plain_name(f"{known.get('name', '')} {known.get('property', '')}")))
        for name, value in attributes.items():
            lower = str(name).lower()
            if lower in ("value", "checked", "selected") and tag.lower() in (*_FIELDS, "option") and not keeps:
                if lower == "value" and value:
                    kept[name] = MASKED
            elif not isinstance(value, str):
                kept[name] = _scrubbed(value)
            elif lower in _SHAPES:
                kept[name] = value
            elif _SECRET_NAME.search(plain_name(lower)) or (lower == "content" and is_secret):
                kept[name] = _SECRET
            elif is_masked and (lower in _TOLD or lower.startswith("data-")):
                kept[name] = _starred(value)
            else:
                kept[name] = _scrub(value)
        return kept

    def _node(self, node: Any, above: list[int] | None = None) -> Any:  # noqa: ANN401  # JSON holds anything
        """A serialized node as it may be kept, with all that is in it; `above` are the ids around it."""
        if not isinstance(node, dict):
            return None
        own = node.get("id")
        path = [*([own] if isinstance(own, int) else []), *(above or [])]
        if node.get("type") != _ELEMENT:
            kept = _scrubbed({n: v for n, v in node.items() if n not in ("childNodes", "textContent")})
            if isinstance(node.get("textContent"), str):
                text = node["textContent"]
                hides = node.get("type") == _TEXT and not node.get("isStyle") and self._is_masked(path)
                kept["textContent"] = _starred(text) if hides else _scrub(text)
            return self._with_children(kept, node, path)
        tag = str(node.get("tagName") or "")
        attributes = node.get("attributes")
        known: Fields = attributes if isinstance(attributes, dict) else {}
        kept = {n: v for n, v in node.items() if n not in ("childNodes", "attributes")}
        if isinstance(own, int) and own in self._hidden:
            sizes = {n: v for n, v in known.items() if n in ("rr_width", "rr_height", "class", "id")}
            return {**kept, "attributes": {**sizes, "style": "background: #bbb; color: transparent"}, "childNodes": []}
        kept["attributes"] = self._attributes(path, tag, known, known)
        if tag.lower() == "textarea" and not self._keeps_field(path, tag, known):
            inside = entries(node, "childNodes")
            return {
                **kept,
                "childNodes": [{**each, "textContent": MASKED} for each in inside if each.get("type") == _TEXT],
            }
        return self._with_children(kept, node, path)

    def _with_children(self, kept: Fields, node: Fields, path: list[int]) -> Fields:
        children = node.get("childNodes")
        return {**kept, "childNodes": [self._node(c, path) for c in children]} if isinstance(children, list) else kept

    def _keeps_field(self, path: list[int], tag: str, attributes: Fields) -> bool:
        """Whether what stands in the form field may be kept."""
        kind = str(attributes.get("type") or "").lower()
        about = str(attributes.get("autocomplete") or "").lower()
        name = plain_name(str(attributes.get("name") or ""))
        if tag.lower() == "option":
            return self._rules.inputs == "keep" and not self._is_masked(path)
        if tag.lower() not in _FIELDS:
            return True
        if kind in _ALWAYS or about.startswith("cc-") or "card" in name or _SECRET_NAME.search(name):
            return False
        return not self._is_masked(path) and (self._rules.inputs == "keep" or kind in _LABELS)

    def _is_masked(self, path: list[int]) -> bool:
        return self._rules.texts == "mask" or self._is_in(path, self._masked)

    @staticmethod
    def _is_in(path: list[int], ids: set[int]) -> bool:
        return bool(ids) and any(each in ids for each in path)

    def _find(self, dom: Dom, roots: list[Any], above: list[int] | None = None) -> None:
        """Note which elements of these trees fit the selectors."""
        if not self._mask and not self._hide:
            return
        soup = BeautifulSoup("", "html.parser")
        inner: Tag = soup
        for each in reversed(above or []):
            found = dom.element(each)
            if found is not None:
                inner = _below(soup, inner, each, *found)
        waiting = [(root, inner) for root in roots]
        while waiting:
            node, parent = waiting.pop()
            if not isinstance(node, dict):
                continue
            if node.get("type") == _ELEMENT and isinstance(node.get("id"), int):
                attributes = node.get("attributes")
                known: Fields = attributes if isinstance(attributes, dict) else {}
                parent = _below(soup, parent, node["id"], str(node.get("tagName") or ""), known)
            children = node.get("childNodes")
            waiting += [(child, parent) for child in children] if isinstance(children, list) else []
        self._note(soup)

    def _find_again(self, dom: Dom, changed: Any) -> None:  # noqa: ANN401  # JSON holds anything
        found = dom.element(changed)
        if found is not None:
            node = {"type": _ELEMENT, "id": changed, "tagName": found[0], "attributes": found[1]}
            self._find(dom, [node], dom.path(changed)[1:])

    def _note(self, soup: BeautifulSoup) -> None:
        for selector, ids in ((self._mask, self._masked), (self._hide, self._hidden)):
            if selector:
                ids |= {int(str(tag[_ID])) for tag in soupsieve.select(selector, soup)}


_ID = "footfall-node"


def _below(soup: BeautifulSoup, parent: Tag, own: int, tag: str, attributes: Fields) -> Tag:
    known = {str(name): value for name, value in attributes.items() if isinstance(value, str) and len(value) < _LONG}
    if "class" in known:
        known["class"] = known["class"].split()  # pyright: ignore[reportArgumentType]
    made = soup.new_tag(tag.lower() or "div", attrs={**known, _ID: str(own)})
    parent.append(made)
    return made


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
    if text.startswith(("data:image/", "data:font/", "data:audio/", "data:video/", "data:application/font")):
        return text
    return scrub_text(text) if len(text) < _LONG else _scrub_long(text)


@lru_cache(maxsize=64)
def _scrub_long(text: str) -> str:
    # Style sheets come again with each snapshot; keeping many of them would cost memory.
    return scrub_text.__wrapped__(text)
