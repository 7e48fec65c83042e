"""The pages of the report: what each shows, taken from the marts (docs/marts.md says what the numbers mean)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.product import Product
from pipeline.report import charts
from pipeline.report.flow import Flow, flow_of

Marts = Mapping[str, pl.DataFrame]
_WEEK = timedelta(days=7)
_DARK_FROM = 0.6


@dataclass(frozen=True)
class Tile:
    """A headline number of the last complete week beside the week before."""

    name: str
    value: str
    change: str
    spark: Markup
    meaning: str


@dataclass(frozen=True)
class Section:
    """A part of a page: a heading, what it means, charts and a table."""

    title: str
    meaning: str
    charts: list[Markup] = field(default_factory=list[Markup])
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    flow: Flow | None = None


@dataclass(frozen=True)
class Page:
    """One file of the report."""

    name: str
    title: str
    tiles: list[Tile] = field(default_factory=list[Tile])
    sections: list[Section] = field(default_factory=list[Section])


def pages(product: Product, marts: Marts) -> list[Page]:
    """All pages, in the order of the navigation."""
    return [_overview(product, marts), _retention(product, marts), _funnels(product, marts), _journeys(product, marts)]


def count(value: float | None) -> str:
    """A count as people read it; a dash where there is none."""
    return "–" if value is None else f"{value:,.0f}"  # noqa: RUF001


def share(value: float | None) -> str:
    """A share in per cent with one digit."""
    return "–" if value is None else f"{value:.1%}"  # noqa: RUF001


def duration(seconds: float | None) -> str:
    """A time in its largest sensible unit."""
    if seconds is None:
        return "–"  # noqa: RUF001
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"


_TILES: tuple[tuple[str, str, pl.Expr, Callable[[float | None], str]], ...] = (
    ("People a day", "Mean of the days' active people (DAU).", pl.col("people_active").mean(), count),
    ("New people", "People whose first event ever fell into the week.", pl.col("people_new").sum(), count),
    ("Sessions", "Sessions that began in the week.", pl.col("sessions").sum(), count),
    ("Conversion", "Sessions that reached a goal, of all.", pl.col("sessions_with_goal").sum() / pl.col("sessions").sum(), share),
    ("Bounces", "Sessions of one page view and no goal, of those with a page view.",
     pl.col("sessions_bounced").sum() / pl.col("sessions_with_page_view").sum(), share),
    ("Orders", "Orders of the week's sessions.", pl.col("orders").sum(), count),
    ("Revenue", "Revenue less refunds of the week's sessions.", pl.col("revenue_micros").sum() / 1_000_000, count),
)  # fmt: skip


def _overview(product: Product, marts: Marts) -> Page:
    daily = marts["daily_kpis"].sort("day")
    last = _last_week(daily, product)
    tiles: list[Tile] = []
    for name, meaning, number, shown in _TILES:
        now, before = (_of_week(daily, start, number) for start in (last, last - _WEEK if last else None))
        change = _change(now, before, is_share=shown is share)
        by_day = daily.group_by("day", maintain_order=True).agg(value=number)
        unit = f" {product.currency}" if name == "Revenue" and now is not None else ""
        tiles.append(
            Tile(
                name,
                shown(now) + unit,
                change or "no week before",
                charts.spark(by_day, "day", "value", f"{name} by day") if daily.height else Markup(),
                meaning,
            )
        )
    active = daily.select("day", "people_active", "people_active_7d", "people_active_28d").unpivot(
        index="day", variable_name="window", value_name="people"
    )
    named = active.with_columns(
        pl.col("window").replace({"people_active": "day", "people_active_7d": "7 days", "people_active_28d": "28 days"})
    )
    section = Section(
        "Active people",
        "People with at least one event on the day, in the 7 and in the 28 days ending with it; each person once.",
        [charts.line(named, "day", "people", "window", "Active people by day")] if daily.height else [],
    )
    heading = f"Week from {last:%d %B %Y}" if last else "No complete week yet"
    return Page("index", f"Overview: {heading}", tiles, [section])


def _change(now: float | None, before: float | None, *, is_share: bool) -> str | None:
    """Shares change by points, all else by per cent of what was."""
    if now is None or before is None or (not is_share and not before):
        return None
    points = f"{100 * (now - before):+.1f} points" if is_share else f"{(now - before) / abs(before):+.1%}"
    return f"{points} on the week before"


def _last_week(daily: pl.DataFrame, product: Product) -> date | None:
    """The first day of the last week whose days are all there."""
    days = set(daily["day"])
    offset = 0 if product.week_start == "monday" else 6
    starts = [day for day in days if day.weekday() == offset and {day + timedelta(days=i) for i in range(7)} <= days]
    return max(starts, default=None)


def _of_week(daily: pl.DataFrame, start: date | None, number: pl.Expr) -> float | None:
    if start is None:
        return None
    week = daily.filter(pl.col("day").is_between(start, start + timedelta(days=6)))
    return week.select(number).item() if week.height else None


_BACK = {
    "on": "just so many {0}s later",
    "on_or_after": "so many {0}s later or after that",
    "until": "within so many {0}s",
    "streak": "in each of so many {0}s",
}


def _retention(product: Product, marts: Marts) -> Page:
    cohorts, means = marts["retention_cohorts"], marts["retention_averages"]
    sections: list[Section] = []
    for name in product.retention:
        cells = cohorts.filter(pl.col("retention") == name, pl.col("people_in_cohort") > 0)
        shown = cells.with_columns(
            cohort=pl.format("{} ({})", pl.col("cohort_start").dt.strftime("%d %b %Y"), "people_in_cohort"),
            rate="return_rate",
        ).sort("cohort_start", "offset")
        most = shown.filter(pl.col("offset") > 0)["rate"].max()
        # The cohort's own column is 100 % of itself: it would outshine the others.
        later = shown.filter(pl.col("offset") > 0).with_columns(
            shown=pl.col("rate").map_elements(share, return_dtype=pl.String, skip_nulls=False),
            ink=pl.when(pl.col("rate") > _DARK_FROM * pl.lit(most)).then(pl.lit("white")).otherwise(pl.lit("#202124")),
        )
        ink = pl.when(pl.col("rate").is_null()).then(pl.lit("currentColor")).otherwise("ink")
        average = means.filter(pl.col("retention") == name, pl.col("offset") > 0)
        drawn = (
            [charts.triangle(later.with_columns(ink=ink), f"{name}: share of each cohort that came back")]
            if later.height
            else []
        )
        if average.height:
            drawn.append(charts.rates(average, "offset", "pooled", f"{name}: mean over mature cohorts"))
        unit = cells["period"][0] if cells.height else "period"
        sections.append(
            Section(
                f"Retention: {name}",
                f"Of the people who started in a {unit} (their number in brackets) the share that came back "
                f"{_BACK[product.retention[name].mode].format(unit)}. A dash: that time isn't over yet. The line is the "
                "mean over cohorts whose time is over, by size.",
                drawn,
                ("periods later", "cohorts", "people", "came back", "pooled", "simple"),
                [
                    (
                        str(r["offset"]),
                        count(r["cohorts"]),
                        count(r["people_in_cohort"]),
                        count(r["people_returned"]),
                        share(r["pooled"]),
                        share(r["simple"]),
                    )
                    for r in average.sort("offset").rows(named=True)
                ],
            )
        )
    return Page("retention", "Retention and lifecycle", [], [*sections, _lifecycle(marts), _stickiness(marts)])


def _lifecycle(marts: Marts) -> Section:
    weeks = marts["lifecycle"].filter(pl.col("period") == "week", "mature").sort("period_start").tail(12)
    states = ("new", "returning", "resurrecting", "dormant")
    long = weeks.select(
        pl.col("period_start").dt.strftime("%d %b").alias("start"),
        *(pl.col(f"people_{state}").alias(state) for state in states),
    ).unpivot(index="start", variable_name="state", value_name="people")
    ordered = long.with_columns(
        order=pl.col("state").replace_strict({s: i for i, s in enumerate(states)}, return_dtype=pl.Int64)
    )
    return Section(
        "Lifecycle by week",
        "New: first seen in the week. Returning: active in the week before too. Resurrecting: seen before, but not in the "
        "week before. Dormant, below the line: active in the week before and not in this one.",
        [charts.lifecycle(ordered, "People by lifecycle state and week")] if weeks.height else [],
        ("week from", "new", "returning", "resurrecting", "dormant", "active"),
        [
            (
                f"{r['period_start']:%d %b %Y}",
                *(count(r[f"people_{state}"]) for state in states),
                count(r["people_active"]),
            )
            for r in weeks.rows(named=True)
        ],
    )


def _stickiness(marts: Marts) -> Section:
    recent = marts["stickiness"].filter(
        pl.col("period") == "last_28", pl.col("days_active").is_in((1, 2, 3, 5, 7, 14, 21, 28))
    )
    return Section(
        "Stickiness",
        "People active on so many days or more of the last 28.",
        [],
        ("days or more", "people", "share"),
        [
            (str(r["days_active"]), count(r["people_or_more"]), share(r["share_or_more"]))
            for r in recent.sort("days_active").rows(named=True)
        ],
    )


def _funnels(product: Product, marts: Marts) -> Page:
    sections: list[Section] = []
    for name in product.funnels:
        whole = marts["funnel_steps"].filter(pl.col("funnel") == name, pl.col("period") == "all")
        everybody = whole.filter(pl.col("group") == "").sort("step")
        if everybody.is_empty():
            continue
        bars = everybody.with_columns(
            shown=pl.struct("people_converted", "step_rate", "step").map_elements(_bar_text, return_dtype=pl.String)
        )
        trend = marts["funnel_trends"].filter(pl.col("funnel") == name, "mature").sort("week")
        drawn = [charts.steps(bars, f"{name}: people by step")]
        if trend.height > 1:
            drawn.append(charts.rates(trend, "week", "conversion_rate", f"{name}: conversion by week of entry"))
        sections += [
            Section(
                f"Funnel: {name}",
                f"People who took each step within {product.funnels[name].window_days} days of the first, over the whole "
                "history; times are from the step before. The line: of the people who entered in a week, those who took "
                "the last step, once their window is over.",
                drawn,
                ("step", "people", "of the step before", "of all", "median time", "mean time"),
                [
                    (r["step_name"], count(r["people_converted"]), share(r["step_rate"]), share(r["conversion_rate"]),
                     duration(r["median_seconds_from_previous"]), duration(r["mean_seconds_from_previous"]))
                    for r in everybody.rows(named=True)
                ],
            ),
            *_groups(name, whole.filter(pl.col("group") != "")),
        ]  # fmt: skip
    return Page("funnels", "Funnels", [], sections)


def _bar_text(row: dict[str, Any]) -> str:
    return count(row["people_converted"]) + ("" if row["step"] == 1 else f"  ({share(row['step_rate'])})")


def _groups(name: str, groups: pl.DataFrame) -> list[Section]:
    if groups.is_empty():
        return []
    last = groups["step"].max()
    ends = groups.filter(pl.col("step") == last).sort("people_entered", descending=True)
    rows = [
        (r["group"], count(r["people_entered"]), count(r["people_converted"]), share(r["conversion_rate"]))
        for r in ends.rows(named=True)
    ]
    return [
        Section(
            f"{name} by group",
            "The same funnel by the breakdown of the product file.",
            [],
            ("group", "entered", "took the last step", "conversion"),
            rows,
        )
    ]


def _journeys(product: Product, marts: Marts) -> Page:
    sections: list[Section] = []
    for name in product.journeys:
        found = marts["journey_edges"].filter(pl.col("journey") == name)
        ways = (
            marts["journey_sequences"]
            .filter(pl.col("journey") == name)
            .sort("visits", "way", descending=[True, False])
            .head(10)
        )
        sections.append(
            Section(
                f"Journey: {name}",
                "Visits of the last 28 days, cut at pauses of half an hour; each column is a step, each ribbon as broad as "
                "visits took it. Below: the most frequent whole ways.",
                [],
                ("way", "visits", "people", "share"),
                [(r["way"], count(r["visits"]), count(r["people"]), share(r["share"])) for r in ways.rows(named=True)],
                flow_of(found.select("source", "target", "transitions").rows()),
            )
        )
    return Page("journeys", "Journeys", [], sections)
