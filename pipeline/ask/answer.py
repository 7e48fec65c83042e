"""What an answer is: rows with their meaning, and what must be known to read them."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from pipeline.ask.question import ASKED, Question

# Under which name a funnel, retention or journey of the question itself stands in tables of the marts.
OWN = "asked"


@dataclass(frozen=True)
class Answer:
    """The answer to a question.

    `rows` are what the page shows, with the column `range`: `asked` or `compared`; `more` are further tables by name.
    `headline` answers in one sentence; `columns` says what each column means, `sentence` what was counted, `notes` what makes the numbers smaller or unripe.
    """

    question: Question
    rows: pl.DataFrame
    headline: str
    sentence: str
    notes: tuple[str, ...] = ()
    more: dict[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])
    columns: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Cell:
    """A number of an answer whose people are asked for: of which range and group, and where it stands.

    Which of these a kind of answer looks at is said in docs/ask.md, "The people behind a number".
    """

    range: str = ASKED
    group: str = ""
    # Of a funnel: the step, from 1, and whether those are meant who took it or who stopped after it.
    step: int = 1
    dropped: bool = False
    # Of a trend: the period's first day; of a retention: the cohort's; of a zone: its version's.
    start: date | None = None
    # Of a retention: how many periods later.
    offset: int = 0
    # Of journeys: from which step to which; of friction the signal.
    source: str = ""
    target: str = ""
    page: str = ""
    signal: str = ""
    # Of zones (whose version is told by `start`) and elements: which, by the element's tag.
    zone: str = ""
    device: str = ""
    element: str = ""
    # Of scores and choices.
    survey: str = ""
    question: str = ""
    choice: str = ""


class AskError(ValueError):
    """The question can't be asked of this home; a sentence that says why and what can."""
