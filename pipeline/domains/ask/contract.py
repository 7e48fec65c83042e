"""What questions read, and who met which condition (docs/definitions/matching.md, "Who counts"; docs/ask.md)."""

import polars as pl

from pipeline.core.columns import DAY, OF_VISIT, PERSON, SESSION_DAY, SOURCE
from pipeline.core.contract import Column, Table, count, text, time

CONDITIONS_MET = Table(
    name="conditions_met",
    layer="daily",
    grain="One row per condition on people of the product file and person who met it on the local day, bots left out.",
    columns=(
        DAY,
        Column("condition", pl.String(), "what an event must be like, as JSON"),
        PERSON,
        count("times", "events that fit", "event", "day"),
    ),
    key=("condition", "person_key"),
)
ASKABLE = Table(
    name="askable",
    layer="events",
    grain="One row per event of the local day that a question can name, bots left out; of moves, scrolls, pings, exposures and "
    "measurements one row, of kind `seen`, per person, hour, visit and page.",
    columns=(
        PERSON,
        time("occurred_at", "when; of `seen` the first"),
        Column("sequence", pl.Int64(), "the source's counter", nullable=True),
        SOURCE,
        Column("event_id", pl.String(), "the event; of `seen` the first"),
        DAY,
        Column("kind", pl.String(), "kind of event, or `seen`"),
        count("events", "how many events the row stands for", "event", "day"),
        text("name", "the event's own name"),
        text("page", "page of the product file"),
        text("device_type", "device of the visit; null where nothing tells"),
        *OF_VISIT,
        text("country", "country"),
        text("language", "language"),
        Column("session_key", pl.Int64(), "its session"),
        SESSION_DAY,
        text("channel", "channel that led to the visit"),
        text("landing_page", "page on which the visit began"),
        text("campaign", "campaign that led to the visit"),
        Column("goal_bits", pl.Int64(), "bit i: reaches goal i, by name in alphabetical order", minimum=0),
        Column("revenue_micros", pl.Int64(), "revenue of an order or refund", unit="micro-units", nullable=True),
        text("survey_id", "survey, of what is no team's own; so are the two below"),
        Column("score", pl.Int32(), "the answer as a number", nullable=True),
        text("choice", "the answer as a choice"),
    ),
    key=("source", "event_id"),
    sort=("person_key", "occurred_at", "sequence", "source", "event_id"),
    product_columns=True,
)
