"""The tag on pages as they are: odd addresses, odd calls, several tabs. It never breaks a page, and goes on."""

from datetime import datetime
from typing import Any

import pytest
from site_of_tag import HOME, NONCE
from tagged_shop import SITE, of, wait

pytestmark = pytest.mark.slow

CONSENTED = "window.footfall?._?.state.consent === 'yes'"


def test_what_a_page_calls_wrongly_breaks_neither_the_page_nor_what_else_is_told(shop: Any) -> None:
    with shop(pages={**SITE, "/sale/100%": HOME}) as opened:
        page = opened.page("/sale/100%")
        assert page.evaluate(
            """() => {
              const round = {}; round.self = round;
              footfall.track('circular', {round});
              footfall.track('huge', {text: 'x'.repeat(100000)});
              footfall.track('half', {text: 'a\\ud83d'});
              footfall.track('big', {n: 10n});
              footfall.order();
              footfall.order({revenue: 5});
              footfall.refund({id: 'o1', revenue: 1, currency: 'EUR'});
              footfall.refund({id: 'o1', revenue: 2, currency: 'EUR'});
              history.pushState({}, '', '/p/' + 'y'.repeat(90000));
              return 'still here';
            }"""
        ) == "still here"  # fmt: skip
        page.wait_for_timeout(300)
        page.evaluate("footfall.track('after')")
        told = opened.told()
    # Of the first of a batch also which tag it was.
    named = {
        each["name"]: {name: value for name, value in each.get("properties", {}).items() if name not in ("tag", "lost")}
        for each in of(told, "custom")
    }
    assert named["circular"] == named["big"] == {"left_out": "not JSON"}
    assert named["huge"] == {"left_out": "too large"}
    assert named["half"] == {"text": "a\ufffd"}
    assert "after" in named
    assert of(told, "order") == []
    assert len({each["event_id"] for each in of(told, "refund")}) == 2
    assert of(told, "page_view")[0]["url"].endswith("/sale/100%")
    assert len(of(told, "page_view")) == 2


def test_a_tab_is_one_over_its_pages_and_a_copy_is_another(shop: Any) -> None:
    with shop() as opened:
        page = opened.page()
        page.goto(f"{opened.site.url}/p/1")
        wait(page, CONSENTED)
        page.reload()
        wait(page, CONSENTED)
        other = opened.page("/p/2")
        # Nobody has been here for as long as a visit is at least.
        assert other.evaluate("footfall._.settings.minimum_visit_s") == 1
        told = opened.told()
    tabs = [each["tab_id"] for each in of(told, "page_view")]
    assert len(tabs) == 4
    assert len(set(tabs[:3])) == 1
    assert len(set(tabs)) == 2
    assert {each["tab_id"] for each in told} == set(tabs)
    assert len({each["session_id"] for each in told}) == 1
    began = {each["page_view_id"]: each["occurred_at"] for each in of(told, "page_view")}
    # In milliseconds of one minute and the next.
    assert all(_ms(each["occurred_at"]) - _ms(began[each["page_view_id"]]) >= 1000 for each in of(told, "page_ping"))


def _ms(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() * 1000


def test_a_no_in_one_tab_is_a_no_in_all(shop: Any) -> None:
    with shop() as opened:
        first, second = opened.page(), opened.page("/p/1")
        second.evaluate("footfall.consent(false)")
        wait(first, "footfall._.state.consent === 'no'")
        first.evaluate("footfall.track('after_no')")
        first.click("#cta")
        first.wait_for_timeout(2500)
        for page in (first, second):
            assert page.evaluate("Object.keys(localStorage)") == ["footfall_consent"]
        told = opened.told()
    assert not any(each.get("name") == "after_no" or each["kind"] == "click" for each in told)


def test_who_agrees_came_from_where_the_page_was_come_from(shop: Any) -> None:
    with shop(consent="ask") as opened:
        page = opened.context.new_page()
        page.goto(f"{opened.site.url}/")
        page.click("#product")
        page.wait_for_url("**/p/1*")
        wait(page, "window.footfall?._?.state.consent === 'waiting'")
        page.evaluate("footfall.consent(true)")
        page.wait_for_timeout(1200)
        page.goto(f"{opened.site.url}/p/2")
        wait(page, CONSENTED)
        told = opened.told()
    first, second = of(told, "page_view")
    assert first["referrer"] == f"{opened.site.url}/"
    assert second["url"] == f"{opened.site.url}/p/2"
    assert {each["page_view_id"] for each in of(told, "performance")} <= {first["page_view_id"], second["page_view_id"]}


def test_an_order_told_before_the_tag_is_there_is_asked_about(shop: Any) -> None:
    survey = """
surveys:
  bought:
    questions: {recommend: {kind: nps}}
    ask: {on: order, words: {en: {recommend: {text: How likely?}}}}
"""
    early = f"<script nonce={NONCE}>window.footfall = [['order', {{id: 'o9', revenue: 5, currency: 'EUR'}}]]</script>"
    with shop(pages={**SITE, "/thanks": f"{early}<h1>Thanks</h1>"}, more=survey) as opened:
        page = opened.page("/thanks")
        page.locator("[data-footfall]").get_by_text("How likely?").wait_for()
        told = opened.told()
    assert [each["order_id"] for each in of(told, "order")] == ["o9"]
