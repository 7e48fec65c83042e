"""Elements outside all zones, their selectors, and selectors that find nothing any more."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
import soupsieve
from support import product

from pipeline.domains.friction.section import DEAD_EXEMPT, REPETITION
from pipeline.domains.zones.elements import unzoned
from pipeline.domains.zones.selectors import silent_selectors
from pipeline.events.chains import depth_of, parsed, stable_chain
from pipeline.ingest.sources.fields import element_chain

DYNAMIC = product().elements.dynamic
HERO = '<main><section class="hero"><img>'


def clicks(*chains: str, page: str = "home") -> pl.LazyFrame:
    rows = [("click", page, False, chain) for chain in chains]
    schema = {"kind": pl.String, "page": pl.String, "is_bot": pl.Boolean, "element_chain": pl.String}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def listed(*chains: str, zones: Any = None) -> list[tuple[str, int, int]]:
    chosen = product()
    result = unzoned(clicks(*chains), "home", chosen.zones if zones is None else zones, chosen)
    return [(each.selector, each.clicks, each.alike) for each in result]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ('<div id="ember123"><a class="cta css-1q2w3e">', '<div><a class="cta">'),
        ('<div id=":r1f:"><input name="q">', '<div><input name="q">'),
        ('<ul class="menu sc-bZkfAO"><li class="item">', '<ul class="menu"><li class="item">'),
        ('<a class="Button_primary__x1Y2z big" href="/p/12345">', '<a class="big" href="/p/12345">'),
        ('<section id="hero">', '<section id="hero">'),
    ],
)
def test_what_differs_from_build_to_build_is_left_out(chain: str, expected: str) -> None:
    assert stable_chain(chain, DYNAMIC) == expected


def test_the_most_clicked_outside_all_zones_come_first() -> None:
    help_, about = '<footer><a id="help">', '<footer><a class="about">'
    result = listed(*[about] * 3, *[help_] * 2, *[HERO] * 9)
    assert result == [("a.about", 3, 0), ("a#help", 2, 0)]


def test_elements_that_differ_in_a_generated_id_are_one() -> None:
    result = listed('<nav><a id="ember101" class="item">', '<nav><a id="ember202" class="item">')
    assert result == [("a.item", 2, 0)]


def test_a_selector_says_what_else_it_holds() -> None:
    result = listed("<ul><li>", "<ol><li>", zones=[])
    assert result == [("li", 1, 1), ("li", 1, 1)]
    named = listed('<ul class="a"><li>', '<ol class="b"><li>', zones=[])
    assert {selector for selector, _, alike in named if not alike} == {"ul.a li", "ol.b li"}


@pytest.mark.parametrize(
    "chain",
    [
        '<a class="2xl:flex">',
        '<a id="1a">',
        '<p class="-2x">',
        "<o:p>",
        '<a data-testid="x.y:z">',
        '<a id="a.b">',
        '<b class="w-1/2">',
        '<i aria-label="Say &quot;hi&quot;">',
    ],
)
def test_a_proposed_selector_finds_its_element(chain: str) -> None:
    ((selector, _, _),) = listed(chain, zones=[])
    soup = parsed(chain)
    assert soup is not None
    assert depth_of(soup, [selector]) is not None


def test_a_link_without_a_name_is_told_by_its_target() -> None:
    result = listed('<footer><a href="/about">', '<main><a href="/sale">', zones=[])
    assert {each[0] for each in result} == {'a[href="/about"]', 'a[href="/sale"]'}


def test_hostile_chains_are_no_harm() -> None:
    assert listed("", "no tags", "<![foo]>", "<" * 500, zones=[]) == []


ZONES = [
    {"name": "buy", "page": "home", "selectors": ["a.old"], "valid_to": "2026-02-03"},
    {"name": "buy", "page": "home", "selectors": ["a.new", "a.newer"], "valid_from": "2026-02-04"},
]


def matches(*days: tuple[int, str, int, int]) -> pl.LazyFrame:
    first = date(2026, 2, 4)
    rows = [
        (first + timedelta(days=n), "home", "buy", first, selector, interactions, views)
        for n, selector, interactions, views in days
    ]
    schema = ["session_day", "page", "zone", "zone_version", "selector", "interactions", "page_views"]
    return pl.LazyFrame(rows, schema=schema, orient="row")


def test_a_selector_that_no_element_fits_any_more_is_told_with_its_day() -> None:
    chosen = product(zones=ZONES)
    fine = [(n, "a.newer", 5, 60) for n in range(3)]
    rows = [(0, "a.new", 9, 60), (1, "a.new", 0, 60), (2, "a.new", 0, 60), *fine]
    (reported,) = silent_selectors(matches(*rows), chosen)
    assert "home/buy: no element fits 'a.new'" in reported.sentence
    assert "last on 2026-02-04" in reported.sentence
    assert (reported.met, reported.page_views) == (date(2026, 2, 4), 120)
    # A day with few page views says nothing yet.
    assert silent_selectors(matches(*rows[:2], *fine), chosen) == []
    assert silent_selectors(matches(), chosen) == []


def test_a_selector_that_never_fitted_is_told_too() -> None:
    (reported,) = silent_selectors(matches((0, "a.new", 0, 100), (0, "a.newer", 1, 100)), product(zones=ZONES))
    assert "(never)" in reported.sentence


def attributes_of(selectors: soupsieve.css_types.SelectorList) -> set[str]:
    """Names of the attributes that compiled selectors ask for, however deep."""
    result: set[str] = set()
    for each in selectors:
        result |= {test.attribute for test in each.attributes}
        result |= {"id"} if each.ids else set()
        result |= {"class"} if each.classes else set()
        for inner in (*each.selectors, each.relation):
            result |= attributes_of(inner)
    return result


def test_chains_keep_every_attribute_that_a_built_in_selector_asks_for() -> None:
    built_in = {*REPETITION, *DEAD_EXEMPT}
    asked = {name for each in built_in for name in attributes_of(soupsieve.compile(each).selectors)}
    assert asked >= {"href", "contenteditable", "role", "type", "class", "aria-label"}
    made = element_chain([("a", dict.fromkeys(asked, "/x"))])
    assert made is not None
    assert {name for name in asked if f' {name}="' not in made} == set()
