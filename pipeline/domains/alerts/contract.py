"""What is out of the usual (docs/definitions/alerts.md)."""

import polars as pl

from pipeline.core.contract import Column, Table, count, rate, text

METRIC_ALERTS = Table(
    name="metric_alerts",
    layer="period",
    grain="One row per local day, metric and where it was measured, of the last 13 weeks, that is out of the usual.",
    columns=(
        Column("day", pl.Date(), "local day"),
        Column("metric", pl.String(), "a friction signal, `zone_click_rate`, `goal_rate`, `bounce_rate`, or of a survey `low_score: survey/question`, `response_rate: survey`"),
        Column("rule_set", pl.String(), "rule set of a friction signal; else empty"),
        Column("page", pl.String(), "page; empty: the whole product"),
        Column("zone", pl.String(), "zone of zone_click_rate; else empty"),
        Column("zone_version", pl.String(), "version of the zone; else empty"),
        Column("device_type", pl.String(), "device; empty: all devices"),
        count("hits", "page views or sessions with it", "page view or session"),
        count("n", "page views or sessions measured", "page view or session"),
        rate("rate", "hits / n"),
        rate("expected", "median of the last 8 same weekdays, at least 4"),
        Column("width", pl.Float64(), "what it may differ: the larger of 3 x 1.4826 x MAD and 3 binomial standard errors"),
        Column("relative_change", pl.Float64(), "rate / expected - 1; null where 0 was expected", nullable=True),
        count("days_compared", "same weekdays with data", "day"),
        rate("p_value", "two-sided, Student's t"),
        rate("q_value", "Benjamini-Hochberg over the day's tests"),
        Column("since", pl.Date(), "first of the consecutive days out"),
        text("example_sessions", "sessions to look at, the weightiest first"),
    ),
    key=("day", "metric", "rule_set", "page", "zone", "zone_version", "device_type"),
    at_most=(("hits", "n"),),
)  # fmt: skip
ALERTS = Table(
    name="alerts", layer="mart", grain=METRIC_ALERTS.grain, columns=METRIC_ALERTS.columns, key=METRIC_ALERTS.key
)
FRICTION_ALERTS = Table(
    name="friction_alerts",
    layer="mart",
    grain="One row per local day, friction signal, page and device that is out of the usual.",
    columns=METRIC_ALERTS.columns,
    key=METRIC_ALERTS.key,
)
