"""The page of friction: where people get stuck, the evidence, what it goes with, what is out of the usual."""

from dataclasses import replace
from datetime import date

import polars as pl
from markupsafe import Markup

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_lately
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, day_text, label, releases_of, share
from pipeline.report.replays import Replays, watch_links

_RECENT_DAYS = 28
_MOST, _WATCHED = 15, 3
_COLOURS = {"costs": charts.RED, "unclear": charts.GREY, "helps": charts.GREEN}
_CONCLUSIONS = {"costs": "costs", "helps": "goes with more", "unclear": "unclear", "too few": "too few sessions"}


def friction_page(product: Product, marts: Marts, replays: Replays) -> Page:
    """Friction of the last 28 days under the first rule set of the product file."""
    name = product.friction.first
    mine = pl.col("rule_set") == name
    counted = marts["friction"].filter(mine)
    if counted.is_empty():
        return Page("friction", "Friction")
    last: date = counted["day"].max()  # pyright: ignore[reportAssignmentType]
    recent = pl.col("day") > last - ONE_DAY * _RECENT_DAYS
    events = marts["friction_events"].filter(mine, recent)
    sections = [
        _alerts(marts["alerts"], last, replays),
        replace(
            _signals(counted.filter(recent), releases_of(product), marts["watch"], replays),
            ask=asking_lately(marts, show="friction"),
        ),
        _elements(marts["friction_elements"].filter(mine, recent)),
        _details(events),
        _calibration(marts["friction_calibration"].filter(mine, pl.col("period") == "last_28")),
        _sessions(events, replays),
    ]
    shown = [section for section in sections if section is not None]
    return Page("friction", "Friction", [], shown, lead=_lead(counted, last))


def _lead(counted: pl.DataFrame, last: date) -> str:
    """Where most sessions get stuck in the last seven days, beside the seven before."""
    weeks = counted.filter(pl.col("day") > last - ONE_DAY * 14).with_columns(is_now=pl.col("day") > last - ONE_DAY * 7)
    met = weeks.group_by("signal", "page").agg(
        now=pl.col("sessions_with").filter("is_now").sum(),
        before=pl.col("sessions_with").filter(~pl.col("is_now")).sum(),
    )
    if met.is_empty() or not met["now"].sum():
        return "Nobody got stuck in the last seven days."
    r = met.sort("now", "signal", "page", descending=[True, False, False]).row(0, named=True)
    return (
        f"Most often people get stuck by {label(r['signal'])} on {label(r['page'] or 'other pages')}: {count(r['now'])} sessions in the last "
        f"seven days, {count(r['before'])} in the seven before."
    )


def _alerts(alerts: pl.DataFrame, last: date, replays: Replays) -> Section | None:
    recent = alerts.filter(pl.col("day") > last - ONE_DAY * 14).sort("day", "q_value", descending=[True, False])
    if recent.is_empty():
        return None
    return Section(
        "Out of the usual",
        "Of the last two weeks the days on which a rate differed from the same weekdays before by more than their own "
        "swing, after allowing for the number of rates watched.",
        [],
        ("what", "day", "since", "rate", "expected", "of", "sessions to look at"),
        [
            (
                " / ".join(filter(None, (label(r["metric"]), r["page"], r["zone"], r["device_type"]))),
                day_text(r["day"]), day_text(r["since"]), share(r["rate"]), share(r["expected"]), count(r["n"]),
                _examples(r["example_sessions"] or "", replays),
            )
            for r in recent.head(_MOST).rows(named=True)
        ],
        provenance="alerts: metric day since rate expected n example_sessions",
    )  # fmt: skip


def _examples(sessions: str, replays: Replays) -> str:
    """Sessions by comma, each linked where it was recorded."""
    return Markup(", ").join(replays.link(key[:8], key) for key in sessions.split(", ") if key)


def _signals(recent: pl.DataFrame, releases: charts.Releases, watch: pl.DataFrame, replays: Replays) -> Section:
    numbers = ("incidents", "page_views_with", "page_views_measured", "sessions_with")
    by_page = recent.group_by("signal", "page", "owner").agg(pl.col(numbers).sum())
    shown = by_page.filter(pl.col("incidents") > 0).sort(
        "page_views_with", "signal", "page", descending=[True, False, False]
    )
    by_day = recent.group_by("day", "signal").agg(pl.col("page_views_with", "page_views_measured").sum())
    most = (
        recent.group_by("signal").agg(pl.col("incidents").sum()).sort("incidents", "signal", descending=[True, False])
    )
    lines = by_day.filter(
        pl.col("signal").is_in(most["signal"].head(3).implode()), pl.col("page_views_measured") > 0
    ).with_columns(
        signal=pl.col("signal").str.replace_all("_", " "),
        rate=pl.col("page_views_with") / pl.col("page_views_measured"),
    )
    ordered = lines.sort("signal", "day")
    lists = watch.filter(pl.col("kind") == "friction").partition_by("page", "subject", as_dict=True)
    none = watch.clear()
    # A column only where the team says who answers for pages.
    has_owners = recent["owner"].is_not_null().any()
    title = "Share of page views with the three most frequent signals, by day"
    return Section(
        "Signals by page",
        "Of the last 28 days: page views with an incident, of those whose source can tell the signal.",
        [charts.line(ordered, ("day", "rate", "signal"), title, ".1%", releases)] if ordered.height else [],
        ("signal", "page", *(["owner"] if has_owners else []), "incidents", "page views", "of measured", "sessions", "watch"),
        [
            (label(r["signal"]), r["page"], *([r["owner"] or ""] if has_owners else []), count(r["incidents"]), count(r["page_views_with"]),
             share(r["page_views_with"] / r["page_views_measured"] if r["page_views_measured"] else None),
             count(r["sessions_with"]), watch_links(lists.get((r["page"], r["signal"]), none).head(_WATCHED), replays))
            for r in shown.head(2 * _MOST).rows(named=True)
        ],
        provenance=f"friction: signal page {'owner ' if has_owners else ''}incidents page_views_with page_views_measured sessions_with -",
    )  # fmt: skip


