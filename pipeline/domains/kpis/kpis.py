"""Key figures by period, dimension and value, beside the period before (docs/definitions/value.md, "Key figures")."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.answers import last_answers, team_names, valid_scores, with_cluster_key
from pipeline.stats.buckets import in_ranges, ranges_of
from pipeline.stats.key_figures import FIGURES, Grid, by_session, grid_to, sums_of, top_values
from pipeline.stats.like_for_like import Z95
from pipeline.stats.periods import complete_weeks

DAYS, WEEKS = 28, 8
_KEY = ["dimension", "value", "kpi"]
_SUMS = ("y", "x", "yy", "xy", "xx")


@dataclass(frozen=True)
class Windows:
    """The windows of a period: the last `shown` of a grid, each beside the one `back` windows before."""

    period: str
    grid: Grid
    shown: int
    back: int = 1


def windows(days: list[date], product: Product) -> list[Windows]:
    """Each of the last 28 days beside the same weekday before, 8 weeks, the last 7 and 28 days beside those before.

    Each grid holds one window more than is compared: who came back is told from the window before.
    """
    if not days:
        return []
    week_ends = [last for _, last in complete_weeks(days, product.week_start)][-WEEKS:]
    weeks = [Windows("week", grid_to(week_ends[-1], 7, len(week_ends) + 2), len(week_ends))] if week_ends else []
    return [
        Windows("day", grid_to(days[-1], 1, DAYS + 8), DAYS, 7),
        *weeks,
        Windows("last_7", grid_to(days[-1], 7, 3), 1),
        Windows("last_28", grid_to(days[-1], 28, 3), 1),
    ]


def kpi_results(
    sessions: pl.LazyFrame, people: pl.LazyFrame, views: pl.LazyFrame, feedback: pl.LazyFrame,
    days: list[date], product: Product,
) -> pl.DataFrame:  # fmt: skip
    """All key figures; `sessions` holds session_kpis of `days`, `people` people_first, `views` first_views, `feedback` feedback."""
    table = TABLES["kpi_results"]
    looked = windows(days, product)
    if not looked:
        return table.conform(pl.DataFrame(schema=table.schema))
    oldest = min(each.grid.first for each in looked)
    recent = sessions.filter(pl.col("session_day") >= oldest)
    top = top_values(recent)
    # A session stands once for each dimension, and for its pages.
    number = ranges_of(8 * recent.select(pl.len()).collect().item())
    seen = views.filter(pl.col("rule_set") == product.friction.first, pl.col("session_day") >= oldest)

    def summed(inside: pl.Expr) -> pl.DataFrame:
        own = recent.filter(inside).collect()
        pages = seen.filter(inside).select("session_key", "page").unique().collect()
        born = people.filter(inside).select("person_key", born="first_day").collect()
        groups = by_session(product, pages, top)
        return pl.concat(
            sums_of(own, born, each.grid, groups).with_columns(period=pl.lit(each.period)) for each in looked
        )

    parts = pl.concat(in_ranges(summed, number))
    whole = parts.group_by("period", "window", "dimension", "value").agg(pl.all().sum())
    figures = _figured(pl.concat([_long(whole, product), _scores(feedback, looked, product)]))
    compared = [_compared(figures.filter(pl.col("period") == each.period), each, set(days)) for each in looked]
    return table.conform(pl.concat(compared))


def _long(whole: pl.DataFrame, product: Product) -> pl.DataFrame:
    """One row per figure: `kpi`, `unit`, `scale`, sums as Int128. Without goals nothing can be converted."""
    return pl.concat(
        whole.select(
            "period", "window", "dimension", "value", "n",
            *(pl.col(f"{name}_{suffix}").alias(suffix) for suffix in _SUMS),
            kpi=pl.lit(name), unit=pl.lit(each.unit), scale=pl.lit(each.scale, dtype=pl.Int64),
            is_total=pl.lit(each.bottom is None),
        )
        for name, each in FIGURES.items()
        if name != "conversion" or product.goals
    )  # fmt: skip


def _scores(feedback: pl.LazyFrame, looked: list[Windows], product: Product) -> pl.DataFrame:
    """Scores of questions, by person, for everybody; those of the team's surveys aren't told."""
    open_ = ~pl.col("survey").is_in(team_names(product))
    oldest = min(each.grid.first for each in looked)
    answers = with_cluster_key(valid_scores(last_answers(feedback.filter(pl.col("day") >= oldest, open_))))
    y, x = pl.col("points").sum().cast(pl.Int128), pl.len().cast(pl.Int128)
    question = ["window", "survey", "question"]
    products = {"yy": pl.col("y") * pl.col("y"), "xy": pl.col("y") * pl.col("x"), "xx": pl.col("x") * pl.col("x")}
    parts: list[pl.DataFrame] = []
    for each in looked:
        inside = answers.filter(pl.col("day").is_between(each.grid.first, each.grid.last))
        people = inside.group_by(each.grid.window("day").alias("window"), "survey", "question", "cluster_key").agg(
            y=y, x=x
        )
        summed = people.with_columns(**products).group_by(question).agg(pl.col(_SUMS).sum(), n=pl.len())
        name = pl.concat_str(pl.lit("score: "), "survey", pl.lit("/"), "question")
        parts.append(
            summed.select(
                pl.lit(each.period).alias("period"), "window", dimension=pl.lit(""), value=pl.lit(""), n=pl.col("n").cast(pl.Int64),
                y="y", x="x", yy="yy", xy="xy", xx="xx",
                kpi=name, unit=pl.lit("points"), scale=pl.lit(1, dtype=pl.Int64), is_total=pl.lit(value=False),
            )
        )  # fmt: skip
    return pl.concat(parts)


def _figured(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `figure` and `square`, its squared standard error: of a total that of a sum over people who come by chance."""
    y, x, scale = (pl.col(name).cast(pl.Float64) for name in ("y", "x", "scale"))
    quotient = y / x
    residual = pl.col("yy").cast(pl.Float64) - 2 * quotient * pl.col("xy").cast(pl.Float64)
    spread = (residual + quotient**2 * pl.col("xx").cast(pl.Float64)).clip(0) / x**2
    known = rows.with_columns(
        figure=pl.when("is_total").then(y / scale).when(x > 0).then(quotient / scale),
        square=pl.when("is_total").then(pl.col("yy").cast(pl.Float64) / scale**2).when(x > 0).then(spread / scale**2),
    )
    return known.select(
        "period", "window", *_KEY, "unit", "figure", "square", people="n", numerator="y",
        denominator=pl.when(~pl.col("is_total")).then("x"), is_total="is_total",
    )  # fmt: skip


