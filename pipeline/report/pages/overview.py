"""The first page: headline numbers of the last complete week beside the week before."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_of_all
from pipeline.report.business_case import title_of
from pipeline.report.digest import because
from pipeline.report.lately import got_better, people_said
from pipeline.report.page import ReportPage
from pipeline.report.parts import (
    Marts,
    Page,
    Section,
    Tile,
    count,
    figure_text,
    label,
    linked,
    number_text,
    releases_of,
    share,
    theme_names,
)
from pipeline.report.problems import warning
from pipeline.report.provenance import Trust, provenance_text
from pipeline.report.replays import Replays, watch_links
from pipeline.report.yesterday import yesterday

_WEEK = timedelta(days=7)
_WATCHED = 3
_TILES: tuple[tuple[str, str, pl.Expr, Callable[[float | None], str], str], ...] = (
    ("People a day", "Mean of the days' active people (DAU).", pl.col("people_active").mean(), count, "people_active"),
    ("New people", "People whose first event ever fell into the week.", pl.col("people_new").sum(), count, "people_new"),
    ("Sessions", "Sessions that began in the week.", pl.col("sessions").sum(), count, "sessions"),
    ("Conversion", "Sessions that reached a goal, of all.", pl.col("sessions_with_goal").sum() / pl.col("sessions").sum(), share, "goal_rate"),
    ("Bounces", "Sessions of one page view and no goal, of those with a page view.",
     pl.col("sessions_bounced").sum() / pl.col("sessions_with_page_view").sum(), share, "bounce_rate"),
    ("Orders", "Orders of the week's sessions.", pl.col("orders").sum(), count, "orders"),
    ("Revenue", "Revenue less refunds of the week's sessions.", pl.col("revenue").sum(), count, "revenue"),
)  # fmt: skip


def overview(product: Product, marts: Marts, replays: Replays, restatements: pl.DataFrame, trust: Trust) -> Page:
    """Tiles with their days, what changed and why, what to fix and to watch, and active people over time."""
    daily = marts["daily_kpis"].sort("day")
    last = _last_week(daily, product)
    tiles: list[Tile] = []
    for name, meaning, number, shown, column in _TILES:
        if column == "goal_rate" and not product.goals:
            continue
        now, before = (_of_week(daily, start, number) for start in (last, last - _WEEK if last else None))
        change = _change(now, before, is_share=shown is share)
        # The first day of all brings everybody who was there before the data.
        by_day = daily.slice(min(1, max(0, daily.height - 7))).group_by("day", maintain_order=True).agg(value=number)
        unit = f" {product.currency}" if name == "Revenue" and now is not None else ""
        tiles.append(
            Tile(
                name,
                shown(now) + unit,
                change or "no week before",
                charts.spark(by_day, "day", "value", f"{name} by day", releases_of(product))
                if daily.height
                else Markup(),
                meaning,
                provenance_text("daily_kpis", column, product, trust, _restated(restatements, column, last)),
            )
        )
    heading = f"Week from {last:%d %B %Y}" if last else "No complete week yet"
    sentence, section = yesterday(marts["kpis"], product)
    reported = [
        section,
        _changed(product, marts),
        _to_fix(product, marts),
        got_better(product, marts),
        people_said(marts, replays),
        _to_watch(marts, replays),
    ]
    week = linked("The week on one page", "digest") if last else ""
    lead = Markup("{} {}").format(_first(sentence, product, marts), week)
    return Page(
        "index",
        f"Overview: {heading}",
        tiles,
        [*(part for part in reported if part is not None), _active(daily, product, marts)],
        lead=lead,
        warning=warning(marts),
    )


def _first(sentence: str, product: Product, marts: Marts) -> str:
    """What happened, and what waits: the first thing that is read."""
    claimed, names = _claimed(marts)
    if claimed.is_empty():
        return sentence
    top = claimed.row(0, named=True)
    cost = f"{top['cost_per_week']:,.0f}\u00a0{product.currency}"
    return f"{sentence} To fix first: {title_of(top, names)}; waiting costs {cost} a week.".strip()


def _claimed(marts: Marts) -> tuple[pl.DataFrame, dict[str, str]]:
    """Opportunities whose cost is told from chance, by rank; names of themes by their id."""
    claimed = marts["opportunities"].filter(
        "claimed", pl.col("rank").is_not_null(), pl.col("cost_per_week").is_not_null()
    )
    return claimed.sort("rank"), theme_names(marts)


_WINDOWS = {"people_active": ("day", 1), "people_active_7d": ("7 days", 7), "people_active_28d": ("28 days", 28)}


def _active(daily: pl.DataFrame, product: Product, marts: Marts) -> Section:
    """Active people by day; a window's line begins with the first day on which the data fill it."""
    first = pl.col("day").min()
    parts = [
        daily.filter(pl.col("day") >= first + timedelta(days=length - 1)).select(
            "day", people=column, window=pl.lit(name)
        )
        for column, (name, length) in _WINDOWS.items()
        # A window that the data fill on one day only is no line.
        if length == 1 or daily.height > length
    ]
    drawn = charts.line(
        pl.concat(parts), ("day", "people", "window"), "Active people by day", releases=releases_of(product)
    ) if daily.height else None  # fmt: skip
    return Section(
        "Active people",
        "People with at least one event on the day, in the 7 and in the 28 days ending with it; each person once. A line begins where "
        "the data fill its days.",
        [drawn] if drawn else [],
        ask=asking_of_all(marts),
    )


