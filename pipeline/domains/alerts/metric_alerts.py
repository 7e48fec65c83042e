"""The shares that are watched each night: friction, zones, sessions; and the sessions that show an alert."""

from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.published import id_text
from pipeline.core.registry import TABLES
from pipeline.stats.alerts import WEEKS, alerts

_KEY = ["metric", "rule_set", "page", "zone", "zone_version", "device_type"]
# Alerts are told of so many days; what they are compared with lies before.
SHOWN_DAYS = 91
_EXAMPLES = 5
_ALL = pl.lit("")


def _series(frame: pl.LazyFrame, hits: str, n: str, **names: pl.Expr) -> pl.LazyFrame:
    given = {name: names.get(name, _ALL) for name in _KEY}
    # A zone's version is a series of its own: what a redesign changes is no alarm.
    keyed = frame.select(day="session_day", hits=hits, n=n, **given)
    return keyed.group_by(*_KEY, "day").agg(pl.col("hits", "n").sum())


def watched(friction: pl.LazyFrame, zones: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """All series, a row per day: daily_friction, daily_zones and daily_sessions as shares, over all devices and by device."""
    everybody = zones.filter(pl.col("segment") == "", pl.col("variant") == "")
    zone = {"page": pl.col("page"), "zone": pl.col("zone"), "zone_version": pl.col("zone_version").cast(pl.String)}
    where = {"rule_set": pl.col("rule_set"), "page": pl.col("page")}
    by_device = {"device_type": pl.col("device_type")}
    return pl.concat(
        [
            _series(friction, "page_views_with", "page_views_measured", metric=pl.col("signal"), **where),
            _series(friction, "page_views_with", "page_views_measured", metric=pl.col("signal"), **where, **by_device),
            _series(everybody, "page_views_clicked", "page_views", metric=pl.lit("zone_click_rate"), **zone),
            _series(sessions, "sessions_with_goal", "sessions", metric=pl.lit("goal_rate")),
            _series(sessions, "sessions_with_goal", "sessions", metric=pl.lit("goal_rate"), **by_device),
            _series(sessions, "sessions_bounced", "sessions_with_page_view", metric=pl.lit("bounce_rate")),
        ]
    )


def metric_alerts(
    friction: pl.LazyFrame,
    zones: pl.LazyFrame,
    sessions: pl.LazyFrame,
    incidents: pl.LazyFrame,
    days: list[date],
    also: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Alerts of the last 13 weeks from daily tables of `days`, with sessions to look at from friction_incidents.

    `also` holds further shares to watch: `metric`, `day`, `hits`, `n`.
    """
    table = TABLES["metric_alerts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    first = days[-1] - ONE_DAY * (SHOWN_DAYS - 1)
    needed = pl.col("day") >= first - ONE_DAY * 7 * WEEKS
    series = watched(friction, zones, sessions)
    if also is not None:
        series = pl.concat(
            [series, _series(also.lazy().rename({"day": "session_day"}), "hits", "n", metric=pl.col("metric"))]
        )
    result = alerts(series.filter(needed).collect(), _KEY).filter(pl.col("day") >= first)
    examples = _examples(incidents.filter(pl.col("session_day") >= first), result)
    joined = result.join(examples, on=[*_KEY, "day"], how="left").with_columns(
        relative_change=pl.when(pl.col("expected") > 0).then(pl.col("rate") / pl.col("expected") - 1)
    )
    return table.conform(joined)


def _examples(incidents: pl.LazyFrame, result: pl.DataFrame) -> pl.DataFrame:
    """The sessions with the weightiest incidents of each alert."""
    reported = incidents.select(
        "rule_set", "page", "device_type", "session_key", "weight", "incident_key", metric="signal", day="session_day"
    )
    where = ["metric", "rule_set", "page", "day"]
    alerted = result.select(*_KEY, "day").lazy()
    of_all = alerted.filter(pl.col("device_type") == "").join(reported.drop("device_type"), on=where)
    of_device = alerted.filter(pl.col("device_type") != "").join(reported, on=[*where, "device_type"])
    both = pl.concat([frame.select(*_KEY, "day", "session_key", "weight") for frame in (of_all, of_device)])
    worst = both.group_by(*_KEY, "day", "session_key").agg(pl.col("weight").sum())
    ranked = worst.sort("weight", "session_key", descending=[True, False])
    few = ranked.group_by(*_KEY, "day", maintain_order=True).head(_EXAMPLES).with_columns(id_text("session_key"))
    named = few.group_by(*_KEY, "day", maintain_order=True)
    return named.agg(example_sessions=pl.col("session_key").str.join(", ")).collect()
