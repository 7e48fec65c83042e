"""The product file's section `themes`, as Pydantic models (docs/definitions/voice.md, "Theme")."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_sections import Sections


class Theme(FileModel):
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


class Fields(FileModel):
    """What the domain adds to the product file."""

    themes: dict[Name, Theme] = Field(default_factory=dict)


SECTIONS = Sections(Fields)
