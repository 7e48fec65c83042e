"""The product file's section `surveys`, as Pydantic models; ingest reads it too (docs/definitions/voice.md)."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_capture import Ask

QuestionKind = Literal["nps", "csat", "ces", "pmf", "choice", "text"]
SCORED: tuple[QuestionKind, ...] = ("nps", "csat", "ces", "pmf")
ANY = "*"
# What sources put between several choices of one answer.
SEPARATOR = "; "
_SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_FIXED = ("nps", "ces")


def _pair(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Question(FileModel):
    """One question of a survey: what its answers mean."""

    kind: QuestionKind
    ids: tuple[str, ...] = Field(
        (), description="ids or words of the question as the source sends them, or `*` for any; default: its name here"
    )
    scale: Annotated[tuple[int, int] | None, BeforeValidator(_pair)] = Field(
        None,
        description="least and greatest answer that counts; of csat, 1 to 5 if not said. Of three answers or two only the best counts",
    )
    best: Literal["high", "low"] = Field("high", description="which end of the scale of a csat is the good one")
    best_choice: str = Field("very disappointed", description="of a pmf: the choice that counts, whatever its case")
    choices: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description="of a choice: what can be chosen, whatever its case; all else is counted as `(other)`. "
        "Default: what five people or more chose",
    )
    separator: str = Field(
        SEPARATOR, min_length=1, description="of a choice: what stands between several choices of one answer"
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.scale is not None and self.kind not in _SCALES:
            raise ValueError(f"a {self.kind} question has no scale; leave it out")
        if self.kind in _FIXED and (self.best == "low" or self.scale not in (None, _SCALES[self.kind])):
            raise ValueError(f"{self.kind} is {_SCALES[self.kind]} with the best at the top; is it a csat?")
        if self.scale is not None and self.scale[1] - self.scale[0] < 1:
            raise ValueError("scale: the greatest answer must lie above the least")
        return self

    @property
    def bounds(self) -> tuple[int, int] | None:
        """Least and greatest answer that counts; None where answers are choices or words."""
        return self.scale or _SCALES.get(self.kind)


class Survey(FileModel):
    """A survey: who is asked, what makes it appear, what its questions are."""

    id: str | None = Field(None, min_length=1, description="its id as the source sends it; default: its name here")
    audience: Literal["people", "team"] = Field(
        "people", description="`team`: answers are never joined to people and shown from 5 on"
    )
    trigger: Name | None = Field(
        None, description="what makes it appear, where events don't say: after_purchase, exit_intent, widget, ..."
    )
    stage: Name | None = Field(None, description="stage of the customer journey; default: that of the page")
    language: str | None = Field(
        None, pattern=r"^[a-z]{2}$", description="of comments too short to tell it; default: that of the event"
    )
    questions: dict[Name, Question] = Field(default_factory=dict)
    ask: Ask | None = Field(None, description="how the tag asks it on the site (docs/capture.md)")

    @property
    def scored(self) -> str | None:
        """The question that a response's score is that of: the first one with a scale."""
        return next((name for name, each in self.questions.items() if each.kind in SCORED), None)
