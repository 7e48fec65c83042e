"""Who is who, and which ids came: the tables behind people and behind duplicates across days.

Definitions: metrics.md, "Identity" and "Events, order, duplicates".
"""

import polars as pl

from pipeline.contracts.base import Column, Table, count, text, time
from pipeline.contracts.sessions import SOURCE

_DAY = Column("day", pl.Date(), "local day of the product's time zone")
_ID_KIND = Column("id_kind", pl.String(), "`user` or `device`")

EVENT_IDS = Table(
    name="event_ids",
    layer="events",
    grain="One row per event id that came with an accepted record of the local day.",
    columns=(
        Column("id_hash", pl.Int64(), "xxh3_64 of source and id; matches are compared by the full id"),
        SOURCE,
        Column("event_id", pl.String(), "the source's id of the event"),
    ),
    key=("source", "event_id"),
    sort=("id_hash", "source", "event_id"),
)
IDENTITY_EVENTS = Table(
    name="identity_events",
    layer="events",
    grain="One row per event of the local day that tells who uses a device, that a device forgot it, or that two "
    "user ids are one person; of equal ones in a row the first.",
    columns=(
        _DAY,
        SOURCE,
        Column("event_id", pl.String(), "the event"),
        Column("kind", pl.String(), "`identify`, `reset` or `alias`"),
        time("occurred_at", "when"),
        Column("sequence", pl.Int64(), "the source's counter", nullable=True),
        text("anonymous_id", "the device"),
        text("user_id", "the user"),
        text("previous_user_id", "of an alias: the user who is the same person"),
    ),
    key=("source", "event_id"),
    sort=("anonymous_id", "occurred_at", "sequence", "source", "event_id"),
)
APPEARANCES = Table(
    name="appearances",
    layer="events",
    grain="One row per user, and per device that had an event without a user, on the local day.",
    columns=(
        _DAY,
        _ID_KIND,
        Column("id", pl.String(), "the source's id"),
        time("first_at", "first such event of the day"),
        time("last_at", "last such event of the day"),
    ),
    key=("id_kind", "id"),
)
IDENTITY_LINKS = Table(
    name="identity_links",
    layer="period",
    grain="One row per device and stretch of time in which its events belong to one user.",
    columns=(
        Column("anonymous_id", pl.String(), "the device"),
        Column("user_id", pl.String(), "the user that the event named"),
        Column("person_user_id", pl.String(), "the least user id of the person, after aliases"),
        time("valid_from", "from here on; null: from the beginning", nullable=True),
        time("valid_to", "up to here, not inside; null: until now", nullable=True),
        Column("rule", pl.String(), "`identify`: after it; `later_identify`: before the first one"),
        SOURCE,
        Column("event_id", pl.String(), "the event that made the link"),
    ),
    key=("anonymous_id", "rule", "source", "event_id"),
)
PEOPLE = Table(
    name="people",
    layer="period",
    grain="One row per person ever active, bots left out.",
    columns=(
        Column("person_key", pl.Int64(), "key of the person"),
        Column("person_id", pl.String(), "`user:` or `device:` and the id; one to one with the key"),
        Column("first_day", pl.Date(), "local day of the person's first event ever"),
        Column("last_day", pl.Date(), "newest local day with an event"),
        count("days_active", "local days with an event", "day"),
        count("users", "user ids that are this person", "user id"),
        count("devices", "devices linked to the person", "device"),
    ),
    key=("person_key",),
)
PEOPLE_FIRST = Table(
    name="people_first",
    layer="period",
    grain="One row per person ever active: when first, bots left out.",
    columns=(
        Column("person_key", pl.Int64(), "key of the person"),
        time("first_at", "the person's first event ever"),
        Column("first_day", pl.Date(), "its local day"),
    ),
    key=("person_key",),
)
