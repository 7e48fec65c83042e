"""The document behind a recording: nodes by id, kept up to date by snapshots and mutations, to find what was clicked.

The model is rrweb's: serialized nodes (0 document, 2 element, 3 text), mutations with adds, removes and attributes.
"""

from collections.abc import Iterator
from typing import Any

_ELEMENT, _DOCUMENT = 2, 0
# No page is as deep; a parent chain that turns in a circle ends here too.
_MAX_DEPTH = 1_000


class Dom:
    """Elements of one window by node id. Memory is bounded by the document's own size."""

    def __init__(self) -> None:
        self._parents: dict[int, int | None] = {}
        self._children: dict[int, dict[int, None]] = {}
        self._elements: dict[int, tuple[str, dict[str, Any]]] = {}
        self._documents: set[int] = set()
        self._framed: set[int] = set()

    def load(self, root: Any) -> None:  # noqa: ANN401  # JSON holds anything
        """Start anew from a full snapshot's root node."""
        self.__init__()
        self._add(root, None)

    def mutate(self, data: dict[str, Any]) -> None:
        """Apply a mutation: removes first, then adds (a move is both), then attributes."""
        for removed in entries(data, "removes"):
            if isinstance(removed.get("id"), int):
                self._cut(removed["id"])
        for added in entries(data, "adds"):
            parent = added.get("parentId")
            self._add(added.get("node"), parent if isinstance(parent, int) else None)
        for changed in entries(data, "attributes"):
            known = self._elements.get(changed["id"]) if isinstance(changed.get("id"), int) else None
            if known is not None and isinstance(changed.get("attributes"), dict):
                known[1].update(changed["attributes"])

    def _add(self, root: Any, parent: int | None) -> None:  # noqa: ANN401  # JSON holds anything
        # A stack and no recursion: documents nest as deep as somebody likes.
        waiting: list[tuple[Any, int | None]] = [(root, parent)]
        while waiting:
            node, above = waiting.pop()
            if not isinstance(node, dict) or not isinstance(node.get("id"), int):
                continue
            own = node["id"]
            self._cut(own)
            self._parents[own] = above
            if above is not None:
                self._children.setdefault(above, {})[own] = None
            if node.get("type") == _DOCUMENT:
                self._documents.add(own)
            elif node.get("type") == _ELEMENT:
                attributes = node.get("attributes")
                self._elements[own] = (
                    str(node.get("tagName") or ""),
                    dict(attributes) if isinstance(attributes, dict) else {},
                )
            if isinstance(node.get("rootId"), int):
                self._framed.add(own)
            children = node.get("childNodes")
            if isinstance(children, list):
                waiting.extend((child, own) for child in reversed(children))

    def _cut(self, own: int) -> None:
        above = self._parents.pop(own, None)
        if above is not None:
            self._children.get(above, {}).pop(own, None)

    def is_top_document(self, node: Any) -> bool:  # noqa: ANN401
        """Whether the id is that of the page itself, and not of a frame in it."""
        return (
            isinstance(node, int)
            and node in self._documents
            and self._parents.get(node) is None
            and node not in self._framed
        )

    def is_framed(self, node: Any) -> bool:  # noqa: ANN401
        """Whether the node lies in a frame, whose positions don't tell where it is in the page."""
        return isinstance(node, int) and node in self._framed

    def element(self, node: Any) -> tuple[str, dict[str, Any]] | None:  # noqa: ANN401
        """Tag and attributes of the element of that id; None if there is none."""
        return self._elements.get(node) if isinstance(node, int) else None

    def path(self, node: Any) -> list[int]:  # noqa: ANN401
        """Ids of the node and of what it stands in, innermost first; none if it is unknown or deeper than any page."""
        result: list[int] = []
        while isinstance(node, int) and node in self._parents:
            result.append(node)
            node = self._parents[node]
            if len(result) > _MAX_DEPTH:
                return []
        return result

    def below(self, node: int) -> Iterator[tuple[int, int | None]]:
        """Ids of the node and of all that stands in it, each with its parent's, parents first."""
        waiting, seen = [node], set[int]()
        while waiting:
            own = waiting.pop()
            if own not in seen:
                seen.add(own)
                yield own, self._parents.get(own)
                waiting.extend(reversed(self._children.get(own, {})))


def entries(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of a mutation; none where there is no list."""
    result = data.get(name)
    return [entry for entry in result if isinstance(entry, dict)] if isinstance(result, list) else []
