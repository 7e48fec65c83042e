"""Key figures by period, dimension and value, beside the period before (metrics.md, "Value and decisions")."""

from datetime import date, timedelta

import polars as pl

from pipeline.contracts import TABLES
from pipeline.days import ONE_DAY
from pipeline.metrics.buckets import in_ranges, ranges_of
from pipeline.metrics.like_for_like import Z95
from pipeline.metrics.periods import complete_weeks
from pipeline.product import Product
from pipeline.value.kpi_sums import FIGURES, Window, by_session, sums_of, top_values, windows_of
from pipeline.voice.responses import last_answers, valid_scores, whose
from pipeline.voice.scores import team_names

DAYS, WEEKS = 28, 8
_KEY = ["dimension", "value", "kpi"]
_SUMS = ("y", "x", "yy", "xy", "xx")
# Days back to the first one that any window or what it is compared with reads, and as many for who came back.
_LONGEST = 3 * 28


def windows(days: list[date], product: Product) -> list[Window]:
    """Each of the last 28 days beside the same weekday before, 8 weeks, the last 7 and 28 days beside those before."""
    if not days:
        return []
    week_ends = [last for _, last in complete_weeks(days, product.week_start)][-WEEKS:]
    return [
        *windows_of("day", 1, days[-DAYS:], 7),
        *windows_of("week", 7, week_ends, 7),
        *windows_of("last_7", 7, days[-1:], 7),
        *windows_of("last_28", 28, days[-1:], 28),
    ]


def kpi_results(
    sessions: pl.LazyFrame, activity: pl.LazyFrame, views: pl.LazyFrame, feedback: pl.LazyFrame,
    days: list[date], product: Product,
) -> pl.DataFrame:  # fmt: skip
    """All key figures; `sessions` holds session_kpis of `days`, `views` first_views, `feedback` feedback."""
    table = TABLES["kpi_results"]
    looked = windows(days, product)
    if not looked:
        return table.conform(pl.DataFrame(schema=table.schema))
    oldest = min(days[-1] - ONE_DAY * _LONGEST, min(each.before for each in looked) - ONE_DAY * 28)
    recent = sessions.filter(pl.col("session_day") >= oldest)
    top = top_values(recent)
    # A session stands once for each dimension, and for its pages.
    number = ranges_of(8 * recent.select(pl.len()).collect().item())
    spans = sorted({(w.first, w.last) for w in looked} | {_before(w) for w in looked})
    first_set = next(iter(product.friction.rule_sets))
    seen = views.filter(pl.col("rule_set") == first_set, pl.col("session_day") >= oldest)

    def summed(inside: pl.Expr) -> pl.DataFrame:
        own = recent.filter(inside).collect()
        pages = seen.filter(inside).select("session_key", "page").unique().collect()
        born = activity.filter(inside).group_by("person_key").agg(born=pl.col("day").min()).collect()
        groups = by_session(product, pages, top)
        return pl.concat(
            sums_of(own, born, first, last, groups).with_columns(first=pl.lit(first), last=pl.lit(last))
            for first, last in spans
        )

    parts = pl.concat(in_ranges(summed, number))
    whole = parts.group_by("first", "last", "dimension", "value").agg(pl.all().sum())
    figures = pl.concat([_long(whole), _scores(feedback, spans, product)])
    return table.conform(_compared(_figured(figures), looked, set(days)))


def _before(window: Window) -> tuple[date, date]:
    return window.before, window.before + (window.last - window.first)


def _long(whole: pl.DataFrame) -> pl.DataFrame:
    """One row per figure: `kpi`, `unit`, `scale`, sums as Int128."""
    return pl.concat(
        whole.select(
            "first", "last", "dimension", "value", "n",
            *(pl.col(f"{name}_{suffix}").alias(suffix) for suffix in _SUMS),
            kpi=pl.lit(name), unit=pl.lit(each.unit), scale=pl.lit(each.scale, dtype=pl.Int64),
            is_total=pl.lit(each.bottom is None),
        )
        for name, each in FIGURES.items()
    )  # fmt: skip


def _scores(feedback: pl.LazyFrame, spans: list[tuple[date, date]], product: Product) -> pl.DataFrame:
    """Scores of questions, by person, for everybody; those of the team's surveys aren't told by days."""
    open_ = ~pl.col("survey").is_in(team_names(product))
    answers = whose(valid_scores(last_answers(feedback.filter(pl.col("day") >= min(spans)[0], open_))))
    y, x = pl.col("points").sum().cast(pl.Int128), pl.len().cast(pl.Int128)
    parts: list[pl.DataFrame] = []
    for first, last in spans:
        inside = answers.filter(pl.col("day").is_between(first, last))
        people = inside.group_by("survey", "question", "cluster_key").agg(y=y, x=x)
        products = {"yy": pl.col("y") * pl.col("y"), "xy": pl.col("y") * pl.col("x"), "xx": pl.col("x") * pl.col("x")}
        summed = people.with_columns(**products).group_by("survey", "question").agg(pl.col(_SUMS).sum(), n=pl.len())
        name = pl.concat_str(pl.lit("score: "), "survey", pl.lit("/"), "question")
        parts.append(
            summed.select(
                pl.lit(first).alias("first"), pl.lit(last).alias("last"), dimension=pl.lit(""), value=pl.lit(""),
                n=pl.col("n").cast(pl.Int64), y="y", x="x", yy="yy", xy="xy", xx="xx",
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
        "first", "last", *_KEY, "unit", "figure", "square", people="n", numerator="y",
        denominator=pl.when(~pl.col("is_total")).then("x"),
    )  # fmt: skip


def _compared(figured: pl.DataFrame, looked: list[Window], days: set[date]) -> pl.DataFrame:
    parts: list[pl.DataFrame] = []
    for window in looked:
        now = figured.filter(pl.col("first") == window.first, pl.col("last") == window.last)
        before_first, before_last = _before(window)
        is_there = _all_there(before_first, before_last, days)
        past = figured.filter(pl.col("first") == before_first, pl.col("last") == before_last, pl.lit(is_there)).select(
            *_KEY, figure_before="figure", square_before="square"
        )
        # Who came back is told from the period before, so it must be there too; and one more for what was before.
        length = (window.last - window.first).days + 1
        known = _all_there(window.first - timedelta(days=length), window.last, days)
        known_before = _all_there(before_first - timedelta(days=length), before_last, days)
        is_back = pl.col("kpi").is_in(["retention", "churn"])
        joined = now.join(past, on=_KEY, how="left").with_columns(
            figure=pl.when(~is_back | known).then("figure"),
            figure_before=pl.when(~is_back | known_before).then("figure_before"),
        )
        parts.append(
            joined.with_columns(
                period=pl.lit(window.period), period_start=pl.lit(window.first), period_end=pl.lit(window.last),
                mature=pl.lit(_all_there(window.first, window.last, days)),
            )
        )  # fmt: skip
    change = pl.col("figure") - pl.col("figure_before")
    error = (pl.col("square") + pl.col("square_before")).sqrt()
    return pl.concat(parts).with_columns(
        change=change, change_low=change - Z95 * error, change_high=change + Z95 * error
    )


def _all_there(first: date, last: date, days: set[date]) -> bool:
    return all(first + timedelta(days=i) in days for i in range((last - first).days + 1))
