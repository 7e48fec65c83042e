"""A change of the product file computes anew what depends on it, nothing else, and leaves no old number.

One home goes through a change of each section. What is computed after each is what the declarations say, and now and then
the marts must be those of a home that never saw another product file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generate import write
from sections import every_section
from support import approve, marts_of, take_all

from pipeline.build.compute import build_days, build_period
from pipeline.build.configured import day_tables, marts, period_tables
from pipeline.build.context import BuildContext, find_dirty, take_snapshot
from pipeline.build.marts import Publication, build_mart, find_stale
from pipeline.build.sql_models import load_models, sources_of
from pipeline.core.lake import Lake
from pipeline.core.product import DECLARABLE, Product
from pipeline.core.state import Snapshot
from pipeline.events.profile import CheckResult

Sections = dict[str, Any]
Change = Callable[[Sections], object]


def _set(section: str, **values: Any) -> Change:
    return lambda reported: reported.setdefault(section, {}).update(values)


_ORDERED = [{"event": {"kind": "order"}, "did": False}]
CHANGES: dict[str, Change] = {
    "name": lambda reported: reported.update(name="Another name"),
    "pages: picture": lambda reported: reported["pages"][0].pop("pictures"),
    "pages: stage": lambda reported: reported["pages"][0].update(stage="arrive"),
    "pages: width": lambda reported: reported["pages"][1].update(content_max_width=900),
    "pages: url": lambda reported: reported["pages"][1].update(urls=["/c/*", "/categories"]),
    "zones": lambda reported: reported["zones"].pop(),
    "privacy: people": lambda reported: reported["privacy"].update(people_in_facts=False),
    "exposure": _set("exposure", least_ms=900),
    "elements": _set("elements", dynamic=["menu"]),
    "segments": _set("segments", on_mobile={"device_type": "mobile"}),
    "goals": _set("goals", cart={"kind": "custom", "name": "add_to_cart"}),
    "funnels: window": lambda reported: reported["funnels"]["purchase"].update(window_days=1),
    "funnels: step": lambda reported: reported["funnels"]["purchase"]["steps"].pop(),
    "retention: periods": lambda reported: reported["retention"]["weekly"].update(periods=3),
    "retention: start": lambda reported: reported["retention"]["weekly"].update(start={"kind": "page_view"}),
    "journeys: steps": lambda reported: reported["journeys"]["from_home"].update(steps=3),
    "journeys: items": lambda reported: reported["journeys"]["from_home"].update(items="events", start="page_view"),
    "features: again": lambda reported: reported["features"]["filters"].update(again_days=3),
    "features: uses": lambda reported: reported["features"]["filters"].update(zones=["category/product_grid"]),
    "friction": lambda reported: reported["friction"]["rule_sets"].pop("posthog"),
    "surveys": lambda reported: reported["surveys"]["widget"].update(stage="after"),
    "themes": _set("themes", price={"words": ["price", "expensive"]}),
    "voice": _set("voice", looks_back_days=3),
    "currency": _set("exchange_rates", GBP=1.2),
    "channels": _set("channels", friends={"sources": ["friend"]}),
    "sessions": _set("sessions", pause_minutes=25),
    "value": _set("value", horizon_days=60),
    "experiments": lambda reported: reported["experiments"]["shipping_note"].update(window_days=3),
    "releases": _set("releases", second={"day": "2026-09-29"}),
    "hypotheses": lambda reported: reported["hypotheses"].pop("redesign_calms"),
    "opportunities": _set("opportunities", weeks=1),
    "kpis": _set("kpis", guardrails=["bounce_rate"]),
    "targets": _set("targets", conversion={"value": 0.2}),
    "surveys of the team": lambda reported: reported["surveys"]["widget"].update(audience="team"),
    "bots": _set("bots", interactions_per_minute=60),
    "conditions of funnels": lambda reported: reported["funnels"]["purchase"].update(people=_ORDERED),
    "conditions of retention": lambda reported: reported["retention"]["weekly"].update(people=_ORDERED),
    "conditions of journeys": lambda reported: reported["journeys"]["to_order"].update(people=_ORDERED),
    "identity": _set("identity", placeholders=["nobody", "somebody"]),
}


def outputs(snapshot: Snapshot) -> dict[str, dict[Any, str]]:
    return {name: {day: state.output_hash for day, state in days.items()} for name, days in snapshot.states.items()}


class Home:
    """A home that is computed again after each change of its product file, by what is dirty and stale alone."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def days(self, product: Product) -> set[str]:
        take_all(self.lake, product)
        done: set[str] = set()
        while (dirty := find_dirty(self.lake, product, lambda _day: True)).runnable:
            days = sorted(dirty.runnable)
            for name in dirty.tables(days[0], days[-1]):
                list(build_days(self.lake, product, name, sorted(dirty.days[name]), approve))
                done.add(name)
        return done

    def publish(self, product: Product) -> tuple[set[str], set[str]]:
        context = Publication(self.lake, product)
        stale = find_stale(self.lake, product, context)
        for name in stale.periods:
            build_period(self.lake, product, name, approve, context)
        for name in stale.marts:
            build_mart(self.lake, product, name, lambda *_: CheckResult(), context)
        assert not find_stale(self.lake, product, BuildContext(self.lake, product))
        return set(stale.periods), set(stale.marts)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of the shop."""
    folder = tmp_path_factory.mktemp("shop")
    write(folder, people=400, days=28)
    for path in list(folder.rglob("*.*")):
        if not any(day in str(path) for day in ("2026-09-28", "2026-09-29", "2026-09-30")):
            path.unlink()
    return folder


def home_of(landing: Path, folder: Path) -> Home:
    lake = Lake(folder)
    for path in sorted(landing.rglob("*.*")):
        target = lake.path(f"landing/{path.relative_to(landing)}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return Home(lake)


def changed_parts(before: Product, now: Product) -> set[str]:
    return {part for part in DECLARABLE if before.section_hash(part) != now.section_hash(part)}


def expected_days(product: Product, parts: set[str], moved: set[str]) -> set[str]:
    """Daily tables that declare a changed part, or that read one that is computed."""
    result = set(moved)
    for table in day_tables(product):
        if not parts.isdisjoint(table.sections) or any(reads.table in result for reads in table.reads):
            result.add(table.contract.name)
    return result - moved


@pytest.mark.slow
def test_each_change_computes_its_dependents_and_leaves_nothing_old(landing: Path, tmp_path: Path) -> None:
    reported = every_section()
    before, home = Product.model_validate(reported), home_of(landing, tmp_path / "home")
    home.days(before)
    home.publish(before)
    print(f"\n{'change':24}{'days':>6}{'periods':>9}{'marts':>7}")  # noqa: T201  # the table of what each change computes
    for number, (name, change) in enumerate(CHANGES.items(), start=1):
        change(reported)
        now = Product.model_validate(reported)
        parts, old = changed_parts(before, now), outputs(take_snapshot(home.lake, before))
        days = home.days(now)
        new = outputs(take_snapshot(home.lake, now))
        # What landing files are read by, and who is who, moves days through them.
        read_again = bool(parts & {"ingest", "identity"})
        assert days <= expected_days(now, parts, {"raw_events", "identity", "repeats"} if read_again else set()), name
        if not read_again:
            assert days == expected_days(now, parts, set()), name
        moved = {table for table in new if new[table] != old.get(table)}
        periods, published = home.publish(now)
        direct = {t.contract.name for t in period_tables(now) if not parts.isdisjoint(t.sections)}
        reading = {t.contract.name for t in period_tables(now) if not moved.isdisjoint((t.reads, *t.inputs))}
        for table in period_tables(now):
            if not (direct | reading).isdisjoint(table.periods):
                reading.add(table.contract.name)
        also = {t.contract.name for t in period_tables(now) if t.also}
        assert direct | reading <= periods <= direct | reading | (also if days or read_again else set()), name
        there = {mart.name: sources_of(mart.name, load_models()) for mart in marts(now)}
        assert published == {m for m, sources in there.items() if not sources.isdisjoint(periods | moved)}, name
        print(f"{name:24}{len(days):6}{len(periods):9}{len(published):7}")  # noqa: T201  # the table of what each change computes
        if number % 11 == 0:
            anew = home_of(landing, tmp_path / f"anew-{number}")
            anew.days(now)
            anew.publish(now)
            assert marts_of(home.lake) == marts_of(anew.lake), f"old numbers after {name}"
        before = now


def test_every_part_has_a_change() -> None:
    reported, seen = every_section(), set[str]()
    before = Product.model_validate(reported)
    for change in CHANGES.values():
        change(reported)
        now = Product.model_validate(reported)
        seen |= changed_parts(before, now)
        before = now
    # Changing these is refused, or is in no numbers of days that are published.
    lacking = set(DECLARABLE) - seen - {"time", "quality", "sources"}
    assert lacking == set(), "add a change of each to `CHANGES` above"
