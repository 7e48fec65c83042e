"""Which errors people met, how often, since when, and how people went on (docs/definitions/errors.md)."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipeline.core.columns import OTHER_PAGE
from pipeline.core.product import Product
from pipeline.core.published import id_text
from pipeline.core.registry import TABLES
from pipeline.events.capabilities import capabilities_of_views
from pipeline.events.channels import UNKNOWN
from pipeline.events.on_views import on_views

_ERROR = ["error_type", "message", "page"]
_LONGEST, _EXAMPLES = 200, 5
# What makes two messages of one fault differ: ids, addresses in memory, numbers.
_VARYING = (
    r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    r"(?i)\b0x[0-9a-f]+\b",
    r"(?i)\b[0-9a-f]{8,}\b",
    r"[0-9]+(?:[.,:][0-9]+)*",
)


def plain_message(message: pl.Expr) -> pl.Expr:
    """A message with what varies from time to time as `#`, blanks as one, cut at 200 characters; null is empty."""
    for pattern in _VARYING:
        message = message.str.replace_all(pattern, "#")
    return message.str.replace_all(r"\s+", " ").str.strip_chars().str.slice(0, _LONGEST).fill_null("")


def _on_pages(events: pl.LazyFrame, views: pl.LazyFrame) -> pl.LazyFrame:
    """Errors, and acts on pages, of people: with the place of their session's last goal and of its first event on the page."""
    people = events.filter(~pl.col("is_bot"))
    # A goal may be reached away from pages, as an order that a server sends.
    goals = people.filter("is_goal").group_by("session_key").agg(goal_index=pl.col("event_index").max())
    acts = people.filter(pl.col("page_view_key").is_not_null() | (pl.col("kind") == "error"))
    placed = on_views(acts, views).with_columns(
        pl.col("page").fill_null(OTHER_PAGE), pl.col("device_type").fill_null(UNKNOWN)
    )
    begun = pl.col("event_index").min().over("session_key", "page")
    return placed.join(goals, on="session_key", how="left").with_columns(page_index=begun)


def _is_reached(since: str) -> pl.Expr:
    """Whether a goal came after the first place of a group."""
    return (pl.col("goal_index").first() > pl.col(since).min()).fill_null(value=False)


def session_errors(events: pl.LazyFrame, views: pl.LazyFrame, day: date) -> pl.DataFrame:
    """The errors of the sessions booked on `day`, of all people or some."""
    errors = _on_pages(events, views).filter(pl.col("kind") == "error")
    named = errors.with_columns(
        error_type=pl.col("error_type").fill_null("").str.strip_chars().str.slice(0, _LONGEST),
        message=plain_message(pl.col("error_message")),
    )
    counted = named.group_by("session_key", "person_key", *_ERROR).agg(
        pl.col("device_type").sort_by("event_index").first(),
        errors=pl.len(),
        page_views_with=pl.col("page_view_key").drop_nulls().n_unique(),
        first_at=pl.col("occurred_at").min(),
        last_at=pl.col("occurred_at").max(),
        reached_goal=_is_reached("event_index"),
        reached_goal_on_page=_is_reached("page_index"),
    )
    return TABLES["session_errors"].conform(counted.with_columns(session_day=pl.lit(day)).collect())


