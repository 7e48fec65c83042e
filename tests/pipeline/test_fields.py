"""Fields taken out of records, and counted: nothing lost, and no hostile record costs more than others."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from samples import START, iso, read

from pipeline.ingest.field_counts import MAX_FIELD_NAME, MAX_FIELDS, OTHER_FIELDS, FieldCounts
from pipeline.ingest.sources.fields import copied, take, text

_NAMES = st.sampled_from(["a", "b", "c", "a.b", "b.c", ""])
_RECORDS = st.dictionaries(
    _NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("xy ", max_size=2),
        lambda inner: st.dictionaries(_NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=8,
    ),
    max_size=4,
)


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """All that is no object, with the names that lead to it."""
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]


@settings(max_examples=500, deadline=None)
@given(record=_RECORDS, path=st.sampled_from(["a", "a.b", "a.b.c", "b.c", "c"]))
def test_taking_a_field_leaves_all_others(record: dict[str, Any], path: str) -> None:
    before, changed = leaves(record), copied(record)
    value = take(changed, path, text)
    gone = [leaf for leaf in before if leaf not in leaves(changed)]
    assert len(gone) <= 1
    assert value is None or [text(leaf) for _, leaf in gone] == [value]
    assert all(".".join(names) == path for names, _ in gone)
    assert all(leaf is None or text(leaf) is not None for _, leaf in gone), "what can't be read stays"


def slow_count(value: Any, path: str, depth: int, counts: Counter[tuple[str, str]]) -> None:
    if isinstance(value, dict) and depth:
        for name, inner in value.items():
            slow_count(inner, f"{path}.{name}" if path else name, depth - 1, counts)
    elif value not in (None, ""):
        counts[path, type(value).__name__] += 1


@settings(max_examples=300, deadline=None)
@given(records=st.lists(_RECORDS, max_size=6))
def test_fields_are_counted_as_one_by_one(records: list[dict[str, Any]]) -> None:
    counts, slow = FieldCounts(), Counter[tuple[str, str]]()
    for record in records:
        counts.add(record)
        slow_count(record, "", 3, slow)
    assert counts.all() == slow


def test_invented_fields_are_counted_together() -> None:
    counts = FieldCounts()
    for i in range(3 * MAX_FIELDS):
        counts.add({f"f{i}": 1, "known": 1, f"o{i}": {"x": 1}, "n" * 1_000: 1})
    made = counts.all()
    assert len(made) <= MAX_FIELDS + 1
    assert made["known", "int"] == 3 * MAX_FIELDS
    assert made["n" * MAX_FIELD_NAME, "int"] == 3 * MAX_FIELDS
    assert made.total() == 4 * 3 * MAX_FIELDS
    assert made[OTHER_FIELDS, "any"] > MAX_FIELDS


def test_calls_of_a_batch_share_its_context(tmp_path: Path) -> None:
    calls = [
        {"type": "page", "messageId": f"m{i}", "anonymousId": "d", "originalTimestamp": iso(START)} for i in range(3)
    ]
    batch = {"batch": calls, "context": {"page": {"url": "https://shop.example/p"}, "os": {"name": "Linux"}}}
    _, _, rows = read(tmp_path, "segment", "a.json", json.dumps(batch).encode())
    assert rows["url"].to_list() == ["https://shop.example/p"] * 3
    assert rows["os"].to_list() == ["Linux"] * 3
