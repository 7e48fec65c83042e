"""What happened to each zone in each page view: clicks, hovers, exposures, friction (docs/definitions/zones.md).

Implied page views and bots are left out. A zone is its index among the day's zone versions, a page view its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.domains.zones.exposure import exposure_methods, exposures, lines
from pipeline.domains.zones.told import MEASURED, Told, real_views
from pipeline.events.interactions import SPOT, interactions_in, spots_of
from pipeline.events.zones import chain_zones, zones_valid_on
from pipeline.stats.stretches import joined_stretches

# A pointer that leaves for less is still there; one that stays for less was never there.
HOVER_GAP_US = 100_000
LEAST_HOVER_US = 50_000
# Who does nothing in a page view for longer has gone, though the pointer still lies there.
SILENCE = timedelta(seconds=30)
_KEY = ["view", "zone"]
_KINDS = (
    *("page_view", "page_ping", "page_leave", "click", "move", "scroll", "exposure"),
    *("input", "validation", "form_submit"),
)
_SIGNALS = {"rage_click": "raged", "dead_click": "dead", "error_click": "erred"}


@dataclass(frozen=True)
class ZoneDay:
    """A day for zone metrics.

    `views`: real page views by row `view`, with what was measured of each. `facts`: a row per view and zone with an
    act. `clicks`: clicks of a page by view. `zones`: the zone versions valid on the day, `lines` where they lie;
    `watched`: of which (`zone`, `source`) exposure events came.
    """

    views: pl.DataFrame
    facts: pl.DataFrame
    clicks: pl.DataFrame
    zones: Sequence[Zone]
    lines: pl.DataFrame
    watched: pl.DataFrame


def zone_day(
    events: pl.LazyFrame, views: pl.LazyFrame, incidents: pl.LazyFrame, day: date, product: Product, told: Told
) -> ZoneDay:
    """The page views of the sessions booked on `day` and what happened to the zones in them, of all people or some.

    `told` says what the whole day tells. `incidents` are friction_incidents of the day; those of the first rule set count.
    """
    zones = zones_valid_on(day, product)
    shown = _views(views, told.measured)
    spots = spots_of(shown)
    shown = shown.join(spots, on=SPOT, how="left", maintain_order="left")
    interactions = _interactions(events, shown)
    line = lines(zones, told.devices, product)
    methods = exposure_methods(shown, interactions, product, told.scrolling, is_placed=not line.is_empty())
    shown = shown.join(methods, on="view", how="left", maintain_order="left")
    interactions = interactions.join(methods, on="view", how="left", maintain_order="left")
    inside = _inside(interactions, spots, zones)
    hits = interactions.join(inside, on=["spot", "element_chain"])
    clicked = _clicks(hits)
    parts = [
        clicked,
        _hovers(interactions, inside, clicked),
        exposures(interactions, hits, line.join(spots, on=SPOT), product.exposure.least_ms),
        _friction(incidents, shown, zones, product),
    ]
    exposed = hits.filter(pl.col("kind") == "exposure").select("zone", "view").unique()
    watched = exposed.join(shown.select("view", "source"), on="view").select("zone", "source").unique()
    clicks = interactions.filter(pl.col("kind") == "click").select("view")
    return ZoneDay(shown, _facts(parts, shown), clicks, zones, line, watched)


def _inside(interactions: pl.DataFrame, spots: pl.DataFrame, zones: Sequence[Zone]) -> pl.DataFrame:
    """Which zones each element lies in: `spot`, `element_chain` (categorical), `zone`, `is_innermost`."""
    distinct = interactions.select("spot", "element_chain").drop_nulls().unique().join(spots, on="spot")
    result = chain_zones(distinct.with_columns(pl.col("element_chain").cast(pl.String)), zones)
    return result.join(spots, on=SPOT).drop(SPOT).with_columns(pl.col("element_chain").cast(pl.Categorical))


def _views(views: pl.LazyFrame, measured: pl.DataFrame) -> pl.DataFrame:
    """Real page views with what their source and device measured."""
    columns = ("page_view_key", "session_key", "person_key", "source", "page", "device_type", "started_at", "ended_at")
    return (
        real_views(views)
        .select(columns)
        .join(measured.lazy(), on=["source", "device_type"], how="left", maintain_order="left")
        .with_columns(pl.col(MEASURED).fill_null(value=False))
        .collect()
        .with_row_index("view")
    )


def _interactions(events: pl.LazyFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Acts of the page views, with their elements as codes."""
    known = shown.select("page_view_key", "session_key", "view", "spot", "started_at", "ended_at", "hover")
    element = pl.col("element_chain").cast(pl.Categorical)
    return interactions_in(events, known, _KINDS, ("duration_ms", "scroll_y", "window_height", element))


