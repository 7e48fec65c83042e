"""Funnel attempts as compiled passes over one entity's events in time order (docs/definitions/funnels.md).

An attempt is opened by an event that fits step 0 and takes, greedily, the next event that fits its next step. Of the
attempts at one depth the latest decides what comes: where its window is over, so are all others'. One state per depth
is therefore exact, and a pass is linear in the events. Only who was tainted by an exclusion needs a second memory: the
first attempt at a depth that is still clean.

Depth d means d steps taken. Times are microseconds. `steps` has bit k set where the event fits step k, `exclusions` bit
d where the event ends attempts of depth d; it is empty where nothing is excluded.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_compiled = numba.njit(cache=True, nogil=True)
REMOVED = -1


@_compiled
def _copy(target: Ints, source: Ints, number: int) -> None:
    for i in range(number):
        target[i] = source[i]


@_compiled
def _copy_row(target: Ints, to: int, source: Ints, from_: int, number: int) -> None:
    """As `_copy` of two rows, without the views of them, which cost as much as the copy."""
    for i in range(number):
        target[to, i] = source[from_, i]


@_compiled
def _is_reported_before(a: Ints, b: Ints, number: int) -> bool:
    """The latest entry; of entries of one instant the one whose steps came first."""
    if a[0] != b[0]:
        return a[0] > b[0]
    for i in range(1, number):
        if a[i] != b[i]:
            return a[i] < b[i]
    return False


@_compiled
def ordered_person(  # one state machine, compiled
    t: Ints,
    steps: Ints,
    exclusions: Ints,
    k: int,
    window: int,
    is_strict: bool,  # numba takes no keywords cheaply
    is_first_entry: bool,
    chains: bool,
    ends_attempt: bool,
    entry_from: int,
    entry_to: int,
    times: Ints,
    flags: Flags,
    own: Ints,
    clean: Ints,
) -> int:
    """Depth of the reported attempt and its `times`; 0: nobody entered, REMOVED: taken out by an exclusion.

    Only entries within [entry_from, entry_to) open attempts. `chains`: events of one instant may follow each other.
    `flags` (5 rows), `own` and `clean` (k + 1 rows) are room to work in, made once for all people.
    """
    n, excludes = len(t), len(exclusions) > 0
    flags[:] = False
    alive, tainted, moved = flags[0], flags[1], flags[2]
    # The first attempt that came to a depth and is clean yet, and one that no exclusion can reach any more.
    has_clean, is_safe = flags[3], flags[4]
    deepest_tainted = 0
    entries = 0
    used = np.zeros(0, np.int64)
    i = 0
    while i < n:
        end = i + 1
        same = True
        while end < n and t[end] == t[i]:
            if steps[end] != steps[i] or (excludes and exclusions[end] != exclusions[i]):
                same = False
            end += 1
        now = t[i]
        if same:
            # Where instants don't chain, equal events of one instant are as good as one.
            for j in range(i, end if chains else i + 1):
                m, x = steps[j], exclusions[j] if excludes else np.int64(0)
                if x != 0:
                    for d in range(1, k):
                        if (x >> d) & 1 == 0:
                            continue
                        if has_clean[d] and not is_safe[d] and not ends_attempt:
                            if now - clean[d, 0] > window:
                                is_safe[d] = True
                            else:
                                has_clean[d] = False
                                deepest_tainted = max(deepest_tainted, d)
                        if alive[d] and now - own[d, 0] <= window:
                            if ends_attempt:
                                alive[d] = False
                            else:
                                tainted[d] = True
                                deepest_tainted = max(deepest_tainted, d)
                if is_strict:
                    moved[:] = False
                for d in range(k - 1, 0, -1):
                    if not alive[d] or (m >> d) & 1 == 0 or now - own[d, 0] > window:
                        continue
                    alive[d] = False
                    if tainted[d]:
                        deepest_tainted = max(deepest_tainted, d + 1)
                        continue
                    if alive[d + 1] and not tainted[d + 1] and own[d + 1, 0] == own[d, 0]:
                        # Entered at the same instant and came here before.
                        continue
                    _copy_row(own, d + 1, own, d, d)
                    own[d + 1, d] = now
                    alive[d + 1], tainted[d + 1], moved[d + 1] = True, False, True
                    if d + 1 == k:
                        _copy(times, own[k], k)
                        return k
                    if not has_clean[d + 1]:
                        has_clean[d + 1], is_safe[d + 1] = True, False
                        _copy_row(clean, d + 1, own, d + 1, d + 1)
                if m & 1 and entry_from <= now < entry_to and not (is_first_entry and entries):
                    entries += 1
                    alive[1], tainted[1], moved[1] = True, False, True
                    own[1, 0] = now
                    if k == 1:
                        times[0] = now
                        return 1
                    if not has_clean[1]:
                        has_clean[1], is_safe[1] = True, False
                        clean[1, 0] = now
                if is_strict:
                    for d in range(1, k):
                        # A repeat of the step just taken breaks no chain.
                        if alive[d] and not moved[d] and (m >> (d - 1)) & 1 == 0:
                            alive[d] = False
                            # What has ended, no exclusion reaches.
                            is_safe[d] = has_clean[d]
        else:
            # Events of one instant that fit different steps: in step order, each once per attempt; exclusions and
            # strictness don't look here.
            if len(used) < end - i:
                used = np.zeros(2 * (end - i), np.int64)
            used[:] = 0
            fresh = np.zeros(k + 1, np.bool_)
            had_clean, is_done = has_clean.copy(), False
            was_alive, was_tainted, was_own = alive.copy(), tainted.copy(), own.copy()
            for d in range(1, k):
                alive[d] = False
            attempt = np.zeros(k, np.int64)
            for source in range(-(end - i), k):
                # Below 0: opened by an event of this instant; from 1 on: the attempt at that depth.
                if source == 0:
                    continue
                if source < 0:
                    j = end + source
                    if steps[j] & 1 == 0 or not (entry_from <= now < entry_to) or (is_first_entry and entries):
                        continue
                    entries += 1
                    depth, began, is_tainted = 1, now, False
                    attempt[0] = now
                    used[j - i] = source
                else:
                    if not was_alive[source]:
                        continue
                    depth, began, is_tainted = source, was_own[source, 0], was_tainted[source]
                    _copy(attempt, was_own[source], source)
                origin = depth
                if now - began <= window:
                    while depth < k and (chains or (source > 0 and depth == origin)):
                        best, fewest = -1, np.int64(0)
                        for j in range(i, end):
                            if (steps[j] >> depth) & 1 and used[j - i] != source:
                                later = steps[j] >> (depth + 1)
                                if best < 0 or later < fewest:
                                    best, fewest = j, later
                        if best < 0:
                            break
                        used[best - i] = source
                        attempt[depth] = now
                        depth += 1
                        if is_tainted:
                            break
                if is_tainted and depth > origin:
                    deepest_tainted = max(deepest_tainted, depth)
                    continue
                if depth == k:
                    if not is_done or _is_reported_before(attempt, times, k):
                        _copy(times, attempt, k)
                    is_done = True
                    continue
                is_new = source < 0 or depth > origin
                if (
                    is_new
                    and (not had_clean[depth])
                    and (not has_clean[depth] or _is_reported_before(attempt, clean[depth], depth))
                ):
                    has_clean[depth], is_safe[depth] = True, False
                    _copy(clean[depth], attempt, depth)
                if not fresh[depth] or _is_reported_before(attempt, own[depth], depth):
                    fresh[depth] = True
                    alive[depth], tainted[depth] = True, is_tainted
                    _copy(own[depth], attempt, depth)
            if is_done:
                return k
        i = end
    for d in range(k, 0, -1):
        if deepest_tainted >= d and not has_clean[d]:
            return REMOVED
        if has_clean[d]:
            _copy(times, clean[d], d)
            return d
    return 0


@_compiled
def _takes(step_of: Ints, masks: Ints, number: int, mask: int, k: int) -> bool:
    """Give one more event a step of its own, moving others if need be (augmenting path); whether there is one."""
    masks[number] = mask
    owner = np.full(k, -1, np.int64)
    for event in range(number):
        owner[step_of[event]] = event
    came_from = np.full(k, -2, np.int64)
    queue = np.zeros(k + 1, np.int64)
    head, tail = 0, 0
    for s in range(k):
        if (mask >> s) & 1:
            came_from[s] = -1
            queue[tail] = s
            tail += 1
    while head < tail:
        s = queue[head]
        head += 1
        if owner[s] < 0:
            while came_from[s] >= 0:
                before = came_from[s]
                step_of[owner[before]] = s
                s = before
            step_of[number] = s
            return True
        for other in range(k):
            if came_from[other] == -2 and (masks[owner[s]] >> other) & 1:  # not seen yet
                came_from[other] = s
                queue[tail] = other
                tail += 1
    return False


@_compiled
def unordered_person(
    t: Ints, steps: Ints, exclusions: Ints, k: int, window: int, entry_from: int, entry_to: int, times: Ints
) -> int:
    """Most distinct steps that one event each fits within a window from an event, and when each was added.

    Every event that fits a step opens an attempt; an exclusion inside the window and before completion voids it.
    """
    n, excludes = len(t), len(exclusions) > 0
    deepest, reached = 0, np.int64(0)
    step_of, masks = np.zeros(k, np.int64), np.zeros(k, np.int64)
    own = np.zeros(k, np.int64)
    for i in range(n):
        if steps[i] == 0 or not (entry_from <= t[i] < entry_to):
            continue
        depth, taken, is_void, has_multi = 0, np.int64(0), False, False
        for j in range(i, n):
            if t[j] - t[i] > window:
                break
            if excludes and exclusions[j] != 0 and t[j] > t[i] and _stands_alone(t, steps, exclusions, j):
                is_void = True
                break
            free = steps[j] & ~taken
            if free != 0:
                masks[depth] = steps[j]
                step_of[depth] = _lowest_bit(free)
            elif not has_multi or not _takes(step_of, masks, depth, steps[j], k):
                continue
            taken |= np.int64(1) << step_of[depth]
            if free == 0:
                taken = np.int64(0)
                for event in range(depth + 1):
                    taken |= np.int64(1) << step_of[event]
            has_multi = has_multi or (steps[j] & (steps[j] - 1)) != 0
            own[depth] = t[j]
            depth += 1
            if depth == k:
                break
        if depth == k:
            _copy(times, own, k)
            return k
        if not is_void and (depth > deepest or (depth == deepest and own[depth - 1] < reached)):
            deepest, reached = depth, own[depth - 1]
            _copy(times, own, depth)
    return deepest


@_compiled
def _lowest_bit(mask: int) -> int:
    bit = 0
    while (mask >> bit) & 1 == 0:
        bit += 1
    return bit


@_compiled
def _stands_alone(t: Ints, steps: Ints, exclusions: Ints, j: int) -> bool:
    """Whether all events of the instant of `j` are alike; where they aren't, exclusions don't look."""
    a, b = j, j
    while a > 0 and t[a - 1] == t[j]:
        a -= 1
    while b + 1 < len(t) and t[b + 1] == t[j]:
        b += 1
    for i in range(a, b + 1):
        if steps[i] != steps[j] or exclusions[i] != exclusions[j]:
            return False
    return True


@_compiled
def funnel_pass(
    begins: Ints,
    ends: Ints,
    t: Ints,
    steps: Ints,
    exclusions: Ints,
    k: int,
    window: int,
    form: int,
    is_first_entry: bool,
    chains: bool,
    ends_attempt: bool,
    entry_from: Ints,
    entry_to: Ints,
    depths: Ints,
    times: NDArray[np.int64],
) -> None:
    """One stream after the other, each the events from `begins` up to `ends`; streams may share events.

    `form` 0 ordered, 1 strict, 2 unordered. Fills `depths` and the rows of `times`.
    """
    flags = np.zeros((5, k + 1), np.bool_)
    own, clean = np.zeros((k + 1, k), np.int64), np.zeros((k + 1, k), np.int64)
    for e in range(len(begins)):
        a, b = begins[e], ends[e]
        if form == 2:
            depths[e] = unordered_person(
                t[a:b], steps[a:b], exclusions[a:b], k, window, entry_from[e], entry_to[e], times[e]
            )
        else:
            depths[e] = ordered_person(
                t[a:b], steps[a:b], exclusions[a:b], k, window, form == 1, is_first_entry, chains, ends_attempt,
                entry_from[e], entry_to[e], times[e], flags, own, clean,
            )  # fmt: skip
