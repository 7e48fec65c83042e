"""Page views: to which page view an event of a session belongs, and the page views as rows.

Definition: docs/definitions/sessions.md, read as docs/decisions/0003 says: each page_view event begins a page
view. An act belongs to the last one before it with its page_view_id, else of its tab, else of the session. Acts with
none before them form an implied page view; events that are no acts on a page (orders, custom events) form none.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipeline.core.product import Source
from pipeline.core.registry import TABLES
from pipeline.events.keys import stable_keys

INTERACTION_KINDS = (
    "page_ping",
    "page_leave",
    "click",
    "move",
    "scroll",
    "exposure",
    "input",
    "validation",
    "form_submit",
    "error",
    "performance",
)
_SESSION = "session_key"


def with_page_views(events: pl.DataFrame) -> pl.DataFrame:
    """Add `page_view_key`, `attribution` and `implied` to events that are sorted by (session, place)."""
    begins = pl.col("kind") == "page_view"
    number = pl.when(begins).then(pl.int_range(pl.len()))
    nameless = pl.col("page_view_id").is_null() & pl.col("tab_id").is_null()
    numbered = events.with_row_index("row").with_columns(view=number, nameless_view=pl.when(nameless).then(number))
    # A page view that bears no id of its own can hold acts that bear one; another page view's id excludes them.
    last_nameless = pl.col("nameless_view").forward_fill().over(_SESSION)
    by_id = pl.col("view").forward_fill().over(_SESSION, "page_view_id")
    by_tab = pl.col("view").forward_fill().over(_SESSION, "tab_id")
    by_time = pl.col("view").forward_fill().over(_SESSION)
    has_id, has_tab = pl.col("page_view_id").is_not_null(), pl.col("tab_id").is_not_null()
    joined = numbered.with_columns(
        own=pl.when(has_id).then(by_id).when(has_tab).then(by_tab),
        fallback=pl.when(has_id | has_tab).then(last_nameless).otherwise(by_time),
    ).with_columns(view=pl.coalesce("own", "fallback"))
    scope = pl.when(has_id).then(pl.lit("page_view_id")).when(has_tab).then(pl.lit("tab"))
    is_implied = pl.col("view").is_null() & pl.col("kind").is_in(INTERACTION_KINDS)
    scope_value = pl.coalesce("page_view_id", "tab_id")
    implied_view = pl.col("row").first().over(_SESSION, scope.alias("scope"), scope_value.alias("value"), "implied")
    placed = (
        joined.with_columns(implied=is_implied)
        .with_columns(
            view=pl.when("implied").then(implied_view).otherwise(pl.col("view")),
            attribution=pl.when(pl.col("own").is_not_null() | pl.col("implied")).then(scope),
        )
        .with_columns(
            attribution=pl.when(pl.col("view").is_not_null()).then(pl.coalesce("attribution", pl.lit("time"))),
        )
    )
    return _with_keys(placed)


def _with_keys(placed: pl.DataFrame) -> pl.DataFrame:
    """Turn the number of a page view's first event into a key made from that event."""
    names = placed.select(pl.concat_str(pl.lit("page_view|"), "source", pl.lit("|"), "event_id")).to_series()
    return placed.with_columns(names.gather(placed["view"]).alias("page_view_name")).with_columns(
        page_view_key=stable_keys(pl.col("page_view_name"))
    )


def page_views(events: pl.LazyFrame, day: date, sources: Mapping[str, Source]) -> pl.DataFrame:
    """The page views of the sessions booked on `day` from their `session_events`, in which a session's events stand in order."""
    rows = events.with_columns(
        pl.col("device_type").fill_null("unknown"),
        pl.col("is_bot").any().over(_SESSION),
        session_ended_at=pl.col("occurred_at").max().over(_SESSION),
    ).filter(pl.col("page_view_key").is_not_null())
    grouped = rows.group_by("page_view_key", maintain_order=True).agg(
        pl.col(
            _SESSION,
            "person_key",
            "source",
            "device_type",
            "is_bot",
            "implied",
            "session_ended_at",
            "tab_id",
            "event_index",
        ).first(),
        pl.col("page", "url", "page_view_id").first(),
        # The page_view event is joined by what it bears; the acts tell how well the whole is known.
        attribution=pl.when((pl.col("attribution") == "time").any())
        .then(pl.lit("time"))
        .otherwise(pl.col("attribution").first()),
        started_at=pl.col("occurred_at").first(),
        events=pl.len(),
        clicks=(pl.col("kind") == "click").sum(),
        engaged_ms=_engaged_ms(sources),
        scroll_depth_e4=_scroll_depth(),
    )
    finished = _with_extent(grouped.sort(_SESSION, "event_index").collect()).with_columns(
        session_day=pl.lit(day),
        engaged_method=pl.when(pl.col("engaged_ms").is_not_null()).then(pl.lit("pings")),
    )
    return TABLES["page_views"].conform(finished)


def _with_extent(views: pl.DataFrame) -> pl.DataFrame:
    """Add position, end and duration; `views` stand in order of their first events within each session.

    An act that comes after the next page view of the tab began prolongs nothing: it was sent late.
    """
    next_in_tab = pl.when(pl.col("tab_id").is_not_null()).then(pl.col("started_at").shift(-1).over(_SESSION, "tab_id"))
    next_in_session = pl.when(pl.col("tab_id").is_null()).then(pl.col("started_at").shift(-1).over(_SESSION))
    position = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(_SESSION)
    return views.with_columns(
        position=position,
        is_landing=position == 1,
        is_exit=position == pl.len().over(_SESSION),
        ended_at=pl.coalesce(next_in_tab, next_in_session, "session_ended_at"),
    ).with_columns(duration_ms=(pl.col("ended_at") - pl.col("started_at")).dt.total_milliseconds())


def _engaged_ms(sources: Mapping[str, Source]) -> pl.Expr:
    """Heartbeat x (distinct floor(t / heartbeat) - 1) + minimum visit; null without pings or settings."""
    seconds = pl.col("occurred_at").dt.epoch("s")
    engaged = pl.lit(None, dtype=pl.Int64)
    for name, source in sources.items():
        if source.heartbeat_s is not None:
            beats = (seconds // source.heartbeat_s).filter(pl.col("kind") == "page_ping").n_unique().cast(pl.Int64)
            total = (source.heartbeat_s * (beats - 1) + source.minimum_visit_s) * 1000
            engaged = pl.when((pl.col("source").first() == name) & (beats > 0)).then(total).otherwise(engaged)
    return engaged


def _scroll_depth() -> pl.Expr:
    """Deepest (offset + window height) / page height in 1/10,000, integers throughout, between 0 and 1."""
    reached = (pl.col("scroll_y").cast(pl.Int64) + pl.col("window_height")) * 10_000
    depth = pl.when(pl.col("page_height") > 0).then(reached // pl.col("page_height"))
    return depth.clip(0, 10_000).max().cast(pl.Int32)
