"""Sessions: which events of D-1, D and D+1 belong to the sessions that are booked on D.

Definition: docs/definitions/sessions.md. Unit: person x device x source. A day's events of a unit form
pieces: by source session id, or cut where the pause is too long. A piece continues yesterday's when the pause over
midnight is short enough, unless yesterday's piece itself reaches back to the start of its day; so no session touches
more than two days, and a day's sessions follow from three days, in any order of computing.
"""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from pipeline.core.canonical import PROMOTED_PREFIX, VISIT_COLUMNS
from pipeline.core.days import ONE_DAY, day_start, days_between
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.channels import UNKNOWN, campaigns, channels
from pipeline.events.keys import stable_keys
from pipeline.events.matching import match_bits, matches_any, revenue_of
from pipeline.events.page_views import with_page_views
from pipeline.events.visits import with_visits

UNIT = ("person_key", "anonymous_id", "source")
ORDER = ("occurred_at", "sequence", "event_id")
_CARRIED = (
    *("kind", "page", "url", "element_chain", "country", "is_bot", "page_view_id", "tab_id", "user_agent"),
    *VISIT_COLUMNS,
)
_MEASURED = (
    *("scroll_y", "window_height", "page_height", "name", "page_title", "http_status", "x", "y", "is_fixed"),
    *("window_width", "duration_ms", "error_type", "error_message", "lcp_ms", "inp_ms", "cls_e4"),
)
# What the product file and the channel are told by.
_REPORTED = ("revenue_micros", "currency", "experiment_id", "variant", "referrer")
# What a session's row is made from.
_OF_SESSIONS = (
    *("session_key", "event_index", "person_key", "anonymous_id", "source", "source_session_id", "is_split", "country"),
    *("is_bot", "occurred_at", "kind", "is_goal", "revenue_micros", "page_view_key", "implied", "page", "channel"),
    *("goal_bits", "segment_bits", "url", *VISIT_COLUMNS),
)


def telling_referrers(events: pl.LazyFrame) -> list[str]:
    """The sources among `events` that send referrers: where one doesn't say any, nobody led there."""
    told = events.filter(pl.col("person_key").is_not_null(), pl.col("referrer").is_not_null())
    return told.select(pl.col("source").unique()).collect()["source"].to_list()


def session_events(
    events: pl.LazyFrame, day: date, product: Product, telling: Collection[str] | None = None
) -> pl.DataFrame:
    """Events of the sessions booked on `day`, with session and page view, by the contract of session_events.

    `events` holds clean events of day - 1, day and day + 1, of all people or some; rows without a person have no session.
    `telling` names the sources that send referrers, by default those that do so in `events`. What decides is few columns:
    these are sorted and cut, and the others gathered once, in their final order.
    """
    promoted = [name for name in events.collect_schema().names() if name.startswith(PROMOTED_PREFIX)]
    source_id = pl.col("session_id") if product.sessions.use_source_ids else pl.lit(None, dtype=pl.String)
    known = events.filter(pl.col("person_key").is_not_null())
    columns = (*UNIT, *ORDER, *_CARRIED, *_MEASURED, *_REPORTED, *promoted)
    around = _around(known.select(*columns, session_id=source_id), day, product)
    deciding = around.select(*UNIT, "session_id", *ORDER, "local_day", at=pl.int_range(pl.len(), dtype=pl.UInt32))
    ordered = deciding.sort([*UNIT, "session_id", *ORDER], nulls_last=True)
    pieces = _cut_into_pieces(ordered, product.sessions.pause_minutes)
    booked = _booked_on(_pieces(pieces), day, product)
    kept = pieces.join(booked, on="piece", how="inner").sort([*UNIT, "root", *ORDER], nulls_last=True)
    placed = _with_session(kept).sort("person_key", "session_key", "event_index")
    rest = around.select(pl.exclude(*placed.columns, "referrer").gather(placed["at"]))
    visits = with_visits(placed.hstack(rest), "session_key").drop("user_agent")
    whole = visits.with_columns(**_product_columns(product))
    landed = whole.select("session_key", "source", "url", "kind").hstack([around["referrer"].gather(placed["at"])])
    channel = _channels(landed, product, telling_referrers(events) if telling is None else telling)
    return TABLES["session_events"].conform(with_page_views(whole.with_columns(channel)))