def telling(events: pl.LazyFrame, views: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """The sources and devices that tell of errors, by the whole day: others may have had as many."""
    known = capabilities_of_views(events, views, product).filter("js_error")
    return known.select("source", "device_type").collect()


def page_sessions(events: pl.LazyFrame, views: pl.LazyFrame, day: date, told: pl.DataFrame) -> pl.DataFrame:
    """Sessions booked on `day` by page and the device that they had there; those of disjoint people add up.

    Counted are those that bore an error or whose source and device tell of errors (`telling`).
    """
    named = told.lazy().with_columns(tells=pl.lit(value=True))
    acts = _on_pages(events, views).join(named, on=["source", "device_type"], how="left")
    counts = (pl.col("tells").fill_null(value=False) | (pl.col("kind") == "error")).any()
    each = acts.group_by("session_key", "page").agg(
        pl.col("device_type").sort_by("event_index").first(), counts=counts, reached_goal=_is_reached("page_index")
    )
    counted = (
        each.filter("counts")
        .group_by("page", "device_type")
        .agg(sessions=pl.len(), sessions_with_goal=pl.col("reached_goal").sum())
    )
    return TABLES["page_sessions"].conform(counted.with_columns(session_day=pl.lit(day)).collect())


def error_counts(
    rows: pl.LazyFrame, pages: pl.LazyFrame, recordings: pl.LazyFrame, days: Sequence[date], product: Product
) -> pl.DataFrame:
    """Each error and page over all days; `pages` holds page_sessions."""
    table = TABLES["error_counts"]
    shown = recordings.filter(pl.col("completeness") != "nothing to show").select(
        "session_key", is_recorded=pl.lit(value=True)
    )
    known = (
        rows.join(shown, on="session_key", how="left")
        .with_columns(pl.col("is_recorded").fill_null(value=False))
        .collect()
    )
    if known.is_empty():
        return table.schema.to_frame()
    last = days[-1]
    age = (pl.lit(last) - pl.col("session_day")).dt.total_days()
    # Those that can be watched are worth most, of them the newest.
    newest = pl.struct("is_recorded", "last_at", "session_key")
    counted = known.group_by(_ERROR).agg(
        first_at=pl.col("first_at").min(),
        last_at=pl.col("last_at").max(),
        first_day=pl.col("session_day").min(),
        last_day=pl.col("session_day").max(),
        errors=pl.col("errors").sum(),
        page_views_with=pl.col("page_views_with").sum(),
        sessions_with=pl.len(),
        people_with=pl.col("person_key").n_unique(),
        sessions_last_7=(age < 7).sum(),  # noqa: PLR2004  # a week
        sessions_7_before=age.is_between(7, 13).sum(),
        sessions_with_goal=pl.col("reached_goal").sum(),
        with_goal_on_page=pl.col("reached_goal_on_page").sum(),
        examples=pl.col("session_key").sort_by(newest, descending=True).head(_EXAMPLES),
    )
    return table.conform(_beside_others(_since_release(_with_examples(counted), product), pages.collect()))


def _with_examples(counted: pl.DataFrame) -> pl.DataFrame:
    texts = counted.select(*_ERROR, "examples").explode("examples").with_columns(id_text("examples"))
    joined = texts.group_by(_ERROR, maintain_order=True).agg(example_sessions=pl.col("examples").str.join(", "))
    return counted.drop("examples").join(joined, on=_ERROR)


def _since_release(counted: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Add the newest release on the day of the first error."""
    told = sorted((each.day, name) for name, each in product.releases.items())
    schema = {"released": pl.Date, "release": pl.String}
    # Of several of one day the last by name.
    releases = pl.DataFrame(told, schema=schema, orient="row").unique("released", keep="last", maintain_order=True)
    joined = counted.sort("first_day", *_ERROR).join_asof(releases, left_on="first_day", right_on="released")
    return joined.with_columns(days_after_release=(pl.col("first_day") - pl.col("released")).dt.total_days())


def _beside_others(counted: pl.DataFrame, pages: pl.DataFrame) -> pl.DataFrame:
    """Add the sessions on the page without the error, from its first day to its last."""
    others = counted.select(*_ERROR, "first_day", "last_day").join(pages, on="page", how="left")
    inside = others.filter(pl.col("session_day").is_between("first_day", "last_day"))
    summed = inside.group_by(_ERROR).agg(
        of_page=pl.col("sessions").sum(), of_page_with_goal=pl.col("sessions_with_goal").sum()
    )
    joined = counted.join(summed, on=_ERROR, how="left").with_columns(
        pl.col("of_page", "of_page_with_goal").fill_null(0)
    )
    return joined.with_columns(
        sessions_without=pl.col("of_page") - pl.col("sessions_with"),
        sessions_without_with_goal=pl.col("of_page_with_goal") - pl.col("with_goal_on_page"),
    )
