"""A chart's SVG read back as a reader sees it: what stands at which mark of which axis."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, fromstring

_SVG = "{http://www.w3.org/2000/svg}"
_MOVE = re.compile(r"translate\(([-\d.e]+),\s*([-\d.e]+)\)")
_COMMAND = re.compile(r"([MLCHVhvZ])([^MLCHVhvZA]*)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass(frozen=True)
class Mark:
    """A drawn thing: its kind, colour and text, and the points of its outline in the picture's px."""

    kind: str
    colour: str
    text: str
    points: list[tuple[float, float]]

    @property
    def left(self) -> float:
        return min(x for x, _ in self.points)

    @property
    def right(self) -> float:
        return max(x for x, _ in self.points)

    @property
    def top(self) -> float:
        return min(y for _, y in self.points)

    @property
    def bottom(self) -> float:
        return max(y for _, y in self.points)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


class Drawing:
    """`axes["x"]` and `axes["y"]` are the labels and where they stand; `marks` all that is drawn between them."""

    def __init__(self, svg: str) -> None:
        self.axes: dict[str, list[tuple[str, float]]] = {}
        self.marks: list[Mark] = []
        self._walk(fromstring(svg), 0, 0, "")  # noqa: S314  # a picture of ours

    def of(self, kind: str) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind == kind]

    def labels(self, axis: str) -> list[str]:
        """What an axis names, left to right or top to bottom."""
        return [text for text, _ in sorted(self.axes[axis], key=lambda each: each[1])]

    def value(self, axis: str, at: float) -> float:
        """What a place in px reads as on an axis of numbers."""
        (low, x0), *_, (high, x1) = [(_read(text), where) for text, where in self.axes[axis]]
        return low + (at - x0) / (x1 - x0) * (high - low)

    def named(self, axis: str, at: float) -> str:
        """The label of an axis of names that stands next to a place."""
        return min(self.axes[axis], key=lambda each: abs(each[1] - at))[0]

    def _walk(self, node: Element, x: float, y: float, kind: str) -> None:
        if move := _MOVE.search(node.get("transform", "")):
            x, y = x + float(move[1]), y + float(move[2])
        place = node.get("class", "")
        if "role-mark" in place:
            kind = place.split()[0].removeprefix("mark-")
        elif node.get("aria-label", "").startswith(("X-axis", "Y-axis")):
            self.axes[node.get("aria-label", "")[0].lower()] = list(_ticks(node, x, y))
            return
        elif kind and node.get("aria-label"):
            colour = node.get("fill") if node.get("fill") not in (None, "none") else node.get("stroke")
            self.marks.append(Mark(kind, colour or "", node.text or "", [(x + a, y + b) for a, b in _outline(node)]))
        for child in node:
            self._walk(child, x, y, kind)


def _ticks(axis: Element, x: float, y: float) -> Iterator[tuple[str, float]]:
    """The axis' own box is half a px beside the picture's."""
    is_x = axis.get("aria-label", "").startswith("X")
    labels = next(node for node in axis.iter() if "role-axis-label" in node.get("class", "")).iter(f"{_SVG}text")
    lines = next(node for node in axis.iter() if "role-axis-tick" in node.get("class", "")).iter(f"{_SVG}line")
    for label, line in zip(labels, lines, strict=True):
        if (move := _MOVE.search(line.get("transform", ""))) and label.get("opacity") != "0":
            yield label.text or "", (x + float(move[1])) if is_x else (y + float(move[2]))


def _outline(node: Element) -> list[tuple[float, float]]:
    if node.tag == f"{_SVG}line":
        return [(0, 0), (float(node.get("x2", 0)), float(node.get("y2", 0)))]
    path = node.get("d", "")
    # A circle lies around its middle.
    if not path or "A" in path:
        return [(0, 0)]
    points: list[tuple[float, float]] = []
    for command, numbers in _COMMAND.findall(path):
        given = [float(number) for number in _NUMBER.findall(numbers)]
        if command in "MLC":
            points += zip(given[::2], given[1::2], strict=True)
        elif command in "hH":
            points.append((given[0] + (points[-1][0] if command == "h" else 0), points[-1][1]))
        elif command in "vV":
            points.append((points[-1][0], given[0] + (points[-1][1] if command == "v" else 0)))
    return points


def _read(text: str) -> float:
    plain = text.replace(",", "").replace("\u2212", "-").replace("+", "")
    return float(plain.removesuffix("%")) / 100 if plain.endswith("%") else float(plain)
