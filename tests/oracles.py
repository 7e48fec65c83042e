"""Slow, obvious computations of the definitions, event by event in plain Python, that the fast ones are compared with.

They share no code with pipeline/. Times are integers.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby

Event = tuple[int, int, int]  # time, bits of the steps it fits, bits of the exclusions it fits


@dataclass
class Attempt:
    times: list[int]
    reached: int  # place in the stream where its last step was taken
    is_tainted: bool = False
    is_alive: bool = True
    used: set[int] = field(default_factory=set)

    def takes(self, k: int, now: int, position: int) -> None:
        """One more step; a tainted attempt stops after it."""
        self.times.append(now)
        self.reached = position
        self.is_alive = self.is_alive and not self.is_tainted and len(self.times) < k


def ordered_funnel(  # noqa: PLR0913
    events: list[Event],
    k: int,
    window: int,
    exclusions: list[tuple[int, int]],
    *,
    is_strict: bool = False,
    first_entry: bool = False,
    chains: bool = True,
    ends_attempt: bool = False,
) -> tuple[int, list[int]] | None:
    """Depth and times of the reported attempt; None where nobody entered or an exclusion took the entity out."""  # fmt: skip
    attempts: list[Attempt] = []
    entries = 0
    position = 0

    def may_enter() -> bool:
        return not (first_entry and entries)

    for now, group in groupby(sorted(events), key=lambda event: event[0]):
        instant = list(group)
        position += 1
        if len(set(instant)) == 1:
            for _, steps, excluded in instant if chains else instant[:1]:
                position += 1
                live = [a for a in attempts if a.is_alive]
                for a in live:
                    depth = len(a.times)
                    hit = any(excluded >> i & 1 and low < depth <= high for i, (low, high) in enumerate(exclusions))
                    if hit and now - a.times[0] <= window:
                        a.is_alive = not ends_attempt
                        a.is_tainted = not ends_attempt
                moved: list[Attempt] = []
                for a in [a for a in live if a.is_alive]:
                    if steps >> len(a.times) & 1 and now - a.times[0] <= window:
                        a.takes(k, now, position)
                        moved.append(a)
                merged(attempts, moved)
                if is_strict:
                    for a in live:
                        if a not in moved and not steps >> (len(a.times) - 1) & 1:
                            a.is_alive = False
                if steps & 1 and may_enter():
                    entries += 1
                    attempts.append(Attempt([now], position, is_alive=k > 1))
        else:
            position += len(instant)
            fresh: list[Attempt] = []
            for i, (_, steps, _) in enumerate(instant):
                if steps & 1 and may_enter():
                    entries += 1
                    fresh.append(Attempt([now], position, is_alive=k > 1, used={i}))
            moved = []
            for a in [a for a in attempts if a.is_alive] + (fresh if chains else []):
                before = len(a.times)
                a.used = a.used if a in fresh else set()
                while a.is_alive and len(a.times) < k and now - a.times[0] <= window:
                    depth = len(a.times)
                    fitting = [
                        (instant[i][1] >> depth + 1, i)
                        for i in range(len(instant))
                        if instant[i][1] >> depth & 1 and i not in a.used
                    ]
                    if not fitting or (not chains and depth > before):
                        break
                    a.used.add(min(fitting)[1])
                    a.takes(k, now, position)
                if len(a.times) > before:
                    moved.append(a)
            attempts += fresh
            merged(attempts, moved)
        # The first clean completion ends it all.
        done = [a for a in attempts if len(a.times) == k and not a.is_tainted]
        if done:
            first = min(a.reached for a in done)
            return k, reported([a for a in done if a.reached == first]).times
    if not attempts:
        return None
    depth = max(len(a.times) for a in attempts)
    clean = [a for a in attempts if len(a.times) == depth and not a.is_tainted]
    if not clean:
        return None
    first = min(a.reached for a in clean)
    return depth, reported([a for a in clean if a.reached == first]).times


def reported(attempts: list[Attempt]) -> Attempt:
    """The latest entry; of entries of one instant the one whose steps came first."""
    return min(attempts, key=lambda a: (-a.times[0], a.times))


def merged(attempts: list[Attempt], moved: list[Attempt]) -> None:
    """Attempts that took the same step at once: the latest entry goes on, earlier ones are forgotten."""
    by_depth: dict[int, list[Attempt]] = defaultdict(list)
    for a in moved:
        if not a.is_tainted:
            by_depth[len(a.times)].append(a)
    for group in by_depth.values():
        latest = reported(group)
        for a in group:
            if a is not latest:
                attempts.remove(a)


def unordered_funnel(events: list[Event], k: int, window: int) -> tuple[int, list[int]] | None:
    """Most distinct steps that can be given an event each within a window from an event; times at which they were."""
    ordered = sorted(events)
    mixed = {now for now, group in groupby(ordered, key=lambda e: e[0]) if len(set(group)) > 1}
    result: list[tuple[int, list[int]]] = []
    for i, (begin, steps, _) in enumerate(ordered):
        if not steps:
            continue
        taken: list[int] = []
        times: list[int] = []
        for now, more, excluded in ordered[i:]:
            if now - begin > window:
                break
            if excluded and now > begin and now not in mixed:
                times = []
                break
            if most_steps([*taken, more], k) > len(taken):
                taken.append(more)
                times.append(now)
                if len(times) == k:
                    break
        if times:
            result.append((len(times), times))
    if not result:
        return None
    deepest = max(depth for depth, _ in result)
    # First to get there, then the earliest entry, which stands first.
    return deepest, min((times for depth, times in result if depth == deepest), key=lambda times: times[-1])


def most_steps(masks: list[int], k: int) -> int:
    """The largest number of steps that can each be given an event of its own."""
    best = {0}
    for mask in masks:
        best |= {given | 1 << s for given in best for s in range(k) if mask >> s & 1 and not given >> s & 1}
    return max(given.bit_count() for given in best)


def retention_grid(  # noqa: PLR0913
    starts: dict[str, list[int]],
    returns: dict[str, list[int]],
    rows: int,
    columns: list[list[int]],
    *,
    kind: str,
    mode: str,
    minimum: int,
) -> Counter[tuple[int, int]]:
    """Cells (row, column): `starts` and `returns` hold periods per person, `columns` the offsets of each column."""
    cells: Counter[tuple[int, int]] = Counter()
    for person, given in starts.items():
        mine = [p for p in given if 0 <= p < rows] if kind == "recurring" else [min(given)]
        often = Counter(p for p in returns.get(person, []) if 0 <= p < rows)
        for row in {p for p in mine if 0 <= p < rows}:
            back = [any(often[row + offset] >= minimum for offset in offsets) for offsets in columns]
            for j in range(len(columns)):
                ranges = {"on": back[j : j + 1], "on_or_after": back[max(j, 1) :], "until": back[1 : j + 1]}
                counted = all(back[1 : j + 1]) if mode == "streak" else any(ranges[mode])
                cells[row, j] += j == 0 or counted
    return cells


def lifecycle_states(
    active: dict[str, set[int]], born: dict[str, int], first: int, last: int
) -> Counter[tuple[int, str]]:
    """(period, state) of everybody, dormant negative."""
    result: Counter[tuple[int, str]] = Counter()
    for person, periods in active.items():
        for p in range(first, last + 1):
            if p in periods:
                state = "new" if born[person] == p else "returning" if p - 1 in periods else "resurrecting"
                result[p, state] += 1
            elif p - 1 in periods:
                result[p, "dormant"] -= 1
    return result


def journey_steps(
    events: list[tuple[int, str]], pause: int, start: str | None, end: str | None, steps: int
) -> list[list[tuple[int, str]]]:
    """The steps looked at, visit by visit, of one person's (time, item)."""
    result: list[list[tuple[int, str]]] = []
    before: int | None = None
    for at, item in events:
        if before is None or at - before >= pause:
            result.append([])
        before = at
        visit = result[-1]
        if visit and visit[-1][1] == item:
            visit[-1] = (at, item)
        else:
            visit.append((at, item))
    shown: list[list[tuple[int, str]]] = []
    for visit in result:
        items = [item for _, item in visit]
        if start is not None:
            if start not in items:
                continue
            visit = visit[items.index(start) :]
        items = [item for _, item in visit]
        if end is not None:
            if end not in items:
                continue
            visit = visit[: items.index(end) + 1]
        if len(visit) > steps:
            if end is None:
                visit = visit[:steps]
            elif start is None:
                visit = visit[-steps:]
            else:
                half = steps // 2
                visit = [*visit[:half], (visit[half][0], "..."), *visit[len(visit) - half :]]
        shown.append(visit)
    return shown
