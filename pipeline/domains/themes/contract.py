"""Themes of comments, and quotes (docs/definitions/voice.md)."""

import polars as pl

from pipeline.core.columns import PERIOD, QUESTION, SURVEY
from pipeline.core.contract import Column, Table, count, rate, ratio, text
from pipeline.core.published import mart

_DAY = Column("day", pl.Date(), "local day of the answer, or of the survey's showing")
_PAGE = Column("page", pl.String(), "page of the product file; empty: none")
_DEVICE = Column("device_type", pl.String(), "device; `unknown` where nothing tells")
COMMENT_THEMES = Table(
    name="comment_themes",
    layer="period",
    grain="One row per comment and theme that it has.",
    columns=(
        Column("source", pl.String(), "the landing folder"),
        Column("event_id", pl.String(), "the comment's event"),
        QUESTION,
        Column("theme", pl.String(), "the theme's id"),
        Column("strength", pl.Float64(), "how much of the comment is about it", minimum=0, maximum=1),
    ),
    key=("source", "event_id", "question", "theme"),
)
THEME_LIST = Table(
    name="theme_list",
    layer="period",
    grain="One row per theme: the team's own, and those that were found.",
    columns=(
        Column("theme", pl.String(), "the theme's id, which stays from night to night"),
        Column("name", pl.String(), "name in the product file, or the words that tell it most"),
        Column("origin", pl.String(), "`team` or `found`"),
        text("language", "of a found theme, the language it was found in"),
        text("words", "words that tell it, most telling first"),
        Column("since", pl.Date(), "of a found theme, the day it was first found", nullable=True),
        Column("is_new", pl.Boolean(), "found for the first time when themes were last looked for"),
    ),
    key=("theme",),
)
_EFFECT = (
    ratio("effect", "mean points with it minus without it", "points", minimum=None),
    ratio("effect_low", "lower end of the effect's 95 % interval, clustered by person", "points", minimum=None),
    ratio("effect_high", "upper end of the effect's 95 % interval", "points", minimum=None),
)
THEME_RESULTS = Table(
    name="theme_results",
    layer="period",
    grain="One row per period, survey, scored question (or none) and theme.",
    columns=(
        *PERIOD, SURVEY, QUESTION,
        Column("theme", pl.String(), "the theme's id; empty: any theme, which tells the share covered"),
        count("comments", "comments with the theme", "comment"),
        count("comments_all", "comments", "comment"),
        count("comments_before", "comments with the theme in as many days before", "comment"),
        count("comments_all_before", "comments in as many days before", "comment"),
        ratio("sentiment_mean", "mean mood of comments with the theme, -1 to 1; null where no language is read", "mood", minimum=-1),
        count("responses_with", "responses with a score that have a comment with the theme", "response"),
        count("responses_without", "responses with a score that have a comment without it", "response"),
        *_EFFECT,
    ),
    key=("period", "period_start", "survey", "question", "theme"),
    at_most=(("comments", "comments_all"), ("comments_before", "comments_all_before")),
)  # fmt: skip
QUOTE_LIST = Table(
    name="quote_list",
    layer="period",
    grain="One row per survey, theme and quote of the last 90 days; at most one of a person.",
    columns=(
        SURVEY,
        Column("theme", pl.String(), "the theme's id"),
        Column("pick", pl.String(), "`typical`, or the most extreme: `lowest`, `highest`"),
        Column("position", pl.Int64(), "place among the picks of its kind, from 1", minimum=1),
        Column("quote", pl.String(), "the comment, personal data removed"),
        _DAY, QUESTION, _PAGE, _DEVICE,
        Column("score_group", pl.String(), "`high`, `middle` or `low`: of the response's score", nullable=True),
        Column("score", pl.Int32(), "the response's score", nullable=True),
        Column("sentiment_e4", pl.Int32(), "mood", unit="1/10,000", nullable=True),
        Column("session_key", pl.Int64(), "the session behind it; null: none", nullable=True),
    ),
    key=("survey", "theme", "pick", "position"),
)  # fmt: skip
THEMES = Table(
    name="themes",
    layer="mart",
    grain=THEME_RESULTS.grain,
    columns=(
        *THEME_RESULTS.columns,
        text("name", "name in the product file, or the words that tell it most"),
        text("origin", "`team` or `found`"),
        text("words", "words that tell it, most telling first"),
        Column("since", pl.Date(), "of a found theme, the day it was first found", nullable=True),
        Column("is_new", pl.Boolean(), "found for the first time when themes were last looked for", nullable=True),
        rate("share", "comments / comments_all"),
        rate("share_before", "comments_before / comments_all_before"),
        ratio("share_change", "share minus share_before", "share", minimum=-1),
        ratio("share_change_low", "lower end of its 95 % interval", "share", minimum=None),
        ratio("share_change_high", "upper end of its 95 % interval", "share", minimum=None),
        Column("is_small", pl.Boolean(), "fewer than 30 responses on a side: a hint and no finding"),
    ),
    key=THEME_RESULTS.key,
    at_most=THEME_RESULTS.at_most,
)  # fmt: skip
QUOTES = mart(
    name="quotes",
    grain=QUOTE_LIST.grain,
    columns=(*QUOTE_LIST.columns, Column("name", pl.String(), "the theme's name")),
    key=QUOTE_LIST.key,
    version=3,
)
