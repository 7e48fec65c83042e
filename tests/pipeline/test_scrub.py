"""Personal data out, and nothing else: misses and false alarms, rule by rule."""

import pytest

from pipeline.ingest.scrub import scrub_text, scrub_unread, without_personal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.b+shop@mail.example.com now", "write to [email] now"),
        ("https://a.example/?mail=ann%40mail.example", "https://a.example/?mail=[email]"),
        ("card 4111 1111 1111 1111 ok", "card [card] ok"),
        ("4111-1111-1111-1111", "[card]"),
        ("5555555555554444", "[card]"),
        ("378282246310005", "[card]"),
        ("https://a.example/?token=abc123&x=1", "https://a.example/?[secret]&x=1"),
        ("https://a.example/?PASSWORD=hunter2#f", "https://a.example/?[secret]#f"),
        ("https://user:pw@a.example/", "https://[secret]@a.example/"),
        ("Authorization: Bearer abcdef123456", "Authorization: [token]"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abc-def", "[token]"),
        ("key sk_live_4eC39HqLyjWDarjt", "key [token]"),
        ("4111 1111 1111 1111 123", "[card] 123"),
        ("4111111111111111 12/26", "[card] 12/26"),
        ("card_4111111111111111", "card_[card]"),
        ("n=4111+1111+1111+1111", "n=[card]"),
        ("n=4111%201111%201111%201111", "n=[card]"),
        ("my card:\n4111111111111111", "my card:\n[card]"),
        ("\ttoken=abc", "\t[secret]"),
        ("?reset_password_token=abc&x=1", "?[secret]&x=1"),
        ("?accessToken=abc", "?[secret]"),
        ("next=%2Fa%3Ftoken%3Dabc", "next=%2Fa%3F[secret]"),
        ("müller@münchen.de", "[email]"),
        ("ann%2540mail.example", "[email]"),
        ("https://tok@a.example/", "https://[secret]@a.example/"),
    ],
)
def test_found(text: str, expected: str) -> None:
    assert scrub_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",  # the check digit doesn't fit
        "1770112800000123",  # microseconds, no issuer
        "1770112800000",
        "550e8400-e29b-41d4-a716-446655440000",
        "B-0203-0001-0002-0003",
        "price 1.234,50 EUR, 12 @ 3.00 each",
        "https://a.example/p/tokens?page=2&sidebar=open",
        '{"session_id":"s-1","token_count":3}',
        "meet me @ the shop",
        "a+b=c",
        "/img/logo@2x.png",
        "/npm/react@18.2.0/i.js",
        "0.4111111111111111",
        "99994111111111111111",
    ],
)
def test_no_false_alarm(text: str) -> None:
    assert scrub_text(text) == text


def test_names_are_dropped_at_any_depth_and_spelling() -> None:
    held = {
        "a": [{"ip": "1.2.3.4", "IP Address": "x", "X-Real-IP": "x", "$initial_ip": "x", "x": 1}],
        "Birthday": "x",
        "deep": {"Birthday": 1, "b": 2, "password": 'a"b', "apiKey": 5},
        "tip": "kept",
    }
    assert without_personal(held, frozenset({"Birthday"})) == {"a": [{"x": 1}], "deep": {"b": 2}, "tip": "kept"}


def test_properties_stay_what_they_are() -> None:
    held = {
        "ratio": 0.4111111111111111,
        "id": 4111111111111111,
        "text": "Hi\nbob@x.de",
        "n": [4532015112830366, None, True],
    }
    assert without_personal(held) == {**held, "text": "Hi\n[email]"}


def test_what_nobody_could_read_loses_its_addresses() -> None:
    assert scrub_unread("a;203.0.113.7;2001:db8:0:0:1:0:0:1;x@y.example") == "a;[ip];[ip];[email]"
