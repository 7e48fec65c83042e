"""Choice answers: who chose what (metrics.md, "Voice of customer")."""

import polars as pl

from pipeline.contracts.base import Column, Table, count, rate
from pipeline.contracts.voice import PERIOD, QUESTION, SURVEY

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
