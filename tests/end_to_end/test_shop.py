"""The demo shop's generator, layout and product file agree: clicks lie in their boxes, friction comes at its rates."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from generate import REDESIGN, Shop
from layout import PAGES, WIDTHS, box, page_height
from ruamel.yaml import YAML
from walk import Event

SHOP = Path(__file__).parents[2] / "examples" / "shop"
PEOPLE = 1200


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Each event once, without the crawlers'."""
    made = {event["event_id"]: event for _, event in Shop(7, PEOPLE, 28).events()}
    return [event for event in made.values() if "page_view_id" in event]


def layout_of(event: Event) -> str:
    page = event["page_title"].split()[0].lower().replace("404", "missing")
    if page != "product":
        return page
    return "product_after" if event["occurred_at"].date() >= REDESIGN else "product_before"


def test_clicks_and_pointers_lie_in_a_box_of_their_element(events: list[Event]) -> None:
    for event in events:
        if event["kind"] not in {"click", "move"} or (event["x"], event["y"]) == (0, 0):
            continue
        # Sessions about midnight of the redesign may be on either side of it.
        pages = {layout_of(event)} | (
            {"product_before", "product_after"} if event["page_title"] == "Product" else set()
        )
        boxes = [
            box(page, name, event["device_type"])
            for page in pages
            for name, element in PAGES[page].items()
            if element.chain == event["element_chain"]
        ]
        if event["element_chain"] != "<main>":
            assert any(0 <= event["x"] - b.x < b.width and 0 <= event["y"] - b.y < b.height for b in boxes), event


def test_boxes_lie_in_their_pages() -> None:
    for page, elements in PAGES.items():
        for device, width in WIDTHS.items():
            for b in (box(page, name, device) for name in elements):
                assert b.x >= 0
                assert b.x + b.width <= width
                assert b.y + b.height <= page_height(page, device)


def test_friction_comes_at_its_rates(events: list[Event]) -> None:
    views = Counter(layout_of(e) for e in events if e["kind"] == "page_view")
    picture = PAGES["product_before"]["gallery_picture"].chain
    on_picture = Counter(
        e["page_view_id"] for e in events if e["kind"] == "click" and e["element_chain"] == picture and e["x"] > 0
    )
    raged = sum(clicks >= 4 for clicks in on_picture.values())
    submits = Counter(e["page_view_id"] for e in events if e["kind"] == "form_submit")
    errors = {e["page_view_id"] for e in events if e["kind"] == "error"}
    on_mobile = {
        e["page_view_id"]
        for e in events
        if e["kind"] == "page_view" and e["page_title"] == "Checkout" and e["device_type"] == "mobile"
    }
    assert 0.02 < raged / views["product_before"] < 0.04
    assert errors <= on_mobile
    assert 0.1 < len(errors) / len(on_mobile) < 0.3
    assert 0.004 < sum(times == 3 for times in submits.values()) / views["checkout"] < 0.05
    assert 0.004 < views["missing"] / views["home"] < 0.02


def test_who_sees_which_variant_and_how_people_come(events: list[Event]) -> None:
    reported = [e for e in events if e["kind"] == "experiment"]
    by_device: dict[str, set[str]] = {}
    for event in reported:
        assert event["page_title"] == "Product"
        if "anonymous_id" in event:
            by_device.setdefault(event["anonymous_id"], set()).add(event["variant"])
    assert all(len(variants) == 1 for variants in by_device.values())
    share = sum(variants == {"note"} for variants in by_device.values()) / len(by_device)
    assert 0.43 < share < 0.57
    assert max(Counter(e["session_id"] for e in reported).values()) == 1
    first = {e["session_id"]: e for e in reversed(events) if e["kind"] == "page_view"}
    searched = sum(
        (e.get("referrer") or "").startswith("https://www.google") and "utm" not in e["url"] for e in first.values()
    )
    assert 0.28 < searched / len(first) < 0.40


def test_a_harmless_button_fails_as_often_and_costs_nothing() -> None:
    shops = [Shop(7, PEOPLE, 28, harmless_button=harmless) for harmless in (False, True)]
    for shop in shops:
        for _ in shop.events():
            pass
    harm, none = (shop.lost_orders for shop in shops)
    assert len(harm) > 10
    assert min(harm) > 0.2
    assert set(none) == {0.0}


def test_scrolls_go_down_only(events: list[Event]) -> None:
    scrolls: dict[str, list[int]] = {}
    for event in events:
        if event["kind"] == "scroll":
            scrolls.setdefault(event["page_view_id"], []).append(event["scroll_y"])
            assert event["scroll_y"] + event["window_height"] <= event["page_height"]
    assert all(a <= b for depths in scrolls.values() for a, b in pairwise(depths))
    assert {len(depths) for depths in scrolls.values()} == {2, 3}


def test_the_product_file_repeats_the_layout_and_names_pictures_that_exist() -> None:
    reported = YAML(typ="safe").load(SHOP / "product.yaml")
    for zone in reported["zones"]:
        suffix = "" if zone["page"] != "product" else "_before" if "valid_to" in zone else "_after"
        for each in zone["boxes"]:
            b = box(zone["page"] + suffix, zone["name"], each["device_type"])
            assert b == (each["x"], each["y"], each["width"], each["height"]), zone["name"]
    pictures = [picture for page in reported["pages"] for picture in page.get("pictures", [])]
    assert len(pictures) == 12
    for picture in pictures:
        assert (SHOP / picture["file"]).exists()
        assert picture["width"] == WIDTHS[picture["device_type"]]
