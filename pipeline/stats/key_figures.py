"""Sums behind the key figures: per person of a window, squared and summed, by dimension and value.

A figure is a total, or a quotient of two sums; its spread is that between people, whose sessions are no independent
draws. All sums are integers, so they add up over ranges of people in any order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipeline.core.columns import SESSION_DIMENSIONS
from pipeline.core.contract import MICROS
from pipeline.core.product import Product
from pipeline.stats.bits import has_bit
from pipeline.stats.memberships import EVERYBODY, in_segments

OTHER = "Other"
MOST_VALUES = 20


@dataclass(frozen=True)
class KeyFigure:
    """`top` summed over people, by the sum of `bottom` (None: a total); `unit` of the figure, and what divides it."""

    top: str
    bottom: str | None
    unit: str
    scale: int = 1


FIGURES: Mapping[str, KeyFigure] = {
    "people": KeyFigure("one", None, "count"),
    "new_people": KeyFigure("is_new", None, "count"),
    "returning_people": KeyFigure("is_returning", None, "count"),
    "sessions": KeyFigure("sessions", None, "count"),
    "orders": KeyFigure("orders", None, "count"),
    "revenue": KeyFigure("revenue_micros", None, "currency", MICROS),
    "conversion": KeyFigure("sessions_with_goal", "sessions", "share"),
    "bounce_rate": KeyFigure("sessions_bounced", "sessions_with_page_view", "share"),
    "orders_per_person": KeyFigure("orders", "one", "count"),
    "revenue_per_person": KeyFigure("revenue_micros", "one", "currency", MICROS),
    "average_order": KeyFigure("revenue_micros", "orders", "currency", MICROS),
    "sessions_per_person": KeyFigure("sessions", "one", "count"),
    "retention": KeyFigure("came_back", "was_there", "share"),
    "churn": KeyFigure("stayed_away", "was_there", "share"),
    "engaged_seconds": KeyFigure("engaged_ms", "sessions_engaged", "seconds", 1_000),
    "frustration": KeyFigure("friction_score", "sessions", "points"),
}
_COLUMNS = sorted({name for each in FIGURES.values() for name in (each.top, each.bottom) if name})
_FROM_SESSIONS: Mapping[str, pl.Expr] = {
    "sessions": pl.len().cast(pl.Int64),
    "sessions_with_goal": (pl.col("goal_bits") != 0).sum().cast(pl.Int64),
    "sessions_bounced": pl.col("is_bounce").sum().cast(pl.Int64),
    "sessions_with_page_view": pl.col("has_page_view").sum().cast(pl.Int64),
    "orders": pl.col("orders").sum(),
    "revenue_micros": pl.col("revenue_micros").sum(),
    "engaged_ms": pl.col("engaged_ms").sum(),
    "sessions_engaged": pl.col("engaged_ms").count().cast(pl.Int64),
    "friction_score": pl.col("friction_score").sum(),
}


@dataclass(frozen=True)
class Grid:
    """`number` windows of `length` days each, one after the other from `first` on."""

    first: date
    length: int
    number: int

    @property
    def last(self) -> date:
        """The last day of the last window."""
        return self.first + timedelta(days=self.length * self.number - 1)

    def window(self, day: str) -> pl.Expr:
        """The number of the window in which a day lies."""
        return (pl.col(day) - pl.lit(self.first)).dt.total_days().floordiv(self.length)

    def first_of(self, window: int) -> date:
        """The first day of a window."""
        return self.first + timedelta(days=self.length * window)


def grid_to(last: date, length: int, number: int) -> Grid:
    """The grid of `number` windows that ends with `last`."""
    return Grid(last - timedelta(days=length * number - 1), length, number)


Dimensioned = Callable[[pl.DataFrame], Iterable[tuple[str, pl.DataFrame]]]


def sums_of(sessions: pl.DataFrame, born: pl.DataFrame, grid: Grid, groups: Dimensioned) -> pl.DataFrame:
    """Sums by `window`, `dimension` and `value` over people, and who of the window before came back.

    `sessions` holds session_kpis of the grid's days; `groups` gives sessions once per dimension, as `value`. Columns: `n`,
    and for each figure of FIGURES `<figure>_y`, `_x`, `_yy`, `_xy`, `_xx` as Int128.
    """
    inside = sessions.filter(pl.col("session_day").is_between(grid.first, grid.last)).with_columns(
        window=grid.window("session_day")
    )
    here = inside.select("window", "person_key", came_back=pl.lit(1, dtype=pl.Int64)).unique()
    is_new = (grid.window("born") == pl.col("window")).fill_null(value=False).cast(pl.Int64)
    parts: list[pl.DataFrame] = []
    for dimension, own in groups(inside):
        people = (
            own.group_by("window", "value", "person_key").agg(**_FROM_SESSIONS).join(born, on="person_key", how="left")
        )
        known = people.with_columns(one=pl.lit(1, dtype=pl.Int64), is_new=is_new).drop("born")
        counted = known.with_columns(is_returning=1 - pl.col("is_new"))
        past = people.select(pl.col("window") + 1, "value", "person_key").filter(pl.col("window") < grid.number)
        left = past.join(here, on=["window", "person_key"], how="left").with_columns(
            pl.col("came_back").fill_null(0), was_there=pl.lit(1, dtype=pl.Int64)
        )
        whole = pl.concat([counted, left.with_columns(stayed_away=1 - pl.col("came_back"))], how="diagonal")
        parts.append(_squared(whole.with_columns(pl.col(_COLUMNS).fill_null(0)), dimension))
    return pl.concat(parts)


def _squared(people: pl.DataFrame, dimension: str) -> pl.DataFrame:
    wide = people.with_columns(pl.col(_COLUMNS).cast(pl.Int128))
    result: dict[str, pl.Expr] = {"n": pl.col("one").sum().cast(pl.Int64)}
    for name, each in FIGURES.items():
        top, bottom = pl.col(each.top), pl.col(each.bottom) if each.bottom else pl.lit(0, dtype=pl.Int128)
        pairs = {"y": top, "x": bottom, "yy": top * top, "xy": top * bottom, "xx": bottom * bottom}
        result |= {f"{name}_{suffix}": pair.sum() for suffix, pair in pairs.items()}
    return wide.group_by("window", "value").agg(**result).select(pl.lit(dimension).alias("dimension"), pl.all())


def by_session(product: Product, pages: pl.DataFrame, top: Mapping[str, list[str]]) -> Dimensioned:
    """Sessions by everything: each counts where it belongs; segments and pages overlap. `pages`: `session_key`, `page`."""

    def groups(sessions: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
        yield "", sessions.with_columns(value=pl.lit(EVERYBODY))
        for name in SESSION_DIMENSIONS:
            known = pl.when(pl.col(name).is_in(top[name])).then(pl.col(name)).otherwise(pl.lit(OTHER))
            yield name, sessions.with_columns(value=known)
        yield "segment", in_segments(sessions, product).with_columns(value="segment").drop("segment")
        seen = sessions.join(pages.rename({"page": "value"}), on="session_key")
        yield "page", seen
        stages = {page.name: page.stage for page in product.pages if page.stage is not None}
        staged = seen.with_columns(pl.col("value").replace_strict(stages, default=None, return_dtype=pl.String))
        # A session that saw two pages of a stage is one of it.
        yield "page_group", staged.drop_nulls("value").unique(["session_key", "value"])

    return groups


def by_person(product: Product, top: Mapping[str, list[str]]) -> Dimensioned:
    """People by their first session of the window: each counts once in a dimension, so parts add up to the whole."""

    def groups(sessions: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
        ordered = sessions.sort("person_key", "started_at", "session_key")
        yield "", sessions.with_columns(value=pl.lit(EVERYBODY))
        for name in SESSION_DIMENSIONS:
            first = pl.col(name).first().over("window", "person_key")
            yield name, ordered.with_columns(value=pl.when(first.is_in(top[name])).then(first).otherwise(pl.lit(OTHER)))
        for i, segment in enumerate(sorted(product.segments)):
            bits = pl.col("segment_bits").first().over("window", "person_key")
            named = pl.when(has_bit(bits, i)).then(pl.lit(segment)).otherwise(pl.lit(f"not {segment}"))
            yield f"segment {segment}", ordered.with_columns(value=named)

    return groups


def top_values(sessions: pl.LazyFrame) -> dict[str, list[str]]:
    """The most frequent values of each dimension; the others are put together."""
    result: dict[str, list[str]] = {}
    for name in SESSION_DIMENSIONS:
        counted = sessions.group_by(name).len().sort("len", name, descending=[True, False]).collect()
        result[name] = counted.head(MOST_VALUES)[name].to_list()
    return result
