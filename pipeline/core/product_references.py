"""What in a product file leads nowhere or stands twice: pages, zones, properties, goals and others that are named."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pipeline.core.product_capture import capture_faults
from pipeline.core.product_matches import Match
from pipeline.core.product_sections import Sections

if TYPE_CHECKING:
    from pipeline.core.product import Product


def reference_faults(product: "Product", sections: Iterable[Sections]) -> list[str]:
    """A sentence with its remedy for each of them."""
    faults = [*_page_faults(product, sections), *_column_faults(product, sections), *_zone_version_faults(product)]
    faults += [*_survey_faults(product), *capture_faults(product)]
    return [*faults, *(fault for each in sections for fault in each.faults(product))]


def _matches(product: "Product", sections: Iterable[Sections]) -> Iterator[tuple[str, Match]]:
    yield from ((f"goals.{name}", goal) for name, goal in product.goals.items())
    yield from ((f"segments.{name}", segment) for name, segment in product.segments.items())
    for each in sections:
        yield from each.all_matches(product)


def _page_faults(product: "Product", sections: Iterable[Sections]) -> list[str]:
    names = [page.name for page in product.pages]
    faults = [f"pages: {name!r} stands twice; give each page one entry with all its urls" for name in _repeated(names)]
    used = [(f"zones.{i}.page", zone.page) for i, zone in enumerate(product.zones)]
    used += [(f"{path}.page", m.page) for path, m in _matches(product, sections) if m.page is not None]
    return faults + [
        f"{path}: no page {name!r}; the pages are {', '.join(names) or 'none'}"
        for path, name in used
        if name not in names
    ]


def _survey_faults(product: "Product") -> list[str]:
    ids = [survey.id or name for name, survey in product.surveys.items()]
    return [f"surveys: the id {each!r} stands twice; a survey has one entry" for each in _repeated(ids)]


def _column_faults(product: "Product", sections: Iterable[Sections]) -> list[str]:
    named: list[tuple[str, str, tuple[str, ...]]] = [
        (f"{path}.properties", name, ()) for path, match in _matches(product, sections) for name in match.properties
    ]
    named += [column for each in sections for column in each.all_columns(product)]
    return [
        f"{path}: {name!r} is not promoted; add it to the section properties"
        for path, name, known in named
        if name not in product.properties and name not in known
    ]


def _zone_version_faults(product: "Product") -> list[str]:
    faults: list[str] = []
    for i, zone in enumerate(product.zones):
        begin, end = product.zone_validity(zone)
        if end < begin:
            faults.append(f"zones.{i}: valid_to lies before valid_from; correct one of them")
        for j, other in enumerate(product.zones[:i]):
            same = (zone.name, zone.page) == (other.name, other.page)
            overlap_device = zone.device_type == other.device_type or None in (zone.device_type, other.device_type)
            other_begin, other_end = product.zone_validity(other)
            if same and overlap_device and begin <= other_end and other_begin <= end:
                faults.append(f"zones.{i}: overlaps zones.{j} in time; end the older version with valid_to")
    return faults


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
