"""Recordings: masked before anything is stored, assembled per session, each event once, in whatever order they came."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import BEGIN, SECRETS, chosen, computed, element, events, kept, mutation, stored, text
from support import drop, ndjson, product, record

from pipeline.core.lake import Lake
from pipeline.core.states import published_days, scan_days
from pipeline.ingest.files import retract
from pipeline.maintenance.erase import erase

EDITED = "edited-words"


def test_what_is_masked_is_nowhere_on_disk(tmp_path: Path) -> None:
    drop(tmp_path, "rec/a.ndjson", ndjson(events()))
    (row,) = computed(tmp_path, chosen()).to_dicts()
    result = stored(tmp_path)
    for secret in SECRETS:
        assert secret.encode() not in result, secret
        assert secret.replace(" ", "").encode() not in result, secret
    assert b"Plain words stay" in result, "what isn't masked is kept"
    assert b'"Send"' in result
    texts = json.dumps(kept(tmp_path, row))
    assert texts.count("*" * len(SECRETS[2])) == 5, "a masked text keeps its length: twice in the page, thrice later"
    assert "Your nick" not in texts, "what is said of a masked field may hold its value"
    assert '"**** ****"' in texts


def test_everything_may_be_masked_and_fields_kept(tmp_path: Path) -> None:
    drop(tmp_path, "rec/a.ndjson", ndjson(events()))
    computed(tmp_path, chosen(texts="mask"))
    assert b"Plain words stay" not in stored(tmp_path)
    home = tmp_path / "open"
    drop(home, "rec/a.ndjson", ndjson(events()))
    (row,) = computed(home, chosen(inputs="keep", mask=[], hide=[])).to_dicts()
    result = [e["data"].get("text") for e in kept(home, row) if e["type"] == 3 and e["data"]["source"] == 5]
    assert result == [SECRETS[0], "[card]"], "fields as the team wants them, cards never"
    password = kept(home, row)[1]["data"]["node"]["childNodes"][0]["childNodes"][0]["childNodes"][2]
    assert password["attributes"]["value"] == "*****"


def test_what_is_typed_into_an_editable_element_is_masked(tmp_path: Path) -> None:
    editable = element(60, "div", {"contenteditable": "true"}, text(61, EDITED))
    about = {"sessionId": "s1", "distinct_id": "d1", "type": 3}
    typed = [
        {
            **about,
            "timestamp": BEGIN + 6_000,
            "data": mutation(adds=[{"parentId": 3, "nextId": None, "node": editable}]),
        },
        {**about, "timestamp": BEGIN + 6_100, "data": mutation(texts=[{"id": 61, "value": EDITED}])},
        {
            **about,
            "timestamp": BEGIN + 6_200,
            "data": mutation(adds=[{"parentId": 60, "nextId": None, "node": text(62, EDITED)}]),
        },
        {
            **about,
            "timestamp": BEGIN + 6_300,
            "data": mutation(attributes=[{"id": 4, "attributes": {"contenteditable": ""}}]),
        },
        {**about, "timestamp": BEGIN + 6_400, "data": mutation(texts=[{"id": 5, "value": EDITED}])},
    ]
    drop(tmp_path, "rec/a.ndjson", ndjson([*events(), *typed]))
    computed(tmp_path, chosen(mask=[], hide=[]))
    assert EDITED.encode() not in stored(tmp_path)


def test_a_field_that_nobody_knows_is_masked_though_fields_are_kept(tmp_path: Path) -> None:
    """The snapshot came in another file: it may be a password."""
    about = {"sessionId": "s1", "distinct_id": "d1", "type": 3}
    lost = [
        {**about, "timestamp": BEGIN + 1_000, "data": {"source": 5, "id": 7, "text": SECRETS[0], "isChecked": False}},
        {
            **about,
            "timestamp": BEGIN + 1_100,
            "data": mutation(attributes=[{"id": 7, "attributes": {"value": SECRETS[0]}}]),
        },
    ]
    drop(tmp_path, "rec/b.ndjson", ndjson(lost))
    computed(tmp_path, chosen(inputs="keep", mask=[], hide=[]))
    assert SECRETS[0].encode() not in stored(tmp_path)


def test_facts_of_a_recording(tmp_path: Path) -> None:
    drop(tmp_path, "rec/a.ndjson", ndjson(events()))
    (row,) = computed(tmp_path, chosen()).to_dicts()
    assert row["duration_ms"] == 20_000
    # Acts at 3.0, 3.5, 5.0 and 20.0 s: the last pause is longer than 10 s.
    assert row["active_ms"] == 2_000
    assert (row["recorded_events"], row["snapshots"], row["recorded_clicks"], row["tabs"]) == (13, 1, 1, 1)
    assert (row["shown_from_ms"], row["events_of_unknown_elements"], row["completeness"]) == (1, 1, "parts missing")
    assert row["found_by"] == "session_id"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), files=st.integers(1, 4))
def test_chunks_in_any_order_and_number_give_the_same_recording(
    tmp_path_factory: pytest.TempPathFactory, seed: int, files: int
) -> None:
    chance, whole = Random(seed), events()
    alone = tmp_path_factory.mktemp("alone")
    drop(alone, "rec/a.ndjson", ndjson(whole))
    stated = chosen(mask=[], hide=[])
    (before,) = computed(alone, stated).to_dicts()
    home = tmp_path_factory.mktemp("chunks")
    chunks: list[list[dict[str, Any]]] = [[] for _ in range(files)]
    for event in [*whole, *chance.sample(whole, chance.randint(0, len(whole)))]:
        chance.choice(chunks).append(event)
    for number, chunk in enumerate(chunks):
        data = ndjson(sorted(chunk, key=lambda event: event["timestamp"]))
        name, packed = (f"{number}.ndjson.gz", gzip.compress(data)) if number % 2 else (f"{number}.ndjson", data)
        drop(home, f"rec/{name}", packed)
    (after,) = computed(home, stated).to_dicts()
    # Which element a text belongs to can't be told where its snapshot came in another file: fields are masked then.
    assert [e["timestamp"] for e in kept(home, after)] == [e["timestamp"] for e in kept(alone, before)]
    assert after["recorded_events"] == before["recorded_events"]
    for name in ("duration_ms", "active_ms", "recorded_clicks", "snapshots", "completeness"):
        assert after[name] == before[name], name


def test_a_truncated_file_costs_its_own_events_only(tmp_path: Path) -> None:
    whole = events()
    drop(tmp_path, "rec/a.ndjson", ndjson(whole[:8]))
    drop(tmp_path, "rec/b.ndjson.gz", gzip.compress(ndjson(whole[8:]))[:-20])
    drop(tmp_path, "rec/c.ndjson", ndjson(whole[8:10]) + b'{"type": 3, "timest')
    (row,) = computed(tmp_path, chosen()).to_dicts()
    assert row["recorded_events"] == 10
    assert (tmp_path / row["recording"]).exists()


def test_recordings_beside_events_of_another_source_count_nothing_twice(tmp_path: Path) -> None:
    """By the session's id, else by the device at that time; of two sessions each gets its own part."""
    own = {"sources": {"rec": {"format": "rrweb", "replay": {"events": False}}, "web": {}}, "properties": {}}
    stated = product(**own)
    web = [
        record("a", "2026-02-03T10:00", anonymous_id="d1", session_id="s1", url="https://a.example/"),
        record("b", "2026-02-03T10:00:30", "click", anonymous_id="d1", session_id="s1"),
        record("c", "2026-02-03T12:00", anonymous_id="d1", session_id="s2", url="https://a.example/"),
        record("d", "2026-02-03T12:00:30", "click", anonymous_id="d1", session_id="s2"),
    ]
    drop(tmp_path, "web/a.ndjson", ndjson(web))
    named = events("s1")
    unnamed = events("recorder-7", BEGIN + 2 * 3_600_000)
    nobody = [{**event, "distinct_id": "d9"} for event in events("recorder-9", BEGIN)]
    drop(tmp_path, "rec/a.ndjson", ndjson([*named, *unnamed, *nobody]))
    rows = computed(tmp_path, stated).sort("started_at")
    assert rows.select("found_by", "recorded_events").rows() == [("session_id", 13), ("device", 13)]
    lake = Lake(tmp_path)
    sessions = scan_days(lake, "sessions", published_days(lake, "sessions")).collect()
    assert set(sessions["session_key"]) == set(rows["session_key"])
    assert sessions["events"].sum() == len(web), "no event of the recorder"