def _clicks(hits: pl.DataFrame) -> pl.DataFrame:
    return (
        hits.filter(pl.col("kind") == "click")
        .group_by(_KEY)
        .agg(
            clicks=pl.len().cast(pl.Int64),
            own_clicks=pl.col("is_innermost").sum().cast(pl.Int64),
            clicked_at=pl.col("occurred_at").min(),
            clicked_index=pl.col("event_index").min(),
            ms_to_click=(pl.col("occurred_at") - pl.col("started_at")).dt.total_milliseconds().min(),
        )
    )


def _hovers(interactions: pl.DataFrame, inside: pl.DataFrame, clicked: pl.DataFrame) -> pl.DataFrame:
    """Time of the pointer in each zone, where the source tells of it; and how long before a click it came."""
    pointed = _left(interactions.filter("hover")).filter(pl.col("kind").is_in(("move", "click")))
    intervals = pointed.select(
        "view", "spot", "element_chain", "event_index", begin="occurred_at",
        end=pl.min_horizontal(pl.col("occurred_at").shift(-1).over("view"), "left_at", "ended_at"),
    )  # fmt: skip
    # What came after the page view ended was no hover of it.
    within = intervals.filter(pl.col("end") >= pl.col("begin")).join(inside, on=["spot", "element_chain"])
    stretches = joined_stretches(within.select(*_KEY, "begin", "end", "event_index"), _KEY, HOVER_GAP_US)
    lasted = (pl.col("end") - pl.col("begin")).dt.total_microseconds()
    hovers = stretches.filter(lasted >= LEAST_HOVER_US)
    before = hovers.join(clicked.select(*_KEY, "clicked_at"), on=_KEY).filter(pl.col("begin") < pl.col("clicked_at"))
    hesitated = before.group_by(_KEY).agg(
        hesitation_ms=(pl.col("clicked_at") - pl.col("begin")).dt.total_milliseconds().min()
    )
    summed = hovers.group_by(_KEY).agg(
        hover_ms=(pl.col("end") - pl.col("begin")).dt.total_milliseconds().sum(),
        hovered_index=pl.col("event_index").min(),
    )
    return summed.join(hesitated, on=_KEY, how="left")


def _left(interactions: pl.DataFrame) -> pl.DataFrame:
    """Acts with `left_at`: when their page view was next left or hidden, or had been silent for too long."""
    at, after = pl.col("occurred_at"), pl.col("occurred_at").shift(-1).over("view")
    is_silent = (after - at > SILENCE).fill_null(value=True)
    left = pl.when(pl.col("kind") == "page_leave").then(at).when(is_silent).then(at + SILENCE)
    return interactions.with_columns(left_at=left).with_columns(pl.col("left_at").backward_fill().over("view"))


def _friction(incidents: pl.LazyFrame, shown: pl.DataFrame, zones: Sequence[Zone], product: Product) -> pl.DataFrame:
    """Whether a rage, dead or error click lay in the zone."""
    first = product.friction.first
    result = (
        incidents.filter(pl.col("rule_set") == first, pl.col("signal").is_in(list(_SIGNALS)))
        .select("page_view_key", "signal", "element_chain")
        .collect()
        .join(shown.select("page_view_key", "view", "page", "device_type"), on="page_view_key")
    )
    inside = chain_zones(result, zones)
    hit = result.join(inside, on=["page", "device_type", "element_chain"])
    return hit.group_by(_KEY).agg((pl.col("signal") == signal).any().alias(name) for signal, name in _SIGNALS.items())


def _facts(parts: Sequence[pl.DataFrame], shown: pl.DataFrame) -> pl.DataFrame:
    """All parts side by side, a row per view and zone, with the page view's session and person."""
    facts = parts[0].with_columns(pl.col("zone").cast(pl.Int64))
    for part in parts[1:]:
        if part.is_empty():
            facts = facts.with_columns(pl.lit(None, dtype=t).alias(n) for n, t in part.schema.items() if n not in _KEY)
        else:
            facts = facts.join(part.with_columns(pl.col("zone").cast(pl.Int64)), on=_KEY, how="full", coalesce=True)
    about = shown.select("view", "session_key", "person_key", "device_type", *MEASURED, "exposure_method")
    joined = facts.join(about, on="view")
    flags = [pl.col(name).fill_null(value=False) for name in _SIGNALS.values()]
    return joined.with_columns(
        pl.col("clicks", "own_clicks").fill_null(0),
        *flags,
        is_clicked=pl.col("clicks").is_not_null(),
        is_hovered=pl.col("hover_ms").is_not_null(),
        is_exposed=pl.col("exposed_index").is_not_null(),
    )
