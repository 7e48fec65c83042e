"""Real recordings and a real PostHog event list through their sources, against the facts in truth.json."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support import compute_all, drop, product, take_all

from pipeline.contracts import TABLES
from pipeline.ingest.manifests import Manifest
from pipeline.lake import Lake

DATA = Path(__file__).parents[3] / "shared" / "data" / "rrweb_fixtures"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/rrweb_fixtures isn't here")
SOURCES = {
    "sources": {"rec": {"format": "rrweb"}, "ph": {"format": "posthog"}},
    "properties": {},
    "start_date": "1970-01-01",
}
DEMO = "rrweb_player_demo.json"


def truth() -> dict[str, Any]:
    return json.loads((DATA / "truth.json").read_text())


def read(
    home: Path, source: str, name: str, change: Callable[[bytes], bytes] = lambda data: data
) -> tuple[Manifest, pl.DataFrame]:
    drop(home, f"{source}/{Path(name).name}", change((DATA / name).read_bytes()))
    lake = Lake(home)
    (manifest,) = take_all(lake, product(**SOURCES))
    keys = [part.key for parts in manifest.days.values() for part in parts]
    return manifest, lake.scan(TABLES["raw_events"], keys).collect().sort("record_number", "event_number")


def test_the_recorded_session(tmp_path: Path) -> None:
    facts = truth()[DEMO]
    manifest, rows = read(tmp_path, "rec", DEMO)
    assert manifest.records_read == facts["events"] == 272
    # Every record is an event or says why not: 14 interactions less 3 clicks, and 12 scrolls of elements, not the page.
    interactions = sum(facts["interactions"].values()) - facts["interactions"]["Click"]
    expected = {
        "mutation": facts["sources"]["Mutation"],
        "no_act": interactions + facts["sources"]["Scroll"],
        "snapshot": 1,
    }
    assert manifest.filtered == expected
    moves = rows.filter(pl.col("kind") == "move")
    assert moves.height == facts["mouse_positions"] == 87
    assert moves["record_number"].n_unique() == facts["sources"]["MouseMove"]
    offset = (moves["occurred_at"].dt.timestamp("ms") != rows_time(moves)).sum()
    assert offset == facts["mouse_time_offsets_nonzero"] == 83
    clicks = rows.filter(pl.col("kind") == "click")
    begin = datetime.fromtimestamp(facts["first"] / 1000, tz=UTC)
    found = [
        {"t": round((row["occurred_at"] - begin).total_seconds() * 1000), "x": row["x"], "y": row["y"]}
        for row in clicks.iter_rows(named=True)
    ]
    assert found == [{key: click[key] for key in ("t", "x", "y")} for click in facts["clicks"]]
    assert clicks["element_chain"].str.ends_with(">").all()
    assert clicks["element_chain"].null_count() == 0
    (view,) = rows.filter(pl.col("kind") == "page_view").iter_rows(named=True)
    (meta,) = facts["metas"]
    assert (view["url"], view["window_width"], view["window_height"]) == (meta["href"], meta["w"], meta["h"])


def rows_time(moves: pl.DataFrame) -> pl.Series:
    """The time of each move's own record, from the file."""
    events = json.loads((DATA / DEMO).read_text())
    return pl.Series([events[number - 1]["timestamp"] for number in moves["record_number"]])


def test_the_recording_reaches_the_marts_and_counts_once(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    chosen = product(**{**SOURCES, "start_date": "2018-12-01"})
    drop(tmp_path, "rec/a.json", (DATA / DEMO).read_bytes())
    # The same session once more, written line by line: other bytes, the same events.
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in json.loads((DATA / DEMO).read_text()))
    drop(tmp_path, "rec/b.ndjson", lines)
    take_all(lake, chosen)
    compute_all(lake, chosen)
    quality = pl.read_parquet(lake.path("marts/daily_quality.parquet")).row(0, named=True)
    assert (quality["events_accepted"], quality["events_duplicate"], quality["events"]) == (182, 91, 91)
    kpis = pl.read_parquet(lake.path("marts/daily_kpis.parquet")).row(0, named=True)
    assert (kpis["people_active"], kpis["sessions"], kpis["page_views"], kpis["clicks"]) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    "name", sorted(path.name for path in (DATA / "test_events_json").glob("*.json")) if DATA.is_dir() else []
)
def test_each_small_recording_is_accounted_for(name: str, tmp_path: Path) -> None:
    facts = truth()[f"test_events_json/{name}"]
    manifest, rows = read(tmp_path, "rec", f"test_events_json/{name}")
    assert manifest.records_read == facts["events"]
    assert manifest.balances
    assert rows.filter(pl.col("kind") == "click").height == len(facts["clicks"])
    # One recording has a time with a digit too many: in the year 2538, so that record's moves are rejected.
    late = sum(manifest.rejected.values())
    assert rows.filter(pl.col("kind") == "move").height + late == facts["mouse_positions"]
    assert set(manifest.rejected) <= {"absurd_time"}
    # A page view per new address: the demo pages don't navigate.
    addresses = [meta["href"] for meta in facts["metas"]]
    begun = sum(now != before for before, now in zip([None, *addresses], addresses, strict=False))
    assert rows.filter(pl.col("kind") == "page_view").height == begun


def test_the_posthog_event_list(tmp_path: Path) -> None:
    facts = truth()["posthog_eventList_autocapture.json"]
    manifest, rows = read(tmp_path, "ph", "posthog_eventList_autocapture.json")
    assert (manifest.records_read, manifest.accepted, manifest.events) == (99, 99, facts["events"])
    assert dict(rows["name"].value_counts().rows()) == facts["by_event"]
    assert rows["user_id"].unique().to_list() == ["u1"]
    assert rows["user_id"].n_unique() == facts["users"] == 1
    stamps = [datetime.fromisoformat(facts[name]) for name in ("first", "last")]
    assert [rows["occurred_at"].min(), rows["occurred_at"].max()] == stamps
    clicks = rows.filter(pl.col("kind") == "click")
    assert clicks.height == facts["by_event"]["$autocapture"]
    assert clicks["element_chain"].null_count() == 0
    rage = rows.filter(pl.col("name") == "$rageclick").row(0, named=True)
    assert rage["kind"] == "custom", "a detection of theirs, not a click of the visitor's"
    assert rage["url"] == facts["rageclicks"][0]["url"]
    assert rage["occurred_at"] == datetime.fromisoformat(facts["rageclicks"][0]["t"])
