"""Personal data out, and nothing else: misses and false alarms, rule by rule."""

import pytest

from pipeline.ingest.scrub import scrub_text, without_names


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
        ('{"password":"x","a":1}', '{"[secret]":null,"a":1}'),
        ('{"ip":"203.0.113.7","a":1}', '{"[ip]":null,"a":1}'),
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
    ],
)
def test_no_false_alarm(text: str) -> None:
    assert scrub_text(text) == text


def test_denied_names_and_addresses_are_dropped_at_any_depth() -> None:
    held = {"a": [{"ip": "1.2.3.4", "x": 1}], "Birthday": "x", "deep": {"Birthday": 1, "b": 2}, "context_ip": "::1"}
    assert without_names(held, frozenset({"Birthday"})) == {"a": [{"x": 1}], "deep": {"b": 2}}