def _product_columns(product: Product) -> dict[str, pl.Expr]:
    """What the product file says of an event."""
    is_exposed = pl.col("kind") == "experiment"
    return {
        "revenue_micros": revenue_of(product),
        "is_goal": matches_any(list(product.goals.values())),
        "goal_bits": match_bits(product.goals),
        "segment_bits": match_bits(product.segments),
        "experiment_id": pl.when(is_exposed).then("experiment_id"),
        "variant": pl.when(is_exposed).then(pl.concat_str("experiment_id", "variant", separator="/")),
    }


def _channels(events: pl.DataFrame, product: Product, telling: Collection[str]) -> pl.Series:
    """`channel` of each session's first page view, null elsewhere; `events` stand in the order of sessions."""
    views = events.with_row_index("row").filter(pl.col("kind") == "page_view")
    landed = views.filter(pl.col("session_key").is_first_distinct())
    named = landed.select("row", channels(landed, product, telling))
    rows = events.select(row=pl.int_range(pl.len(), dtype=pl.UInt32))
    return rows.join(named, on="row", how="left", maintain_order="left")["channel"]


def _around(narrow: pl.LazyFrame, day: date, product: Product) -> pl.DataFrame:
    """The events of `day`, and of the days around it those that may belong to its sessions, with `local_day`.

    These are of people who were there near midnight, or bear a source's session id of the day.
    """
    begin, end = (day_start(each, product.zone_info) for each in (day, day + ONE_DAY))
    pause = timedelta(minutes=product.sessions.pause_minutes)
    at = pl.col("occurred_at")
    own = narrow.filter(at.is_between(begin, end, closed="left")).collect()
    near = own.filter((at <= begin + pause) | (at >= end - pause))["person_key"].unique()
    ids = own["session_id"].drop_nulls().unique()
    may_belong = pl.col("person_key").is_in(near.implode()) | pl.col("session_id").is_in(ids.implode()).fill_null(
        value=False
    )
    rest = narrow.filter(~at.is_between(begin, end, closed="left"), may_belong).collect()
    # The day's own events are all of one day; time zones are slow.
    local_day = at.dt.convert_time_zone(product.time_zone).dt.date()
    return pl.concat([own.with_columns(local_day=pl.lit(day)), rest.with_columns(local_day=local_day)])


def _cut_into_pieces(ordered: pl.DataFrame, pause_minutes: int) -> pl.DataFrame:
    """Number the pieces: a new one where unit, source session id or day changes, and at long pauses without an id."""
    changes = [~pl.col(name).eq_missing(pl.col(name).shift()) for name in (*UNIT, "session_id", "local_day")]
    pause = pl.col("occurred_at").diff() > pl.duration(minutes=pause_minutes)
    begins = pl.any_horizontal(*changes, pause & pl.col("session_id").is_null())
    return ordered.with_columns(piece=begins.fill_null(value=True).cum_sum().cast(pl.Int64))


def _pieces(events: pl.DataFrame) -> pl.DataFrame:
    """One row per piece, in the order of the events: unit, source session id, day, first and last instant."""
    return events.group_by("piece", maintain_order=True).agg(
        *(pl.col(name).first() for name in (*UNIT, "session_id", "local_day")),
        first_at=pl.col("occurred_at").first(),
        last_at=pl.col("occurred_at").last(),
    )