def _with_nothing(figured: pl.DataFrame, numbers: list[int]) -> pl.DataFrame:
    """Add the windows of days that are there in which a value has nothing: 0 of what is a total, no quotient."""
    keys = figured.select("period", *_KEY, "unit", "is_total").unique()
    whole = keys.join(pl.DataFrame({"window": numbers}, schema={"window": pl.Int64}), how="cross")
    missing = whole.join(figured, on=["window", *_KEY], how="anti")
    nothing = {name: pl.when("is_total").then(pl.lit(0)) for name in ("figure", "square")}
    zeros = missing.with_columns(
        people=pl.lit(0), numerator=pl.lit(0), denominator=pl.when(~pl.col("is_total")).then(pl.lit(0)), **nothing
    )
    return pl.concat([figured, zeros], how="diagonal_relaxed")


def _compared(figured: pl.DataFrame, looked: Windows, days: set[date]) -> pl.DataFrame:
    """The windows shown, each beside its one before; null where days are missing that a figure needs."""
    grid = looked.grid
    numbers = range(grid.number - looked.shown, grid.number)
    there = [_all_there(grid, window, days) for window in range(grid.number)]
    figured = _with_nothing(figured, [number for number in range(grid.number) if there[number]])
    # Who came back is told from the window before.
    whole = [before and here for before, here in zip([False, *there], there, strict=False)]
    known = pl.DataFrame(
        [
            (n, grid.first_of(n), grid.first_of(n + 1) - ONE_DAY, there[n], there[n - looked.back], whole[n], whole[n - looked.back])
            for n in numbers
        ],
        schema={"window": pl.Int64, "period_start": pl.Date, "period_end": pl.Date, "mature": pl.Boolean, "has_before": pl.Boolean,
                "reported": pl.Boolean, "reported_before": pl.Boolean},
        orient="row",
    )  # fmt: skip
    past = figured.select(pl.col("window") + looked.back, *_KEY, figure_before="figure", square_before="square")
    joined = figured.join(known, on="window").join(past, on=["window", *_KEY], how="left")
    is_back = pl.col("kpi").is_in(["retention", "churn"])
    figure = pl.when(~is_back | pl.col("reported")).then("figure")
    # A window that lacks a day isn't compared with a whole one.
    before = pl.when(pl.col("mature") & pl.col("has_before") & (~is_back | pl.col("reported_before"))).then(
        "figure_before"
    )
    change = pl.col("figure") - pl.col("figure_before")
    error = (pl.col("square") + pl.col("square_before")).sqrt()
    return joined.with_columns(figure=figure, figure_before=before).with_columns(
        change=change, change_low=change - Z95 * error, change_high=change + Z95 * error
    )


def _all_there(grid: Grid, window: int, days: set[date]) -> bool:
    first = grid.first_of(window)
    return all(first + timedelta(days=i) in days for i in range(grid.length))