def _restated(restatements: pl.DataFrame, column: str, week: date | None) -> str:
    """Which days of the week's number were restated."""
    rows = restatements.filter(pl.col("mart") == "daily_kpis", pl.col("column") == column)
    days = {str(week + timedelta(days=i)) for i in range(7)} if week else set[str]()
    own = [r for r in rows.rows(named=True) if json.loads(r["key"])["day"] in days]
    return "; ".join(
        f"Restated {json.loads(r['key'])['day']}: {number_text(r['old'])} to {number_text(r['new'])} ({r['cause']})"
        for r in own[:3]
    )


def _changed(product: Product, marts: Marts) -> Section | None:
    """Figures whose change is beyond chance, and the groups that made most of it."""
    weeks = marts["kpis"].filter("mature", pl.col("period") == "week", pl.col("dimension") == "")
    if weeks.is_empty():
        return None
    now = weeks.filter(pl.col("period_start") == pl.col("period_start").max())
    moved = now.filter(pl.col("conclusion").is_in(["up", "down"]) | (pl.col("kpi") == product.kpis.north_star))
    parts = marts["kpi_changes"].filter(pl.col("period") == "week", pl.col("kind") != "tree")
    rows = [
        (
            label(r["kpi"]), figure_text(r["figure"], r["unit"], product.currency),
            *(figure_text(r[k], r["unit"], product.currency, signed=True) for k in ("change", "change_low", "change_high")),
            because(parts.filter(pl.col("kpi") == r["kpi"]), r, product),
        )
        for r in moved.sort("kpi").rows(named=True)
    ]  # fmt: skip
    return Section(
        "What changed since last week, and why",
        "Figures that changed by more than the spread between people explains, and the north star, with the groups that made "
        "most of it. Rate: the group's own figure changed; mix: its part of all did.",
        header=("figure", "now", "change", "from", "to", "because of"),
        rows=rows,
        provenance="kpis: kpi figure change change_low change_high -",
        note=linked("All key figures, by period and group", "kpis"),
    )


def _to_fix(product: Product, marts: Marts) -> Section:
    claimed, names = _claimed(marts)
    return Section(
        "What to fix first",
        "The opportunities that cost most a week of waiting, by the cautious end of their interval.",
        header=("opportunity", "costs a week", "from", "to"),
        rows=[
            (linked(title_of(r, names), f"case-{r['opportunity_id']}"), *(f"{r[k]:,.0f}\u00a0{product.currency}" for k in ("cost_per_week", "cost_low", "cost_high")))
            for r in claimed.head(3).rows(named=True)
        ],
        provenance="opportunities: subject cost_per_week cost_low cost_high",
        note="" if claimed.height else "Nothing can be told from chance to cost anything.",
    )  # fmt: skip


def _to_watch(marts: Marts, replays: Replays) -> Section | None:
    watch = marts["watch"].filter(pl.col("kind") == "page", pl.col("position") <= _WATCHED).sort("page", "position")
    if watch.is_empty():
        return None
    return Section(
        "What to watch",
        "Recorded sessions that show best where people get stuck on each page.",
        header=("page", "watch"),
        rows=[
            (label(str(page)), watch_links(own, replays))
            for (page,), own in watch.partition_by("page", as_dict=True, maintain_order=True).items()
        ],
        note=linked("All lists", "replays"),
    )


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


PAGE = ReportPage(
    "index", "Overview", "Today", 10, lambda s: overview(s.product, s.marts, s.replays, s.restatements, s.trust)
)
