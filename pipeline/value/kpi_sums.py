"""Sums behind the key figures: per person of a window, squared and summed, by dimension and value.

A figure is a total, or a quotient of two sums; its spread is that between people, whose sessions are no independent
draws. All sums are integers, so they add up over ranges of people in any order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipeline.metrics.memberships import EVERYBODY, in_segments
from pipeline.product import Product

OTHER = "Other"
MOST_VALUES = 20
DIMENSIONS = ("device_type", "country", "channel")


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
    "sessions": KeyFigure("sessions", None, "count"),
    "orders": KeyFigure("orders", None, "count"),
    "revenue": KeyFigure("revenue_micros", None, "currency", 1_000_000),
    "conversion": KeyFigure("sessions_with_goal", "sessions", "share"),
    "bounce_rate": KeyFigure("sessions_bounced", "sessions_with_page_view", "share"),
    "orders_per_person": KeyFigure("orders", "one", "count"),
    "revenue_per_person": KeyFigure("revenue_micros", "one", "currency", 1_000_000),
    "average_order": KeyFigure("revenue_micros", "orders", "currency", 1_000_000),
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
class Window:
    """Days of one length: `period` and first day name it, `before` is the first day of what it is compared with."""

    period: str
    first: date
    last: date
    before: date


def windows_of(period: str, length: int, ends: Iterable[date], back: int) -> list[Window]:
    """Windows of `length` days that end on `ends`, compared with those that lie `back` days earlier."""
    return [
        Window(period, first, end, first - timedelta(days=back))
        for end in ends
        if (first := end - timedelta(days=length - 1))
    ]


Dimensioned = Callable[[pl.DataFrame], Iterable[tuple[str, pl.DataFrame]]]


def sums_of(sessions: pl.DataFrame, born: pl.DataFrame, first: date, last: date, groups: Dimensioned) -> pl.DataFrame:
    """Sums by `dimension` and `value` over people of the days from `first` to `last`, and who of the days before came back.

    `sessions` holds session_kpis of these days and as many before; `groups` gives sessions once per dimension, as `value`.
    Columns: `n`, and for each figure of FIGURES `<figure>_y`, `_x`, `_yy`, `_xy`, `_xx` as Int128.
    """
    length = (last - first).days + 1
    now = sessions.filter(pl.col("session_day").is_between(first, last))
    past = sessions.filter(pl.col("session_day").is_between(first - timedelta(days=length), first - timedelta(days=1)))
    here = now["person_key"].unique()
    is_new = pl.col("born").is_between(first, last).fill_null(value=False).cast(pl.Int64)
    parts: list[pl.DataFrame] = []
    for (dimension, own), (_, old) in zip(groups(now), groups(past), strict=True):
        people = own.group_by("value", "person_key").agg(**_FROM_SESSIONS).join(born, on="person_key", how="left")
        counted = people.with_columns(one=pl.lit(1, dtype=pl.Int64), is_new=is_new).drop("born")
        left = old.select("value", "person_key").unique().with_columns(
            was_there=pl.lit(1, dtype=pl.Int64), came_back=pl.col("person_key").is_in(here.implode()).cast(pl.Int64)
        )  # fmt: skip
        whole = pl.concat([counted, left.with_columns(stayed_away=1 - pl.col("came_back"))], how="diagonal")
        parts.append(_squared(whole.with_columns(pl.col(_COLUMNS).fill_null(0)), dimension))
    return pl.concat(parts)


def _squared(people: pl.DataFrame, dimension: str) -> pl.DataFrame:
    wide = people.with_columns(pl.col(_COLUMNS).cast(pl.Int128))
    found: dict[str, pl.Expr] = {"n": pl.col("one").sum().cast(pl.Int64)}
    for name, each in FIGURES.items():
        top, bottom = pl.col(each.top), pl.col(each.bottom) if each.bottom else pl.lit(0, dtype=pl.Int128)
        pairs = {"y": top, "x": bottom, "yy": top * top, "xy": top * bottom, "xx": bottom * bottom}
        found |= {f"{name}_{suffix}": pair.sum() for suffix, pair in pairs.items()}
    return wide.group_by("value").agg(**found).select(pl.lit(dimension).alias("dimension"), pl.all())


def by_session(product: Product, pages: pl.DataFrame, top: Mapping[str, list[str]]) -> Dimensioned:
    """Sessions by everything: each counts where it belongs; segments and pages overlap. `pages`: `session_key`, `page`."""

    def groups(sessions: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
        yield "", sessions.with_columns(value=pl.lit(EVERYBODY))
        for name in DIMENSIONS:
            known = pl.when(pl.col(name).is_in(top[name])).then(pl.col(name)).otherwise(pl.lit(OTHER))
            yield name, sessions.with_columns(value=known)
        yield "segment", in_segments(sessions, product).with_columns(value="segment").drop("segment")
        yield "page", sessions.join(pages.rename({"page": "value"}), on="session_key")

    return groups


def by_person(product: Product, top: Mapping[str, list[str]]) -> Dimensioned:
    """People by the first session of the days: each counts once in a dimension, so parts add up to the whole."""

    def groups(sessions: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
        ordered = sessions.sort("person_key", "started_at", "session_key")
        yield "", sessions.with_columns(value=pl.lit(EVERYBODY))
        for name in DIMENSIONS:
            first = pl.col(name).first().over("person_key")
            yield name, ordered.with_columns(value=pl.when(first.is_in(top[name])).then(first).otherwise(pl.lit(OTHER)))
        for i, segment in enumerate(sorted(product.segments)):
            bits = pl.col("segment_bits").first().over("person_key")
            named = pl.when(bits & (1 << i) != 0).then(pl.lit(segment)).otherwise(pl.lit(f"not {segment}"))
            yield f"segment {segment}", ordered.with_columns(value=named)

    return groups


def top_values(sessions: pl.LazyFrame) -> dict[str, list[str]]:
    """The most frequent values of each dimension; the others are put together."""
    found: dict[str, list[str]] = {}
    for name in DIMENSIONS:
        counted = sessions.group_by(name).len().sort("len", name, descending=[True, False]).collect()
        found[name] = counted.head(MOST_VALUES)[name].to_list()
    return found
