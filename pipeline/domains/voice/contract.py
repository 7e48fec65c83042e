"""Voice of customer: answers, scores, choices, themes, quotes (docs/definitions/voice.md)."""

import polars as pl

from pipeline.core.columns import PERIOD, QUESTION, QUESTION_KIND, STAGE, SURVEY, TRIGGER
from pipeline.core.contract import Column, Table, count, rate, ratio, text, time

_DAY = Column("day", pl.Date(), "local day of the answer, or of the survey's showing")
_PAGE = Column("page", pl.String(), "page of the product file; empty: none")
_DEVICE = Column("device_type", pl.String(), "device; `unknown` where nothing tells")
FEEDBACK = Table(
    name="feedback",
    layer="daily",
    grain="One row per survey event of sessions booked on the day, or of nobody known, and per question that it answers; bots left out.",
    columns=(
        _DAY,
        Column("source", pl.String(), "the landing folder that the event came through"),
        Column("event_id", pl.String(), "the event"),
        Column("kind", pl.String(), "`survey_shown`, `survey_dismissed` or `survey_answered`"),
        time("occurred_at", "when"),
        Column("response_key", pl.Int64(), "the response: hash of its id, else of who answered and when"),
        SURVEY,
        QUESTION,
        QUESTION_KIND,
        text("question_id", "the question as the source calls it"),
        TRIGGER,
        STAGE,
        Column("person_key", pl.Int64(), "the person, as in events; null: not known, or a survey of the team", nullable=True),
        _DEVICE,
        _PAGE,
        Column("session_key", pl.Int64(), "the session in which, or after which, it was answered", nullable=True),
        Column("page_view_key", pl.Int64(), "the page view on which, or after which, it was answered", nullable=True),
        text("joined", "how the session was found: `session`: its own; `person`: the person's, up to 30 minutes after its end"),
        Column("segment_bits", pl.Int64(), "bit i: its session is in segment i, by name", minimum=0),
        text("variants", "experiment variants that its session had been exposed to, by comma"),
        Column("score", pl.Int32(), "the answer as a number", nullable=True),
        text("choice", "the answer as a choice"),
        Column("is_valid", pl.Boolean(), "a score on the question's scale, or a choice of a pmf"),
        Column("points", pl.Int64(), "what it adds to the score: nps 100, 0, -100; csat and pmf 100 or 0; ces its number", nullable=True),
        text("score_group", "`high`, `middle` or `low`: of an nps promoters, passives, detractors"),
        text("text", "the answer in words"),
        text("non_answer", "the stock phrase that the text is, `(blank)`, or `(signs)` without a word; null: a comment"),
        text("language", "ISO 639-1 code of a comment's language"),
        Column("sentiment_e4", pl.Int32(), "mood of a comment; null: its language isn't read", unit="1/10,000", nullable=True, minimum=-10_000, maximum=10_000),
    ),
    key=("source", "event_id", "question", "question_kind"),
    sort=("occurred_at", "source", "event_id", "question", "question_kind"),
)  # fmt: skip
CHOICE_COUNTS = Table(
    name="choice_counts",
    layer="period",
    grain="One row per period, survey, question of kind choice, choice, page and device; none of a team's surveys.",
    columns=(
        *PERIOD, SURVEY, QUESTION,
        Column("choice", pl.String(), "what was chosen; `(other)`: own words, and what fewer than five people chose, where the product file names no choices"),
        Column("page", pl.String(), "page of the product file; empty: all, and where no page is known"),
        Column("device_type", pl.String(), "device; empty: all"),
        count("answers", "responses that chose it; of several choices each counts", "response"),
        count("people", "people known among them", "person"),
        count("answers_all", "responses that chose anything of the question", "response"),
        Column("design_effect", pl.Float64(), "how much the variance grows as people answer more than once; 1: nobody does", minimum=1),
        rate("low_end", "lower end of the share's 95 % interval"),
        rate("high_end", "upper end of the share's 95 % interval"),
    ),
    key=("period", "period_start", "survey", "question", "choice", "page", "device_type"),
    at_most=(("answers", "answers_all"), ("people", "answers")),
)  # fmt: skip
_SEGMENT = Column("segment", pl.String(), "segment of the product file that the session is in; empty: everybody")
_OVER = ("day", "page", "device_type", "stage", "trigger")
_COUNTS = (
    count("impressions", "times the survey was shown", "event", *_OVER),
    count("dismissals", "times it was closed without an answer", "event", *_OVER),
    count("responses", "responses: of the survey any answer, of a question one that counts", "response", *_OVER),
    count("responses_measured", "responses to a showing, booked where and when it was shown; where the showing can't be told, on days with impressions", "response", *_OVER),
    count("high", "promoters, top two boxes, or who would be very disappointed", "response", *_OVER),
    count("middle", "passives and others between", "response", *_OVER),
    count("low", "detractors, bottom two boxes, or all other choices", "response", *_OVER),
    Column("points", pl.Int64(), "points of the responses; points / responses is the score", adds_over=_OVER),
    count("out_of_scale", "answers that are on no place of the scale", "response", *_OVER),
    count("comments", "answers in words that are a comment", "comment", *_OVER),
    count("non_answers", "answers in words that are none: blanks and stock phrases", "comment", *_OVER),
    count("without_person", "responses of nobody known", "response", *_OVER),
    count("without_session", "responses that belong to no session", "response", *_OVER),
    count("without_page", "responses that belong to no page", "response", *_OVER),
)  # fmt: skip
FEEDBACK_COUNTS = Table(
    name="feedback_counts",
    layer="period",
    grain="One row per local day, survey, question, trigger, page, stage, device and segment; a response counts once, with its last answer.",
    columns=(_DAY, SURVEY, QUESTION, QUESTION_KIND, TRIGGER, _PAGE, STAGE, _DEVICE, _SEGMENT, *_COUNTS),
    key=("day", "survey", "question", "question_kind", "trigger", "page", "stage", "device_type", "segment"),
    at_most=(("without_person", "responses"), ("without_session", "responses"), ("without_page", "responses"), ("responses_measured", "responses")),
)  # fmt: skip
_BREAKDOWN = (
    Column("dimension", pl.String(), "`page`, `device`, `segment`, `stage`, `trigger`; empty: everybody"),
    Column("value", pl.String(), "value of the dimension; empty: everybody"),
)
_INTERVAL = (
    Column("low_end", pl.Float64(), "lower end of the score's 95 % interval; null: too few to tell", nullable=True),
    Column("high_end", pl.Float64(), "upper end of the score's 95 % interval", nullable=True),
)
SCORE_RESULTS = Table(
    name="score_results",
    layer="period",
    grain="One row per period, survey, scored question and group.",
    columns=(
        *PERIOD, SURVEY, QUESTION, QUESTION_KIND, *_BREAKDOWN,
        count("responses", "responses that count", "response"),
        count("people", "people known among them", "person"),
        count("high", "promoters, top two boxes, or who would be very disappointed", "response"),
        count("middle", "passives and others between", "response"),
        count("low", "detractors, bottom two boxes, or all other choices", "response"),
        Column("points", pl.Int64(), "points of the responses"),
        Column("design_effect", pl.Float64(), "how much the variance grows as people answer more than once; 1: nobody does", minimum=1),
        *_INTERVAL,
    ),
    key=("period", "period_start", "survey", "question", "dimension", "value"),
    at_most=(("people", "responses"),),
)  # fmt: skip
_EFFECT = (
    ratio("effect", "mean points with it minus without it", "points", minimum=None),
    ratio("effect_low", "lower end of the effect's 95 % interval, clustered by person", "points", minimum=None),
    ratio("effect_high", "upper end of the effect's 95 % interval", "points", minimum=None),
)
BEHAVIOUR_RESULTS = Table(
    name="behaviour_results",
    layer="period",
    grain="One row per period, survey, scored question and thing that people did or met before they answered.",
    columns=(
        *PERIOD, SURVEY, QUESTION, QUESTION_KIND,
        Column("behaviour", pl.String(), "`zone_clicked`, `zone_seen`, `friction`, `funnel_step`, `lifecycle` or `variant`"),
        Column("value", pl.String(), "which zone, signal, step, state or variant"),
        count("responses_with", "responses of people who did", "response"),
        count("responses_without", "responses of people who didn't", "response"),
        count("people", "people of these responses", "person"),
        count("low_with", "low answers of people who did", "response"),
        count("low_without", "low answers of people who didn't", "response"),
        Column("points_with", pl.Int64(), "points of responses_with"),
        Column("points_without", pl.Int64(), "points of responses_without"),
        *_EFFECT,
        rate("p_value", "two-sided"),
        rate("q_value", "Benjamini-Hochberg over the tests of the question and period"),
        ratio("low_difference", "share of low answers' people who did minus share of all others' who did", "share", minimum=-1),
        ratio("low_difference_low", "lower end of its 95 % interval, clustered by person", "share", minimum=None),
        ratio("low_difference_high", "upper end of its 95 % interval", "share", minimum=None),
    ),
    key=("period", "period_start", "survey", "question", "behaviour", "value"),
    at_most=(("low_with", "responses_with"), ("low_without", "responses_without")),
)  # fmt: skip
CHOICES = Table(
    name="choices",
    layer="mart",
    grain=CHOICE_COUNTS.grain,
    columns=(
        *CHOICE_COUNTS.columns,
        rate("share", "answers / answers_all; they add up to more than 1 where an answer may hold several choices"),
        Column("is_small", pl.Boolean(), "fewer than 30 responses: a hint and no finding"),
    ),
    key=CHOICE_COUNTS.key,
    at_most=CHOICE_COUNTS.at_most,
)
FEEDBACK_DAILY = Table(
    name="feedback_daily",
    layer="mart",
    grain=FEEDBACK_COUNTS.grain,
    columns=(
        *FEEDBACK_COUNTS.columns,
        ratio("response_rate", "responses_measured / impressions; null where impressions aren't known", "share"),
        ratio("dismissal_rate", "dismissals / impressions; null where impressions aren't known", "share"),
        ratio("score", "points / responses", "points", minimum=None),
    ),
    key=FEEDBACK_COUNTS.key,
    at_most=FEEDBACK_COUNTS.at_most,
)
SCORES = Table(
    name="scores",
    layer="mart",
    grain=SCORE_RESULTS.grain,
    columns=(
        *SCORE_RESULTS.columns,
        ratio("score", "points / responses: NPS from -100 to 100, CSAT and product-market fit in per cent, CES from 1 to 7", "points", minimum=None),
        rate("share_high", "high / responses"),
        rate("share_low", "low / responses"),
        Column("is_small", pl.Boolean(), "fewer than 30 responses: a hint and no finding"),
    ),
    key=SCORE_RESULTS.key,
    at_most=SCORE_RESULTS.at_most,
)  # fmt: skip
SCORE_BY_BEHAVIOUR = Table(
    name="score_by_behaviour",
    layer="mart",
    grain=BEHAVIOUR_RESULTS.grain,
    columns=(
        *BEHAVIOUR_RESULTS.columns,
        ratio("score_with", "points_with / responses_with", "points", minimum=None),
        ratio("score_without", "points_without / responses_without", "points", minimum=None),
        Column("conclusion", pl.String(), "`lower`, `higher`, `unclear`; `too few`: under 30 people on a side"),
        Column("low_rank", pl.Int64(), "place in the ranking of what people with low answers do more", minimum=1),
    ),
    key=BEHAVIOUR_RESULTS.key,
    at_most=BEHAVIOUR_RESULTS.at_most,
    version=2,
)  # fmt: skip
