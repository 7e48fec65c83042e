"""What a domain adds to the product file, and what of the file a table may declare (docs/decisions/0031).

A table declares names: a section (`goals`), an aspect of one (`funnels.steps`: what the days hold of funnels, so another
window doesn't dirty them), or a group (`channels`: with the hosts that count). Only what is declared can be read, and it is
what the table's input hash holds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.product_base import FileModel
from pipeline.core.product_matches import CONDITION_COLUMNS, Match, Narrowed


@dataclass(frozen=True)
class Aspect:
    """What tables may depend on of a section, where it isn't the section as it is written: computed from the file."""

    section: str
    of: Callable[[Any], object]


@dataclass(frozen=True)
class Sections:
    """What a domain adds to the product file.

    Each field of `fields` is a section; it and each aspect can be declared, by its name or as part of a group. `matches` and
    `columns` are what the sections name of events (path, and what must be known), `faults` what else is wrong with them.
    `brought_by` says which format of a source fills a section that nobody wrote. Entries of the section `narrowed` may have conditions
    (`Narrowed`): what these name is looked for too, and `<section>.conditions` are those on people.
    """

    fields: type[FileModel]
    aspects: Mapping[str, Aspect] = field(default_factory=dict[str, Aspect])
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    brought_by: Mapping[str, str] = field(default_factory=dict[str, str])
    matches: Callable[[Any], Iterable[tuple[str, Match]]] = lambda _product: ()
    # Path, column, and what it may be besides a promoted property.
    columns: Callable[[Any], Iterable[tuple[str, str, tuple[str, ...]]]] = lambda _product: ()
    faults: Callable[[Any], Iterable[str]] = lambda _product: ()
    narrowed: str = ""

    @property
    def all_aspects(self) -> dict[str, Aspect]:
        """The aspects, that of conditions on people among them."""
        if not self.narrowed:
            return dict(self.aspects)
        return {**self.aspects, f"{self.narrowed}.conditions": Aspect(self.narrowed, self.conditions)}

    def conditions(self, product: Any) -> list[str]:  # noqa: ANN401  # any file with `fields`
        """The texts of the conditions on people, each once."""
        return sorted({asked.key for _, entry in self._entries(product) for asked in entry.asked_of_people})

    def all_matches(self, product: Any) -> Iterator[tuple[str, Match]]:  # noqa: ANN401  # any file with `fields`
        """The events that the sections name, those of conditions among them."""
        yield from self.matches(product)
        for path, entry in self._entries(product):
            yield from ((f"{path}.people.{i}.event", each.event) for i, each in enumerate(entry.people))

    def all_columns(self, product: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:  # noqa: ANN401  # any file with `fields`
        """The columns that the sections name, those of conditions among them."""
        yield from self.columns(product)
        for path, entry in self._entries(product):
            yield from ((f"{path}.where.{i}", each.column, CONDITION_COLUMNS) for i, each in enumerate(entry.where))

    def _entries(self, product: Any) -> Iterator[tuple[str, Narrowed]]:  # noqa: ANN401  # any file with `fields`
        entries: Mapping[str, Narrowed] = getattr(product, self.narrowed) if self.narrowed else {}
        yield from ((f"{self.narrowed}.{name}", entry) for name, entry in entries.items())

    @property
    def declarable(self) -> dict[str, tuple[str, ...]]:
        """By the name that a table declares, the sections and aspects that it stands for."""
        aspects = self.all_aspects
        grouped = {name for names in self.groups.values() for name in names if name in aspects}
        alone = [name for name in aspects if name not in grouped]
        return {**{name: (name,) for name in (*self.fields.model_fields, *alone)}, **self.groups}


def unknown_name(path: str, name: str | None, known: Iterable[str]) -> Iterator[str]:
    """A fault where `name` is none of those that are known; `path` ends with what it is the name of."""
    if name is not None and name not in (there := list(known)):
        yield f"{path}: no {path.rsplit('.', maxsplit=1)[-1]} {name!r}; there are {', '.join(there) or 'none'}"
