"""Which zones an element chain lies in (docs/definitions/zones.md)."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.events.chains import depth_of, parsed

CACHED_CHAINS = 50_000


def zones_of_chain(chain: str, zones: Sequence[Zone]) -> tuple[list[int], int | None]:
    """Indices of the zones that an element lies in, and the innermost of them (None: it lies in none).

    `chain` is the element and its ancestors as open HTML tags, outermost first, as in
    `<main><section id="hero"><a class="cta">`. An element lies in a zone when it or an ancestor fits one of its
    selectors; innermost is the zone whose fitting element is deepest, among equals the first of the product file.
    """
    depths = _depths(chain, tuple(zone.selectors for zone in zones))
    innermost = min(depths, key=lambda index: (-depths[index], index)) if depths else None
    return list(depths), innermost


@lru_cache(maxsize=CACHED_CHAINS)
def _depths(chain: str, selectors: tuple[tuple[str, ...], ...]) -> dict[int, int]:
    """How deep the chain fits each of the zones' selectors that it fits; the same chains come day after day."""
    soup = parsed(chain)
    if soup is None:
        return {}
    return {i: depth for i, own in enumerate(selectors) if (depth := depth_of(soup, own)) is not None}


def zones_valid_on(day: date, product: Product) -> list[Zone]:
    """The zone versions that are valid on the local day."""
    return [zone for zone in product.zones if (valid := product.zone_validity(zone))[0] <= day <= valid[1]]


def chain_zones(clicks: pl.DataFrame, zones: Sequence[Zone]) -> pl.DataFrame:
    """Which zones each distinct (page, device, chain) lies in; the few thousand distinct ones are matched once.

    Returns a row per chain and zone: `page`, `device_type`, `element_chain`, `zone` (index among `zones`), `is_innermost`.
    """
    rows: list[tuple[str, str, str, int, bool]] = []
    distinct = clicks.select("page", "device_type", "element_chain").drop_nulls().unique()
    positions: dict[tuple[str, str], list[int]] = {}
    for page, device in distinct.select("page", "device_type").unique().iter_rows():
        positions[page, device] = [i for i, z in enumerate(zones) if z.page == page and z.device_type in (None, device)]
    for page, device, chain in distinct.iter_rows():
        here = positions[page, device]
        inside, innermost = zones_of_chain(chain, [zones[i] for i in here])
        rows += [(page, device, chain, here[i], i == innermost) for i in inside]
    schema = {
        "page": pl.String,
        "device_type": pl.String,
        "element_chain": pl.String,
        "zone": pl.Int64,
        "is_innermost": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def with_names(inside: pl.DataFrame, zones: Sequence[Zone]) -> pl.DataFrame:
    """Rows with the name of the zone in place of its index."""
    names = pl.Series([zone.name for zone in zones], dtype=pl.String)
    return inside.with_columns(names.gather(inside["zone"]).alias("zone"))
