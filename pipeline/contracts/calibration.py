"""Which friction goes with goals missed (metrics.md, "Friction": like-for-like estimator)."""

import polars as pl

from pipeline.contracts.base import Column, Table, count, time
from pipeline.contracts.friction import RULE_SET
from pipeline.contracts.sessions import DEVICE, PERSON, SESSION_DAY
from pipeline.contracts.zones import PAGE

FIRST_VIEWS = Table(
    name="first_views",
    layer="daily",
    grain="One row per session, page that it viewed, and rule set: the session's first view of the page.",
    columns=(
        SESSION_DAY,
        RULE_SET,
        Column("session_key", pl.Int64(), "the session"),
        PERSON,
        PAGE,
        DEVICE,
        Column("page_view_key", pl.Int64(), "the page view"),
        time("session_began", "the session's first event"),
        Column("views_before", pl.Int64(), "page views before it: 0: none, 1: one or two, 2: three or more", minimum=0),
        Column("met_in_view", pl.Int64(), "bit i: signal i, or score, met in it", minimum=0),
        Column("met_before", pl.Int64(), "bit i: signal i, or score, met in the session before it", minimum=0),
        Column("goals_before", pl.Int64(), "bit i: goal i, by name, reached before it began", minimum=0),
        Column("goals_after", pl.Int64(), "bit i: goal i, by name, reached after it began", minimum=0),
        Column("revenue_after_micros", pl.Int64(), "revenue less refunds after it began", unit="micro-units"),
    ),
    key=("rule_set", "session_key", "page"),
)
_SESSIONS = (
    count("sessions_with", "sessions that met the signal in their first view of the page", "session"),
    count("sessions_without", "sessions like them that had not met it", "session"),
    count("converted_with", "of sessions_with, those that reached the goal after", "session"),
    count("converted_without", "of sessions_without, those that reached the goal after", "session"),
)


def _share(name: str, description: str) -> Column:
    return Column(name, pl.Float64(), description, unit="share", nullable=True, minimum=-10, maximum=10)


FRICTION_EFFECTS = Table(
    name="friction_effects",
    layer="period",
    grain="One row per period, rule set, signal, page and goal.",
    columns=(
        Column("period", pl.String(), "`last_28` or `last_90`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period"),
        RULE_SET,
        Column("signal", pl.String(), "friction signal, or `score>=N`"),
        PAGE,
        Column("goal", pl.String(), "goal of the product file"),
        *_SESSIONS,
        count("people", "people of these sessions", "person"),
        count("strata", "strata with 5 sessions or more on both sides", "count"),
        count("strata_left_out", "strata with fewer", "count"),
        count("sessions_left_out", "sessions in strata left out", "session"),
        _share("effect", "share reaching the goal without the signal less the share with it, among sessions that are alike"),
        _share("low", "lower end of its 95 % interval, clustered by person"),
        _share("high", "upper end of its 95 % interval"),
        Column("claimed", pl.Boolean(), "30 sessions or more on both sides and 5 conversions: enough to speak of"),
    ),
    key=("period", "rule_set", "signal", "page", "goal"),
    at_most=(("converted_with", "sessions_with"), ("converted_without", "sessions_without")),
)  # fmt: skip
FRICTION_CALIBRATION = Table(
    name="friction_calibration",
    layer="mart",
    grain=FRICTION_EFFECTS.grain,
    columns=(
        *FRICTION_EFFECTS.columns,
        Column(
            "verdict", pl.String(), "`costs`: the whole interval lies above 0; `helps`: below; `unclear`; `too few`"
        ),
        _share("plain_difference", "the same comparison without strata: wrong where long sessions meet more friction"),
    ),
    key=FRICTION_EFFECTS.key,
    at_most=FRICTION_EFFECTS.at_most,
)
