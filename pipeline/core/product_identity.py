"""The product file's part on identity, as Pydantic models (docs/definitions/events.md, "Identity")."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from pipeline.core.product_sources import FileModel


class StruckLink(FileModel):
    """A link that never was: `device` is not `user`'s, or `user` and `previous_user` are two people."""

    user: str = Field(min_length=1)
    device: str | None = None
    previous_user: str | None = None

    @model_validator(mode="after")
    def _names_one_link(self) -> Self:
        if (self.device is None) == (self.previous_user is None):
            raise ValueError("name either the `device` or the `previous_user` that `user` isn't")
        return self


class Identity(FileModel):
    """Whose events are whose (docs/definitions/events.md, "Identity")."""

    strike_out: tuple[StruckLink, ...] = ()
    placeholders: tuple[str, ...] = Field(
        (), description="values that are no ids, besides undefined, null, 0, unknown and the like; in any case"
    )
    allowed: tuple[str, ...] = Field((), description="values that are ids though they look like placeholders")
    as_of: date | None = Field(None, description="only links made up to the end of this local day; default: all")
