"""New, returning, resurrecting, dormant; and on how many periods people are active (docs/definitions/activity.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import polars as pl

from pipeline.stats.periods import Calendar

Criterion = tuple[Literal["gte", "lte", "exact"], int]


def active_periods(stream: pl.LazyFrame, calendar: Calendar, by: Sequence[str] = ("person_key",)) -> pl.DataFrame:
    """One row per entity and period with an event: `by`, `period`, `times` (events); sorted."""
    numbered = stream.select(*by, period=calendar.number())
    return numbered.group_by(*by, "period").agg(times=pl.len()).sort(*by, "period").collect()


def lifecycle(
    active: pl.DataFrame,
    created: pl.DataFrame,
    calendar: Calendar,
    first: datetime,
    last: datetime,
    by: Sequence[str] = ("person_key",),
) -> pl.DataFrame:
    """Per period from that of `first` to that of `last`: entities by what their activity means.

    `active` as `active_periods` gives it, from one period before the range on; `created`: `by` and `created_at`, when
    the entity was first seen at all. Returns `period`, `new`, `returning`, `resurrecting` and `dormant`, which is
    negative: active in the period before and not in this one.
    """
    top, bottom = calendar.number_of(first), calendar.number_of(last)
    births = created.lazy().select(*by, born=calendar.number("created_at"))
    known = active.lazy().filter(pl.col("period").is_between(top - 1, bottom)).sort(*by, "period")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in by)
    placed = known.with_columns(before=pl.when(same).then(pl.col("period").shift()))
    born = placed.join(births, on=list(by), how="left", nulls_equal=True)
    is_new = (pl.col("born") == pl.col("period")).fill_null(value=False)
    return states(born.select("period", "before", is_new=is_new, entities=pl.lit(1, dtype=pl.Int64)), top, bottom)


def states(steps: pl.LazyFrame, top: int, bottom: int) -> pl.DataFrame:
    """What `lifecycle` returns, of the periods `top` to `bottom`.

    `steps` counts `entities` active in a `period` by the period in which they were active `before` (null: in none), and
    by `is_new`: first seen in this one.
    """
    entities, is_followed = pl.col("entities"), pl.col("before") == pl.col("period") - 1
    counted = steps.group_by("period").agg(
        active=entities.sum(),
        new=entities.filter("is_new").sum(),
        returning=entities.filter(is_followed, ~pl.col("is_new")).sum(),
        followed=entities.filter(is_followed).sum(),
    )
    whole = pl.LazyFrame({"period": range(top - 1, bottom + 1)}, schema={"period": pl.Int64})
    filled = whole.join(counted, on="period", how="left").with_columns(pl.exclude("period").fill_null(0)).sort("period")
    return (
        filled.select(
            "period",
            "new",
            "returning",
            resurrecting=pl.col("active") - pl.col("new") - pl.col("returning"),
            dormant=pl.col("followed") - pl.col("active").shift(),
        )
        .filter(pl.col("period") >= top)
        .collect()
    )


def stickiness(  # noqa: PLR0913  # what the definition names
    active: pl.DataFrame,
    calendar: Calendar,
    first: datetime,
    last: datetime,
    *,
    criterion: Criterion | None = None,
    width: int = 1,
    cumulative: bool = False,
    by: Sequence[str] = ("person_key",),
) -> pl.DataFrame:
    """Entities by the number of periods on which they were active: `periods` from 1 to all of the range, `entities`.

    `criterion` looks at the events within one period. `width` counts several periods as one, from the range's end back.
    `cumulative`: on so many periods or more.
    """
    top, bottom = calendar.number_of(first), calendar.number_of(last)
    inside = active.filter(pl.col("period").is_between(top, bottom))
    buckets = inside.group_by(*by, bucket=(bottom - pl.col("period")) // width).agg(pl.col("times").sum())
    if criterion is not None:
        name, number = criterion
        tests = {"gte": pl.col("times") >= number, "lte": pl.col("times") <= number, "exact": pl.col("times") == number}
        buckets = buckets.filter(tests[name])
    counted = buckets.group_by(by).agg(periods=pl.len().cast(pl.Int64)).group_by("periods").agg(entities=pl.len())
    most = -(-(bottom - top + 1) // width)
    whole = pl.DataFrame({"periods": range(1, most + 1)}, schema={"periods": pl.Int64})
    result = whole.join(counted, on="periods", how="left").sort("periods")
    result = result.with_columns(pl.col("entities").fill_null(0).cast(pl.Int64))
    return result.with_columns(pl.col("entities").cum_sum(reverse=True)) if cumulative else result
