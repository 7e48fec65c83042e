"""What a session came to after a place in it: goals reached and revenue (docs/definitions/zones.md, "Conversion per zone")."""

from datetime import timedelta

import polars as pl

AFTER_SESSION = timedelta(minutes=30)


def results_of(events: pl.LazyFrame) -> pl.DataFrame:
    """Goals and money of a day's session_events; `elsewhere` where their session has no page view."""
    counts = (pl.col("goal_bits") != 0) | pl.col("revenue_micros").is_not_null()
    results = (
        events.filter(counts, ~pl.col("is_bot"))
        .select("session_key", "person_key", "event_index", "occurred_at", "goal_bits", "revenue_micros")
        .collect()
    )
    sessions = results["session_key"].unique().implode()
    seen = events.filter(pl.col("page_view_key").is_not_null(), pl.col("session_key").is_in(sessions))
    with_views = seen.select("session_key").unique().collect()["session_key"]
    return results.with_columns(elsewhere=~pl.col("session_key").is_in(with_views.implode()))


def outcomes_after(events: pl.LazyFrame, results: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """For each `session_key` and `place`: `goal_bits` reached and `revenue_micros` of events after that place.

    `results` are `results_of` the events. Those of sessions without a page view (a shop's server tells of its orders)
    are joined by person, from the place to 30 minutes after the session's end.
    """
    own = positions.join(results.filter(~pl.col("elsewhere")).rename({"event_index": "then"}), on="session_key").filter(
        pl.col("then") > pl.col("event_index")
    )
    result = [own.select("session_key", "event_index", "goal_bits", "revenue_micros")]
    foreign = results.filter("elsewhere").select(
        "person_key", "goal_bits", "revenue_micros", then="occurred_at", elsewhere_key="session_key"
    )
    if foreign.height:
        reported = events.select("session_key", "person_key", "event_index", "occurred_at")
        result.append(_by_person(reported, positions, foreign))
    summed = (
        pl.concat(result)
        .group_by("session_key", "event_index")
        .agg(pl.col("goal_bits").bitwise_or(), pl.col("revenue_micros").sum())
    )
    return positions.join(summed, on=["session_key", "event_index"], how="left").with_columns(
        pl.col("goal_bits", "revenue_micros").fill_null(0)
    )


def _by_person(reported: pl.LazyFrame, positions: pl.DataFrame, foreign: pl.DataFrame) -> pl.DataFrame:
    ends = reported.group_by("session_key").agg(until=pl.col("occurred_at").max() + AFTER_SESSION).collect()
    at = reported.select("session_key", "event_index", "person_key", "occurred_at").collect()
    timed = positions.join(at, on=["session_key", "event_index"]).join(ends, on="session_key")
    # Few pairs of a person lie in the window, many may share the person: a guest's account.
    paired = timed.join_where(
        foreign.rename({"person_key": "other_person_key"}),
        pl.col("person_key") == pl.col("other_person_key"),
        pl.col("then") > pl.col("occurred_at"),
        pl.col("then") <= pl.col("until"),
    )
    return paired.filter(pl.col("session_key") != pl.col("elsewhere_key")).select(
        "session_key", "event_index", "goal_bits", "revenue_micros"
    )
