"""Elements that no zone holds yet: which are clicked most, and a selector for each (`footfall zones`)."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from bs4 import BeautifulSoup, Tag
from soupsieve import escape

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.events.chains import depth_of, parsed, stable_chain
from pipeline.events.zones import zones_of_chain

_TESTING = ("data-testid", "data-test", "data-element", "data-ph", "data-track")
_NAMING = ("aria-label", "name", "href", "role", "type")


@dataclass(frozen=True)
class Unzoned:
    """An element that people click and no zone of the page holds."""

    element: str
    selector: str
    clicks: int
    share: float
    alike: int


def unzoned(events: pl.LazyFrame, page: str, zones: Sequence[Zone], product: Product, most: int = 20) -> list[Unzoned]:
    """The most clicked elements of `page` in session_events that lie in none of `zones`, with a selector for each.

    `share` is of all clicks on the page with an element; `alike` counts other elements of the page that the selector
    holds too. Ids and classes that the product file calls dynamic are left out.
    """
    clicks = events.filter(
        pl.col("kind") == "click", pl.col("page") == page, ~pl.col("is_bot"), pl.col("element_chain").is_not_null()
    )
    counted = clicks.group_by("element_chain").agg(n=pl.len()).sort("n", "element_chain", descending=[True, False])
    result = counted.collect().rows()
    total = sum(n for _, n in result)
    stable: dict[str, int] = {}
    outside: dict[str, int] = {}
    here = [zone for zone in zones if zone.page == page]
    for chain, n in result:
        name = stable_chain(chain, product.elements.dynamic)
        stable[name] = stable.get(name, 0) + n
        if not zones_of_chain(chain, here)[0]:
            outside[name] = outside.get(name, 0) + n
    soups = {name: soup for name in stable if (soup := parsed(name)) is not None}
    ranked = sorted(outside.items(), key=lambda item: (-item[1], item[0]))[:most]
    rows: list[Unzoned] = []
    for name, n in ranked:
        if name in soups and soups[name].find() is not None:
            selector, alike = _selector(name, soups)
            rows.append(Unzoned(str(_innermost(soups[name])), selector, n, n / total, alike))
    return rows


def _innermost(soup: BeautifulSoup) -> str:
    tag = list(soup.find_all())[-1]
    attributes = {name: " ".join(value) if isinstance(value, list) else value for name, value in tag.attrs.items()}
    return "<" + " ".join([tag.name, *(f'{name}="{value}"' for name, value in attributes.items())]) + ">"


def _selector(name: str, soups: dict[str, BeautifulSoup]) -> tuple[str, int]:
    """The shortest selector that holds this element and fewest others of the page."""
    tags: list[Tag] = list(soups[name].find_all())
    own = _candidates(tags[-1])
    around = [f"{outer} {inner}" for tag in reversed(tags[:-1]) for outer in _named(tag) for inner in own]
    best = (own[-1], len(soups))
    for candidate in [*own, *around]:
        alike = sum(depth_of(soup, [candidate]) is not None for soup in soups.values()) - 1
        if alike < best[1]:
            best = (candidate, alike)
        if not alike:
            break
    return best


def _candidates(tag: Tag) -> list[str]:
    return [*_named(tag), escape(tag.name)]


def _named(tag: Tag) -> list[str]:
    """Selectors by what a developer has named, the most lasting first."""
    name = escape(tag.name)
    result: list[str] = []
    if tag.get("id"):
        result.append(f"{name}#{escape(str(tag['id']))}")
    result += [f'{name}[{key}="{tag[key]}"]' for key in _TESTING if _is_plain(tag.get(key))]
    classes = tag.get("class") or []
    result += [f"{name}.{escape(each)}" for each in (classes if isinstance(classes, list) else [classes]) if each]
    return result + [f'{name}[{key}="{tag[key]}"]' for key in _NAMING if _is_plain(tag.get(key))]


def _is_plain(value: object) -> bool:
    """Whether a value can stand between quotes as it is, in a selector and in YAML."""
    return isinstance(value, str) and value != "" and value.isprintable() and not set(value) & set("\"'\\")
