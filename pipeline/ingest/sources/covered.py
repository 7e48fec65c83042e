"""Which elements of a recorded page are masked or hidden: by selectors, and those into which something is typed.

Selectors are matched on elements as they come and as their attributes or their ancestors' change. What was masked once
stays masked until the next snapshot.
"""

import re
from typing import Any

import soupsieve
from bs4 import BeautifulSoup, Tag

from pipeline.core.product_sources import Replay
from pipeline.ingest.scrub_names import kind_of
from pipeline.ingest.sources.dom import Dom
from pipeline.ingest.sources.fields import Fields

_FIELDS = frozenset({"input", "textarea", "select"})
# What shows a value: the chosen one, one to choose, or one that was worked out.
_SHOWN = frozenset({"option", "optgroup", "output", "progress", "meter"})
# Elements of the page's own making that do as fields do; what stands in the first ones is their value.
_TYPED_ROLES = frozenset({"textbox", "searchbox", "combobox", "spinbutton", "option"})
_ROLES = _TYPED_ROLES | {"slider", "progressbar", "meter"}
# Fields whose value is a label that the page gave them.
_LABELS = frozenset({"button", "submit", "reset", "image"})
_ALWAYS = frozenset({"password", "email", "tel"})
_LONG = 1_024
_ID = "footfall-node"
_WORD = re.compile(r"[\w-]+")
# Of these a selector's words don't say which attributes it looks at.
_UNREADABLE = re.compile(r":not|\\")


class Covered:
    """Ids of one window's elements of which not everything may be kept."""

    def __init__(self, rules: Replay) -> None:
        self._rules = rules
        self._mask, self._hide = ", ".join(rules.mask), ", ".join(rules.hide)
        self._words = frozenset(_WORD.findall(f"{self._mask} {self._hide}"))
        self._reads_all = bool(_UNREADABLE.search(f"{self._mask} {self._hide}"))
        self._masked: set[int] = set()
        self._hidden: set[int] = set()
        self._passwords: set[int] = set()

    def begin(self, dom: Dom, root: Any) -> None:  # noqa: ANN401  # JSON holds anything
        """Start anew with a full snapshot; passwords stay what they were, they may be shown just then."""
        self._masked, self._hidden = set(), set()
        self._find(dom, root.get("id") if isinstance(root, dict) else None)

    def added(self, dom: Dom, node: Any, above: list[int]) -> None:  # noqa: ANN401  # JSON holds anything
        """A node came in below `above`, innermost first; none where nobody knows what it stands in."""
        own = node.get("id") if isinstance(node, dict) else None
        if not above and (self._mask or self._hide) and isinstance(own, int):
            self._masked.add(own)
        self._find(dom, own)

    def changed(self, dom: Dom, own: Any, attributes: Fields) -> None:  # noqa: ANN401  # JSON holds anything
        """Attributes of an element changed: it and what stands in it may fit now."""
        if self._may_fit(attributes):
            self._find(dom, own)
        self.note(own, attributes)

    def note(self, own: Any, attributes: Fields, tag: str = "") -> None:  # noqa: ANN401  # JSON holds anything
        """Remember passwords, and elements that may be edited or show a value: it comes as their text."""
        if not isinstance(own, int):
            return
        if str(attributes.get("type")).lower() == "password" or "data-rr-is-password" in attributes:
            self._passwords.add(own)
        may = str(attributes.get("contenteditable", "false")).lower()
        is_value = may != "false" or tag in _SHOWN or attributes.get("role") in _TYPED_ROLES
        if self._rules.inputs == "mask" and is_value:
            self._masked.add(own)

    def is_masked(self, path: list[int]) -> bool:
        """Whether texts are masked in the element whose path that is; of an unknown one they are where selectors are set."""
        is_unknown = not path and bool(self._mask or self._hide)
        return self._rules.texts == "mask" or is_unknown or _is_in(path, self._masked)

    def is_hidden(self, path: list[int]) -> bool:
        """Whether nothing of the element is kept."""
        return _is_in(path, self._hidden)

    def is_away(self, path: list[int]) -> bool:
        """Whether the element is masked or hidden."""
        return self.is_masked(path) or self.is_hidden(path)

    def keeps_field(self, path: list[int], tag: str, attributes: Fields) -> bool:
        """Whether what stands in the form field (or element of the page's own making) may be kept."""
        tag = tag.lower()
        if tag in _SHOWN or "-" in tag or (tag not in _FIELDS and attributes.get("role") in _ROLES):
            return self._rules.inputs == "keep" and not self.is_away(path)
        if tag not in _FIELDS:
            return True
        kind = str(attributes.get("type") or "").lower()
        about = str(attributes.get("autocomplete") or "").lower()
        if (
            kind in _ALWAYS
            or about.startswith(("cc-", "one-time", "current-pass", "new-pass"))
            or kind_of(str(attributes.get("name") or ""))
            or _is_in(path[:1], self._passwords)
        ):
            return False
        return not self.is_away(path) and (self._rules.inputs == "keep" or kind in _LABELS)

    def keeps_typed(self, dom: Dom, own: Any) -> bool:  # noqa: ANN401  # JSON holds anything
        """Whether what was typed into that element may be kept; of one that nobody knows it may be a password."""
        result, path = dom.element(own), dom.path(own)
        if result is None or not self.keeps_field(path, *result):
            return False
        return result[0].lower() in _FIELDS or (self._rules.inputs == "keep" and not self.is_away(path))

    def is_field(self, tag: str, attributes: Fields) -> bool:
        """Whether an element is a form field or does as one does, by its tag or role."""
        return tag.lower() in _FIELDS or tag.lower() in _SHOWN or attributes.get("role") in _ROLES

    def _may_fit(self, attributes: Fields) -> bool:
        reported = (word for name, value in attributes.items() for word in (name, *str(value).split()))
        return bool(self._words) and (self._reads_all or any(word in self._words for word in reported))

    def _find(self, dom: Dom, root: Any) -> None:  # noqa: ANN401  # JSON holds anything
        """Note which elements of that node's tree fit the selectors, looking at what it stands in too."""
        if not (self._mask or self._hide) or not isinstance(root, int):
            return
        soup = BeautifulSoup("", "html.parser")
        tags: dict[int | None, Tag] = {None: soup}
        inner: Tag = soup
        for each in reversed(dom.path(root)[1:]):
            inner = tags[each] = _in(soup, inner, each, dom.element(each))
        for each, above in dom.below(root):
            tags[each] = _in(soup, tags.get(above, inner), each, dom.element(each))
        for selector, ids in ((self._mask, self._masked), (self._hide, self._hidden)):
            if selector:
                ids |= {int(str(tag[_ID])) for tag in soupsieve.select(selector, soup)}


def _in(soup: BeautifulSoup, parent: Tag, own: int, element: tuple[str, Fields] | None) -> Tag:
    """The element as a tag in its parent; of other nodes (documents, texts) the parent."""
    if element is None:
        return parent
    tag, attributes = element
    reported = {str(name): "" if value is True else value for name, value in attributes.items()}
    known = {n: v for n, v in reported.items() if isinstance(v, str) and (n == "class" or len(v) < _LONG)}
    if "class" in known:
        known["class"] = known["class"].split()  # pyright: ignore[reportArgumentType]
    made = soup.new_tag(tag.lower() or "div", attrs={**known, _ID: str(own)})
    parent.append(made)
    return made


def _is_in(path: list[int], ids: set[int]) -> bool:
    return bool(ids) and any(each in ids for each in path)