def test_retracting_and_erasing_leave_no_recording(tmp_path: Path) -> None:
    stated = chosen()
    drop(tmp_path, "rec/a.ndjson", ndjson(events()))
    drop(tmp_path, "rec/b.ndjson", ndjson([{**event, "distinct_id": "d2"} for event in events("s2")]))
    before = computed(tmp_path, stated)
    assert before.height == 2
    erased = erase(Lake(tmp_path), stated, "device:d1")
    assert erased.recorded == 13
    gone = before.filter(pl.col("person_key") == before.sort("recording")["person_key"][0])
    left = computed(tmp_path, stated)
    assert left.height == 1
    files = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "lake/recordings").rglob("*.gz")}
    assert files == set(left["recording"])
    assert b'"d1"' not in stored(tmp_path)
    retract(Lake(tmp_path), "rec/b.ndjson")
    assert computed(tmp_path, stated).is_empty()
    assert not list((tmp_path / "lake/recordings").rglob("*.gz"))
    del gone


def test_a_recording_that_bears_only_the_sessions_id_is_erased_with_its_person(tmp_path: Path) -> None:
    own = {"sources": {"rec": {"format": "rrweb", "replay": {"events": False}}, "web": {}}, "properties": {}}
    stated = product(**own)
    about = {"anonymous_id": "d1", "user_id": "u1", "session_id": "s1", "url": "https://a.example/"}
    drop(tmp_path, "web/a.ndjson", ndjson([record("a", "2026-02-03T10:00", **about)]))
    bare = [{name: value for name, value in event.items() if name != "distinct_id"} for event in events()]
    drop(tmp_path, "rec/a.ndjson", ndjson(bare))
    assert computed(tmp_path, stated).height == 1
    erased = erase(Lake(tmp_path), stated, "user:u1")
    assert erased.recorded == 13
    assert erased.landing_files == ["rec/a.ndjson", "web/a.ndjson"]
    assert computed(tmp_path, stated).is_empty()
    assert b"Plain words stay" not in stored(tmp_path)
    drop(
        tmp_path, "rec/again.ndjson", ndjson([*bare, {"sessionId": "other", "type": 0, "timestamp": BEGIN, "data": {}}])
    )
    computed(tmp_path, stated)
    assert b"Plain words stay" not in stored(tmp_path), "and never taken again"


