"""The product file's section `voice`, as Pydantic models (docs/definitions/voice.md)."""

from pydantic import Field

from pipeline.core.product_base import FileModel
from pipeline.core.product_sections import Sections


class Voice(FileModel):
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


class Fields(FileModel):
    """What the domain adds to the product file; surveys are in core, for ingest reads them too."""

    voice: Voice = Field(default_factory=lambda: Voice.model_validate({}))


SECTIONS = Sections(Fields, brought_by={"surveys": "surveys"})
