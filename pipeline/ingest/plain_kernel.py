"""The compiled pass over plain lines of the canonical format; what it gives is read by plain_lines.py.

A line is plain where every name in it is a column's and comes once, texts hold no escape but that of one character, times are
RFC 3339 with a `T`, a zone and at most six digits of a second, and whole numbers have at most 18 digits. All other lines are
left to the decoder: declining costs time, never a row. `d` are the bytes of all lines, which end with a newline each, so
a scan inside a line stops at it.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.plain_times import NO_TIME, Bytes, time_of

Ints = NDArray[np.int64]
_compiled = numba.njit(cache=True, nogil=True)

# Types of columns.
TEXT, SMALL, LARGE, BOOLEAN, TIME, OBJECT = range(6)
DECLINED = -1
# Where a text lies, how long it is once unescaped, and whether it is escaped, in one number.
PLACE_BITS, LENGTH_MASK = 24, 2**23 - 1
_SPACE, _QUOTE, _COMMA, _MINUS, _ZERO, _NINE, _COLON = 32, 34, 44, 45, 48, 57, 58
_LIST, _ESCAPE, _LIST_END, _BEGIN, _END = 91, 92, 93, 123, 125


@_compiled
def _text(d: Bytes, p: int) -> tuple[int, int]:
    """Where the text that begins at `p` ends (its quote), and how many escapes it holds; -1 where it isn't plain."""
    escapes = 0
    while True:
        while d[p] != _QUOTE and d[p] != _ESCAPE and d[p] >= _SPACE:
            p += 1
        if d[p] == _QUOTE:
            return p, escapes
        # Of escapes those of one character: \" \\ \/ \b \f \n \r \t
        if d[p] != _ESCAPE or d[p + 1] not in (34, 92, 47, 98, 102, 110, 114, 116):
            return -1, escapes
        escapes, p = escapes + 1, p + 2


@_compiled
def _object(d: Bytes, p: int, e: int) -> int:
    """One past the end of the object that begins at `p`, whatever is in it; -1 where it has none in its line."""
    depth = 0
    while p < e:
        if d[p] == _QUOTE:
            p += 1
            while p < e and d[p] != _QUOTE:
                p += 2 if d[p] == _ESCAPE else 1
        elif d[p] in (_BEGIN, _LIST):
            depth += 1
        elif d[p] in (_END, _LIST_END):
            depth -= 1
            if depth == 0:
                return p + 1
        p += 1
    return -1


@_compiled
def _integer(d: Bytes, p: int) -> tuple[int, int]:
    """The whole number at `p` and where it ends; -1 as its end where it isn't plain."""
    is_negative = d[p] == _MINUS
    begin = p + 1 if is_negative else p
    q, value = begin, 0
    while _ZERO <= d[q] <= _NINE and q - begin < 19:
        value, q = value * 10 + d[q] - _ZERO, q + 1
    n = q - begin
    if n < 1 or n > 18 or (d[begin] == _ZERO and (n > 1 or is_negative)):
        return 0, -1
    return (-value if is_negative else value), q


@_compiled
def _is_at(d: Bytes, p: int, words: Bytes, begin: int, size: int) -> bool:
    for i in range(size):
        if d[p + i] != words[begin + i]:
            return False
    return True


@_compiled
def _spaces(d: Bytes, p: int) -> int:
    while d[p] == _SPACE:
        p += 1
    return p


@_compiled
def _name(d: Bytes, p: int, names: Bytes, ends: Ints, slots: Ints, guess: int) -> tuple[int, int]:
    """Which column's name begins at `p`, and one past its quote; -1 where it is none's. `guess` is looked at first."""
    if guess >= 0:
        size = ends[guess + 1] - ends[guess]
        if _is_at(d, p, names, ends[guess], size) and d[p + size] == _QUOTE:
            return guess, p + size + 1
    q, slot = p, 0
    while d[q] != _QUOTE and d[q] != _ESCAPE and d[q] >= _SPACE:
        slot = (slot * 31 + d[q]) & 0xFFFFFF
        q += 1
    slot %= len(slots)
    while d[q] == _QUOTE and slots[slot] >= 0:
        column = slots[slot]
        if q - p == ends[column + 1] - ends[column] and _is_at(d, p, names, ends[column], q - p):
            return column, q + 1
        slot = (slot + 1) % len(slots)
    return -1, p


def slots_of(names: list[bytes]) -> Ints:
    """Where `_name` finds the place of each name."""
    slots = np.full(1024, -1, np.int64)
    for column, name in enumerate(names):
        slot = 0
        for byte in name:
            slot = (slot * 31 + byte) & 0xFFFFFF
        slot %= len(slots)
        while slots[slot] >= 0:
            slot = (slot + 1) % len(slots)
        slots[slot] = column
    return slots


