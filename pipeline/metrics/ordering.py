"""Putting events in order of entity and time, and finding one in each entity's part: compiled passes over arrays."""

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_compiled = numba.njit(cache=True, nogil=True)
# Larger parts are sorted by merging.
_INSERTED = 256


@_compiled
def in_order(key: Ints, t: Ints) -> tuple[Ints, Ints, Ints]:
    """Events by key and time: their places, their times, and where each key begins; linear for keys that are hashes.

    The range of keys is cut into as many parts as there are about events for eight; what falls into one part is sorted
    there, small parts by insertion, which costs little where the time runs on.
    """
    n = len(key)
    places, keys, times = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    if n == 0:
        return places, times, np.empty(0, np.int64)
    low, high = key[0], key[0]
    for i in range(n):
        low, high = min(low, key[i]), max(high, key[i])
    # Differences of keys may exceed 63 bits: they are taken without a sign.
    span = np.uint64(high) - np.uint64(low)
    shift = np.uint64(0)
    # At least two parts: a word can't be shifted by all its 64 bits.
    while (span >> shift) >= np.uint64(n // 8 + 2):
        shift += np.uint64(1)
    parts = np.zeros(np.int64(span >> shift) + 2, np.int64)
    for i in range(n):
        parts[np.int64((np.uint64(key[i]) - np.uint64(low)) >> shift) + 1] += 1
    for p in range(1, len(parts)):
        parts[p] += parts[p - 1]
    filled = parts.copy()
    for i in range(n):
        p = np.int64((np.uint64(key[i]) - np.uint64(low)) >> shift)
        at = filled[p]
        places[at], keys[at], times[at] = i, key[i], t[i]
        filled[p] += 1
    people = 0
    for p in range(len(parts) - 1):
        a, b = parts[p], parts[p + 1]
        if b - a > _INSERTED:
            by_time = np.argsort(times[a:b], kind="mergesort")
            chosen = by_time[np.argsort(keys[a:b][by_time], kind="mergesort")]
            places[a:b], keys[a:b], times[a:b] = places[a:b][chosen], keys[a:b][chosen], times[a:b][chosen]
        else:
            for i in range(a + 1, b):
                place, k, at, j = places[i], keys[i], times[i], i
                while j > a and (keys[j - 1] > k or (keys[j - 1] == k and times[j - 1] > at)):
                    places[j], keys[j], times[j] = places[j - 1], keys[j - 1], times[j - 1]
                    j -= 1
                places[j], keys[j], times[j] = place, k, at
        for i in range(a, b):
            people += i == 0 or keys[i] != keys[i - 1]
    begins = np.empty(people, np.int64)
    people = 0
    for i in range(n):
        if i == 0 or keys[i] != keys[i - 1]:
            begins[people] = i
            people += 1
    return places, times, begins


@_compiled
def touched(begins: Ints, ends: Ints, is_told: NDArray[np.bool_], is_last: bool) -> Ints:
    """Of each stream the place of its first (or last) event that tells something, -1 where none does."""
    found = np.full(len(begins), -1, np.int64)
    for e in range(len(begins)):
        for i in range(begins[e], ends[e]):
            if is_told[i]:
                found[e] = i
                if not is_last:
                    break
    return found
