"""Friction as tables: a day's incidents with their evidence, sums by page, scores of sessions (docs/definitions/friction.md)."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.core.columns import OTHER_PAGE
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.friction.friction import KINDS, NEEDS, SIGNALS, Interactions, incidents
from pipeline.domains.friction.section import FrictionRules
from pipeline.events.capabilities import capabilities_of_views
from pipeline.events.chains import innermost, stable_chain
from pipeline.events.keys import stable_keys
from pipeline.events.zones import chain_zones, with_names, zones_valid_on
from pipeline.stats.buckets import added_up

# A page view counts each signal at most so many times.
_MOST_OF_A_SIGNAL = 3
_MINUTE_MS = 60_000
_OF = ["source", "device_type"]


def interactions_of(events: pl.LazyFrame, views: pl.LazyFrame) -> Interactions:
    """The acts and page views of a day's session_events and page_views, bots left out."""
    reported = pl.col("kind").is_in(KINDS) | pl.col("is_goal")
    people = events.filter(~pl.col("is_bot"), pl.col("page_view_key").is_not_null(), reported)
    interactions = people.sort("session_key", "event_index").collect()
    shown = views.filter(~pl.col("is_bot")).sort("session_key", "position").collect()
    return Interactions(interactions.filter(pl.col("page_view_key").is_in(shown["page_view_key"].implode())), shown)


def friction_incidents(
    events: pl.LazyFrame,
    views: pl.LazyFrame,
    day: date,
    product: Product,
    rule_sets: Mapping[str, FrictionRules] | None = None,
) -> pl.DataFrame:
    """Incidents of the sessions booked on `day`, under each rule set of the product file or of `rule_sets`."""
    table = TABLES["friction_incidents"]
    interactions = interactions_of(events, views)
    begun = events.group_by("session_key").agg(session_began=pl.col("occurred_at").min()).collect()
    about = interactions.views.select("page_view_key", "session_key", "person_key", "page", "device_type", "implied")
    dynamic = product.elements.dynamic

    def element_of(chain: str) -> str:
        return innermost(stable_chain(chain, dynamic))

    parts = [table.schema.to_frame()]
    for name, rules in (rule_sets or product.friction.rule_sets).items():
        result = incidents(interactions, rules).join(about, on="page_view_key").join(begun, on="session_key")
        keyed = result.with_columns(
            incident_key=stable_keys(pl.concat_str("signal", "source", "event_id", separator="|")),
            rule_set=pl.lit(name),
            rule_version=pl.lit(rules.version),
        )
        placed = _with_zone(_grouped(keyed), day, product).with_columns(
            pl.col("page").fill_null(OTHER_PAGE),
            pl.col("clicks").list.len().cast(pl.Int64),
            session_day=pl.lit(day),
            element=pl.col("element_chain").map_elements(element_of, return_dtype=pl.String),
            offset_ms=(pl.col("started_at") - pl.col("session_began")).dt.total_milliseconds(),
        )
        parts.append(placed.select(table.schema.names()))
    return table.conform(pl.concat(parts, how="vertical_relaxed"))


