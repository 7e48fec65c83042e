"""The paths that people take (docs/definitions/journeys.md)."""

import polars as pl

from pipeline.core.columns import DAY, PERSON
from pipeline.core.contract import Column, Table, count, rate, time

JOURNEY_EVENTS = Table(
    name="journey_events",
    layer="daily",
    grain="One row per event of the local day that is an item of a journey of the product file.",
    columns=(
        DAY,
        Column("journey", pl.String(), "journey of the product file"),
        PERSON,
        time("occurred_at", "when"),
        Column("item", pl.String(), "page, address or name of the event"),
        Column("event_index", pl.Int64(), "place in the total order of the person's day", minimum=0),
    ),
    key=("journey", "person_key", "event_index"),
)
JOURNEY_EDGE_COUNTS = Table(
    name="journey_edge_counts",
    layer="period",
    grain="One row per journey and step from item to item, over the 28 days ending with the last day.",
    columns=(
        Column("journey", pl.String(), "journey of the product file"),
        Column("source", pl.String(), "place and item, as `1_home`"),
        Column("target", pl.String(), "place and item that came next"),
        count("transitions", "visits that took the step", "visit"),
        count("people", "people who took it", "person"),
        Column("mean_wait_us", pl.Float64(), "mean time from the one to the other", unit="us", minimum=0),
    ),
    key=("journey", "source", "target"),
    at_most=(("people", "transitions"),),
)
JOURNEY_PATHS = Table(
    name="journey_paths",
    layer="period",
    grain="One row per journey and whole path, the most frequent ones, over the 28 days ending with the last day.",
    columns=(
        Column("journey", pl.String(), "journey of the product file"),
        Column("path", pl.String(), "items in their order, joined by ` > `"),
        Column("steps", pl.Int64(), "number of items", minimum=1),
        count("visits", "visits that went it", "visit"),
        count("people", "people who went it", "person"),
    ),
    key=("journey", "path"),
    at_most=(("people", "visits"),),
)
JOURNEY_EDGES = Table(
    name="journey_edges",
    layer="mart",
    grain=JOURNEY_EDGE_COUNTS.grain,
    columns=(
        *(c for c in JOURNEY_EDGE_COUNTS.columns if c.name != "mean_wait_us"),
        Column("mean_wait_seconds", pl.Float64(), "mean time from the one to the other", unit="s", minimum=0),
        rate("share_of_source", "transitions / transitions from the same source"),
    ),
    key=JOURNEY_EDGE_COUNTS.key,
    at_most=JOURNEY_EDGE_COUNTS.at_most,
)
JOURNEY_SEQUENCES = Table(
    name="journey_sequences",
    layer="mart",
    grain=JOURNEY_PATHS.grain,
    columns=(*JOURNEY_PATHS.columns, rate("share", "visits / visits of the paths shown")),
    key=JOURNEY_PATHS.key,
    at_most=JOURNEY_PATHS.at_most,
    version=2,
)
