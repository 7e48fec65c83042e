"""What is asked on a page: prompts that disturb nobody, and answers that are what was said (docs/capture.md, "Asking")."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl
import pytest
from support import compute_all, take_all
from tagged_shop import of, own_violations, wait

from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product

pytestmark = pytest.mark.slow

SURVEYS = """
surveys:
  bought:
    questions:
      recommend: {kind: nps}
      why: {kind: text}
      reason: {kind: choice, choices: [price, quality]}
    ask:
      on: order
      only: {why: {question: recommend, most: 6}}
      words:
        en:
          recommend: {text: How likely are you to recommend us?, low: Not at all likely, high: Extremely likely}
          why: {text: What is the main reason?}
          reason: {text: What mattered most?, choices: {price: The price}}
        de:
          recommend: {text: Würden Sie uns empfehlen?}
          why: {text: Warum?}
          reason: {text: Was war wichtig?}
        ar:
          recommend: {text: ما مدى احتمال أن توصي بنا؟, low: مستبعد جدًا, high: محتمل جدًا}
          why: {text: لماذا؟}
          reason: {text: ما الأهم؟}
  leaving:
    questions:
      ease: {kind: ces}
    ask:
      on: exit_intent
      pages: product
      words: {en: {ease: {text: How easy was it to find what you wanted?}}}
  widget:
    questions:
      page: {kind: csat}
      idea: {kind: text}
    ask:
      on: widget
      words: {en: {page: {text: How do you like this page?}, idea: {text: What would you change?}}}