def _grouped(result: pl.DataFrame) -> pl.DataFrame:
    """Add `friction_group`: incidents that share a click, over others too, bear the least of their keys."""
    shared = result.select("clicks", row=pl.int_range(pl.len())).explode("clicks").drop_nulls("clicks")
    clicks = shared["clicks"].rank("dense").cast(pl.Int64).to_numpy() - 1 + result.height
    size = result.height + len(set(clicks.tolist()))
    rows = shared["row"].to_numpy()
    graph = coo_array((np.ones(len(rows), np.int8), (rows, clicks)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    labelled = result.with_columns(pl.Series("label", labels[: result.height], dtype=pl.Int64))
    return labelled.with_columns(friction_group=pl.col("incident_key").min().over("label")).drop("label")


def _with_zone(result: pl.DataFrame, day: date, product: Product) -> pl.DataFrame:
    zones = zones_valid_on(day, product)
    named = with_names(chain_zones(result, zones).filter("is_innermost"), zones)
    where = ["page", "device_type", "element_chain"]
    return result.join(named.select(*where, "zone").unique(where), on=where, how="left")


def scores_of_views(result: pl.LazyFrame) -> pl.LazyFrame:
    """Score of each page view with an incident: `rule_set`, `session_key`, `page_view_key`, `score`."""
    # A group counts once, as its weightiest signal.
    groups = result.sort("weight", "signal", "incident_key", descending=[True, False, False]).unique(
        ["rule_set", "friction_group"], keep="first", maintain_order=True
    )
    view = ["rule_set", "session_key", "page_view_key"]
    counted = groups.group_by(*view, "signal").agg(
        score=pl.col("weight").first() * pl.min_horizontal(pl.len().cast(pl.Int64), pl.lit(_MOST_OF_A_SIGNAL))
    )
    return counted.group_by(view).agg(pl.col("score").sum())


def session_friction(result: pl.LazyFrame, sessions: pl.LazyFrame, views: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Score of each session with an incident, from the day's incidents, sessions and page views."""
    by = ["rule_set", "session_key"]
    scores = scores_of_views(result).group_by(by).agg(pl.col("score").sum())
    numbers = result.group_by(by).agg(pl.col("person_key", "device_type").first(), incidents=pl.len())
    engaged = views.group_by("session_key").agg(
        engaged_ms=pl.when(pl.col("engaged_ms").is_not_null().any()).then(pl.col("engaged_ms").sum())
    )
    minutes = sessions.select("session_key", "duration_ms").join(engaged, on="session_key", how="left")
    ms = pl.coalesce("engaged_ms", "duration_ms")
    # By a column of the number: by the number itself Polars multiplies with its reciprocal, but for a single row, and which
    # rows stand alone depends on the number of threads.
    lasted = ms / (ms * 0 + _MINUTE_MS)
    joined = scores.join(numbers, on=by).join(minutes, on="session_key")
    made = joined.with_columns(session_day=pl.lit(day), minutes=pl.max_horizontal(lasted, 1.0))
    return TABLES["session_friction"].conform(made.collect())


def measured_signals(events: pl.LazyFrame, views: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """By `source` and `device_type` which signals a whole day's session_events and page_views tell of."""
    return capabilities_of_views(events, views, product).select(*_OF, *NEEDS.values()).collect()


def friction_sums(result: pl.LazyFrame, views: pl.LazyFrame, known: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Incidents and page views by rule set, signal, page and device, of all people or some; these add up.

    `known` are the day's `measured_signals`; implied page views are left out.
    """
    real = views.filter(~pl.col("is_bot"), ~pl.col("implied")).with_columns(pl.col("page").fill_null(OTHER_PAGE))
    measured = (
        real.select("page_view_key", "page", *_OF)
        .join(known.lazy(), on=_OF, how="left")
        .with_columns(pl.col(list(NEEDS.values())).fill_null(value=False))
        .collect()
    )
    where = ["page", "device_type"]
    shown = [
        measured.group_by(where).agg(
            page_views=pl.len(),
            page_views_measured=pl.col(NEEDS[signal]).sum() if signal in NEEDS else pl.len(),
            signal=pl.lit(signal),
        )
        for signal in SIGNALS
    ]
    sets = pl.DataFrame(
        [(name, rules.version) for name, rules in product.friction.rule_sets.items()],
        schema={"rule_set": pl.String, "rule_version": pl.String},
        orient="row",
    )
    grid = pl.concat(shown).join(sets, how="cross")
    is_reported = pl.all_horizontal((pl.col("signal") != signal) | pl.col(need) for signal, need in NEEDS.items())
    counted = (
        result.select("rule_set", "signal", "page_view_key", "session_key")
        .collect()
        .join(measured, on="page_view_key")
        .filter(is_reported)
        .group_by("rule_set", "signal", *where)
        .agg(
            incidents=pl.len(),
            page_views_with=pl.col("page_view_key").n_unique(),
            sessions_with=pl.col("session_key").n_unique(),
        )
    )
    joined = grid.join(counted, on=["rule_set", "signal", *where], how="left")
    return joined.with_columns(pl.col("incidents", "page_views_with", "sessions_with").fill_null(0))


def daily_friction(sums: Sequence[pl.DataFrame], day: date) -> pl.DataFrame:
    """The day's friction from the `friction_sums` of disjoint people."""
    table = TABLES["daily_friction"]
    summed = added_up(sums, [*table.key, "rule_version"])
    return table.conform(summed.with_columns(session_day=pl.lit(day)))
