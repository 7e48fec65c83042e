"""The sections `capture` and `surveys.<name>.ask`: what is wrong with them is told, and what the tag is told of them."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.core.product import Product
from services.capture.settings import NoCaptureError, known_of, tag_settings

SOUND: dict[str, Any] = {
    "name": "Shop",
    "start_date": "2026-01-01",
    "sources": {"web": {"heartbeat_s": 10, "minimum_visit_s": 5}, "replays": {"format": "rrweb", "replay": {"events": False}}},
    "capture": {"origins": ["https://shop.example"], "recordings": "replays", "replays": 0.5},
    "pages": [{"name": "home", "urls": ["/"]}, {"name": "product", "urls": ["/p/:id", "/old?id=*"]}],
    "zones": [
        {"name": "hero", "page": "home", "selectors": ["section.hero"], "valid_from": "2026-03-02"},
        {"name": "hero", "page": "home", "selectors": ["div.old"], "valid_to": "2026-03-01"},
    ],
    "surveys": {
        "bought": {
            "questions": {"recommend": {"kind": "nps"}, "why": {"kind": "text"}, "fit": {"kind": "pmf"}},
            "ask": {
                "on": "order",
                "only": {"why": {"question": "recommend", "most": 6}},
                "words": {"en": {"recommend": {"text": "How likely?", "low": "no"}, "why": {"text": "Why?"}, "fit": {"text": "How would you feel?"}}},
            },
        }
    },
}  # fmt: skip


def changed(**parts: Any) -> dict[str, Any]:
    return {**SOUND, **parts}


def asked(**parts: Any) -> dict[str, Any]:
    bought = SOUND["surveys"]["bought"]
    return changed(surveys={"bought": {**bought, "ask": {**bought["ask"], **parts}}})


def capture(**parts: Any) -> dict[str, Any]:
    return changed(capture={**SOUND["capture"], **parts})


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (capture(origins=[]), "at least 1"),
        (capture(origins=["https://shop.example/path"]), "write one like https://www.shop.example, without a path"),
        (capture(origins=["shop.example"]), "is no origin"),
        (capture(origins=["ftp://shop.example"]), "is no origin"),
        (capture(source="app"), "capture.source: the source 'app' isn't there; add to `sources`: app: {format: canonical}"),
        (capture(recordings="web"), "capture.recordings: the source 'web' is of the format canonical"),
        (capture(recordings=None), "recordings need a place"),
        (capture(replays=2), "less than or equal to 1"),
        (capture(country_header="no header"), "should match pattern"),
        (changed(sources={"web": {}, "replays": {"format": "rrweb"}}), "they would count twice"),
        (changed(capture=None), "nobody asks without the section `capture`"),
        (asked(pages=["cart"]), "surveys.bought.ask.pages: no page 'cart'; there are "),
        (asked(on="page", scroll=2), "less than or equal to 1"),
        (asked(scroll=0.5), "`scroll` belongs to `on: page`"),
        (asked(label={"en": "Tell us"}), "`label` belongs to `on: widget`"),
        (asked(words={}), "at least 1"),
        (asked(words={"en": {"recomend": {"text": "?"}}}), "words.en: no question 'recomend'; there are recommend, why, fit"),
        (asked(words={**SOUND["surveys"]["bought"]["ask"]["words"], "de": {"why": {"text": "Warum?"}}}), "words.de: recommend, fit has no words"),
        (asked(only={"why": {"question": "fit", "most": 3}}), "only.why: 'fit' is no question with a scale"),
        (asked(only={"recommend": {"question": "recommend", "most": 3}}), None),
        (asked(only={"why": {"question": "recommend"}}), "give `least` or `most`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(file: dict[str, Any], words: str | None) -> None:
    if words is None:
        # Asked for its own answer: it is never asked, which is no fault of the file's form.
        Product.model_validate(file)
        return
    with pytest.raises(ValidationError) as told:
        Product.model_validate(file)
    assert words in str(told.value)


def test_a_question_asked_before_the_one_that_it_depends_on() -> None:
    words = {"en": {"why": {"text": "Why?"}, "recommend": {"text": "How likely?"}}}
    with pytest.raises(ValidationError, match="it must be asked after 'recommend'"):
        Product.model_validate(asked(words=words))


def test_the_tag_is_told_what_holds_now() -> None:
    product = Product.model_validate(SOUND)
    assert product.capture
    told = tag_settings(product, product.capture)
    assert told["zones"] == [{"name": "hero", "page": "home", "selectors": ("section.hero",)}]
    assert told["pages"]["home"] == ["^/?$"]
    assert told["pages"]["product"] == ["^/p/[^/]*/?$", "^/old/?$"]
    (survey,) = told["surveys"]
    assert [each["name"] for each in survey["words"]["en"]] == ["recommend", "why", "fit"]
    assert survey["words"]["en"][0]["scale"] == (0, 10)
    assert survey["words"]["en"][0]["ends"] == ["no", ""]
    assert [shown for shown, _ in survey["words"]["en"][2]["choices"]] == ["very disappointed", "somewhat disappointed", "not disappointed"]  # fmt: skip
    assert (told["heartbeat_s"], told["minimum_visit_s"], told["law_zones"]) == (10, 5, ())
    with pytest.raises(NoCaptureError, match="no section `capture`"):
        known_of(Product.model_validate({**SOUND, "capture": None, "surveys": {}}))


def test_the_words_of_a_question_make_no_number_old() -> None:
    before, after = Product.model_validate(SOUND), Product.model_validate(asked(share=0.2))
    assert before.section_hash("surveys") == after.section_hash("surveys")
    questions = {"recommend": {"kind": "csat"}, "why": {"kind": "text"}, "fit": {"kind": "pmf"}}
    other = changed(surveys={"bought": {**SOUND["surveys"]["bought"], "questions": questions}})
    assert before.section_hash("surveys") != Product.model_validate(other).section_hash("surveys")