"""
SECTION = "[data-footfall] section"


@pytest.fixture
def asking(shop: Callable[..., Any]) -> Callable[..., Any]:
    """That site, with the surveys above."""
    return partial(shop, more=SURVEYS)


def ready(opened: Any, path: str = "/") -> Any:
    page = opened.page(path)
    # The part that asks has come once the widget's button is there.
    page.locator("[data-footfall] button").first.wait_for()
    return page


def buy(page: Any, number: int = 1) -> None:
    page.evaluate(f"footfall.order({{id: 'o{number}', revenue: 5, currency: 'EUR'}})")
    page.locator(SECTION).wait_for()


def test_answers_are_those_that_were_given_and_a_low_score_asks_why(asking: Any) -> None:
    with asking() as opened:
        page = ready(opened)
        buy(page)
        section = page.locator(SECTION)
        section.get_by_role("radio", name="3", exact=True).check(force=True)
        page.wait_for_timeout(1300)
        section.get_by_role("button", name="Next").click()
        section.get_by_role("textbox").fill("Too slow, write to eve@mail.example")
        section.get_by_role("button", name="Next").click()
        section.get_by_role("radio", name="The price").check(force=True)
        section.get_by_role("button", name="Send").click()
        assert "Thank you" in section.inner_text()
        section.get_by_role("button", name="Close").click()
        section.wait_for(state="detached")
        # Asked once in thirty days.
        page.evaluate("footfall.order({id: 'o2', revenue: 5, currency: 'EUR'})")
        page.wait_for_timeout(500)
        assert section.count() == 0
        told = opened.told()
        lake, product = Lake(opened.home), load_product(opened.home / "product.yaml")
    answers = of(told, "survey_answered")
    assert [(each["question_id"], each.get("score"), each.get("choice")) for each in answers] == [
        ("recommend", 3, None), ("why", None, None), ("reason", None, "price"),
    ]  # fmt: skip
    assert answers[1]["text"] == "Too slow, write to [email]"
    assert len({each["response_id"] for each in answers}) == 1
    assert {(each["survey_id"], each["survey_trigger"]) for each in answers} == {("bought", "order")}
    assert len(of(told, "survey_shown")) == 1
    assert of(told, "survey_dismissed") == []
    # Nothing that is done in a prompt is an act on the page.
    assert of(told, "click") == of(told, "input") == of(told, "form_submit") == []
    assert sum(each.records_rejected for each in take_all(lake, product)) == 0
    compute_all(lake, product)
    scores = pl.read_parquet(lake.path("marts/scores.parquet"))
    assert scores.filter(pl.col("survey") == "bought")["responses"].sum() >= 1


def test_a_high_score_is_not_asked_why_and_escape_dismisses(asking: Any) -> None:
    with asking() as opened:
        page = ready(opened)
        buy(page)
        section = page.locator(SECTION)
        section.get_by_role("radio", name="10", exact=True).check(force=True)
        section.get_by_role("button", name="Next").click()
        assert section.locator("legend").inner_text() == "What mattered most?"
        page.keyboard.press("Escape")
        section.wait_for(state="detached")
        # Who answered the first question answered; who closes at once did not.
        page.get_by_role("button", name="Feedback").click()
        section.get_by_role("button", name="Close").click()
        section.wait_for(state="detached")
        told = opened.told()
    assert [each["question_id"] for each in of(told, "survey_answered")] == ["recommend"]
    assert [each["survey_id"] for each in of(told, "survey_dismissed")] == ["widget"]


def test_the_pointer_that_leaves_is_asked_where_that_is_wanted(asking: Any) -> None:
    with asking() as opened:
        home, product = ready(opened), None
        leave = "document.documentElement.dispatchEvent(new PointerEvent('pointerleave', {pointerType: 'mouse', clientY: %d}))"
        home.evaluate(leave % -1)
        home.wait_for_timeout(300)
        assert home.locator(SECTION).count() == 0
        product = ready(opened, "/p/1")
        # To the side is not to the tabs.
        product.evaluate(leave % 400)
        product.wait_for_timeout(300)
        assert product.locator(SECTION).count() == 0
        product.evaluate(leave % -1)
        product.locator(SECTION).get_by_text("How easy").wait_for()
        opened.told()


@pytest.mark.parametrize(
    ("lang", "width", "scheme"),
    [("en", 1440, "light"), ("en", 390, "dark"), ("ar", 1440, "dark"), ("ar", 390, "light")],
)
def test_prompts_disturb_nobody(asking: Any, lang: str, width: int, scheme: str) -> None:
    with asking(lang=lang, viewport={"width": width, "height": 800}, color_scheme=scheme) as opened:
        page = ready(opened)
        page.focus("#email")
        page.keyboard.type("ab")
        buy(page)
        # Caret and focus stay where they were, and the page's own order of Tab too.
        page.keyboard.type("c")
        assert page.input_value("#email") == "abc"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "age"
        assert own_violations(page) == []
        box = page.locator(SECTION).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        # To where a line ends: the left in Arabic.
        if width == 1440:
            assert (box["x"] < width / 2) == (lang == "ar")
        small = page.evaluate(
            """() => [...document.querySelectorAll('[data-footfall]')].flatMap(host => [...host.shadowRoot.querySelectorAll('label,button')])
            .map(each => each.getBoundingClientRect()).filter(box => box.height < 44 || box.width < 40).length"""
        )
        assert small == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("FOOTFALL_PICTURES"):
            page.screenshot(path=f"{folder}/prompt-{lang}-{width}-{scheme}.png")
        # By keyboard: in, chosen, sent.
        page.locator(SECTION).get_by_role("radio").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        wait(
            page,
            "[...document.querySelectorAll('[data-footfall]')].some(host => host.shadowRoot.querySelector('textarea'))",
        )
        told = opened.told()
    assert [each["score"] for each in of(told, "survey_answered")] == [0]


def test_the_widget_asks_and_is_away_where_it_is_not_wanted(asking: Any) -> None:
    with asking() as opened:
        page = ready(opened)
        page.get_by_role("button", name="Feedback").click()
        section = page.locator(SECTION)
        section.get_by_role("radio", name="4", exact=True).check(force=True)
        section.get_by_role("button", name="Next").click()
        section.get_by_role("button", name="Send").click()
        told = opened.told()
    # A comment that isn't written is no answer.
    assert [(each["question_id"], each["score"]) for each in of(told, "survey_answered")] == [("page", 4)]
    assert of(told, "survey_answered")[0]["survey_trigger"] == "widget"
