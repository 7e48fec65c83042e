"""Rage clicks under five published rules: bursts of clicks at one place (docs/definitions/friction.md).

A stream holds the clicks of page views, in the total order of each: the columns `by`, `occurred_at` (UTC, microseconds),
`x` and `y` (px), `element` and `label` (texts). Where a position isn't known nothing is near it.
"""

from collections.abc import Sequence
from typing import Literal

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

RageSet = Literal["default", "posthog", "mixpanel", "amplitude", "openreplay"]
RAGE_SETS: tuple[RageSet, ...] = ("default", "posthog", "mixpanel", "amplitude", "openreplay")
_SECOND_US = 1_000_000
_Ints = NDArray[np.int64]
_UNKNOWN = -(2**31)
_BOX_PX = 50
_compiled = numba.njit(cache=True, nogil=True)


def rage_clicks(  # the rule's own numbers
    clicks: pl.LazyFrame,
    by: Sequence[str],
    rule: RageSet = "default",
    *,
    px: int = 30,
    ms: int = 1000,
    least: int = 3,
) -> pl.DataFrame:
    """The clicks of incidents, in order, with `incident` (a number) and `fires`: whether the rule fires at this click.

    `px`, `ms` and `least` are the numbers of the rules `default` and `posthog`; the others have their own. Clicks on
    elements made for repetition are left out by the caller: they break no run.
    """
    ordered = clicks.sort(*by, "occurred_at", maintain_order=True).collect()
    if ordered.is_empty():
        return ordered.with_columns(incident=pl.lit(None, dtype=pl.Int64), fires=pl.lit(value=False)).clear()
    changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in by)
    view = ordered.select((changes | (pl.int_range(pl.len()) == 0)).cum_sum().cast(pl.Int64)).to_series()
    t = ordered["occurred_at"].to_physical()
    # Candidates first: what has no neighbour of its page view within the time is in no burst.
    close = (t.diff() <= max(ms * 1000, _SECOND_US)) & (view.diff() == 0)
    chosen = (close.fill_null(value=False) | close.shift(-1).fill_null(value=False)).arg_true()
    near = ordered[chosen]
    element, label = (near[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy() for name in ("element", "label"))
    x, y = (near[name].fill_null(_UNKNOWN).cast(pl.Int64).to_numpy() for name in ("x", "y"))
    incident, fires = np.full(near.height, -1, np.int64), np.zeros(near.height, np.bool_)
    _bursts(
        view[chosen].to_numpy(), t[chosen].to_numpy(), x, y, element, label, RAGE_SETS.index(rule), px, ms * 1000, least,
        incident, fires,
    )  # fmt: skip
    return near.with_columns(incident=pl.Series(incident), fires=pl.Series(fires)).filter(pl.col("incident") >= 0)


@_compiled
def _is_near(x: _Ints, y: _Ints, a: int, b: int, px: int, is_manhattan: bool) -> bool:
    if x[a] == _UNKNOWN or x[b] == _UNKNOWN or y[a] == _UNKNOWN or y[b] == _UNKNOWN:
        return False
    dx, dy = abs(x[a] - x[b]), abs(y[a] - y[b])
    return dx + dy < px if is_manhattan else dx * dx + dy * dy < px * px


@_compiled
def _goes_on(
    view: _Ints, t: _Ints, x: _Ints, y: _Ints, element: _Ints, label: _Ints, rule: int, px: int, us: int, a: int, i: int
) -> bool:
    """Whether click `i` goes on with the burst that began at click `a`."""
    if view[i] != view[a]:
        return False
    waited = t[i] - t[i - 1]
    if rule == 0:
        return waited <= us and _is_near(x, y, i, i - 1, px, False)
    if rule == 1:
        return waited < us and _is_near(x, y, i, i - 1, px, True)
    if rule == 2:
        return waited < _SECOND_US and _is_near(x, y, i, i - 1, 30, False)
    if rule == 4:
        return waited < 300_000 and label[i] == label[a]
    # Amplitude: within a second of the third click before it, all of the burst in one box.
    third = max(a, i - 3)
    if element[i] != element[a] or t[i] - t[third] >= _SECOND_US or x[i] == _UNKNOWN or x[a] == _UNKNOWN:
        return False
    low_x, high_x, low_y, high_y = x[i], x[i], y[i], y[i]
    for j in range(a, i):
        low_x, high_x = min(low_x, x[j]), max(high_x, x[j])
        low_y, high_y = min(low_y, y[j]), max(high_y, y[j])
    return high_x - low_x <= _BOX_PX and high_y - low_y <= _BOX_PX


@_compiled
def _bursts(
    view: _Ints,
    t: _Ints,
    x: _Ints,
    y: _Ints,
    element: _Ints,
    label: _Ints,
    rule: int,
    px: int,
    us: int,
    least: int,
    incident: _Ints,
    fires: NDArray[np.bool_],
) -> None:
    """Number the clicks of each incident; -1 stays where a click is in none."""
    needed = 4 if rule in (2, 3) else 3 if rule == 4 else least
    number, a, n = 0, 0, len(view)
    while a < n:
        b = a + 1
        while b < n and _goes_on(view, t, x, y, element, label, rule, px, us, a, b):
            b += 1
            if rule == 2 and b - a == needed:
                # Mixpanel's buffer empties when it fires.
                break
        if b - a >= needed:
            incident[a:b] = number
            number += 1
            fires[a + needed - 1] = True
        a = b
