"""The canonical event: what every source is turned into, and what `raw_events` and `events` hold.

Definitions: docs/definitions/events.md and docs/marts.md, which is generated from here.
"""

from typing import Literal, get_args

import polars as pl

from pipeline.core.contract import Column, RowRule, Table, text, time

KINDS: dict[str, str] = {
    "page_view": "a page or screen was shown",
    "page_ping": "the page was still in use (heartbeat)",
    "page_leave": "the page was left or hidden",
    "click": "a click or tap",
    "move": "the pointer's position, sampled",
    "scroll": "the window's position in the page",
    "exposure": "an element was in the window; duration_ms says how long",
    "input": "a field was changed",
    "validation": "a field refused its value",
    "form_submit": "a form was submitted",
    "error": "a script or request failed",
    "performance": "page speed was measured",
    "order": "something was bought; revenue_micros says for how much",
    "refund": "money was given back; revenue_micros is negative",
    "experiment": "a person was exposed to a variant",
    "survey_shown": "a survey was shown",
    "survey_dismissed": "a survey was closed without an answer",
    "survey_answered": "a survey was answered",
    "identify": "a device told who uses it",
    "reset": "a device forgot who uses it",
    "alias": "two user ids are one person: user_id and previous_user_id",
    "custom": "anything else; name says what",
}
# What a source may measure besides that something happened (docs/definitions/rules.md, "Not measured is null").
Capability = Literal[
    "hover", "exposure", "exposure_time", "dead_click", "js_error", "web_vitals", "scroll", "engaged", "impressions"
]
CAPABILITIES: tuple[str, ...] = get_args(Capability)
MAX_TIME = "2100-01-01T00:00:00Z"
FUTURE_LIMIT_HOURS = 24
MAX_CHAIN_CHARACTERS = 8_192
# A thousand million units in one event; sums of a day stay far from the end of Int64.
MAX_REVENUE_MICROS = 10**15
PROMOTED_PREFIX = "prop_"
# What is told once per visit, and carried to each of its events (docs/definitions/events.md, "Device, system, browser").
VISIT_COLUMNS = ("device_type", "os", "os_version", "browser", "browser_version")
# What is told of a session by how it began (docs/definitions/events.md, "Channels").
SESSION_COLUMNS = ("channel", "landing_page", "campaign")
# Columns that say which one of many it is; placeholders in them are no ids (docs/definitions/events.md, "Placeholder ids").
ID_COLUMNS = (
    *("event_id", "anonymous_id", "user_id", "previous_user_id", "session_id", "page_view_id", "tab_id"),
    *("order_id", "response_id"),
)
# In a mapping: properties.<name> is an entry of the properties.
PROPERTY_PREFIX = "properties."


def _int32(name: str, description: str, unit: str) -> Column:
    return Column(name, pl.Int32(), description, unit=unit, nullable=True)


def _int64(name: str, description: str, unit: str) -> Column:
    return Column(name, pl.Int64(), description, unit=unit, nullable=True)


