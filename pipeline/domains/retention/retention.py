"""Who comes back: cohorts of people by period, and in which later periods they return.

Definitions: docs/definitions/retention.md. A stream is a frame with the entity's
columns, `occurred_at` (UTC), `is_start`: whether the event fits the start, and `returns`: how many returning events it is
(true or false will do; a line may stand for several events of one hour).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.stats.periods import Calendar, Unit

Cohort = Literal["recurring", "first_time", "first_ever"]
Mode = Literal["on", "on_or_after", "until", "streak"]
OTHER = "Other"
_START, _RETURN = 1, 2
_ON, _ON_OR_AFTER, _UNTIL, _STREAK = range(4)
_MODES: dict[Mode, int] = {"on": _ON, "on_or_after": _ON_OR_AFTER, "until": _UNTIL, "streak": _STREAK}
_HOURS: dict[Unit, int] = {"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24}
Ints = NDArray[np.int64]
_RETURNS = pl.col("returns").cast(pl.Int64)
_IS_RETURN = _RETURNS > 0


@dataclass(frozen=True)
class RetentionRules:
    """What a cohort is and what counts as coming back.

    Rows are the periods from that of `first` to that of `last`, the last one taken whole. `columns` per row, the cohort
    itself included; None: up to the last row, so that rows grow shorter. `cohort`: an entity is in every row in which
    it starts (recurring), in that of its first start that fits (first_time), or of its first event of the start's name,
    if that fits (first_ever; the stream then needs `is_named`). `mode`: column j means back on just j, on j or later
    (within the grid), until j (in any of 1..j), or on a streak (every one of 1..j). `minimum` returning events a period.
    `brackets`: widths, in periods, of the columns from 1 on. `elapsed`: periods are stretches of 24 h (7, 30 days) from
    the entity's first start in the range instead of the calendar's.
    """

    calendar: Calendar
    first: datetime
    last: datetime
    columns: int | None = None
    cohort: Cohort = "recurring"
    mode: Mode = "on"
    minimum: int = 1
    brackets: tuple[int, ...] = ()
    elapsed: bool = False

    def __post_init__(self) -> None:
        if self.elapsed and self.mode == "on_or_after":
            raise ValueError("`on_or_after` needs calendar periods; elapsed ones have no common last period")
        if self.minimum < 1 or any(width < 1 for width in self.brackets):
            raise ValueError("`minimum` and `brackets` are 1 or more")


def retention(stream: pl.LazyFrame, rules: RetentionRules, by: Sequence[str] = ("person_key",)) -> pl.DataFrame:
    """The whole grid: `cohort` (number of the row's period), `offset` (column), `returned` (entities).

    Offset 0 is the cohort's size, whether or not its people did the returning event then.
    """
    flagged = _flagged(stream, rules, by).sort(*by, "period").collect()
    return _grids(_counted(flagged, rules, by, np.zeros(flagged.height, np.int64), 1), rules)[0]


def _counted(flagged: pl.DataFrame, rules: RetentionRules, by: Sequence[str], group: Ints, groups: int) -> Ints:
    """Counts by group, row and column, of lines in order of `group`, entity and period."""
    top, bottom = _rows_of(rules)
    rows = bottom - top + 1
    columns = rows if rules.columns is None else rules.columns
    changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in by)
    begins = flagged.select(changes | (pl.int_range(pl.len()) == 0)).to_series().arg_true().cast(pl.Int64).to_numpy()
    position = _columns_of(columns if rules.columns is not None or rules.elapsed else rows, rules.brackets)
    # A group's rows follow those of the group before it.
    cells = np.zeros((groups * rows, position.max() + 2), np.int64)
    _count(
        begins,
        np.append(begins[1:], flagged.height).astype(np.int64),
        (flagged["period"] - (0 if rules.elapsed else top)).to_numpy(),
        (flagged["row"] - top).to_numpy() + group * rows,
        flagged["flags"].to_numpy(),
        position,
        _MODES[rules.mode],
        cells,
    )
    return _summed(cells, rules.mode).reshape(groups, rows, -1)


def retained(
    stream: pl.LazyFrame, rules: RetentionRules, cell: tuple[int, int], by: Sequence[str] = ("person_key",)
) -> pl.DataFrame:
    """The entities that a cell of the grid, (cohort, offset), counts: the columns `by`, sorted by them."""
    cohort, offset = cell
    top, bottom = _rows_of(rules)
    flagged = _flagged(stream, rules, by)
    begun = flagged.filter((pl.col("flags") & _START) > 0, pl.col("row") == cohort).select(*by, begin="period")
    if offset == 0:
        return begun.select(by).sort(by).collect()
    position = _columns_of(bottom - top + 1 if rules.columns is None else rules.columns, rules.brackets)
    columns = dict(enumerate(position.tolist()))
    back = flagged.filter((pl.col("flags") & _RETURN) > 0).join(begun, on=list(by), nulls_equal=True)
    placed = back.select(
        *by,
        column=(pl.col("period") - pl.col("begin")).replace_strict(columns, default=None, return_dtype=pl.Int64),
    ).filter(pl.col("column") > 0)
    column = pl.col("column")
    holds = {
        "on": (column == offset).any(),
        "on_or_after": column.max() >= offset,
        "until": column.min() <= offset,
        "streak": column.filter(column <= offset).n_unique() == offset,
    }
    return placed.group_by(by).agg(there=holds[rules.mode]).filter("there").select(by).sort(by).collect()


def _rows_of(rules: RetentionRules) -> tuple[int, int]:
    """Numbers of the first and the last period."""
    return rules.calendar.number_of(rules.first), rules.calendar.number_of(rules.last)


def _flagged(stream: pl.LazyFrame, rules: RetentionRules, by: Sequence[str]) -> pl.LazyFrame:
    """One line per entity and period in which it starts a row, came back, or both."""
    return (_elapsed if rules.elapsed else _by_period)(stream, rules, by, _rows_of(rules))


def _by_period(stream: pl.LazyFrame, rules: RetentionRules, by: Sequence[str], rows: tuple[int, int]) -> pl.LazyFrame:
    """One line per entity and period: where it starts a row (`row` = the period), where it returned."""
    numbered = stream.with_columns(period=rules.calendar.number())
    in_grid = pl.col("period").is_between(*rows)
    if rules.cohort == "recurring":
        starts = numbered.filter("is_start", in_grid).select(*by, "period").unique()
    elif rules.cohort == "first_time":
        starts = numbered.filter("is_start").group_by(by).agg(pl.col("period").min()).filter(in_grid)
    else:
        named = numbered.filter("is_named").sort("occurred_at", maintain_order=True)
        starts = (
            named.group_by(by).agg(pl.col("period", "is_start").first()).filter("is_start", in_grid).drop("is_start")
        )
    back = numbered.filter(_IS_RETURN, in_grid).group_by(*by, "period").agg(times=_RETURNS.sum())
    returns = back.filter(pl.col("times") >= rules.minimum)
    both = pl.concat(
        [
            starts.select(*by, pl.col("period").cast(pl.Int64), flags=pl.lit(_START, dtype=pl.Int64)),
            returns.select(*by, pl.col("period").cast(pl.Int64), flags=pl.lit(_RETURN, dtype=pl.Int64)),
        ]
    )
    return both.group_by(*by, "period").agg(pl.col("flags").sum()).with_columns(row=pl.col("period"))


def _elapsed(stream: pl.LazyFrame, rules: RetentionRules, by: Sequence[str], rows: tuple[int, int]) -> pl.LazyFrame:
    """One line per entity and stretch of time since its first start in the range; `row` is that start's period."""
    numbered = stream.with_columns(row=rules.calendar.number())
    in_grid = pl.col("row").is_between(*rows)
    starts = numbered.filter("is_start", in_grid).sort("occurred_at", maintain_order=True)
    anchors = starts.group_by(by).agg(pl.col("row").first(), anchor=pl.col("occurred_at").first())
    since = pl.col("occurred_at").dt.truncate("1h") - pl.col("anchor").dt.truncate("1h")
    returns = (
        numbered.filter(_IS_RETURN, in_grid)
        .drop("row")
        .join(anchors, on=list(by), nulls_equal=True)
        .with_columns(period=since.dt.total_hours() // _HOURS[rules.calendar.unit])
        .filter(pl.col("occurred_at") > pl.col("anchor"), pl.col("period") > 0)
        .group_by(*by, "row", "period")
        .agg(times=_RETURNS.sum())
        .filter(pl.col("times") >= rules.minimum)
    )
    return pl.concat(
        [
            anchors.select(*by, pl.col("row").cast(pl.Int64), period=pl.lit(0, dtype=pl.Int64), flags=pl.lit(_START, dtype=pl.Int64)),
            returns.select(*by, pl.col("row").cast(pl.Int64), pl.col("period").cast(pl.Int64), flags=pl.lit(_RETURN, dtype=pl.Int64)),
        ]
    )  # fmt: skip


def _columns_of(columns: int, brackets: Sequence[int]) -> Ints:
    """The column of each offset, -1 where it has none."""
    if not brackets:
        return np.arange(columns, dtype=np.int64)
    widths = np.array([1, *brackets], np.int64)
    return np.repeat(np.arange(len(widths), dtype=np.int64), widths)


@numba.njit(cache=True, nogil=True)
def _count(  # noqa: C901, PLR0912, PLR0913, PLR0917  # one pass over people, compiled
    begins: Ints, ends: Ints, period: Ints, row: Ints, flags: Ints, position: Ints, mode: int, cells: Ints
) -> None:
    for e in range(len(begins)):
        for i in range(begins[e], ends[e]):
            if flags[i] & 1 == 0:
                continue
            r = row[i]
            cells[r, 0] += 1
            lowest, highest, streak, before = -1, -1, 0, 0
            for j in range(i + 1, ends[e]):
                offset = period[j] - period[i]
                if flags[j] & 2 == 0 or offset <= 0:
                    continue
                if offset >= len(position):
                    break
                column = position[offset]
                if column == before:
                    continue
                before = column
                if mode == _ON:
                    cells[r, column] += 1
                if lowest < 0:
                    lowest = column
                highest = column
                if column == streak + 1:
                    streak = column
            if mode == _ON_OR_AFTER and highest > 0:
                cells[r, highest] += 1
            elif mode == _UNTIL and lowest > 0:
                cells[r, lowest] += 1
            elif mode == _STREAK and streak > 0:
                cells[r, streak] += 1


def _summed(cells: Ints, mode: Mode) -> Ints:
    """Counts by the deciding column summed to counts per column."""
    later = cells[:, 1:]
    if mode in ("on_or_after", "streak"):
        later = later[:, ::-1].cumsum(axis=1)[:, ::-1]
    elif mode == "until":
        later = later.cumsum(axis=1)
    return np.concatenate([cells[:, :1], later], axis=1)


def _grids(cells: Ints, rules: RetentionRules) -> list[pl.DataFrame]:
    """`cohort`, `offset` and `returned` of each group's grid."""
    top, _ = _rows_of(rules)
    rows, width = cells.shape[1], cells.shape[2] - 1
    shrinks = rules.columns is None and not rules.brackets and not rules.elapsed
    r, c = np.nonzero(_kept(rows, width, shrinks=shrinks))
    return [pl.DataFrame({"cohort": top + r, "offset": c, "returned": each[r, c]}) for each in cells]


def _kept(rows: int, width: int, *, shrinks: bool) -> NDArray[np.bool_]:
    """Which cells of a grid there are: of one that shrinks no column lies beyond the last row."""
    r, c = np.indices((rows, width))
    return (c < rows - r) | (not shrinks)


def grouped_retention(
    stream: pl.LazyFrame,
    rules: RetentionRules,
    value: str,
    limit: int | None = None,
    by: Sequence[str] = ("person_key",),
) -> pl.DataFrame:
    """`retention` per value of the column `value`, which start and return must both bear; "" where an event has none.

    With a `limit` all but the groups with the largest sum of cohorts are called "Other".
    """
    given = stream.with_columns(pl.col(value).cast(pl.String).fill_null("")).collect()
    if rules.cohort == "first_ever":
        # The value of the entity's very first event of the name is its group's.
        given = given.sort("occurred_at", maintain_order=True)
        is_first = pl.col("is_named") & (pl.col("is_named").cum_sum().over(by) == 1)
        given = given.with_columns(is_named=is_first)
    keys = (value, *by)
    flagged = _flagged(given.lazy(), rules, keys).sort(*keys, "period").collect()
    names = flagged[value].unique(maintain_order=True)
    # All groups in one pass: a column may have as many values as there are people.
    group = flagged[value].rle_id().cast(pl.Int64).to_numpy()
    grids = _grids(_counted(flagged, rules, keys, group, len(names)), rules)
    parts = [part.with_columns(pl.lit(name).alias(value)) for name, part in zip(names, grids, strict=True)]
    cells = (
        pl.concat(parts) if parts else retention(given.lazy(), rules, by).with_columns(pl.lit("").alias(value)).clear()
    )
    sizes = cells.filter(offset=0).group_by(value).agg(pl.col("returned").sum())
    ranked = sizes.filter(pl.col("returned") > 0).sort("returned", value, descending=[True, False])[value]
    kept = ranked if limit is None else ranked.head(limit)
    named = pl.when(pl.col(value).is_in(kept.implode())).then(value).otherwise(pl.lit(OTHER)).alias(value)
    known = cells.filter(pl.col(value).is_in(ranked.implode())).with_columns(named)
    return known.group_by(value, "cohort", "offset").agg(pl.col("returned").sum()).sort(value, "cohort", "offset")


def averages(cells: pl.DataFrame) -> pl.DataFrame:
    """Per offset three averages over mature cells (docs/definitions/retention.md, "Averages"): `pooled`, `simple` and `mixpanel`; null without cells.

    `cells`: `offset`, `people_in_cohort`, `people_returned`, `mature`.
    """
    p, c = pl.col("people_in_cohort"), pl.col("people_returned")
    mature = cells.filter("mature", p > 0)
    return (
        mature.group_by("offset")
        .agg(
            pooled=c.sum() / p.sum(),
            simple=(c / p).mean(),
            mixpanel=(p * c).sum() / (p * p).sum(),
        )
        .sort("offset")
    )
