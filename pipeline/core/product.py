"""The product file: all that a team writes about its product, as Pydantic models (design.md, "The product file").

product_file.py reads it and names its faults.
"""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.core.product_friction import Friction
from pipeline.core.product_identity import Identity
from pipeline.core.product_metrics import (
    Feature,
    Funnel,
    Goal,
    Journey,
    Retention,
    Segment,
)
from pipeline.core.product_pages import Elements, Exposure, Page, Zone
from pipeline.core.product_parts import PART_KEYS, ProductPart, Section
from pipeline.core.product_references import reference_faults
from pipeline.core.product_sources import Name, Part, Source, known_zone
from pipeline.core.product_value import (
    Channel,
    ExchangeRate,
    Experiment,
    Hypothesis,
    Kpis,
    Opportunities,
    Release,
    Value,
)
from pipeline.core.product_voice import Survey, Theme, Voice

PropertyType = Literal["string", "integer", "boolean"]


class Quality(Part):
    """When a day is held back."""

    max_rejected_share: float = Field(0.2, ge=0, le=1)
    min_records: int = Field(100, ge=1, description="below so many records no share is judged")


class Sessions(Part):
    """How sessions are cut (metrics.md, "Sessions and page views")."""

    pause_minutes: int = Field(30, ge=1, le=240)
    use_source_ids: bool = True


class Bots(Part):
    """When a program is taken for one besides its user agent (metrics.md, "Time and bots")."""

    one_event_devices: int = Field(50, ge=1, description="more one-event devices than this, alike, in ten minutes")
    acts_per_minute: int = Field(120, ge=10, description="more page views, clicks and submits in 60 s than a hand can")


class Privacy(Part):
    """What is never stored, besides addresses, secrets and card numbers, which never are."""

    drop_properties: tuple[str, ...] = Field(
        (), description="names of properties that are dropped at ingest, at any depth"
    )


def _rates(value: object) -> object:
    """A plain number is a rate that always holds."""
    return ({"rate": value},) if isinstance(value, int | float) else value


Rates = Annotated[tuple[ExchangeRate, ...], BeforeValidator(_rates), Field(min_length=1)]


class Product(Part):
    """The product file as a whole."""

    name: str = Field(min_length=1)
    time_zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    week_start: Literal["monday", "sunday"] = "monday"
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    start_date: date = Field(ge=date(1970, 1, 1))
    sources: dict[Name, Source] = Field(min_length=1)
    properties: dict[Name, PropertyType] = Field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    zones: tuple[Zone, ...] = ()
    exposure: Exposure = Field(default_factory=lambda: Exposure.model_validate({}))
    elements: Elements = Field(default_factory=lambda: Elements.model_validate({}))
    segments: dict[Name, Segment] = Field(default_factory=dict, max_length=16)
    goals: dict[Name, Goal] = Field(default_factory=dict)
    funnels: dict[Name, Funnel] = Field(default_factory=dict)
    retention: dict[Name, Retention] = Field(default_factory=dict)
    journeys: dict[Name, Journey] = Field(default_factory=dict)
    features: dict[Name, Feature] = Field(default_factory=dict)
    friction: Friction = Field(default_factory=lambda: Friction.model_validate({}))
    surveys: dict[Name, Survey] = Field(default_factory=dict)
    themes: dict[Name, Theme] = Field(default_factory=dict)
    voice: Voice = Field(default_factory=lambda: Voice.model_validate({}))
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
    value: Value = Field(default_factory=lambda: Value.model_validate({}))
    kpis: Kpis = Field(default_factory=lambda: Kpis.model_validate({}))
    experiments: dict[Name, Experiment] = Field(default_factory=dict, max_length=50)
    releases: dict[Name, Release] = Field(default_factory=dict)
    hypotheses: dict[Name, Hypothesis] = Field(default_factory=dict)
    opportunities: Opportunities = Field(default_factory=lambda: Opportunities.model_validate({}))
    sessions: Sessions = Field(default_factory=lambda: Sessions.model_validate({}))
    quality: Quality = Field(default_factory=lambda: Quality.model_validate({}))
    identity: Identity = Field(default_factory=lambda: Identity.model_validate({}))
    bots: Bots = Field(default_factory=lambda: Bots.model_validate({}))
    privacy: Privacy = Field(default_factory=lambda: Privacy.model_validate({}))
    dedup_days: int = Field(90, ge=0, le=366, description="days within which an event id counts once")

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Self:
        if faults := reference_faults(self):
            raise ValueError("\n".join(faults))
        return self

    def zone_validity(self, zone: Zone) -> tuple[date, date]:
        """First and last local day on which this version of the zone is valid, both inside."""
        return zone.valid_from or self.start_date, zone.valid_to or date.max

    @property
    def team_surveys(self) -> list[str]:
        """Ids and names of the surveys whose answers are never joined to people."""
        team = [(name, survey.id) for name, survey in self.surveys.items() if survey.audience == "team"]
        return sorted({told for names in team for told in names if told})

    @cached_property
    def filled(self) -> frozenset[Section]:
        """Sections with something in them, and what the formats of the sources bring: recordings and answers."""
        formats = {source.format for source in self.sources.values()}
        brought: dict[Section, bool] = {"recordings": "rrweb" in formats, "surveys": "surveys" in formats}
        return frozenset(name for name in get_args(Section) if getattr(self, name, None) or brought.get(name))

    @property
    def zone_info(self) -> ZoneInfo:
        """The product's time zone."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def _dumped(self) -> dict[str, Any]:
        # The file doesn't change while it is loaded, and hashes of its parts are asked for by table and day.
        # What isn't set isn't in it: a new option makes nobody's history old.
        dumped = self.model_dump(mode="json", exclude_defaults=True)
        # What a page looks like changes nothing about whose events are its.
        widths = {page.name: page.content_max_width for page in self.pages}
        urls = [{"name": page.name, "urls": page.urls} for page in self.pages]
        # The first rule set is the one that zones count by.
        own: dict[str, object] = {
            "widths": widths,
            "rule_sets": list(self.friction.rule_sets),
            "team_surveys": self.team_surveys,
            "placeholders": [sorted(self.identity.placeholders), sorted(self.identity.allowed)],
        }
        # Of some sections the order means something: channels are tried one after the other, a first metric decides.
        own["channel_order"] = list(self.channels)
        own["decides"] = {name: each.decides for name, each in self.experiments.items()}
        own["question_order"] = {name: list(each.questions) for name, each in self.surveys.items()}
        own["stages"] = {page.name: page.stage for page in self.pages}
        # What days hold of a section; the rest is for periods: another window leaves the steps of a day as they are.
        own["funnel_steps"] = {
            name: [f.steps, f.exclusions, f.unit, f.dimensions, bool(f.hold_constant), f.order == "strict"]
            for name, f in self.funnels.items()
        }
        own["retention_events"] = {
            name: [r.start, r.returning, r.breakdown and r.breakdown.by] for name, r in self.retention.items()
        }
        own["journey_items"] = {name: journey.items for name, journey in self.journeys.items()}
        own["feature_uses"] = {name: [f.events, f.zones, f.could] for name, f in self.features.items()}
        return {**dumped, "pages": urls, **own}

    def part_hash(self, *parts: ProductPart) -> str:
        """Fingerprint of the named parts: what a table must be computed anew for when it changes."""
        data = self._dumped
        chosen = {key: data[key] for part in parts for key in PART_KEYS[part] if data.get(key)}
        return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """A section within a part, as what is set of it."""
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, Part) else str(value)