# What a canonical landing file may hold, by these very names. All else in a record is kept in `properties`.
INPUT_COLUMNS: tuple[Column, ...] = (
    text("event_id", "the source's id of the event; an id counts once per source"),
    text("anonymous_id", "device or browser id"),
    text("user_id", "id of a known person"),
    text("previous_user_id", "of an alias: the user id that is the same person as user_id"),
    text("session_id", "the source's own session id, where it has one"),
    text("page_view_id", "the source's id of the page view that the event belongs to"),
    text("tab_id", "browser tab"),
    time("occurred_at", "when it happened, by the device's clock corrected by one offset per batch"),
    time("sent_at", "when the device sent it, by the device's clock", nullable=True),
    time("received_at", "when the collector received it", nullable=True),
    _int64("sequence", "the source's counter; orders events of one instant", "count"),
    Column("kind", pl.String(), "what kind of event: " + "; ".join(f"`{k}` {v}" for k, v in KINDS.items())),
    text("name", "the event's own name, mostly of custom events"),
    text("url", "address of the page, personal data removed"),
    text("referrer", "address that led to the page, personal data removed"),
    text("page_title", "title of the page"),
    _int32("http_status", "HTTP status of the page", "status"),
    text("element_chain", "the element acted on and its ancestors as open HTML tags, outermost first"),
    _int32("x", "pointer position from the page's left edge", "px"),
    _int32("y", "pointer position from the page's top", "px"),
    Column("is_fixed", pl.Boolean(), "the element keeps its place in the window (fixed or sticky)", nullable=True),
    _int32("window_width", "width of the window", "px"),
    _int32("window_height", "height of the window", "px"),
    _int32("page_width", "width of the page", "px"),
    _int32("page_height", "height of the page", "px"),
    _int32("scroll_y", "distance from the page's top to the window's top", "px"),
    _int64("duration_ms", "how long it lasted", "ms"),
    text("order_id", "the order's id"),
    _int64("revenue_micros", "revenue in millionths of the currency's unit; negative for refunds", "micro-units"),
    text("currency", "ISO 4217 code of revenue_micros"),
    text("experiment_id", "experiment"),
    text("variant", "variant that the person was exposed to"),
    text("survey_id", "survey"),
    text("question_id", "question of the survey"),
    text("response_id", "the response: all that one person answers in one go bears one id"),
    text("survey_trigger", "what made the survey appear: after_purchase, exit_intent, widget or another word"),
    _int32("score", "the answer as a number", "points"),
    text("choice", "the answer as a choice; several are joined by `; `, or an event each at one instant"),
    text("text", "the answer in words, personal data removed"),
    text("error_type", "class of the error"),
    text("error_message", "message of the error, personal data removed"),
    _int32("lcp_ms", "largest contentful paint", "ms"),
    _int32("inp_ms", "interaction to next paint", "ms"),
    _int32("cls_e4", "cumulative layout shift", "1/10,000"),
    text("user_agent", "the browser's user agent string"),
    text("device_type", "desktop, mobile, tablet or another word of the source's"),
    text("os", "operating system as the source sent it; sessions tell it of the visit"),
    text("os_version", "version of the operating system as the source sent it"),
    text("browser", "browser as the source sent it; sessions tell it of the visit"),
    text("browser_version", "version of the browser as the source sent it"),
    text("country", "ISO 3166 code"),
    text("language", "BCP 47 code"),
)
# Filled by ingest, not read from a record.
_SOURCE = Column("source", pl.String(), "the landing folder that the event came through")
_OCCURRED_AT_RAW = time("occurred_at_raw", "when it happened, as the device said")
_PROPERTIES = text("properties", "everything else that the source sent, as a JSON object with sorted keys")
_PLACEHOLDER_IDS = text("placeholder_ids", "id columns, with commas, that held a placeholder such as `undefined`")
RECORD_NUMBER = Column("record_number", pl.Int64(), "place of the record in its landing file, from 1", unit="count")
EVENT_NUMBER = Column("event_number", pl.Int64(), "place among the events of the record, from 0", unit="count")
ROW_RULES: tuple[RowRule, ...] = (
    RowRule(
        "missing_occurred_at", "the record has no `occurred_at`; send the time of the event", ~pl.col("no_occurred_at")
    ),
    RowRule("missing_kind", "the record has no `kind`", pl.col("kind").is_not_null()),
    RowRule("unknown_kind", "`kind` is none of: " + ", ".join(KINDS), pl.col("kind").is_in(list(KINDS))),
    RowRule(
        "missing_event_id",
        "the record has no `event_id`, or a placeholder for one; send one, or declare `event_id: none` for the source",
        pl.col("has_event_id"),
    ),
    RowRule(
        "before_start",
        "`occurred_at` lies before the product's start_date",
        pl.col("occurred_at") >= pl.col("start_of_product"),
    ),
    RowRule("absurd_time", f"`occurred_at` lies at or after {MAX_TIME}", ~pl.col("is_absurd")),
    RowRule(
        "from_future",
        f"`occurred_at` lies more than {FUTURE_LIMIT_HOURS} hours after `received_at`",
        pl.col("received_at").is_null()
        | (pl.col("occurred_at") <= pl.col("received_at") + pl.duration(hours=FUTURE_LIMIT_HOURS)),
    ),
    RowRule("negative_duration", "`duration_ms` is below 0", pl.col("duration_ms").fill_null(0) >= 0),
    RowRule(
        "element_chain_too_long",
        f"`element_chain` is longer than {MAX_CHAIN_CHARACTERS} characters",
        pl.col("element_chain").str.len_chars().fill_null(0) <= MAX_CHAIN_CHARACTERS,
    ),
    RowRule(
        "absurd_revenue",
        f"`revenue_micros` is beyond {MAX_REVENUE_MICROS:.0e}; is it in millionths of the currency's unit?",
        pl.col("revenue_micros").fill_null(0).is_between(-MAX_REVENUE_MICROS, MAX_REVENUE_MICROS),
    ),
    RowRule(
        "negative_size",
        "a width or height is below 0",
        pl.min_horizontal("window_width", "window_height", "page_width", "page_height").fill_null(0) >= 0,
    ),
)
RAW_EVENTS = Table(
    name="raw_events",
    layer="raw",
    grain="One row per accepted record of a landing file, in the local day on which the event happened.",
    columns=(
        _SOURCE,
        *INPUT_COLUMNS,
        _OCCURRED_AT_RAW,
        _PROPERTIES,
        _PLACEHOLDER_IDS,
        RECORD_NUMBER,
        EVENT_NUMBER,
    ),
    key=("record_number", "event_number"),
    rules=ROW_RULES,
    product_columns=True,
)
REJECTED = Table(
    name="rejected",
    layer="raw",
    grain="One row per record of a landing file that was not accepted, with the rule and the reason.",
    columns=(
        _SOURCE,
        Column("file_sha256", pl.String(), "content hash of the landing file"),
        Column("record_number", pl.Int64(), "place in the landing file, from 1; 0 = the whole file", unit="count"),
        EVENT_NUMBER,
        Column("event_day", pl.Date(), "local day of the event; null: its time can't be told", nullable=True),
        Column("rule", pl.String(), "name of the rule that it broke"),
        Column("reason", pl.String(), "what was wrong, with the remedy"),
        text("raw_text", "the record as it came, personal data removed, cut at 64 KB"),
    ),
    key=("file_sha256", "record_number", "event_number"),
)
EVENTS = Table(
    name="events",
    layer="events",
    grain="One row per event of a local day, each counted once, with its person, its page and whether a bot made it.",
    columns=(
        Column("person_key", pl.Int64(), "xxh3_64 of `person_id`; null: the event has no id at all", nullable=True),
        text("person_id", "`user:` or `device:` and the id"),
        text("person_rule", "`user_id`, `identify` (before it), `later_identify` (after it) or `device`"),
        Column("is_bot", pl.Boolean(), "made by a program; marts leave it out, daily_quality shows it"),
        text("bot_rule", "the rule that found the bot"),
        text("page", "first page of the product file whose URL patterns fit; null: none fits"),
        _SOURCE,
        *INPUT_COLUMNS,
        _OCCURRED_AT_RAW,
        _PROPERTIES,
    ),
    key=("source", "event_id"),
    sort=("person_key", "occurred_at", "sequence", "source", "event_id"),
    product_columns=True,
)
RAW_RECORDINGS = Table(
    name="raw_recordings",
    layer="raw",
    grain="One row per rrweb event of a landing file, masked, in the local day on which it happened.",
    columns=(
        Column("source", pl.String(), "the landing folder that it came through"),
        Column(
            "session_id", pl.String(), "the recorder's session; of recordings without one a hash of the first record"
        ),
        Column("anonymous_id", pl.String(), "the device, else the session"),
        text("user_id", "the user"),
        text("tab_id", "the window"),
        time("occurred_at", "when"),
        Column("kind", pl.Int32(), "rrweb's type of event", minimum=0),
        Column("incremental", pl.Int32(), "rrweb's source of an incremental event", nullable=True),
        Column("act", pl.Int32(), "rrweb's type of an interaction", nullable=True),
        Column("sameness", pl.Int64(), "copies of an event bear the same number"),
        Column("event", pl.String(), "the event as JSON: type, data, timestamp"),
        RECORD_NUMBER,
        EVENT_NUMBER,
    ),
    key=("record_number", "event_number"),
    sort=("session_id", "tab_id", "record_number", "event_number"),
)
