"""Picked zones in the product file: comments stay, history stays, the same pick twice changes nothing."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.product_file import ProductFileError, parse_product
from pipeline.propose.picked_zones import Picked, kept, picked_of, with_zones

FILE = """# Ours.
name: Shop
start_date: 2026-01-01
sources: {web: {}}
pages:
  - {name: home, urls: ["/"]}   # the first page
zones:
  # The large picture.
  - {name: hero, page: home, selectors: ["section.hero"]}
"""
TODAY = date(2026, 5, 4)


def pick(name: str = "hero", selector: str = "section.hero", **box: Any) -> Picked:
    place = {"device_type": "desktop", "x": 0, "y": 10, "width": 900, "height": 300, **box}
    return Picked.model_validate({"name": name, "page": "home", "selectors": [selector], "box": place})


def test_a_new_zone_is_added_and_comments_stay() -> None:
    text = with_zones(FILE, [pick("buy", "button#buy")], TODAY)
    assert text.startswith(FILE.rstrip())
    (_, buy) = parse_product(text).zones
    assert (buy.name, buy.selectors, buy.valid_from) == ("buy", ("button#buy",), None)
    assert buy.box("desktop") is not None
    assert buy.box("mobile") is None


def test_the_same_elements_get_a_box_of_each_device() -> None:
    text = with_zones(FILE, [pick(), pick(device_type="mobile", width=390)], TODAY)
    (hero,) = parse_product(text).zones
    assert {box.device_type: box.width for box in hero.boxes} == {"desktop": 900, "mobile": 390}
    assert "# The large picture." in text
    assert with_zones(text, [pick()], TODAY) == text


def test_other_elements_under_a_name_that_is_there_begin_today() -> None:
    text = with_zones(FILE, [pick(selector="div.banner")], TODAY)
    old, new = parse_product(text).zones
    assert (old.valid_to, new.valid_from) == (date(2026, 5, 3), TODAY)
    assert new.selectors == ("div.banner",)
    # Changed their mind on the same day.
    (first, second) = parse_product(with_zones(text, [pick(selector="div.other")], TODAY)).zones
    assert (first.valid_to, second.valid_from, second.selectors) == (date(2026, 5, 3), TODAY, ("div.other",))


def test_a_page_that_is_not_there_changes_nothing() -> None:
    other = Picked.model_validate({**pick().model_dump(), "page": "cart"})
    with pytest.raises(ProductFileError, match="no page 'cart'"):
        with_zones(FILE, [other], TODAY)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "hero"]),
            st.sampled_from(["i.x", "b.y", "section.hero"]),
            st.sampled_from(["desktop", "mobile"]),
        ),
        max_size=8,
    )
)
def test_whatever_is_picked_the_file_stays_sound(picks: list[tuple[str, str, str]]) -> None:
    picked = [pick(name, selector, device_type=device) for name, selector, device in picks]
    product = parse_product(with_zones(FILE, picked, TODAY))
    now = {zone.name for zone in product.zones if zone.valid_to is None}
    assert now == {"hero", *(name for name, _, _ in picks)}
    assert picked_of(kept(picked)) == picked_of(kept(picked_of(kept(picked))))
