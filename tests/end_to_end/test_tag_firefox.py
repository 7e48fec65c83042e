"""The tag in Firefox: what is told is what was done."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from firefox import Firefox, open_firefox
from tagged_shop import kinds, of

pytestmark = pytest.mark.slow

KNOWN = "window.footfall && !Array.isArray(footfall) && footfall._.state.consent !== 'unknown'"


@pytest.fixture
def firefox() -> Iterator[Firefox]:
    with open_firefox() as opened:
        yield opened


def known(page: Firefox) -> None:
    for _ in range(200):
        if page("evaluate", f"!!({KNOWN})"):
            return
        page("wait", 50)
    raise AssertionError("the tag didn't come")


def test_a_visit_in_firefox(shop: Callable[..., Any], firefox: Firefox) -> None:
    # The shop brings a visitor of its own; this one comes with another browser.
    with shop(consent="ask") as opened:
        firefox("goto", f"{opened.site.url}/")
        known(firefox)
        firefox("click", "#text")
        assert firefox("evaluate", "Object.keys(localStorage).length") == 0
        firefox("evaluate", "footfall.consent(true)")
        firefox("move", 200, 200)
        firefox("wait", 300)
        firefox("move", 1200, 60)
        firefox("click", "#cta")
        firefox("wait", 3000)
        firefox("type", "#email", "typed@mail.example")
        firefox("click", "#age")
        firefox("evaluate", "history.pushState({}, '', '/p/2')")
        firefox("wait", 300)
        firefox("evaluate", "footfall.order({id: 'o1', revenue: 3, currency: 'EUR'})")
        firefox("goto", f"{opened.site.url}/p/1")
        known(firefox)
        firefox("evaluate", "footfall.track('last')")
        firefox("close")
        firefox("wait", 500)
        told = opened.told()
    found = kinds(told)
    assert [each["url"].removeprefix(opened.site.url) for each in of(told, "page_view")] == ["/", "/p/2", "/p/1"]
    assert [each["properties"]["navigation"] for each in of(told, "page_view")] == ["consent", "route", "load"]
    assert found["click"] == 2
    assert [each["name"] for each in of(told, "custom")] == ["dead_click", "last"]
    assert "#cta" not in str(told)
    assert 'id="cta"' in of(told, "custom")[0]["element_chain"]
    assert [each["properties"] for each in of(told, "input")] == [{"changes": 18, "filled": True}]
    assert of(told, "order")[0]["revenue_micros"] == 3_000_000
    assert found["exposure"] >= 2
    assert found["move"] >= 2
    assert found["page_leave"] == 3
    assert "mail.example" not in str(told)
    assert "Firefox" in told[0]["user_agent"]
    assert len({each["event_id"] for each in told}) == len(told)
    assert len({each["session_id"] for each in told}) == 1