def _booked_on(pieces: pl.DataFrame, day: date, product: Product) -> pl.DataFrame:
    """Pieces of the sessions booked on `day`: `piece`, `root` (the session's first piece) and `is_split`.

    Pieces stand in order, so the only one that a piece can continue is the row before it.
    """
    pause = pl.duration(minutes=product.sessions.pause_minutes)
    starts = pl.DataFrame(
        {
            "local_day": (days := days_between(day - ONE_DAY, day + ONE_DAY)),
            "starts_at": [day_start(each, product.zone_info) for each in days],
        },
        schema={"local_day": pl.Date, "starts_at": pl.Datetime("us", "UTC")},
    )
    placed = pieces.join(starts, on="local_day", how="left", maintain_order="left")
    same = [pl.col(name).eq_missing(pl.col(name).shift()) for name in (*UNIT, "session_id")]
    follows = pl.all_horizontal(*same) & (pl.col("local_day") == pl.col("local_day").shift() + pl.duration(days=1))
    near = pl.col("first_at") - pl.col("last_at").shift() <= pause
    reaches_back = pl.col("first_at").shift() <= pl.col("starts_at").shift() + pause
    continues = (follows & near & ~reaches_back).fill_null(value=False)
    cut_here = (follows & ~continues & pl.col("session_id").is_not_null()).fill_null(value=False)
    linked = placed.with_columns(
        root=pl.when(continues).then(pl.col("piece").shift()).otherwise(pl.col("piece")),
        root_day=pl.when(continues).then(pl.col("local_day").shift()).otherwise(pl.col("local_day")),
        cut_here=cut_here,
    )
    return linked.filter(pl.col("root_day") == day).select(
        "piece", "root", is_split=pl.col("cut_here").any().over("root")
    )


def _with_session(kept: pl.DataFrame) -> pl.DataFrame:
    """Add the session's key, made from its first event, and each event's place in it."""
    first = pl.concat_str(pl.lit("session|"), "source", pl.lit("|"), "event_id").first().over("root")
    named = kept.with_columns(
        session_name=first,
        event_index=pl.int_range(pl.len(), dtype=pl.Int64).over("root"),
        source_session_id=pl.col("session_id"),
    )
    return named.with_columns(session_key=stable_keys(pl.col("session_name")))


def sessions(events: pl.LazyFrame, day: date) -> pl.DataFrame:
    """The sessions booked on `day` from their `session_events`, in which each session's events stand together in order."""
    # Where rows of a group stand together it needs no hashing to be found.
    run = pl.col("session_key").rle_id().set_sorted()
    ordered = events.select(_OF_SESSIONS).with_columns(run=run).collect()
    grouped = ordered.group_by("run", maintain_order=True).agg(
        pl.col("session_key", "person_key", "anonymous_id", "source", "source_session_id", "is_split").first(),
        pl.col(*VISIT_COLUMNS, "country", "channel").first(ignore_nulls=True),
        pl.col("goal_bits", "segment_bits").bitwise_or(),
        pl.col("is_bot").any(),
        has_view=(pl.col("kind") == "page_view").any(),
        started_at=pl.col("occurred_at").min(),
        ended_at=pl.col("occurred_at").max(),
        events=pl.len(),
        clicks=(pl.col("kind") == "click").sum(),
        goal_events=pl.col("is_goal").sum(),
        orders=(pl.col("kind") == "order").sum(),
        revenue_micros=pl.col("revenue_micros").sum(),
    )
    # Keys of page views are no two sessions' own: each is begun by the row that bears it first.
    begun = ordered.filter(pl.col("page_view_key").is_first_distinct(), pl.col("page_view_key").is_not_null())
    views = begun.group_by("session_key").agg(
        page_views=(~pl.col("implied")).sum(),
        page_views_implied=pl.col("implied").sum(),
        landing_page=pl.col("page").first(),
        exit_page=pl.col("page").last(),
        landing_url=pl.col("url").first(),
    )
    landed = views.with_columns(campaign=campaigns(views["landing_url"]))
    finished = grouped.join(landed, on="session_key", how="left").with_columns(
        pl.col("device_type").fill_null(UNKNOWN),
        pl.col("page_views", "page_views_implied").fill_null(0),
        channel=pl.when("has_view").then("channel").otherwise(pl.lit(UNKNOWN)),
        session_day=pl.lit(day),
        duration_ms=(pl.col("ended_at") - pl.col("started_at")).dt.total_milliseconds(),
    )
    is_bounce = (pl.col("page_views") + pl.col("page_views_implied") == 1) & (pl.col("goal_events") == 0)
    return TABLES["sessions"].conform(finished.with_columns(is_bounce=is_bounce))
