"""Pages, zones, goals, segments, steps and properties that nothing in a home fits, and goals that fit too much."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from pipeline.check.looks import Look
from pipeline.core.canonical import PROMOTED_PREFIX
from pipeline.core.product import Product
from pipeline.core.product_matches import Match
from pipeline.core.product_pages import Zone
from pipeline.events.chains import depth_of, parsed
from pipeline.events.matching import matches
from pipeline.events.zones import zones_valid_on

Remark = tuple[str, str]


@dataclass
class _Open:
    """What nothing seen so far fits, by path, and by goal without a name the pages all of whose events fit it."""

    pages: dict[str, str]
    zones: dict[str, Zone]
    named: dict[str, Match]
    columns: dict[str, str]
    whole: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    events: int = 0
    days: int = 0
    elements: set[str] = field(default_factory=set[str])

    @property
    def is_done(self) -> bool:
        return not (self.pages or self.zones or self.named or self.columns)


def unfitting(product: Product, looks: Iterable[Look]) -> Iterator[Remark]:
    """A path and a sentence for each; nothing where there is nothing to look at."""
    left: _Open | None = None
    is_sample = False
    for look in looks:
        left = left or _all(product, look)
        is_sample = look.is_sample
        _see(left, look, product)
        if left.is_done:
            break
    yield from _too_much(product, left)
    if left is not None and left.events:
        where = (
            f"{left.events:,} events of the landing files' sample"
            if is_sample
            else f"the last {left.days} published days"
        )
        yield from _remarks(product, left, where)


def _all(product: Product, look: Look) -> _Open:
    valid = zones_valid_on(look.newest, product)
    steps = [(f"funnels.{n}.steps.{i}", s) for n, f in product.funnels.items() for i, s in enumerate(f.steps)]
    named = [(f"goals.{n}", g) for n, g in product.goals.items()]
    named += [(f"segments.{n}", s) for n, s in product.segments.items()]
    units = {f"funnels.{n}.unit": f.unit for n, f in product.funnels.items() if f.unit not in ("person", "session")}
    return _Open(
        pages={page.name: f"pages.{i}" for i, page in enumerate(product.pages)},
        zones={f"zones.{i}": zone for i, zone in enumerate(product.zones) if zone in valid},
        named={**dict(named), **dict(steps)},
        columns={**{f"properties.{name}": PROMOTED_PREFIX + name for name in product.properties}, **{
            path: unit if unit not in product.properties else PROMOTED_PREFIX + unit for path, unit in units.items()
        }},
    )  # fmt: skip


def _see(left: _Open, look: Look, product: Product) -> None:
    """Take from what is open all that an event of this look fits."""
    events = look.events
    left.events += events.height
    left.days += 1
    seen = set(events["page"].drop_nulls().unique())
    left.pages = {name: path for name, path in left.pages.items() if name not in seen}
    fits = events.select(matches(match).any().alias(path) for path, match in left.named.items())
    met = {path for path in left.named if events.height and fits[path].item()}
    left.named = {path: match for path, match in left.named.items() if path not in met}
    left.columns = {
        path: name for path, name in left.columns.items() if name not in events.columns or not events[name].count()
    }
    _see_zones(left, events)
    for path, goal in ((f"goals.{n}", g) for n, g in product.goals.items() if g.named is None):
        per_page = events.group_by("page").agg(matches(goal).all().alias("whole")).drop_nulls("page")
        whole = set(per_page.filter("whole")["page"])
        left.whole[path] = (left.whole.get(path, whole) | whole) - set(per_page.filter(~pl.col("whole"))["page"])


def _see_zones(left: _Open, events: pl.DataFrame) -> None:
    reported = events.filter(pl.col("element_chain").is_not_null(), pl.col("page").is_not_null())
    distinct = reported.select("page", pl.col("device_type").fill_null("unknown"), "element_chain").unique()
    left.elements |= set(distinct["page"])
    wanted = {zone.page for zone in left.zones.values()}
    for page, device, chain in distinct.filter(pl.col("page").is_in(sorted(wanted))).iter_rows():
        here = {path: zone for path, zone in left.zones.items() if zone.page == page}
        mine = {path: zone for path, zone in here.items() if zone.device_type in (None, device)}
        soup = parsed(chain) if mine else None
        for path, zone in mine.items():
            if soup is not None and depth_of(soup, zone.selectors) is not None:
                del left.zones[path]


def _too_much(product: Product, left: _Open | None) -> Iterator[Remark]:
    """Goals that name neither a kind nor a name and so hold each click and ping too."""
    for name, goal in product.goals.items():
        path = f"goals.{name}"
        whole = sorted(left.whole.get(path, ())) if left is not None else []
        if goal.named is None and goal.page is not None and not goal.properties:
            whole = [goal.page]
        if whole:
            yield (
                path,
                f"fits every event of the page {', '.join(whole)}, each click and ping too; add a `kind` or a `name`",
            )


def _remarks(product: Product, left: _Open, where: str) -> Iterator[Remark]:
    for name, path in left.pages.items():
        yield path, f"no address in {where} fits the page {name!r}; correct its `urls`, or remove it"
    for path, zone in left.zones.items():
        if zone.page in left.elements:
            sentence = f"`footfall zones --page {zone.page}` shows what is clicked; correct its `selectors`"
        else:
            sentence = "no event on that page tells its element; send `element_chain`, or remove the zone"
        yield path, f"no element in {where} lies in {zone.page}/{zone.name}: {sentence}"
    for path in left.named:
        yield path, f"no event in {where} fits; correct its kind, name, page or properties, or remove it"
    for path, column in left.columns.items():
        name = column.removeprefix(PROMOTED_PREFIX)
        if path.endswith(".unit"):
            yield path, f"no event in {where} bears `{name}`, so the funnel is empty; name another unit"
        else:
            kind = product.properties[name]
            yield path, f"no event in {where} bears it as {kind}; correct its name or type, or remove it"