_WORDS = np.frombuffer(b"truefalsenull", np.uint8).copy()


@_compiled
def _value(d: Bytes, p: int, e: int, kind: int) -> tuple[int, int]:
    """The value of a column at `p`, and where it ends; -1 as its end where it isn't plain."""
    if kind in (TEXT, TIME):
        if d[p] != _QUOTE:
            return 0, -1
        end, escapes = _text(d, p + 1)
        size = end - p - 1 - escapes
        if end < 0 or size > LENGTH_MASK:
            return 0, -1
        if kind == TEXT:
            return ((p + 1) << PLACE_BITS) | (size << 1) | (1 if escapes else 0), end + 1
        moment = NO_TIME if escapes else time_of(d, p + 1, end)
        return moment, (-1 if moment == NO_TIME else end + 1)
    if kind == OBJECT:
        end = _object(d, p, e) if d[p] == _BEGIN else -1
        if end < 0 or end - p > LENGTH_MASK:
            return 0, -1
        return (p << PLACE_BITS) | ((end - p) << 1), end
    if kind == BOOLEAN:
        if _is_at(d, p, _WORDS, 0, 4):
            return 1, p + 4
        return 0, (p + 5 if _is_at(d, p, _WORDS, 4, 5) else -1)
    value, end = _integer(d, p)
    if kind == SMALL and (value < -(2**31) or value > 2**31 - 1):
        return 0, -1
    return value, end


@_compiled
def scan(
    d: Bytes, begins: Ints, kinds: Ints, names: Bytes, ends: Ints, slots: Ints, values: NDArray[np.int64], given: Ints
) -> None:
    """Read the lines between `begins` into `values` (column, line); `given` has a bit per column, or DECLINED.

    `names` are the columns' names, one after the other, each between two places of `ends`, and found by `slots`.
    """
    order = np.full(64, -1, np.int64)
    for line in range(len(begins) - 1):
        p, e = begins[line], begins[line + 1] - 1
        while e > p and d[e - 1] in (_SPACE, 9, 13, 10):
            e -= 1
        p = _spaces(d, p)
        given[line] = DECLINED
        if d[p] == _BEGIN:
            given[line] = _line(d, p, e, kinds, names, ends, slots, values, line, order)


@_compiled
def _line(
    d: Bytes, p: int, e: int, kinds: Ints, names: Bytes, ends: Ints, slots: Ints, values: Ints, line: int, order: Ints
) -> int:
    """The bits of the columns that the object d[p:e] gives; DECLINED where it isn't plain. `order`: columns of the line before."""
    seen, given, n = 0, 0, 0
    while True:
        p = _spaces(d, p + 1)
        if d[p] != _QUOTE:
            return DECLINED
        column, p = _name(d, p + 1, names, ends, slots, order[n & 63])
        if column < 0 or (seen >> column) & 1:
            return DECLINED
        order[n & 63] = column
        n, seen = n + 1, seen | (1 << column)
        p = _spaces(d, p)
        if d[p] != _COLON:
            return DECLINED
        p = _spaces(d, p + 1)
        if _is_at(d, p, _WORDS, 9, 4):
            p += 4
        else:
            values[column, line], p = _value(d, p, e, kinds[column])
            if p < 0:
                return DECLINED
            given |= 1 << column
        p = _spaces(d, p)
        if p >= e:
            return DECLINED
        if d[p] == _END:
            return given if p + 1 == e else DECLINED
        if d[p] != _COMMA:
            return DECLINED


@_compiled
def unescaped(d: Bytes, values: Ints, mask: NDArray[np.bool_], offsets: Ints, out: Bytes) -> None:
    """Write the texts of `values` one after the other into `out`, each between two `offsets`; those not in `mask` are empty."""
    at = 0
    for i in range(len(values)):
        offsets[i] = at
        if not mask[i]:
            continue
        p, size = values[i] >> PLACE_BITS, (values[i] & (2**PLACE_BITS - 1)) >> 1
        if not values[i] & 1:
            out[at : at + size] = d[p : p + size]
            at += size
            continue
        for j in range(size):
            byte = d[p]
            if byte == _ESCAPE:
                p += 1
                byte = d[p]
                if byte == 98:
                    byte = 8
                elif byte == 102:
                    byte = 12
                elif byte == 110:
                    byte = 10
                elif byte == 114:
                    byte = 13
                elif byte == 116:
                    byte = 9
            out[at + j] = byte
            p += 1
        at += size
    offsets[len(values)] = at
