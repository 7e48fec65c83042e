"""Key figures: what sessions add up to, period against period, and what changed (docs/definitions/value.md, "Key figures")."""

import polars as pl

from pipeline.core.columns import DEVICE, MONEY, PERSON, SESSION_DAY, SESSION_DIMENSIONS, money, number
from pipeline.core.contract import Column, Table, count, time
from pipeline.core.published import mart

_OVER = ("session_day", *SESSION_DIMENSIONS)
SESSION_KPIS = Table(
    name="session_kpis",
    layer="events",
    grain="One row per session booked on the day, bots left out: what the key figures count of it.",
    columns=(
        SESSION_DAY,
        Column("session_key", pl.Int64(), "the session"),
        PERSON,
        time("started_at", "its first event"),
        DEVICE,
        Column("os", pl.String(), "operating system of the visit; `unknown` where nothing tells"),
        Column("browser", pl.String(), "browser of the visit; `unknown` where nothing tells"),
        Column("country", pl.String(), "country; `unknown` where nothing tells"),
        Column("channel", pl.String(), "channel that led to its first page view; `unknown`, `not measured`"),
        Column("segment_bits", pl.Int64(), "bit i: is in segment i, by name", minimum=0),
        Column("goal_bits", pl.Int64(), "bit i: reached goal i, by name", minimum=0),
        Column("has_page_view", pl.Boolean(), "whether it has a page view, implied or not"),
        Column("is_bounce", pl.Boolean(), "exactly one page view and no goal"),
        count("orders", "orders", "event", *_OVER),
        money("revenue_micros", "revenue of orders less refunds", *_OVER),
        Column("engaged_ms", pl.Int64(), "engaged time; null: not measured", unit="ms", nullable=True, minimum=0, adds_over=_OVER),
        count("friction_score", "score of its friction under the first rule set", "points", *_OVER),
    ),
    key=("session_key",),
    sort=("person_key", "started_at", "session_key"),
)  # fmt: skip
DIMENSION = Column(
    "dimension",
    pl.String(),
    "`device_type`, `os`, `browser`, `country`, `channel`, `page` (sessions that saw it), `page_group` (a page of that stage) or `segment`; empty: everybody",
)
VALUE = Column("value", pl.String(), "its value; empty: everybody")
_PERIOD = (
    Column("period", pl.String(), "`day`, `week`, `last_7` or `last_28`"),
    Column("period_start", pl.Date(), "first local day of the period"),
    Column("period_end", pl.Date(), "last local day of the period"),
)
_KPI = Column("kpi", pl.String(), "key figure, as in the product file; `score: survey/question` for a score")
KPI_RESULTS = Table(
    name="kpi_results",
    layer="period",
    grain="One row per period, dimension, value and key figure, beside the period before of the same length.",
    columns=(
        *_PERIOD,
        DIMENSION,
        VALUE,
        _KPI,
        Column("unit", pl.String(), "`count`, `share`, `seconds`, `points` or `currency`"),
        Column("numerator", pl.Int64(), "exact sum above the line: events, sessions, people, ms or micro-units", nullable=True),
        Column("denominator", pl.Int64(), "exact sum below the line; null: the figure is a total", nullable=True),
        count("people", "people of the period", "person"),
        number("figure", "the key figure in its unit; null where nothing was measured"),
        number("figure_before", "the same of the period before; null where days of it are missing"),
        number("change", "figure less figure_before"),
        number("change_low", "lower end of the change's 95 % interval, by the spread between people"),
        number("change_high", "upper end of the change's 95 % interval"),
        Column("mature", pl.Boolean(), "all days of the period are there"),
    ),
    key=("period", "period_start", "dimension", "value", "kpi"),
)  # fmt: skip
KPI_PARTS = Table(
    name="kpi_parts",
    layer="period",
    grain="One row per period, key figure, kind of part, dimension and part: what the change to the period before is made of.",
    columns=(
        *_PERIOD,
        _KPI,
        Column("kind", pl.String(), "`tree`: factors of revenue; `rate`: the value's own figure changed; `mix`: its share of all did; `volume`: its part of a total did"),
        DIMENSION,
        Column("part", pl.String(), "factor of the tree (`unexplained`: revenue without an order, such as refunds alone, which no factor bears), or the dimension's value"),
        number("before", "the part's figure in the period before"),
        number("after", "the part's figure in the period"),
        number("share_before", "the part's share of the denominator in the period before", "share"),
        number("share_after", "the part's share of the denominator in the period", "share"),
        Column("contribution", pl.Float64(), "what it adds to the change, in the key figure's unit; parts of a kind (rate and mix together) add up to the change"),
        Column("contribution_micros", pl.Int64(), "of money: the same, which add up to the change exactly", unit=MONEY, nullable=True),
    ),
    key=("period", "period_start", "kpi", "kind", "dimension", "part"),
)  # fmt: skip
SEGMENT_VALIDITY = Table(
    name="segment_validity",
    layer="period",
    grain="One row per person, segment and stretch of time in which the person was in it.",
    columns=(
        Column("segment", pl.String(), "segment of the product file"),
        PERSON,
        Column("person_id", pl.String(), "`user:` or `device:` and the id"),
        time("valid_from", "begin of the first session of the stretch that is in the segment"),
        time("valid_to", "begin of the next session that isn't; null: still in it", nullable=True),
        count("sessions", "sessions of the stretch", "session"),
    ),
    key=("segment", "person_key", "valid_from"),
)
KPIS = Table(
    name="kpis",
    layer="mart",
    grain=KPI_RESULTS.grain,
    columns=(
        *KPI_RESULTS.columns,
        number("change_share", "change / figure_before", "share"),
        Column("conclusion", pl.String(), "`up` or `down`: the interval leaves out 0; `unclear`; `no comparison`"),
    ),
    key=KPI_RESULTS.key,
    version=2,
)
KPI_CHANGES = mart(
    name="kpi_changes",
    grain=KPI_PARTS.grain,
    columns=KPI_PARTS.columns,
    key=KPI_PARTS.key,
    version=2,
    names={"contribution_micros": "contribution_exact"},
)
SEGMENT_MEMBERS = mart(
    name="segment_members",
    grain=SEGMENT_VALIDITY.grain,
    columns=SEGMENT_VALIDITY.columns,
    key=SEGMENT_VALIDITY.key,
    version=2,
)
TARGET_WEEKS = Table(
    name="target_weeks",
    layer="period",
    grain="One row per target of the product file and complete week in which its key figure was measured.",
    columns=(
        Column("kpi", pl.String(), "key figure, as in the product file"),
        Column("week_start", pl.Date(), "first local day of the week"),
        Column("week_end", pl.Date(), "last local day of the week"),
        Column("unit", pl.String(), "`count`, `share`, `seconds`, `points` or `currency`"),
        Column("figure", pl.Float64(), "the key figure of the week, of everybody"),
        Column("target", pl.Float64(), "what it is to be"),
        Column("better", pl.String(), "`higher` or `lower`"),
        Column("target_day", pl.Date(), "last local day until which it is to be reached; null: none is told", nullable=True),
    ),
    key=("kpi", "week_start"),
)  # fmt: skip
KPI_TARGETS = Table(
    name="kpi_targets",
    layer="mart",
    grain=TARGET_WEEKS.grain,
    columns=(
        *TARGET_WEEKS.columns,
        Column("gap", pl.Float64(), "how far the figure is from the target, in its unit; 0 or less: reached"),
        Column("is_reached", pl.Boolean(), "the figure is the target, or better"),
        number("weeks_left", "weeks from the week's end to target_day", "week"),
        number(
            "needed_per_week",
            "gap / weeks_left: what each week must bring; null: reached, less than a week is left, or no day is told",
        ),
    ),
    key=TARGET_WEEKS.key,
)
# What each key figure is, as people read it.
KPI_MEANINGS = {
    "people": "People with at least one session in the period; each counts once.",
    "new_people": "People whose first event ever lies in the period.",
    "returning_people": "People of the period who were seen before it.",
    "sessions": "Sessions that began in the period.",
    "orders": "Orders of the period's sessions.",
    "revenue": "Revenue of orders less refunds of the period's sessions.",
    "conversion": "Sessions that reached a goal, of all sessions.",
    "bounce_rate": "Sessions of exactly one page view and no goal, of those with a page view.",
    "orders_per_person": "Orders per person of the period.",
    "revenue_per_person": "Revenue less refunds per person of the period.",
    "average_order": "Revenue less refunds per order.",
    "sessions_per_person": "Sessions per person of the period.",
    "retention": "Of the people of the period before, those who came back in this one.",
    "churn": "Of the people of the period before, those who stayed away in this one.",
    "engaged_seconds": "Engaged seconds per session, of sessions where they were measured.",
    "frustration": "Friction score per session, by the first rule set.",
}
