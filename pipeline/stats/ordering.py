"""Putting events in order of entity and time, and finding one in each entity's part: compiled passes over arrays."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
WholeNumbers = NDArray[np.signedinteger[Any]]
_compiled = numba.njit(cache=True, nogil=True)
# Larger parts are sorted by merging.
_INSERTED = 256
# Parts that are sorted at a time: their events, about four each, stay in the processor's cache.
_PARTS_AT_A_TIME = 4_096
# More sorted runs than one in so many events: nothing is gained from them.
_RUN_LENGTH = 64


def in_order(key: Ints, t: WholeNumbers, payload: WholeNumbers) -> tuple[Ints, Ints, Ints, Ints]:
    """Events by key and time, equal ones as they came: their places, times and payloads, and where each key begins.

    Times and payloads are whole numbers of any width; a payload of length 0 is none.

    Days are sorted by key, so the events are a few sorted runs, one after the other. The range of keys is cut into
    parts of about four events (keys are hashes), and some thousand parts at a time are taken from all runs and sorted,
    small parts by insertion: linear in the events, and memory is read once from front to back in each run.
    """
    starts = _run_starts(key)
    if len(starts) > len(key) // _RUN_LENGTH + 2:
        return _merged(key, t, payload)
    # NumPy asks for huge pages, compiled code doesn't: without them a third of the time goes into page faults.
    positions, begins = np.empty(len(key), np.int64), np.empty(len(key), np.int64)
    times, payloads = np.empty(len(t), t.dtype), np.empty(len(payload), payload.dtype)
    people = _by_parts(key, t, payload, starts, positions, times, payloads, begins)
    return positions, times, payloads, begins[:people].copy()


@_compiled
def _by_parts(
    key: Ints, t: Ints, payload: Ints, starts: Ints, positions: Ints, times: Ints, payloads: Ints, begins: Ints
) -> int:
    """Fill the last four arrays from the sorted runs that begin at `starts`; how many keys there are."""
    n = len(key)
    low, shift, number = _parts(key)
    ends = np.append(starts[1:], np.int64(n))
    reached = starts.copy()
    room = 8 * _PARTS_AT_A_TIME
    has_payload = len(payload) > 0
    own_keys, own_times = np.empty(room, np.int64), np.empty(room, t.dtype)
    own_positions, own_payloads = np.empty(room, np.int64), np.empty(room, payload.dtype)
    filled = np.zeros(_PARTS_AT_A_TIME + 2, np.int64)
    done, people, before = 0, 0, np.int64(0)
    for first in range(0, number, _PARTS_AT_A_TIME):
        filled[:] = 0
        until = reached.copy()
        for r in range(len(starts)):
            i = until[r]
            while i < ends[r]:
                part = np.int64((np.uint64(key[i]) - low) >> shift) - first
                if part >= _PARTS_AT_A_TIME:
                    break
                filled[part + 2] += 1
                i += 1
            until[r] = i
        for part in range(2, len(filled)):
            filled[part] += filled[part - 1]
        taken = filled[len(filled) - 1]
        if taken > len(own_keys):
            own_keys, own_times = np.empty(2 * taken, np.int64), np.empty(2 * taken, t.dtype)
            own_positions, own_payloads = np.empty(2 * taken, np.int64), np.empty(2 * taken, payload.dtype)
        for r in range(len(starts)):
            for i in range(reached[r], until[r]):
                part = np.int64((np.uint64(key[i]) - low) >> shift) - first
                at = filled[part + 1]
                filled[part + 1] = at + 1
                own_keys[at], own_times[at], own_positions[at] = key[i], t[i], i
                if has_payload:
                    own_payloads[at] = payload[i]
        reached = until
        for part in range(_PARTS_AT_A_TIME):
            _sort(own_keys, own_times, own_positions, own_payloads, filled[part], filled[part + 1])
        for i in range(taken):
            if done == 0 or own_keys[i] != before:
                begins[people] = done
                people += 1
                before = own_keys[i]
            positions[done], times[done] = own_positions[i], own_times[i]
            if has_payload:
                payloads[done] = own_payloads[i]
            done += 1
    return people


@_compiled
def _run_starts(key: Ints) -> Ints:
    """Where a key is smaller than the one before."""
    number = 0
    for i in range(len(key)):
        number += i == 0 or key[i] < key[i - 1]
    starts = np.empty(number, np.int64)
    number = 0
    for i in range(len(key)):
        if i == 0 or key[i] < key[i - 1]:
            starts[number] = i
            number += 1
    return starts


@_compiled
def _parts(key: Ints) -> tuple[np.uint64, np.uint64, np.int64]:
    """The lowest key, by how many bits a difference to it is shifted to give the part, and how many parts there are."""
    low, high = (key[0], key[0]) if len(key) else (np.int64(0), np.int64(0))
    for i in range(len(key)):
        low, high = min(low, key[i]), max(high, key[i])
    # Differences of keys may exceed 63 bits: they are taken without a sign.
    span = np.uint64(high) - np.uint64(low)
    shift = np.uint64(0)
    # At least two parts: a word can't be shifted by all its 64 bits.
    while (span >> shift) >= np.uint64(len(key) // 4 + 2):
        shift += np.uint64(1)
    return np.uint64(low), shift, np.int64(span >> shift) + 1


@_compiled
def _sort(keys: Ints, times: Ints, positions: Ints, payloads: Ints, a: int, b: int) -> None:
    """Sort [a, b) of all four arrays by key and time; equal ones stay as they are."""
    if b - a > _INSERTED:
        by_time = np.argsort(times[a:b], kind="mergesort")
        chosen = by_time[np.argsort(keys[a:b][by_time], kind="mergesort")]
        keys[a:b], times[a:b] = keys[a:b][chosen], times[a:b][chosen]
        positions[a:b], payloads[a:b] = positions[a:b][chosen], payloads[a:b][chosen]
        return
    for i in range(a + 1, b):
        k, at = keys[i], times[i]
        if keys[i - 1] < k or (keys[i - 1] == k and times[i - 1] <= at):
            continue
        position, payload, j = positions[i], payloads[i], i
        while j > a and (keys[j - 1] > k or (keys[j - 1] == k and times[j - 1] > at)):
            keys[j], times[j], positions[j], payloads[j] = keys[j - 1], times[j - 1], positions[j - 1], payloads[j - 1]
            j -= 1
        keys[j], times[j], positions[j], payloads[j] = k, at, position, payload


@_compiled
def _merged(key: Ints, t: Ints, payload: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """`in_order` of events in no order."""
    by_time = np.argsort(t, kind="mergesort")
    positions = by_time[np.argsort(key[by_time], kind="mergesort")]
    begins = np.empty(len(key), np.int64)
    people = 0
    for i in range(len(key)):
        if i == 0 or key[positions[i]] != key[positions[i - 1]]:
            begins[people] = i
            people += 1
    return positions, t[positions], payload[positions] if len(payload) else payload.copy(), begins[:people].copy()


@_compiled
def touched(begins: Ints, ends: Ints, is_reported: NDArray[np.bool_], is_last: bool) -> Ints:
    """Of each stream the place of its first (or last) event that tells something, -1 where none does."""
    result = np.full(len(begins), -1, np.int64)
    for e in range(len(begins)):
        for i in range(begins[e], ends[e]):
            if is_reported[i]:
                result[e] = i
                if not is_last:
                    break
    return result
