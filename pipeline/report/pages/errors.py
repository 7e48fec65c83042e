"""The page of errors: which ones people met, since when, and how they went on."""

from datetime import date

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, day_text, label, releases_of, share
from pipeline.report.replays import Replays

_MOST, _LINES, _LONGEST = 30, 3, 60
_KEY = ["error_type", "message", "page"]


def errors_page(product: Product, marts: Marts, replays: Replays) -> Page:
    """All errors, the most met first."""
    errors = marts["errors"].sort(
        "sessions_last_7", "sessions_with", *_KEY, descending=[True, True, False, False, False]
    )
    if errors.is_empty():
        return Page("errors", "Errors")
    sections = [_table(errors, product, replays), _by_day(errors, marts["errors_daily"], product)]
    return Page("errors", "Errors", [], sections, lead=_lead(errors))


def _name(row: dict[str, str]) -> str:
    said = row["message"] or row["error_type"] or "an error without a message"
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def _lead(errors: pl.DataFrame) -> str:
    """What happens most now, and how people went on."""
    top = errors.row(0, named=True)
    if not top["sessions_last_7"]:
        return "No error happened in the last seven days."
    before = top["sessions_7_before"]
    trend = f", {before:,} in the seven days before" if before else ", none in the seven days before"
    said = f"“{_name(top)}” on {top['page']} happened in {top['sessions_last_7']:,} sessions of the last seven days{trend}."
    if top["goal_rate_without"] is None:
        return said
    return (
        f"{said} {share(top['goal_rate_with'])} of the sessions with it reached a goal afterwards, "
        f"{share(top['goal_rate_without'])} of the others on the page."
    )


def _table(errors: pl.DataFrame, product: Product, replays: Replays) -> Section:
    return Section(
        "Errors by message and page",
        "Messages that differ in numbers and ids only are one error. Reached a goal: of the sessions with it those that reached one after "
        "it; beside these, of the other sessions on the page in the same days, those that reached one after they came to it. That is a "
        "comparison, not yet a cost: opportunities say what it costs like for like.",
        [],
        ("error", "page", "first seen", "last seen", "sessions", "last 7 days", "7 before", "goal after it", "without it", "watch"),
        [
            (_name(row), row["page"], _first_seen(row, product), day_text(_day(row["last_at"], product)), count(row["sessions_with"]),
             count(row["sessions_last_7"]), count(row["sessions_7_before"]), share(row["goal_rate_with"]),
             share(row["goal_rate_without"]), _watch(row["example_sessions"] or "", replays))
            for row in errors.head(_MOST).rows(named=True)
        ],
        note=f"{errors.height - _MOST:,} more are in the mart errors." if errors.height > _MOST else "",
        provenance="errors: message page first_at last_at sessions_with sessions_last_7 sessions_7_before goal_rate_with "
        "goal_rate_without example_sessions",
    )  # fmt: skip


def _day(at: object, product: Product) -> date:
    return at.astimezone(product.zone_info).date()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def _first_seen(row: dict[str, object], product: Product) -> str:
    """The day, and the release that was new then."""
    day, after = day_text(_day(row["first_at"], product)), row["days_after_release"]
    is_new = isinstance(after, int) and after < 7  # noqa: PLR2004  # a week
    when = "on the day of" if after == 0 else "1 day after" if after == 1 else f"{after} days after"
    return f"{day}, {when} {label(str(row['release']))}" if is_new else day


def _watch(sessions: str, replays: Replays) -> str:
    """The first two of the sessions, by comma, that were recorded; none where nobody can watch them."""
    recorded = [key for key in sessions.split(", ") if replays.is_built and key in replays.spans]
    return Markup(", ").join(replays.link(f"watch {n}", key) for n, key in enumerate(recorded[:2], start=1)) or "–"  # noqa: RUF001


def _by_day(errors: pl.DataFrame, daily: pl.DataFrame, product: Product) -> Section:
    most = errors.head(_LINES).with_row_index("rank")
    own = (
        daily.join(most.select(*_KEY, "rank"), on=_KEY)
        .group_by("day", *_KEY, "rank")
        .agg(pl.col("sessions_with").sum())
    )
    days = daily.select(pl.date_range(pl.col("day").min(), pl.col("day").max()).alias("day"))
    # A day without it is a day with none.
    grid = days.join(most.select(*_KEY, "rank"), how="cross").join(own, on=["day", *_KEY, "rank"], how="left")
    names = pl.struct(*_KEY).map_elements(lambda row: f"{_name(row)} on {row['page']}", return_dtype=pl.String)
    shown = grid.with_columns(pl.col("sessions_with").fill_null(0), name=names).sort("rank", "day")
    chart = charts.line(
        shown, ("day", "sessions_with", "name"), "sessions with the error, by day", ",d", releases_of(product)
    )
    return Section("By day", "Sessions with one of the three errors that are most frequent lately.", [chart])


PAGE = ReportPage(
    "errors",
    "Errors",
    "Pages",
    86,
    lambda shown: errors_page(shown.product, shown.marts, shown.replays) if shown.product.pages else [],
)