def _elements(recent: pl.DataFrame) -> Section:
    clicked = recent.filter(pl.col("element") != "")
    summed = clicked.group_by("signal", "page", "zone", "element").agg(
        pl.col("incidents", "page_views_with", "sessions_with").sum()
    )
    shown = summed.sort("page_views_with", "signal", "element", descending=[True, False, False]).head(_MOST)
    return Section(
        "Elements that people get stuck on",
        "The element as its HTML tag, with the zone that holds it.",
        [],
        ("element", "signal", "page / zone", "incidents", "page views", "sessions"),
        [
            (r["element"][:80], label(r["signal"]), " / ".join(filter(None, (r["page"], r["zone"]))),
             count(r["incidents"]), count(r["page_views_with"]), count(r["sessions_with"]))
            for r in shown.rows(named=True)
        ],
        provenance="friction_elements: element signal zone incidents page_views_with sessions_with",
    )  # fmt: skip


def _details(events: pl.DataFrame) -> Section | None:
    reported = events.filter(pl.col("signal").is_in(["error_click", "broken_link"]), pl.col("detail").is_not_null())
    summed = reported.group_by("signal", "detail", "page", "came_from").agg(
        incidents=pl.len(), sessions=pl.col("session_key").n_unique()
    )
    shown = summed.sort("incidents", "signal", "detail", descending=[True, False, False]).head(_MOST)
    if shown.is_empty():
        return None
    return Section(
        "Errors and broken links",
        "Errors by their message without its numbers; broken links by their address, with the page that led there.",
        [],
        ("message or address", "signal", "page", "came from", "incidents", "sessions"),
        [
            (r["detail"][:100], label(r["signal"]), r["page"], r["came_from"] or "", count(r["incidents"]), count(r["sessions"]))
            for r in shown.rows(named=True)
        ],
        provenance="friction_events: detail signal page came_from incident_key session_key",
    )  # fmt: skip


def _calibration(effects: pl.DataFrame) -> Section:
    reported = effects.filter(pl.col("claimed")).sort("effect", descending=True)
    points = reported.with_columns(
        what=pl.concat_str(pl.col("signal").str.replace_all("_", " "), pl.lit(" on "), "page", pl.lit(", "), "goal")
    )
    shown = effects.filter(pl.col("sessions_with") > 0).sort("sessions_with", descending=True).head(2 * _MOST)
    return Section(
        "What goes with what is lost",
        "Sessions with the signal in their first view of a page, beside sessions without it on the same page and device, "
        "new or returning, with as many page views behind them: how many fewer of 100 reached the goal. The line is the 95 % "
        "interval. An association among sessions that are alike, no proof of a cause. `Plain` compares without strata.",
        [charts.intervals(
            points, "What goes with a signal: share of sessions that miss the goal",
            "share of sessions that miss the goal with it", _COLOURS,
        )] if points.height else [],
        ("signal", "page", "goal", "with", "without", "effect", "from", "to", "plain", "conclusion"),
        [
            (label(r["signal"]), r["page"], r["goal"], count(r["sessions_with"]), count(r["sessions_without"]),
             share(r["effect"]), share(r["low"]), share(r["high"]), share(r["plain_difference"]), _CONCLUSIONS[r["conclusion"]])
            for r in shown.rows(named=True)
        ],
        provenance="friction_calibration: signal page goal sessions_with sessions_without effect low high plain_difference conclusion",
    )  # fmt: skip


def _sessions(events: pl.DataFrame, replays: Replays) -> Section:
    summed = events.group_by("session_key", "day", "device_type").agg(
        pl.col("session_score", "session_score_per_minute").first(),
        incidents=pl.len(),
        signals=pl.col("signal").unique().sort().str.join(", "),
        pages=pl.col("page").unique().sort().str.join(", "),
        heaviest_at=pl.col("started_at").sort_by("weight", "started_at", descending=[True, False]).first(),
    )
    worst = summed.sort("session_score", "session_key", descending=[True, False], nulls_last=True).head(_MOST)
    return Section(
        "Sessions to look at",
        "The highest scores: each group of incidents counts once, with its largest weight.",
        [],
        ("session", "day", "device", "score", "a minute", "incidents", "signals", "pages"),
        [
            (replays.link(r["session_key"][:8], r["session_key"], r["heaviest_at"]), day_text(r["day"]), r["device_type"], count(r["session_score"]),
             f"{r['session_score_per_minute'] or 0:.1f}", count(r["incidents"]), r["signals"].replace("_", " "), r["pages"])
            for r in worst.rows(named=True)
        ],
        provenance="friction_events: session_key day device_type session_score session_score_per_minute incident_key signal page",
    )  # fmt: skip


PAGE = ReportPage(
    "friction", "Friction", "Why", 80, lambda shown: friction_page(shown.product, shown.marts, shown.replays)
)
