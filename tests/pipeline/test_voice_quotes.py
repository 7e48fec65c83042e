"""Quotes: what is scrubbed from them and what isn't, and which comments are picked."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from support import days_from, feedback_frame, product

from pipeline.domains.themes.quotes import quote_list
from pipeline.events.quote_scrub import scrub_quote

PRODUCT = product(
    surveys={
        "shop": {"questions": {"recommend": {"kind": "nps"}, "why": {"kind": "text"}}},
        "pulse": {"audience": "team", "questions": {"why": {"kind": "text"}}},
    },
    themes={"delivery": {"words": ["deliver*", "parcel"]}},
)
DAY = date(2026, 2, 3)


@pytest.mark.parametrize(
    ("text", "language", "shown"),
    [
        ("Write to anna.berg@example.org please", "en", "Write to [email] please"),
        ("call me on 020 7946 0958 after six", "en", "call me on [phone] after six"),
        ("call +49 30 901820", "en", "call [phone]"),
        ("Call (212) 736-5000 now", "en", "Call [phone] now"),
        ("Call 212-736-5000 now", "en", "Call [phone] now"),
        ("Meine Nummer ist 030 901820.", "de", "Meine Nummer ist [phone]."),
        ("Card 4111 1111 1111 1111 was charged", "en", "Card [card] was charged"),
        ("IBAN DE89 3704 0044 0532 0130 00 bitte", "de", "IBAN [iban] bitte"),
        ("iban gb29nwbk60161331926819", "en", "iban [iban]"),
        ("my iban is BE68 5390 0754 7034 and I want my money", "en", "my iban is [iban] and I want my money"),
        ("es ES91 2100 0418 4502 0005 1332 por favor", "es", "es [iban] por favor"),
        ("AT611904300234573201 bitte zahlen", "de", "[iban] bitte zahlen"),
        ("see https://x.example/r?token=abc123def", "en", "see https://x.example/r?token=[secret]"),
        ("I live at 12 Baker Street and waited", "en", "I live at [address] and waited"),
        ("to Flat 3, 221B Baker Street, NW1 6XE", "en", "to [address], [address]"),
        ("Lieferung an Hauptstraße 5, 10115 Berlin kam nie", "de", "Lieferung an [address] kam nie"),
        ("Ich wohne Am Alten Weg 12a", "de", "Ich wohne [address]"),
        ("livré au 12 rue de la Paix hier", "fr", "livré au [address] hier"),
        ("sent to Springfield, IL 62704", "en", "sent to Springfield, [address]"),
        ("My name is Peter Miller and I waited", "en", "My name is [name] and I waited"),
        ("my name is peter, i waited", "en", "my name is [name], i waited"),
        ("My name's Dr. Anna-Lena O\u2019Neil.", "en", "My name's [name]."),
        ("Ich heiße Jürgen Groß und warte", "de", "Ich heiße [name] und warte"),
        ("Me llamo María", "es", "Me llamo [name]"),
        ("Never again. Kind regards, John Smith", "en", "Never again. Kind regards, [name]"),
        ("Danke. Viele Grüße\nAnna", "de", "Danke. Viele Grüße\n[name]"),
    ],
)
def test_personal_data_is_removed(text: str, language: str, shown: str) -> None:
    assert scrub_quote(text, language) == shown


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I waited 45 minutes on 2026-10-12 at 14:30", "en"),
        ("Order 10023456 cost 1,299.00 EUR, 20 % off", "en"),
        ("Error 404 and then 500, version 2.13.4", "en"),
        ("The price fell from 1200 to 999 in 3 weeks", "en"),
        ("My name is not shown on the invoice", "en"),
        ("my name is spelled wrong", "en"),
        ("the name is good", "en"),
        ("It took 5 days and 3 calls on the way", "en"),
        ("Went a long way for 2 hats", "en"),
        ("Ein langer Weg, 5 Minuten", "de"),
        ("Die Größe 38 passt, Artikel 123456", "de"),
        ("Platz 1 in meiner Liste: super", "de"),
        ("Best regards to the team", "en"),
        ("DE12 is no account", "en"),
        ("IBAN DE89 3704 0044 0532 0130 01 has a wrong digit", "en"),
        ("SKU AB1 2CD3 EF", "en"),
        ("\U0001f44d\U0001f3fd \u202eevil\u202c مرحبا", "en"),
    ],
)
def test_what_is_no_personal_data_stays(text: str, language: str) -> None:
    assert scrub_quote(text, language) == text


def test_a_long_text_is_scrubbed_in_time() -> None:
    text = "my name is " * 20_000 + "A" * 100_000 + " 1 " * 50_000
    assert scrub_quote(text, "en").startswith("my name is [name]")


def stated(number: int, text: str, score: int, person: int | None, **more: Any) -> list[dict[str, Any]]:
    score_group = "high" if score >= 9 else "low" if score <= 6 else "middle"
    common = {
        "day": DAY,
        "response_key": number,
        "person_key": person,
        "session_key": 1_000 + number,
        "page": "home",
        **more,
    }
    return [
        {**common, "event_id": f"a{number:02}", "question": "why", "question_kind": "text", "text": text, "language": "en"},
        {**common, "event_id": f"b{number:02}", "question": "recommend", "question_kind": "nps", "is_valid": True, "score": score,
         "score_group": score_group, "points": {"high": 100, "middle": 0, "low": -100}[score_group]},
    ]  # fmt: skip


def test_quotes_are_typical_and_extreme_one_of_a_person_with_the_session_behind() -> None:
    rows = [
        *(
            row
            for i in range(4)
            for row in stated(i, f"The parcel delivery was slow, slow delivery {'again ' * i}", 7, 1)
        ),
        *stated(10, "The delivery was slow again, slow parcel delivery", 8, 2),
        *stated(11, "Delivery slow and slow again, my name is Peter Miller", 7, 3),
        *(
            row
            for i in range(20, 26)
            for row in stated(i, f"Slow delivery, a slow parcel, slow again {'and ' * i}slow", 7, i)
        ),
        *stated(12, "Delivery so terrible that I threw the parcel away", 0, 4, sentiment_e4=-8_000),
        *stated(13, "Delivery could be somewhat quicker for my taste", 5, 5, sentiment_e4=-1_000),
        *stated(14, "Wonderful delivery, the parcel was there at noon", 10, 6, sentiment_e4=8_000),
        *stated(15, "Wonderful delivery, the parcel was there at noon", 10, 7, sentiment_e4=8_000),
        *stated(16, "Delivery!", 10, 8),
        *stated(17, "parcel " * 100, 10, 9),
        *stated(18, "Nothing about the topic, only words and words", 0, 10),
    ]
    result = quote_list(feedback_frame(rows).lazy(), days_from("2026-02-03", 1), PRODUCT)
    own = result.filter(pl.col("theme") == "delivery")
    quotes = {(pick, position): quote for pick, position, quote in own.select("pick", "position", "quote").rows()}
    assert quotes["lowest", 1] == "Delivery so terrible that I threw the parcel away"
    assert quotes["lowest", 2] == "Delivery could be somewhat quicker for my taste"
    assert quotes["highest", 1] == "Wonderful delivery, the parcel was there at noon"
    assert ("highest", 2) not in quotes, "the same words are one quote; too short and too long ones are none"
    assert "Peter" not in "".join(quotes.values())
    typical = own.filter(pl.col("pick") == "typical")
    assert typical["session_key"].is_in([*range(1_000, 1_012), *range(1_020, 1_026)]).all(), (
        "what most speak of, and not the extremes"
    )
    assert typical.filter(pl.col("session_key") < 1_004).height <= 1, "one of a person"
    (lowest,) = own.filter(pl.col("pick") == "lowest", pl.col("position") == 1).to_dicts()
    assert (lowest["session_key"], lowest["score"], lowest["score_group"], lowest["page"]) == (1_012, 0, "low", "home")


def test_a_team_is_not_quoted() -> None:
    def of_team(count: int) -> pl.DataFrame:
        rows = [row for i in range(count) for row in stated(i, f"The parcel room is too small for {i} of us", 5, None)]
        return feedback_frame([{**row, "survey": "pulse"} for row in rows])

    days = days_from("2026-02-03", 1)
    assert quote_list(of_team(40).lazy(), days, PRODUCT).is_empty()
    assert quote_list(feedback_frame([]).lazy(), [], PRODUCT).is_empty()
