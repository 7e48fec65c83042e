"""A journey as a flow: a column per step, a block per item, a ribbon per way from one to the next."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

Edge = tuple[str, str, int]
_WIDTH, _HEIGHT, _BLOCK, _GAP = 900, 380, 12, 8


@dataclass(frozen=True)
class Block:
    """An item at one step; `visits` came through it."""

    x: float
    y: float
    height: float
    item: str
    visits: int


@dataclass(frozen=True)
class Ribbon:
    """Visits that went from one block to the next, as an SVG path."""

    path: str
    visits: int
    title: str


@dataclass(frozen=True)
class Flow:
    """Everything that is drawn, in the units of the picture's own box."""

    blocks: list[Block]
    ribbons: list[Ribbon]
    width: int = _WIDTH + 160
    height: int = _HEIGHT
    block_width: int = _BLOCK


def flow_of(edges: Sequence[Edge]) -> Flow:
    """Place the edges of a journey, (source, target, transitions); nodes are written `2_cart`."""
    arriving: dict[str, int] = defaultdict(int)
    leaving: dict[str, int] = defaultdict(int)
    for source, target, visits in edges:
        leaving[source] += visits
        arriving[target] += visits
    sizes = {node: max(arriving[node], leaving[node]) for node in {*arriving, *leaving}}
    columns: dict[int, list[str]] = defaultdict(list)
    for node in sorted(sizes, key=lambda node: (-sizes[node], node)):
        columns[int(node.split("_", 1)[0])].append(node)
    if not columns:
        return Flow([], [])
    most = max(sum(sizes[node] for node in nodes) for nodes in columns.values())
    room = _HEIGHT - _GAP * (max(len(nodes) for nodes in columns.values()) - 1)
    scale = max(room, _HEIGHT / 2) / most
    step = _WIDTH / max(len(columns) - 1, 1) if len(columns) > 1 else 0
    blocks: dict[str, Block] = {}
    for i, position in enumerate(sorted(columns)):
        y = 0.0
        for node in columns[position]:
            height = max(sizes[node] * scale, 1.0)
            blocks[node] = Block(i * step, y, height, node.split("_", 1)[1], sizes[node])
            y += height + _GAP
    return Flow(
        list(blocks.values()),
        _ribbons(edges, blocks, scale),
        height=int(max(b.y + b.height for b in blocks.values())) + 1,
    )


def _ribbons(edges: Sequence[Edge], blocks: dict[str, Block], scale: float) -> list[Ribbon]:
    out_of: dict[str, float] = defaultdict(float)
    into: dict[str, float] = defaultdict(float)
    result: list[Ribbon] = []
    for source, target, visits in sorted(edges, key=lambda edge: (blocks[edge[0]].y, blocks[edge[1]].y)):
        a, b, width = blocks[source], blocks[target], visits * scale
        x0, x1 = a.x + _BLOCK, b.x
        y0, y1 = a.y + out_of[source], b.y + into[target]
        out_of[source] += width
        into[target] += width
        middle = (x0 + x1) / 2
        path = (
            f"M{x0:.1f},{y0:.1f}C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
            f"L{x1:.1f},{y1 + width:.1f}C{middle:.1f},{y1 + width:.1f} {middle:.1f},{y0 + width:.1f} {x0:.1f},{y0 + width:.1f}Z"
        )
        result.append(Ribbon(path, visits, f"{a.item} to {b.item}: {visits:,} visits"))
    return result
