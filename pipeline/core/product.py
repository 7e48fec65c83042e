"""The product file: all that a team writes about its product, as Pydantic models (design.md, "The product file").

product_file.py reads it and names its faults.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from pipeline.core.product_friction import Friction
from pipeline.core.product_identity import Identity
from pipeline.core.product_metrics import (
    DIMENSIONS,
    FUNNEL_UNITS,
    Feature,
    Funnel,
    Goal,
    Journey,
    Match,
    Retention,
    Segment,
)
from pipeline.core.product_pages import Elements, Exposure, Page, Zone
from pipeline.core.product_parts import PART_KEYS, ProductPart, Section, sections_of
from pipeline.core.product_sources import Name, Part, Source, known_zone
from pipeline.core.product_value import (
    NOT_OF_A_DAY,
    Channel,
    ExchangeRate,
    Experiment,
    Hypothesis,
    Kpi,
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
        faults = [*self._page_faults(), *self._property_faults(), *self._zone_version_faults()]
        faults += [*self._survey_faults(), *self._decision_faults()]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _matches(self) -> list[tuple[str, Match]]:
        steps = [(f"funnels.{n}.steps.{i}", s) for n, f in self.funnels.items() for i, s in enumerate(f.steps)]
        exclusions = [
            (f"funnels.{n}.exclusions.{i}", e) for n, f in self.funnels.items() for i, e in enumerate(f.exclusions)
        ]
        ends = [(n, r, end) for n, r in self.retention.items() for end in ("start", "returning")]
        cohorts = [(f"retention.{n}.{end}", m) for n, r, end in ends if (m := getattr(r, end)) is not None]
        uses = [(f"features.{n}.events.{i}", m) for n, f in self.features.items() for i, m in enumerate(f.events)]
        could = [(f"features.{n}.could", f.could) for n, f in self.features.items() if f.could is not None]
        named = [(f"goals.{n}", g) for n, g in self.goals.items()]
        named += [(f"segments.{n}", s) for n, s in self.segments.items()]
        return [*named, *steps, *exclusions, *cohorts, *uses, *could]

    def _page_faults(self) -> list[str]:
        names = [page.name for page in self.pages]
        faults = [
            f"pages: {name!r} stands twice; give each page one entry with all its urls" for name in _repeated(names)
        ]
        used = [*((f"zones.{i}.page", z.page) for i, z in enumerate(self.zones))]
        used += [(f"{path}.page", m.page) for path, m in self._matches() if m.page is not None]
        zones = {f"{zone.page}/{zone.name}" for zone in self.zones}
        faults += [
            f"features.{n}.zones: no zone {name!r}; write page/zone, of {', '.join(sorted(zones)) or 'none'}"
            for n, feature in self.features.items()
            for name in feature.zones
            if name not in zones
        ]
        return faults + [
            f"{path}: no page {name!r}; the pages are {', '.join(names) or 'none'}"
            for path, name in used
            if name not in names
        ]

    def _survey_faults(self) -> list[str]:
        ids = [survey.id or name for name, survey in self.surveys.items()]
        return [f"surveys: the id {each!r} stands twice; a survey has one entry" for each in _repeated(ids)]

    def _decision_faults(self) -> list[str]:
        """Experiments, hypotheses and opportunities that name what isn't there."""
        metrics = [
            (f"experiments.{n}.metrics.{m}", each) for n, e in self.experiments.items() for m, each in e.metrics.items()
        ]
        used: list[tuple[str, str | None, Mapping[str, object]]] = [
            *((f"{path}.goal", each.goal, self.goals) for path, each in metrics),
            *((f"{path}.survey", each.survey, self.surveys) for path, each in metrics),
            ("opportunities.goal", self.opportunities.goal, self.goals),
        ]
        for n, each in self.hypotheses.items():
            path = f"hypotheses.{n}"
            used += [
                (f"{path}.segment", each.segment, self.segments),
                (f"{path}.experiment", each.experiment, self.experiments),
                (f"{path}.release", each.release, self.releases),
            ]
            own = self.experiments.get(each.experiment or "")
            daily = [name for name in get_args(Kpi) if name not in NOT_OF_A_DAY]
            used.append((f"{path}.metric", each.metric, own.metrics if own else dict.fromkeys(daily)))
            if own is not None:
                tested = {name: None for name in own.variants if name != own.control}
                # One variant needs no name.
                used.append((f"{path}.variant", each.variant if len(tested) == 1 else each.variant or "", tested))
        return self._experiment_faults() + [
            f"{path}: no {path.split('.')[-1]} {name!r}; there are {', '.join(known) or 'none'}"
            for path, name, known in used
            if name is not None and name not in known
        ]

    def _experiment_faults(self) -> list[str]:
        """Experiments of one id that couldn't be told apart."""
        known = [(name, each.id or name, each) for name, each in self.experiments.items()]
        return [
            f"experiments.{name}: the id {id_!r} stands twice, in {other} too; give them days apart (`valid_from`, "
            "`valid_to`) or another `window_days`"
            for i, (name, id_, each) in enumerate(known)
            for other, other_id, before in known[:i]
            if id_ == other_id and each.is_like(before)
        ]

    def _property_faults(self) -> list[str]:
        named = [(f"{path}.properties", name, ()) for path, match in self._matches() for name in match.properties]
        named += [(f"funnels.{n}", name, DIMENSIONS) for n, f in self.funnels.items() for name in f.dimensions]
        named += [
            (f"retention.{n}.breakdown", r.breakdown.by, DIMENSIONS) for n, r in self.retention.items() if r.breakdown
        ]
        named += [(f"funnels.{n}.unit", f.unit, FUNNEL_UNITS) for n, f in self.funnels.items()]
        return [
            f"{path}: {name!r} is not promoted; add it to the section properties"
            for path, name, known in named
            if name not in self.properties and name not in known
        ]

    def _zone_version_faults(self) -> list[str]:
        faults: list[str] = []
        for i, zone in enumerate(self.zones):
            begin, end = self.zone_validity(zone)
            if end < begin:
                faults.append(f"zones.{i}: valid_to lies before valid_from; correct one of them")
            for j, other in enumerate(self.zones[:i]):
                same = (zone.name, zone.page) == (other.name, other.page)
                overlap_device = zone.device_type == other.device_type or None in (zone.device_type, other.device_type)
                other_begin, other_end = self.zone_validity(other)
                if same and overlap_device and begin <= other_end and other_begin <= end:
                    faults.append(f"zones.{i}: overlaps zones.{j} in time; end the older version with valid_to")
        return faults

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

    def only(self, *parts: ProductPart) -> "Product":
        """The product file with these parts alone; reading another section raises UndeclaredError."""
        return DeclaredProduct.of(self, sections_of(parts))

    def part_hash(self, *parts: ProductPart) -> str:
        """Fingerprint of the named parts: what a table must be computed anew for when it changes."""
        data = self._dumped
        chosen = {key: data[key] for part in parts for key in PART_KEYS[part] if data.get(key)}
        return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """A section within a part, as what is set of it."""
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, Part) else str(value)


class UndeclaredError(Exception):
    """A table's function reads what the table doesn't declare, so a change of it would leave old numbers."""


class DeclaredProduct(Product):
    """The product file as the function of a table gets it."""

    _whole: Product = PrivateAttr()
    _declared: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def of(cls, whole: Product, declared: frozenset[str]) -> "DeclaredProduct":
        """`whole`, of which only the sections `declared` can be read."""
        made = cls.model_construct(
            **{name: each for name, each in whole.__dict__.items() if name in Product.model_fields}
        )
        made._whole, made._declared = whole, declared  # noqa: SLF001  # its own
        return made

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401  # sections of all kinds
        if name in Product.model_fields and name not in self._declared:
            raise UndeclaredError(f"the section `{name}` is read but isn't declared; add its part to `product_parts`")
        return super().__getattribute__(name)

    def part_hash(self, *parts: ProductPart) -> str:
        """As of the whole file, of declared parts."""
        if lacking := sections_of(parts) - self._declared:
            raise UndeclaredError(f"the sections {', '.join(sorted(lacking))} are read but aren't declared")
        return self._whole.part_hash(*parts)


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
