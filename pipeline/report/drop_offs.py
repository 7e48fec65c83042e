"""Where visits end: of those that came to a step of a journey, how many went no further (docs/definitions/journeys.md)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# A journey's edges as in the mart `journey_edges`: source, target, transitions.
Edges = Iterable[tuple[str, str, int]]


@dataclass(frozen=True)
class DropOff:
    """A step of a journey: of the visits that `came` to the item there, `ended` went to no other."""

    step: int
    item: str
    came: int
    ended: int


def drop_offs(edges: Edges, ended_at_once: dict[str, int], steps: int) -> list[DropOff]:
    """Where visits of a journey end, most first; of its last step nobody knows, for what comes later is cut off.

    `edges` must be all of the journey's, and `ended_at_once` says of how many visits an item was the only one.
    """
    came, went = defaultdict[str, int](int), defaultdict[str, int](int)
    for source, target, visits in edges:
        went[source] += visits
        came[target] += visits
    for item, visits in ended_at_once.items():
        came[f"1_{item}"] += visits
    result: list[DropOff] = []
    for node in {*came, *went}:
        place, _, item = node.partition("_")
        if int(place) < steps:
            # To the first step nothing leads: all that went on from it came to it.
            arrived = came[node] + (went[node] if place == "1" else 0)
            result.append(DropOff(int(place), item, arrived, arrived - went[node]))
    return sorted((each for each in result if each.ended), key=lambda each: (-each.ended, each.step, each.item))
