"""Core Web Vitals (docs/definitions/web_vitals.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, EVENT_DIMENSIONS, PAGE, SESSION_DAY
from pipeline.core.contract import Column, Table, count, rate

_METRIC = Column("metric", pl.String(), "`lcp`, `inp` or `cls`")
DAILY_VITALS = Table(
    name="daily_vitals",
    layer="daily",
    grain="One row per session day, page, device, metric and value: how many page views had it, bots left out.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _METRIC,
        Column("value", pl.Int64(), "worst value of the page view: ms, of cls 1/10,000", minimum=0),
        count("page_views", "page views", "page view", *EVENT_DIMENSIONS, "page", "value"),
    ),
    key=("session_day", "page", "device_type", "metric", "value"),
)


def _percentile(share: str, of: str = "page views") -> Column:
    return Column(f"p{share}", pl.Int64(), f"{share} % of {of} are at most so: ms, of cls 1/10,000", minimum=0)


VITAL_PERCENTILES = Table(
    name="vital_percentiles",
    layer="period",
    grain="One row per period, page, device and metric with a measured page view.",
    columns=(
        Column("period", pl.String(), "`day`, `week`, `last_28`, `last_90` or `all`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period"),
        Column("page", pl.String(), "page of the product file; empty: all"),
        Column("device_type", pl.String(), "device of the visit; empty: all"),
        _METRIC,
        count("page_views_measured", "page views of which it was measured", "page view"),
        _percentile("50"),
        _percentile("75"),
        _percentile("95"),
        count("page_views_good", "of them, those up to the limit of good", "page view"),
        count("page_views_poor", "of them, those over the limit of poor", "page view"),
    ),
    key=("period", "period_start", "page", "device_type", "metric"),
    at_most=(("page_views_good", "page_views_measured"), ("page_views_poor", "page_views_measured")),
)
WEB_VITALS = Table(
    name="web_vitals",
    layer="mart",
    grain=VITAL_PERCENTILES.grain,
    columns=(
        *VITAL_PERCENTILES.columns,
        rate("good_rate", "page_views_good / page_views_measured"),
        rate("poor_rate", "page_views_poor / page_views_measured"),
        Column("rating", pl.String(), "by p75: `good`, `needs improvement` or `poor`"),
    ),
    key=VITAL_PERCENTILES.key,
    at_most=VITAL_PERCENTILES.at_most,
    depends_on_measuring=True,
)
