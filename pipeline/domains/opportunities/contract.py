"""What to fix first: opportunities, their evidence, what to watch (docs/definitions/opportunities.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, PERSON, SESSION_DAY, number
from pipeline.core.contract import Column, Table, count, text, time
from pipeline.core.published import mart

_ID = Column("id", pl.String(), "hash of kind, page, subject and rule set: the same as long as these are")
_AS_OF = Column("as_of", pl.Date(), "last day of the complete week up to which it was computed")
_MONEY = "currency per week"
OPPORTUNITY_RESULTS = Table(
    name="opportunity_results",
    layer="period",
    grain="One row per opportunity and complete week, computed over the 4 weeks that end with it.",
    columns=(
        _AS_OF,
        _ID,
        Column("kind", pl.String(), "`friction` of a page, `zone` (friction in a zone), `broken_link` (on the page that leads there), `funnel_drop`, `theme`"),
        Column("page", pl.String(), "page of the product file; funnel or survey of a drop or theme"),
        Column("subject", pl.String(), "signal; `signal in zone`; `step, group`; theme"),
        Column("rule_set", pl.String(), "rule set of the friction; empty for others"),
        Column("goal", pl.String(), "what wasn't reached: goal, next step of the funnel"),
        count("sessions_with", "first views (people, responses) with it, in strata that have 5 on both sides", "session"),
        count("sessions_without", "such without it", "session"),
        count("sessions_with_all", "all with it, those of other strata too", "session"),
        number("rate_with", "share of sessions_with that reached the goal", "share"),
        number("effect", "share reaching the goal without it less the share with it, among those that are alike", "share"),
        number("low", "lower end of its 95 % interval, clustered by person", "share"),
        number("high", "its upper end", "share"),
        number("p_value", "two-sided; null below 30 a side or 5 conversions"),
        number("q_value", "p after Benjamini-Hochberg over all opportunities of the week"),
        Column("claimed", pl.Boolean(), "q_value below 0.10 and something is lost"),
        number("met_per_week", "mean number with it a week", "session"),
        number("lost_per_week", "effect x met_per_week: goals (or next steps) lost a week", "event"),
        number("lost_low", "lower end of its 80 % interval", "event"),
        number("lost_high", "its upper end", "event"),
        number("order_value", "mean revenue of those without it that reached the goal", "currency"),
        number("cost_per_week", "cost of delay: lost_per_week x order_value", _MONEY),
        number("cost_low", "lower end of its 80 % interval, which carries the spread of all three factors", _MONEY),
        number("cost_high", "its upper end", _MONEY),
        number("cost_low_95", "lower end of the 95 % interval", _MONEY),
        number("cost_high_95", "its upper end", _MONEY),
        Column("weeks_of_work", pl.Float64(), "effort by the product file", unit="week", minimum=0),
        Column("effort_stated", pl.Boolean(), "the product file says the effort of this very one"),
        number("cd3", "cost_per_week / weeks_of_work", "currency per week and week"),
        number("cd3_low", "the same of the 80 % interval's lower end: what is ranked by", "currency per week and week"),
        number("payback_weeks", "cost of the work / cost_per_week; null without a cost per week or a loss", "week"),
        Column("rank", pl.Int64(), "place among the week's open ones, claimed ones first; null of gone and closed ones, and of parts of others", nullable=True, minimum=1),
        Column("closed", pl.Date(), "day on which it was fixed, by the product file", nullable=True),
        Column("looked_from", pl.Date(), "first day whose first views, people or comments count"),
        Column("state", pl.String(), "`open`; `gone`: the last 7 days with at least half the usual views hold none, or a rate under a tenth of that before; `new`: a day in the last 7 begins ten times the rate before it; `growing`: the last 7 days are beyond each earlier week by half, and beyond chance. Drops of funnels are `open`"),
        Column("since", pl.Date(), "of gone and new ones the day of the change: the one that splits the days best into two rates", nullable=True),
        text("release", "release within 3 days of `since`"),
        text("part_of", "id of the stronger (or gone) opportunity among whose sessions over half of its own are, and twice as many as by chance: they are one"),
    ),
    key=("as_of", "id"),
)  # fmt: skip
OPPORTUNITY_EVIDENCE = Table(
    name="opportunity_evidence",
    layer="period",
    grain="One row per opportunity and piece of evidence: sessions to watch, and quotes.",
    columns=(
        _ID,
        Column("kind", pl.String(), "`session` or `quote`"),
        Column("position", pl.Int64(), "place in the list, from 1", minimum=1),
        Column("session_key", pl.Int64(), "the session", nullable=True),
        Column("page_view_key", pl.Int64(), "the page view", nullable=True),
        Column("day", pl.Date(), "session day, or day of the comment"),
        time("happened_at", "when it happened, or was said"),
        Column("offset_ms", pl.Int64(), "from the session's begin; null: not told", unit="ms", nullable=True, minimum=0),
        text("device_type", "device"),
        text("detail", "element, error or address that shows it; of a quote the words, personal data removed"),
        Column("score", pl.Int64(), "score that was given with the comment", nullable=True),
    ),
    key=("id", "kind", "position"),
)  # fmt: skip
_SESSION = Column("session_key", pl.Int64(), "the session, as in sessions")
_OFFSET = Column("offset_ms", pl.Int64(), "from the recording's first event on; below 0: before it", unit="ms")
WATCH_LIST = Table(
    name="watch_list",
    layer="period",
    grain="One row per thing to be seen and recorded session that shows it, the best first, over the last 28 days.",
    columns=(
        Column("kind", pl.String(), "`page`, or the kind of opportunity: `friction`, `zone`, `broken_link`, `funnel_drop`, `theme`"),
        Column("page", pl.String(), "page of the product file; empty: none"),
        Column("subject", pl.String(), "signal, signal and zone, step and group, or theme; of a page empty"),
        Column("id", pl.String(), "the opportunity's id, where it is one"),
        Column("position", pl.Int64(), "place in the list, from 1", minimum=1),
        _SESSION,
        PERSON,
        DEVICE,
        SESSION_DAY,
        time("happened_at", "when it first happens in the session"),
        _OFFSET,
        Column("duration_ms", pl.Int64(), "length of the recording", unit="ms", minimum=0),
        Column("converted", pl.Boolean(), "the session reached a goal"),
        text("detail", "what shows it"),
    ),
    key=("kind", "page", "subject", "position"),
)  # fmt: skip
_NAMES = {"id": "opportunity_id"}
OPPORTUNITIES = mart(
    name="opportunities",
    grain="One row per opportunity of the last complete week, ranked; closed and gone ones with what was promised and what came.",
    columns=(
        *OPPORTUNITY_RESULTS.columns,
        Column("first_as_of", pl.Date(), "first week of the history in which it was there"),
        count("weeks_claimed", "weeks of the history in which it was claimed", "week"),
        number("promised_per_week", "of closed ones: cost_per_week of the last week before it was mended", _MONEY),
        number("promised_low", "lower end of its 95 % interval", _MONEY),
        number("promised_high", "its upper end", _MONEY),
        number("realised_per_week", "promised_per_week less what is still lost, once 4 weeks have passed", _MONEY),
        number("realised_low", "lower end of its 95 % interval", _MONEY),
        number("realised_high", "its upper end", _MONEY),
        number(
            "used_to_cost",
            "of gone ones: cost_per_week of the last week before it stopped, where it was claimed",
            _MONEY,
        ),
    ),
    key=("id",),
    version=4,
    names=_NAMES,
)
OPPORTUNITY_HISTORY = mart(
    name="opportunity_history",
    grain=OPPORTUNITY_RESULTS.grain,
    columns=OPPORTUNITY_RESULTS.columns,
    key=OPPORTUNITY_RESULTS.key,
    version=4,
    names=_NAMES,
)
EVIDENCE = mart(
    name="evidence",
    grain=OPPORTUNITY_EVIDENCE.grain,
    columns=OPPORTUNITY_EVIDENCE.columns,
    key=OPPORTUNITY_EVIDENCE.key,
    version=3,
    names=_NAMES,
)
WATCH = mart(
    name="watch",
    grain=WATCH_LIST.grain,
    columns=WATCH_LIST.columns,
    key=WATCH_LIST.key,
    version=3,
    names=_NAMES,
)
