"""The product file: all that a team writes about its product, as Pydantic models (docs/design.md, "The product file").

Here stand the sections that ingest, events and several domains read. The others are in the `section.py` of their domain, and
found, not listed: `Product` is composed of all of them. product_file.py reads the file and names its faults.
"""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from pipeline.core.discovery import modules
from pipeline.core.product_base import FileModel, Name, known_zone
from pipeline.core.product_capture import Capture
from pipeline.core.product_identity import Identity
from pipeline.core.product_matches import Goal, Segment
from pipeline.core.product_pages import Page, Zone
from pipeline.core.product_references import reference_faults
from pipeline.core.product_sections import Aspect, Sections
from pipeline.core.product_settings import Bots, Channel, Privacy, Quality, Rates, Release, Sessions
from pipeline.core.product_sources import Source
from pipeline.core.product_surveys import Survey

PropertyType = Literal["string", "integer", "boolean"]
_OF_DOMAINS: tuple[Sections, ...] = tuple(module.SECTIONS for _, module in modules("section"))


class CoreProduct(FileModel):
    """The sections that several rooms read, and what follows from the file as a whole."""

    name: str = Field(min_length=1)
    time_zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    week_start: Literal["monday", "sunday"] = "monday"
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    start_date: date = Field(ge=date(1970, 1, 1))
    sources: dict[Name, Source] = Field(min_length=1)
    properties: dict[Name, PropertyType] = Field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    zones: tuple[Zone, ...] = ()
    segments: dict[Name, Segment] = Field(default_factory=dict, max_length=16)
    goals: dict[Name, Goal] = Field(default_factory=dict)
    surveys: dict[Name, Survey] = Field(default_factory=dict)
    releases: dict[Name, Release] = Field(default_factory=dict)
    exchange_rates: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Rates] = Field(
        default_factory=dict,
        description="other currencies in units of the product's own: a rate, or rates from days on",
    )
    channels: dict[Name, Channel] = Field(
        default_factory=dict, description="channels of the team's own; those that are built in come after them"
    )
    own_hosts: tuple[str, ...] = Field(
        (),
        description="hosts of the team's own besides the page's domain; their subdomains count too, and lead nobody here",
    )
    unwanted_referrers: tuple[str, ...] = Field(
        (),
        description="hosts that people come back from (payment, sign-in), added to the built-in ones; they lead nobody",
    )
    sessions: Sessions = Field(default_factory=lambda: Sessions.model_validate({}))
    quality: Quality = Field(default_factory=lambda: Quality.model_validate({}))
    identity: Identity = Field(default_factory=lambda: Identity.model_validate({}))
    bots: Bots = Field(default_factory=lambda: Bots.model_validate({}))
    privacy: Privacy = Field(default_factory=lambda: Privacy.model_validate({}))
    capture: Capture | None = Field(None, description="what `footfall capture` takes from browsers (docs/capture.md)")
    dedup_days: int = Field(90, ge=0, le=366, description="days within which an event id counts once")

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Self:
        if faults := reference_faults(self, _OF_DOMAINS):  # pyright: ignore[reportArgumentType]  # a Product it always is
            raise ValueError("\n".join(faults))
        return self

    def zone_validity(self, zone: Zone) -> tuple[date, date]:
        """First and last local day on which this version of the zone is valid, both inside."""
        return zone.valid_from or self.start_date, zone.valid_to or date.max

    @property
    def team_surveys(self) -> list[str]:
        """Ids and names of the surveys whose answers are never joined to people."""
        team = [(name, survey.id) for name, survey in self.surveys.items() if survey.audience == "team"]
        return sorted({each for names in team for each in names if each})

    @cached_property
    def filled(self) -> frozenset[str]:
        """Sections with entries in them, those that the formats of the sources bring, and `conditions` where people are chosen."""
        formats = {source.format for source in self.sources.values()}
        brought = {name for each in _OF_DOMAINS for name, form in each.brought_by.items() if form in formats}
        written = {
            name for name in type(self).model_fields if isinstance(own := getattr(self, name), dict | tuple) and own
        }
        asked = {"conditions"} if any(each.conditions(self) for each in _OF_DOMAINS) else set[str]()
        return frozenset(written | brought | asked)

    @property
    def zone_info(self) -> ZoneInfo:
        """The product's time zone."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def _written(self) -> dict[str, Any]:
        # The file doesn't change while it is loaded, and hashes of its sections are asked for by table and day.
        # What isn't set isn't in it: a new option makes nobody's history old.
        written = self.model_dump(mode="json", exclude_defaults=True)
        return {**written, **{name: aspect.of(self) for name, aspect in _ASPECTS.items()}}

    def section_hash(self, *declared: str) -> str:
        """Fingerprint of what the declared names stand for: what a table must be computed anew for when it changes."""
        written = self._written
        chosen = {key: written[key] for name in declared for key in DECLARABLE[name] if written.get(key)}
        return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """A section within an aspect, as what is set of it."""
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, FileModel) else str(value)


_CORE = Sections(
    FileModel,
    aspects={
        # What a page looks like changes nothing about which events are its.
        "pages.urls": Aspect("pages", lambda p: [{"name": page.name, "urls": page.urls} for page in p.pages]),
        "pages.layout": Aspect("pages", lambda p: {page.name: page.content_max_width for page in p.pages}),
        "pages.stages": Aspect("pages", lambda p: {page.name: page.stage for page in p.pages}),
        "surveys.team": Aspect("surveys", lambda p: p.team_surveys),
        # In which words it is asked changes nothing about what was answered.
        "surveys.meaning": Aspect(
            "surveys",
            lambda p: {
                name: each.model_dump(mode="json", exclude_defaults=True, exclude={"ask"})
                for name, each in p.surveys.items()
            },
        ),
        # Of some sections the order means something: channels are tried one after the other, the first question scores.
        "surveys.order": Aspect("surveys", lambda p: {name: list(each.questions) for name, each in p.surveys.items()}),
        "channels.order": Aspect("channels", lambda p: list(p.channels)),
        "identity.placeholders": Aspect(
            "identity", lambda p: [sorted(p.identity.placeholders), sorted(p.identity.allowed)]
        ),
        "privacy.dropped": Aspect("privacy", lambda p: p.privacy.drop_properties),
        # Unset it isn't in the hash.
        "privacy.people": Aspect("privacy", lambda p: not p.privacy.people_in_facts),
    },
    groups={
        "surveys.team": ("surveys.team",),
        "time": ("time_zone", "start_date", "week_start"),
        "ingest": ("time_zone", "start_date", "properties", "privacy.dropped", "surveys.team", "identity.placeholders"),
        "sources": ("sources",),
        "pages": ("pages.urls",),
        "zones": ("zones", "start_date"),
        "segments": ("segments",),
        "goals": ("goals",),
        "surveys": ("surveys.meaning", "pages.stages", "surveys.order"),
        "releases": ("releases",),
        "quality": ("quality",),
        "currency": ("currency", "exchange_rates"),
        "sessions": ("sessions", "sources"),
        "identity": ("identity", "sources"),
        "bots": ("bots",),
        "channels": ("channels", "channels.order", "own_hosts", "unwanted_referrers"),
    },
)
_ASPECTS: dict[str, Aspect] = {
    name: aspect for each in (_CORE, *_OF_DOMAINS) for name, aspect in each.all_aspects.items()
}
# By the name that a table declares: the sections and aspects that it stands for.
DECLARABLE: dict[str, tuple[str, ...]] = {
    name: keys for each in (_CORE, *_OF_DOMAINS) for name, keys in each.declarable.items()
}
# All conditions on people, of whatever section.
CONDITIONS = tuple(f"{each.narrowed}.conditions" for each in _OF_DOMAINS if each.narrowed)
NARROWED = tuple(each.narrowed for each in _OF_DOMAINS if each.narrowed)


def sections_of(*declared: str) -> frozenset[str]:
    """The sections of the product file that the declared names stand for; KeyError for a name that is none."""
    keys = {key for name in declared for key in DECLARABLE[name]}
    return frozenset(_ASPECTS[key].section if key in _ASPECTS else key for key in keys)


if TYPE_CHECKING:

    class Product(CoreProduct):
        """The product file as a whole; the sections of a domain have their types in its `section.py`."""

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401  # sections of all kinds

else:

    class Product(*(each.fields for each in _OF_DOMAINS if each.fields is not FileModel), CoreProduct):
        """The product file as a whole."""
