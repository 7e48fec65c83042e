"""The product file's section `journeys`, as Pydantic models (docs/definitions/journeys.md)."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_matches import Match, Narrowed, conditions_in
from pipeline.core.product_sections import Aspect, Sections


class Journey(Narrowed):
    """The ways people take through pages, or other events (docs/definitions/journeys.md)."""

    items: Literal["pages", "urls", "events"] = Field("pages", description="page names, addresses, or names of events")
    start: str | None = Field(None, description="item from which a visit is looked at")
    end: str | None = Field(None, description="item up to which it is")
    steps: int = Field(5, ge=2, le=20)
    exclude: tuple[str, ...] = ()
    groupings: tuple[str, ...] = Field((), description="patterns with *; what holds one is folded into it")
    edge_limit: int = Field(50, ge=1, le=1_000)


class Fields(FileModel):
    """What the domain adds to the product file."""

    journeys: dict[Name, Journey] = Field(default_factory=dict)


def _items(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """What a day holds of journeys: other ends and limits leave its items as they are."""
    return {name: [journey.items, journey.where] for name, journey in product.journeys.items()}


def _matches(product: Any) -> Iterator[tuple[str, Match]]:  # noqa: ANN401  # any file with `Fields`
    for name, journey in product.journeys.items():
        yield from journey.matches(f"journeys.{name}")


def _columns(product: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:  # noqa: ANN401  # any file with `Fields`
    for name, journey in product.journeys.items():
        yield from journey.columns(f"journeys.{name}")


SECTIONS = Sections(
    Fields,
    aspects={
        "journeys.items": Aspect("journeys", _items),
        "journeys.conditions": Aspect("journeys", lambda p: conditions_in(p.journeys)),
    },
    matches=_matches,
    columns=_columns,
    asks=lambda p: bool(conditions_in(p.journeys)),
)
