"""The product file's surveys, themes and voice, as Pydantic models (metrics.md, "Voice of customer")."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.core.product_sources import Name, Part

QuestionKind = Literal["nps", "csat", "ces", "pmf", "choice", "text"]
SCORED: tuple[QuestionKind, ...] = ("nps", "csat", "ces", "pmf")
ANY = "*"
# What sources put between several choices of one answer.
SEPARATOR = "; "
_SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_FIXED = ("nps", "ces")


def _pair(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Question(Part):
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


class Survey(Part):
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

    @property
    def scored(self) -> str | None:
        """The question that a response's score is that of: the first one with a scale."""
        return next((name for name, each in self.questions.items() if each.kind in SCORED), None)


class Theme(Part):
    """A theme of the team's own: comments that bear one of the words, or are like one of the examples."""

    words: tuple[str, ...] = Field(
        (), description="words or phrases, in whatever inflection; `wait*` for all that begins so"
    )
    exact: tuple[str, ...] = Field((), description="words or phrases as they stand, in no other inflection")
    examples: tuple[str, ...] = Field((), description="comments that are about it")
    likeness: float = Field(0.3, gt=0, le=1, description="cosine to an example from which a comment is like it")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.words and not self.exact and not self.examples:
            raise ValueError("give `words`, `exact` or `examples`")
        return self


class Voice(Part):
    """How comments are read."""

    language: str = Field("en", pattern=r"^[a-z]{2}$", description="of comments too short to tell their language")
    non_answers: dict[str, tuple[str, ...]] = Field(
        default_factory=lambda: {
            "en": (
                *("did not answer", "n/a", "na", "none", "nothing", "no", "nil", "no comment", "no comments", "nope"),
                *("no answer", "not applicable", "nothing at all", "nothing really", "nothing to add", "nothing else"),
                *("dont know", "don't know", "not sure", "no idea", "idk", "x", "test"),
            ),
            "de": (
                *("keine angabe", "k.a.", "ka", "nichts", "nein", "keine", "kein kommentar", "keine antwort"),
                *("weiß nicht", "weiss nicht", "keine ahnung", "gar nichts", "entfällt"),
            ),
        },
        description="stock phrases that are no comment, by language; case and punctuation don't matter",
    )
    discover: bool = Field(default=True, description="find themes besides those of the section themes")
    looks_back_days: int = Field(
        7, ge=0, le=90, description="scores are laid beside what people did on so many days before the answer"
    )
