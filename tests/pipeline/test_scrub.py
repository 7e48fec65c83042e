"""Personal data out, and nothing else: misses and false alarms, rule by rule."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import scrub_table
from hypothesis import given, settings
from hypothesis import strategies as st
from support import drop, product, take_all

from pipeline.core.lake import Lake
from pipeline.ingest.erased import Erased
from pipeline.ingest.raw_text import raw_text
from pipeline.ingest.scrub import scrub_series, scrub_text, scrub_unread, without_personal
from pipeline.ingest.scrub_at_once import Names, as_json, scrub_settled
from pipeline.ingest.sources import FORMATS
from pipeline.ingest.sources.fields import copied
from pipeline.ingest.sources.snowplow import TSV_COLUMNS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.b+shop@mail.example.com now", "write to [email] now"),
        ("https://a.example/?mail=ann%40mail.example", "https://a.example/?mail=[email]"),
        ("card 4111 1111 1111 1111 ok", "card [card] ok"),
        ("4111-1111-1111-1111", "[card]"),
        ("5555555555554444", "[card]"),
        ("378282246310005", "[card]"),
        ("https://a.example/?token=abc123&x=1", "https://a.example/?token=[secret]&x=1"),
        ("https://a.example/?PASSWORD=hunter2#f", "https://a.example/?PASSWORD=[secret]#f"),
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
        ("\ttoken=abc", "\ttoken=[secret]"),
        ("?reset_password_token=abc&x=1", "?reset_password_token=[secret]&x=1"),
        ("?accessToken=abc", "?accessToken=[secret]"),
        ("next=%2Fa%3Fsid%3Dabc", "next=%2Fa%3Fsid%3D[secret]"),
        ("next=%2Fa%3Ftoken%3Dabc", "next=%2Fa%3Ftoken%3D[secret]"),
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
        "order_id": 4111111111111111,
        "id": 4111111111111111,
        "text": "Hi\nbob@x.de",
        "n": [4532015112830366, None, True],
    }
    clean = {"id": "[card]", "text": "Hi\n[email]", "n": ["[card]", None, True]}
    assert without_personal(held) == {**held, **clean}, "a card may come as a number, an order's id may look like one"


@pytest.mark.parametrize("case", [each for each in scrub_table.cases() if each.kind != "P"], ids=str)
def test_the_table_of_texts(case: scrub_table.Case) -> None:
    reading = scrub_table.READINGS[case.kind]
    clean = scrub_text(case.given, reading)
    assert clean == case.left
    assert scrub_text(clean, reading) == clean, "what was scrubbed stays as it is"
    assert scrub_series(pl.Series([case.given]), reading).to_list() == [clean], "the first look passes over nothing"


@pytest.mark.parametrize("case", [each for each in scrub_table.cases() if each.kind == "P"], ids=str)
def test_the_table_of_properties(case: scrub_table.Case) -> None:
    assert without_personal(case.given) == case.left
    within = {"payload": json.dumps({"x": case.given})}
    assert json.loads(without_personal(within)["payload"]) == {"x": case.left}, "also where JSON is a text in JSON"


@given(st.text("a=&?%20@:\"'{}.,-+4130 tokenpasswordcardkeymail[]eyJ\n\\u0", max_size=60))
def test_what_the_first_look_passes_over_holds_nothing(text: str) -> None:
    for reading in ("address", "words", "text"):
        clean = scrub_text(text, reading)
        assert scrub_series(pl.Series([text]), reading).to_list() == [clean]


def test_a_short_table_says_how_many_are_missed() -> None:
    results = [
        (
            case,
            without_personal(case.given)
            if case.kind == "P"
            else scrub_text(case.given, scrub_table.READINGS[case.kind]),
        )
        for case in scrub_table.cases()
    ]
    assert len(results) >= 300
    assert not [case for case, result in results if scrub_table.is_miss(case, result)]
    assert not [case for case, result in results if scrub_table.is_false_alarm(case, result)]


def test_what_nobody_could_read_loses_its_addresses() -> None:
    assert scrub_unread("a;203.0.113.7;2001:db8:0:0:1:0:0:1;x@y.example") == "a;[ip];[ip];[email]"


@pytest.mark.parametrize(
    "part",
    [
        "a",
        ":",
        "token=",
        "://:",
        "1 ",
        "a@",
        "a.",
        "eyJ",
        "%40",
        "sid",
        '"a":',
        "DE12",
        "+1",
        "0 1",
        "4111-",
        "=",
        "&key=",
        "\\u0040",
        "f:",
    ],
)
def test_a_long_text_costs_no_more_than_its_length(part: str) -> None:
    # The square of this length would be minutes.
    assert scrub_text(part * 100_000 + " 4111111111111111").endswith("[card]")


def test_json_within_a_text_is_looked_at_like_the_rest() -> None:
    held = {"payload": '{"ip": "1.2.3.4", "a": [1, "x@y.example"]}', "plain": '{"a": 1}', "no": "{x@y.example"}
    assert without_personal(held) == {"payload": '{"a":[1,"[email]"]}', "plain": '{"a": 1}', "no": "{[email]"}


BIRTHDAY = frozenset({"Birthday"})
TSV = "\t".join("203.0.113.7" if name == "user_ipaddress" else "" for name in TSV_COLUMNS)
FORM = {"schema": "iglu:com.snowplowanalytics.snowplow/change_form/jsonschema/1-0-0", "data": {"value": "hunter2"}}


@pytest.mark.parametrize(
    ("source", "record", "shown", "gone"),
    [
        ("canonical", {"kind": "x", "ip": "203.0.113.7"}, "kind", "203"),
        ("canonical", b'{"kind": "x", "Birthday": "1990-01-01", "b": 1, ', '"b": 1', "1990"),
        ("canonical", b'{"kind": "x", "Birthday": {"y": 1990}, "b": 1, ', '"kind": "x"', "1990"),
        ("canonical", b'{"ip": "203.0.113.7, "b": 1}', "ip", "203"),
        ("canonical", b"not json at all 203.0.113.7", "not json at all", "203"),
        ("segment", {"batch": [{"type": "x", "context": {"ip": "a-203", "locale": "de"}}]}, "locale", "203"),
        ("rrweb", {"data": [{"type": 3, "data": {"source": 5, "text": "hunter2"}}]}, "source", "hunter2"),
        ("rrweb", {"data": {"node": {"attributes": {"id": "i", "value": "hunter2"}}}}, "attributes", "hunter2"),
        ("posthog", {"event": "e", "properties": '{"$ip": "203.0.113.7", "a": 1}'}, '"a": 1', "203"),
        ("snowplow", {"unstruct_event": {"data": FORM}}, "change_form", "hunter2"),
        ("snowplow", {"unstruct_event": json.dumps({"data": FORM})}, "change_form", "hunter2"),
        ("snowplow", ("x" + TSV[1:]).encode(), "x", "203"),
        ("surveys", {"E-Mail": "ann", "First Name": "ann", "Score": "11"}, "Score", "ann"),
    ],
)
def test_a_rejected_record_shows_nothing_personal(source: Any, record: Any, shown: str, gone: str) -> None:
    form = FORMATS[source]
    text = raw_text(record, form, BIRTHDAY, Erased("00"))
    assert shown in text
    assert gone not in text


@pytest.mark.parametrize(
    "record",
    [
        {"a": {"b": ["u|7 x"]}},
        {"u|7 x": 1},
        b'{"a": "u|7 x", ',
        b"a;u|7 x;b",
        {"url": "https://a.example/u/ann=="},
        {"a": '{"b": "ann=="}'},
        {"n": 7.0},
    ],
)
def test_a_rejected_record_of_an_erased_person_is_not_shown(record: Any) -> None:
    erased = Erased("00").plus(["user:u|7 x", "device:ann==", "user:7", "device:ann"])
    assert raw_text(record, FORMATS["canonical"], frozenset(), erased) == "[erased]"


def test_cells_that_cannot_be_told_apart_are_not_shown_where_one_is_denied(tmp_path: Path) -> None:
    drop(tmp_path, "web/a.csv", b"event_id,Birthday\ne1,a,1990-01-01\n")
    lake = Lake(tmp_path)
    take_all(lake, product(privacy={"drop_properties": ["Birthday"]}))
    (text,) = pl.read_parquet(next(lake.path("lake/rejected").rglob("*.parquet")))["raw_text"]
    assert "1990" not in text
    assert "never stored" in text


# Many records at once.

_TEXTS = st.one_of(
    st.sampled_from([
        "ann@example.com", "a%40b.de", "4111 1111 1111 1111", "+49 30 1234567", "192.168.1.10", "DE89370400440532013000",
        "password=x", '{"token": "abc"}', "[4111111111111111]", " [1]", "sk-" + "a" * 40, "Authorization: Basic dXNlcjpwYXNz",
        "plain words", "", "\n4111\n1111\n1111\n1111", "ümlaut 0170 1234567", 'say "hi"', "2001:db8::1:2:3",
    ]),
    st.text(max_size=20),
)  # fmt: skip
_NUMBERS = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.none(),
    st.sampled_from([4111111111111111, 4111111111111111.0, 5.5e15, 4.1e16, 3.5e17, 1770000000000]),
)  # fmt: skip
_NAMES = st.sampled_from(
    [
        "plan",
        "items",
        "email",
        "password",
        "user",
        "card",
        "number",
        "code",
        "order_id",
        "url",
        "version",
        "ip",
        "a b",
        "x:",
        'q"',
        "phone",
    ]
)
_RECORD = st.dictionaries(
    _NAMES,
    st.recursive(_TEXTS | _NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=6),
    max_size=5,
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(records=st.lists(_RECORD, min_size=1, max_size=5), denied=st.sampled_from([frozenset(), frozenset({"plan"})]))
def test_records_scrubbed_at_once_are_those_scrubbed_one_by_one(
    records: list[dict[str, Any]], denied: frozenset[str]
) -> None:
    names, rest, settled = Names(denied), [], []
    expected = [as_json(without_personal(record, denied)) for record in records]
    for place, record in enumerate(copied(records)):
        if names.settle(record):
            settled.append(place)
            rest.append(record)
        else:
            rest.append(without_personal(record, denied))
    written = scrub_settled(rest, settled, denied)
    assert [written[place] if place in written else as_json(each) for place, each in enumerate(rest)] == expected


def test_deep_records_and_invented_names_are_scrubbed_one_by_one() -> None:
    names = Names(frozenset())
    deep: dict[str, Any] = {"a": "x"}
    for _ in range(30):
        deep = {"a": deep}
    assert not names.settle(deep)
    assert all(names.settle({f"n{i}": {"plan": "pro"}}) for i in range(900))
    assert not all(names.settle({f"m{i}": {"plan": "pro"}}) for i in range(200))
