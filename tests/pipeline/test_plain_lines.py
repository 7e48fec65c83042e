"""Lines of the canonical format read by the compiled pass: the rows, rejections and counts of reading them one by one."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import product

from pipeline.core.canonical import INPUT_COLUMNS
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.ingest import batch as batches
from pipeline.ingest.accept import Judged, judge
from pipeline.ingest.batch import Batch
from pipeline.ingest.erased import Erased
from pipeline.ingest.field_counts import Counts
from pipeline.ingest.plain_lines import plain_lines
from pipeline.ingest.reader import Reader

CHOSEN = product(properties={"plan": "string", "seats": "integer"})


def read(lines: list[bytes], least: int) -> tuple[Judged, Counts]:
    """What becomes of lines, read by the compiled pass from `least` lines on."""
    before, batches.PLAIN_LINES = batches.PLAIN_LINES, least
    try:
        batch = Batch(Reader("web", CHOSEN))
        for number, line in enumerate(lines, 1):
            batch.add(number, line)
        return judge(batch, Erased(salt=""), "sha"), batch.reader.fields.all()
    finally:
        batches.PLAIN_LINES = before


def same(lines: list[bytes]) -> None:
    plain, one_by_one = read(lines, 1), read(lines, 10**9)
    assert plain[0].accepted.equals(one_by_one[0].accepted)
    assert plain[0].rejected.equals(one_by_one[0].rejected)
    assert plain[1] == one_by_one[1]
    for name in ("records", "records_accepted", "records_rejected", "filtered", "placeholder_ids"):
        assert getattr(plain[0], name) == getattr(one_by_one[0], name), name


TIMES = st.sampled_from(
    [
        "2026-02-03T10:00:00Z", "2026-02-03T10:00:00.5Z", "2026-02-03T10:00:00.123456+02:00", "2024-02-29T23:59:59-14:00",
        "2026-02-29T10:00:00Z", "2026-02-03T24:00:00Z", "2026-02-03T10:00:60Z", "2026-02-03T10:00:00.1234567Z",
        "2026-02-03T10:00:00", "2026-02-03 10:00:00Z", "2026-02-03t10:00:00z", "2026-02-03T10:00Z", "1969-12-31T23:59:59.9Z",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-10-25T02:30:00+15:00", "2026-2-3T10:00:00Z", "", "now",
        "2026-02-03T10:00:00+0200", "2026-02-03T10:00:00.Z", "2000-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            "click",
            "page_view",
            "undefined",
            " ",
            "a@b.example",
            'say "x"',
            "tab\there",
            "ü",
            "\u2028",
            "😀",
            "\\",
        ]
    ),
    st.text(max_size=8),
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.sampled_from([2**31, -(2**31), 2**31 - 1, 10**18, 1.0, 1.5, -0.0]),
)
VALUE_OF: dict[pl.DataType, st.SearchStrategy[Any]] = {
    pl.String(): TEXTS,
    pl.Int32(): NUMBERS,
    pl.Int64(): NUMBERS,
    pl.Boolean(): st.booleans(),
    UTC_MICROSECONDS: TIMES,
}
ANY = st.one_of(st.none(), TEXTS, NUMBERS, st.booleans(), st.just({"a": [1, {"b": "}"}]}), st.just([]))
PROPERTIES = st.dictionaries(st.sampled_from(["plan", "seats", "email", "a.b", 'q"']), ANY, max_size=3)
FIELDS: list[tuple[str, st.SearchStrategy[Any]]] = [
    *((column.name, VALUE_OF[column.dtype]) for column in INPUT_COLUMNS),
    ("properties", PROPERTIES),
]
FIELD = st.sampled_from(FIELDS).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), st.one_of(pair[1], pair[1], pair[1], st.none(), ANY))
)
NEEDED = st.tuples(
    st.sampled_from([("event_id", "e1"), ("event_id", "e2")]),
    st.tuples(st.just("occurred_at"), TIMES),
    st.sampled_from([("kind", "click"), ("kind", "page_view")]),
)


@st.composite
def a_line(draw: st.DrawFn) -> bytes:
    """A line that may be plain, as some program writes it, now and then with what no program should write."""
    pairs = [*draw(NEEDED), *draw(st.lists(FIELD, max_size=6))]
    if draw(st.booleans()):
        pairs.append((draw(st.sampled_from(["other", "kind ", "Kind"])), 1))
    space, is_ascii = draw(st.sampled_from(["", " ", "\t"])), draw(st.booleans())
    # Written by hand, for a name may come twice.
    text = f",{space}".join(f"{json.dumps(n)}:{space}{json.dumps(v, ensure_ascii=is_ascii)}" for n, v in pairs)
    line = f"{{{text}}}".encode(errors="surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(line) - 1))
        line = (
            line[:at]
            + draw(st.sampled_from([b"", b'"', b"\\", b"{", b"}", b",", b"\xff", b"\x00", b" ", b"0"]))
            + line[at + 1 :]
        )
    return line.replace(b"\n", b" ") + draw(st.sampled_from([b"\n", b"\r\n", b"", b" \n"]))


@settings(max_examples=400, deadline=None)
@given(st.lists(a_line(), min_size=1, max_size=6))
@example([b'{"event_id":"e","kind":"click","occurred_at":"2026-02-03T10:00:00Z","x":-0}'])
@example([b'{"event_id":"e","kind":"click","occurred_at":"2026-02-03T10:00:00Z","properties":{"a":1}} x'])
@example([b"{}", b"[]", b"null", b"{", b'{"event_id"', b'{"event_id":', b'{"event_id":"', b'{"properties":{"a":"'])
def test_both_ways_agree_on_any_line(lines: list[bytes]) -> None:
    same(lines)


def written(**fields: Any) -> bytes:
    return json.dumps({"event_id": "e", "kind": "click", "occurred_at": "2026-02-03T10:00:00Z", **fields}).encode()


@pytest.mark.parametrize(
    "line",
    [
        written(x=5, y=-7, is_fixed=True, revenue_micros=10**17, properties={"plan": "pro", "n": [1, {"a": "}"}]}),
        written(name='say "x"\tand\n\\', page_title="a/b"),
        json.dumps({"kind": "click", "name": "Müller 😀"}, ensure_ascii=False).encode(),
        b'  { "kind" : "click" , "x" : 1 , "properties" : { } }  \r\n',
        b'{"kind":null,"properties":null,"occurred_at":null}',
    ],
)
def test_what_programs_write_is_plain(line: bytes) -> None:
    """Else the pass would be for nothing, and no other test would say so."""
    assert plain_lines([line]).places == [0]
    same([line])


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"click","kind":"scroll"}', b'{"kind":"\\u0061"}', b'{"other":1}', b'{"x":1.0}', b'{"x":2147483648}', b'{"x":01}',
        b'{"event_id":5}', b'{"kind":"a\x01b"}', b'{"kind":"\xff"}', b'{"properties":{"a":}}', b'{"properties":[]}', b"{}", b"",
        b'{"kind":"click",}', b'{"kind":"click"}}', b'{"revenue_micros":1234567890123456789}', b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_what_is_odd_is_left_to_the_decoder(line: bytes) -> None:
    assert plain_lines([b'{"kind":"click"}', line, b'{"kind":"scroll"}']).places == [0, 2]
    same([line])


def test_columns_of_many_lines_hold_each_value_at_its_place() -> None:
    lines = [
        written(event_id=f"e{i}", x=i if i % 3 else None, name="n" * (i % 9) if i % 2 else None) for i in range(5_000)
    ]
    made, _ = read(lines, 1)
    rows = made.accepted.sort("record_number").select("event_id", "x", "name").rows()
    expected = [(f"e{i}", i if i % 3 else None, "n" * (i % 9) if i % 2 else None) for i in range(5_000)]
    assert rows == expected
