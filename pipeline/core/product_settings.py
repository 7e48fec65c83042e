"""The product file's smaller sections that several domains read, as Pydantic models: sessions, bots, channels, currencies."""

from datetime import date
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.core.product_base import FileModel

Texts = tuple[str, ...]


class ExchangeRate(FileModel):
    """What one unit of a currency is worth in the product's own, from a local day on."""

    valid_from: date = date(1970, 1, 1)
    rate: float = Field(gt=0, le=1_000_000)


def _rates(value: object) -> object:
    """A plain number is a rate that always holds."""
    return ({"rate": value},) if isinstance(value, int | float) else value


Rates = Annotated[tuple[ExchangeRate, ...], BeforeValidator(_rates), Field(min_length=1)]


class Channel(FileModel):
    """Sessions whose first page view came so: any line that fits is enough."""

    mediums: Texts = Field((), description="values of utm_medium, in lower case")
    sources: Texts = Field((), description="values of utm_source, in lower case")
    referrers: Texts = Field((), description="hosts that led there; their subdomains count too")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.mediums or self.sources or self.referrers):
            raise ValueError("fits nothing; name `mediums`, `sources` or `referrers`")
        return self


class Release(FileModel):
    """A change of the product, marked on every chart over time."""

    day: date = Field(description="first local day with it")
    note: str = ""


class Quality(FileModel):
    """When a day is held back."""

    max_rejected_share: float = Field(0.2, ge=0, le=1)
    min_records: int = Field(100, ge=1, description="below so many records no share is judged")


class Sessions(FileModel):
    """How sessions are cut (docs/definitions/sessions.md)."""

    pause_minutes: int = Field(30, ge=1, le=240)
    use_source_ids: bool = True


class Bots(FileModel):
    """When a program is taken for one besides its user agent (docs/definitions/events.md, "Bots")."""

    one_event_devices: int = Field(50, ge=1, description="more one-event devices than this, alike, in ten minutes")
    interactions_per_minute: int = Field(
        120, ge=10, description="more page views, clicks and submits in 60 s than a hand can"
    )


class Privacy(FileModel):
    """What is never stored, besides addresses, secrets and card numbers, which never are, and what is never published."""

    drop_properties: tuple[str, ...] = Field(
        (), description="names of properties that are dropped at ingest, at any depth"
    )
    people_in_facts: bool = Field(
        True, description="whether facts by row bear a key of the person, the same on all days; `false`: none"
    )
