"""The core in star shape: facts whose numbers may be summed, and the dimensions that they are joined to by name."""

import polars as pl

from pipeline.core.columns import BOOKED, SESSION_DAY, SESSIONS_AT_MOST, session_sums
from pipeline.core.contract import Column, Table, text
from pipeline.core.published import mart

_COUNTED_BY = tuple(column.name for column in (SESSION_DAY, *BOOKED))
SESSION_COUNTS = Table(
    name="session_counts",
    layer="daily",
    grain="One row per session day, device, channel, country and landing page, bots left out.",
    columns=(
        SESSION_DAY,
        *BOOKED,
        *session_sums(*_COUNTED_BY),
    ),
    key=_COUNTED_BY,
    at_most=SESSIONS_AT_MOST,
)
SESSIONS_DAILY = mart(
    "sessions_daily",
    "One row per day, device, channel, country and landing page: numbers of sessions that may be summed over all of "
    "these, bots left out.",
    SESSION_COUNTS.columns,
    SESSION_COUNTS.key,
    SESSIONS_AT_MOST,
)


def _dimension(
    name: str, made: str, grain: str, columns: tuple[Column, ...], key: tuple[str, ...]
) -> tuple[Table, Table]:
    """A period table that is made from the product file, and the mart that publishes it."""
    return Table(made, "period", grain, columns, key), Table(name, "mart", grain, columns, key)


_NUMBER = pl.Int64()
DATES, DIM_DATE = _dimension(
    "dim_date",
    "dates",
    "One row per local day from the product's first day to the newest with data, without gaps.",
    (
        Column("day", pl.Date(), "local day of the product's time zone"),
        Column("week_start", pl.Date(), "first day of its week, which begins as the product file says"),
        Column("month_start", pl.Date(), "first day of its month"),
        Column("quarter_start", pl.Date(), "first day of its quarter"),
        Column("year", _NUMBER, "year"),
        Column("quarter_of_year", _NUMBER, "1 to 4", minimum=1, maximum=4),
        Column("month_of_year", _NUMBER, "1 to 12", minimum=1, maximum=12),
        Column("iso_week", _NUMBER, "week by ISO 8601, from Monday", minimum=1, maximum=53),
        Column("day_of_week", _NUMBER, "1 is Monday, 7 is Sunday", minimum=1, maximum=7),
        Column("is_weekend", pl.Boolean(), "Saturday or Sunday"),
    ),
    ("day",),
)
PAGE_LIST, DIM_PAGE = _dimension(
    "dim_page",
    "page_list",
    "One row per page of the product file, and `(other)` for addresses of none.",
    (
        Column("page", pl.String(), "page of the product file"),
        Column("position", _NUMBER, "place in the product file, from 1; of `(other)` 0", minimum=0),
        text("stage", "stage of the customer journey"),
        text("urls", "its URL patterns, with commas"),
        Column("zones", _NUMBER, "zones on it, versions not counted", minimum=0),
    ),
    ("page",),
)
ZONE_LIST, DIM_ZONE = _dimension(
    "dim_zone",
    "zone_list",
    "One row per version of a zone of the product file.",
    (
        Column("page", pl.String(), "page of the product file"),
        Column("zone", pl.String(), "zone of the product file"),
        Column("zone_version", pl.Date(), "first local day on which it is valid, as in zone marts"),
        Column("valid_to", pl.Date(), "last local day on which it is valid; null: still valid", nullable=True),
        Column("only_device", pl.String(), "the device that it is for; empty: every one"),
        Column("selectors", pl.String(), "its CSS selectors, with commas"),
    ),
    ("page", "zone", "zone_version", "only_device"),
)
VARIANT_LIST, DIM_EXPERIMENT = _dimension(
    "dim_experiment",
    "variant_list",
    "One row per variant of an experiment of the product file.",
    (
        Column("experiment", pl.String(), "experiment of the product file"),
        Column("variant", pl.String(), "variant"),
        Column("is_control", pl.Boolean(), "what the others are compared with"),
        Column(
            "weight_share", pl.Float64(), "its share of all people by the weights it began with", minimum=0, maximum=1
        ),
        Column("valid_from", pl.Date(), "first local day whose exposures count; null: any", nullable=True),
        Column("valid_to", pl.Date(), "last local day whose exposures count; null: any", nullable=True),
    ),
    ("experiment", "variant"),
)
RELEASE_LIST, DIM_RELEASE = _dimension(
    "dim_release",
    "release_list",
    "One row per release of the product file.",
    (
        Column("release", pl.String(), "release of the product file"),
        Column("day", pl.Date(), "local day on which it came"),
        Column("note", pl.String(), "what changed; empty: nobody wrote it"),
    ),
    ("release",),
)
