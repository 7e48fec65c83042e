"""The product file's section `features`, as Pydantic models (docs/definitions/features.md)."""

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, model_validator

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_matches import Match
from pipeline.core.product_sections import Aspect, Sections


class Feature(FileModel):
    """A part of the product that people may adopt: events, or clicks in zones (docs/definitions/features.md)."""

    events: tuple[Match, ...] = Field((), max_length=20, description="events that are a use")
    zones: tuple[str, ...] = Field((), max_length=20, description="zones, as page/zone, in which a click is a use")
    could: Match | None = Field(None, description="events that show that a person could use it; default: any event")
    again_days: int = Field(28, ge=1, le=366, description="days of 86,400 s within which a further use counts as again")

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if not self.events and not self.zones:
            raise ValueError("name the `events` or the `zones` that the feature is made of")
        return self


class Fields(FileModel):
    """What the domain adds to the product file."""

    features: dict[Name, Feature] = Field(default_factory=dict)


def _matches(product: Any) -> Iterator[tuple[str, Match]]:  # noqa: ANN401  # any file with `Fields`
    for name, feature in product.features.items():
        yield from ((f"features.{name}.events.{i}", match) for i, match in enumerate(feature.events))
        if feature.could is not None:
            yield f"features.{name}.could", feature.could


def _faults(product: Any) -> Iterator[str]:  # noqa: ANN401  # any file with `Fields`
    zones = {f"{zone.page}/{zone.name}" for zone in product.zones}
    for name, feature in product.features.items():
        for zone in feature.zones:
            if zone not in zones:
                there = ", ".join(sorted(zones)) or "none"
                yield f"features.{name}.zones: no zone {zone!r}; write page/zone, of {there}"


def _uses(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """What a day holds of features: another time for a further use leaves its uses as they are."""
    return {name: [f.events, f.zones, f.could] for name, f in product.features.items()}


SECTIONS = Sections(Fields, aspects={"features.uses": Aspect("features", _uses)}, matches=_matches, faults=_faults)