def test_a_snapshot_just_before_the_second_session_is_of_that_one(tmp_path: Path) -> None:
    own = {"sources": {"rec": {"format": "rrweb", "replay": {"events": False}}, "web": {}}, "properties": {}}
    web = [
        record(name, at, anonymous_id="d1", url="https://a.example/")
        for name, at in (("a", "2026-02-03T06:00"), ("b", "2026-02-03T10:00:02"))
    ]
    drop(tmp_path, "web/a.ndjson", ndjson(web))
    drop(tmp_path, "rec/a.ndjson", ndjson(events("recorder")))
    (row,) = computed(tmp_path, product(**own)).to_dicts()
    assert (row["recorded_events"], row["snapshots"], row["found_by"]) == (13, 1, "device")


def test_one_id_of_two_people_is_told_apart_by_the_device(tmp_path: Path) -> None:
    own = {"sources": {"rec": {"format": "rrweb", "replay": {"events": False}}, "web": {}}, "properties": {}}
    web = [
        record(who, "2026-02-03T10:00", anonymous_id=who, session_id="s1", url="https://a.example/")
        for who in ("d1", "d2")
    ]
    drop(tmp_path, "web/a.ndjson", ndjson(web))
    both = [
        {**event, "distinct_id": who} for who in ("d1", "d2", "d3") for event in events()[: 13 if who == "d1" else 5]
    ]
    drop(tmp_path, "rec/a.ndjson", ndjson(both))
    rows = computed(tmp_path, product(**own))
    assert sorted(rows["recorded_events"]) == [5, 13], "each has its own, the third nobody's"
    assert rows["session_key"].n_unique() == rows["person_key"].n_unique() == 2


def test_a_deep_page_and_what_is_put_into_a_textarea(tmp_path: Path) -> None:
    deep = text(5_000, "Deep words")
    for i in range(300):
        deep = element(4_999 - i, "div", {}, deep)
    about = {"sessionId": "s1", "distinct_id": "d1", "type": 3}
    added = [
        {**about, "timestamp": BEGIN + 6_000, "data": mutation(adds=[{"parentId": 3, "nextId": None, "node": deep}])},
        {
            **about,
            "timestamp": BEGIN + 6_100,
            "data": mutation(adds=[{"parentId": 8, "nextId": None, "node": text(70, EDITED)}]),
        },
    ]
    drop(tmp_path, "rec/a.ndjson", ndjson([*events(), *added]))
    (row,) = computed(tmp_path, chosen(mask=[], hide=[])).to_dicts()
    assert row["recorded_events"] == 15
    assert b"Deep words" in stored(tmp_path)
    assert EDITED.encode() not in stored(tmp_path)


def test_a_session_over_midnight_is_one_recording(tmp_path: Path) -> None:
    """Booked on the day of its first event, with what came after midnight; the product's zone is Berlin."""
    begin = int(datetime(2026, 2, 3, 22, 59, 50, tzinfo=UTC).timestamp() * 1000)
    drop(tmp_path, "rec/a.ndjson", ndjson(events(begin=begin)))
    (row,) = computed(tmp_path, chosen()).to_dicts()
    assert (str(row["session_day"]), row["recorded_events"], row["duration_ms"]) == ("2026-02-03", 13, 20_000)
