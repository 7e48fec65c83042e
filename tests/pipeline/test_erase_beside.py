"""Erasing and retracting while a run goes on, and ids in what others left: names of files, properties, addresses."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from faults import FEW
from support import approve, compute_all, drop, ndjson, record, take_all

from pipeline.build import compute as build
from pipeline.build.compute import build_days, build_period
from pipeline.build.context import TakenBack
from pipeline.build.marts import Publication
from pipeline.build.restatements import FOLDER, SCHEMA
from pipeline.core.lake import Lake
from pipeline.core.product_file import parse_product
from pipeline.core.published import id_of
from pipeline.core.state import DayFailure
from pipeline.core.states import write_failure
from pipeline.ingest import files as ingesting
from pipeline.ingest.erased import COPY, KEY, Erased, ErasedUnreadable, read_erased
from pipeline.ingest.files import retract
from pipeline.ingest.manifests import Manifest, read_manifests
from pipeline.maintenance.erase import erase, still_held
from pipeline.maintenance.mentions import Mentions, is_distinct
from pipeline.maintenance.remains import remains

ANN = "Cust+4711"
PRODUCT = parse_product(f"{FEW}properties: {{referred_by: string}}\n")
HERS = [record(f"a{i}", f"2026-02-03T1{i}:00", user_id=ANN) for i in range(3)]
OTHERS = [
    record("o1", "2026-02-03T09:00", user_id="bob", url="https://shop.example/?uid=Cust%2B4711&page=2"),
    record("o2", "2026-02-03T09:01", user_id="bob", properties={"referred_by": ANN, "plan": "pro"}),
    record("o3", "2026-02-03T09:02", user_id="bob", properties={"team": {f"seat of {ANN}": [1, ANN]}}),
    record("o4", "2026-02-03T09:03", user_id="bob", session_id=f"{ANN}#7", page_title="Hello Cust+4711!"),
]


def home(path: Path, *, name: str = "web/2026-02-05/hers.ndjson") -> Lake:
    drop(path, name, ndjson(HERS))
    drop(path, "web/2026-02-05/others.ndjson", ndjson(OTHERS))
    return Lake(path)


def ids(lake: Lake) -> set[str]:
    keys = [part.key for m in read_manifests(lake).values() for parts in m.days.values() for part in parts]
    return {name for key in keys for name in pl.read_parquet(lake.path(key))["event_id"]}


def texts(lake: Lake) -> str:
    """All that lake/ and marts/ hold, names included, unpacked."""
    result: list[str] = []
    for root in ("lake", "marts"):
        for key in lake.keys(root):
            data = lake.path(key).read_bytes()
            if key.endswith(".parquet"):
                result.append(json.dumps(pl.read_parquet(data).rows(), default=str))
            result += [key, (gzip.decompress(data) if key.endswith(".gz") else data).decode("latin-1")]
    return "\n".join(result).lower()


@pytest.mark.parametrize(
    "meanwhile", ["erase", "retract", "retract before it was ever taken", "erase and its file goes"]
)
def test_what_a_run_reads_just_then_does_not_come_back(
    meanwhile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = home(tmp_path)
    if meanwhile == "retract":
        take_all(lake, PRODUCT)
        drop(tmp_path, "web/2026-02-05/hers.ndjson", ndjson([*HERS, record("new", "2026-02-03T20:00", user_id=ANN)]))
    real: Callable[..., Manifest] = ingesting.take_file

    def slowly(*given: object) -> Manifest:
        made = real(*given)
        monkeypatch.setattr("pipeline.ingest.workers.take_file", real)
        if meanwhile.startswith("erase"):
            erase(lake, PRODUCT, f"user:{ANN}")
        else:
            retract(lake, "web/2026-02-05/hers.ndjson")
        if meanwhile == "erase and its file goes":
            lake.path("landing/web/2026-02-05/hers.ndjson").unlink()
        return made

    monkeypatch.setattr("pipeline.ingest.workers.take_file", slowly)
    take_all(lake, PRODUCT)
    monkeypatch.undo()
    if meanwhile == "retract":
        # What was retracted is the content of before; the run had read new content, which is taken.
        assert ids(lake) >= {"new", "o1"}
        return
    assert ids(lake) == {"o1", "o2", "o3", "o4"}
    take_all(lake, PRODUCT)
    assert ids(lake) == {"o1", "o2", "o3", "o4"}
    if meanwhile.startswith("erase"):
        raw = "".join(
            str(pl.read_parquet(lake.path(key))["event_id"].to_list()) for key in lake.keys("lake/raw_events")
        )
        assert "a1" not in raw, "no object is left of the first reading"


def test_a_day_read_before_the_erasure_is_computed_again(tmp_path: Path) -> None:
    lake = home(tmp_path)
    take_all(lake, PRODUCT)
    day = next(iter(build.take_snapshot(lake, PRODUCT).raw))

    def judged(*given: object) -> list[object]:
        if not read_erased(lake).hashes:
            erase(lake, PRODUCT, f"user:{ANN}")
        return list(approve(*given))  # pyright: ignore[reportArgumentType]

    for table in ("event_ids", "identity_events", "appearances", "events"):
        outcomes = list(build_days(lake, PRODUCT, table, [day], judged))  # pyright: ignore[reportArgumentType]
        assert all(outcome.path for outcome in outcomes)
    events = pl.read_parquet(lake.path(f"lake/events/day={day}/part.parquet"))
    assert sorted(events["event_id"]) == ["o1", "o2", "o3", "o4"]


def test_a_period_table_read_before_is_not_published(tmp_path: Path) -> None:
    lake = home(tmp_path)
    take_all(lake, PRODUCT)
    compute_all(lake, PRODUCT, only=["daily_kpis"])
    context = Publication(lake, PRODUCT)
    retract(lake, "web/2026-02-05/hers.ndjson")
    people = lake.sha256("lake/people_first/part.parquet")
    with pytest.raises(TakenBack, match="run `footfall run`"):
        build_period(lake, PRODUCT, "people_first", approve, context)
    assert lake.sha256("lake/people_first/part.parquet") == people
    assert not list(lake.path("lake/people_first").glob(".*")), "what was staged is gone"


def test_ids_in_names_properties_and_addresses_of_others_are_replaced(tmp_path: Path) -> None:
    lake = home(tmp_path, name=f"web/2026-02-05/export_{ANN}.ndjson")
    drop(tmp_path, "web/2026-02-05/bad.ndjson", ndjson([{"kind": "x", "note": f"to {ANN}"}]))
    take_all(lake, PRODUCT)
    day = next(iter(build.take_snapshot(lake, PRODUCT).raw))
    write_failure(lake, "events", day, DayFailure("x", [f"the key {ANN} twice"]))
    lake.write_frame(
        f"{FOLDER}/kpis.parquet", pl.DataFrame([{"mart": "kpis", "key": f'{{"page":"{ANN}"}}'}], schema=SCHEMA)
    )
    lake.write("lake/_state/alerts_sent.json", json.dumps([f"page of {ANN}"]).encode())
    assert ANN.lower() in texts(lake)
    gone = erase(lake, PRODUCT, f"user:{ANN}")
    assert (gone.events, gone.rejected, gone.mentions) == (3, 1, 4)
    assert ANN.lower() not in texts(lake)
    assert "cust%2b4711" not in texts(lake)
    named = [f"web/2026-02-05/{name}" for name in ("bad.ndjson", f"export_{ANN}.ndjson", "others.ndjson")]
    assert gone.landing_files == sorted([*named, f"web/2026-02-05/export_{ANN}.ndjson.done"])
    rows = {
        row["event_id"]: row
        for key in lake.keys("lake/raw_events")
        for row in pl.read_parquet(lake.path(key)).rows(named=True)
    }
    assert rows["o1"]["url"].endswith("?uid=[erased]&page=2")
    assert (rows["o2"]["prop_referred_by"], rows["o2"]["properties"]) == ("[erased]", '{"plan":"pro"}')
    assert json.loads(rows["o3"]["properties"]) == {"team": {"seat of [erased]": [1, "[erased]"]}}
    assert rows["o4"]["session_id"].startswith("[erased]-")
    named = {m.name for m in read_manifests(lake).values()}
    assert "web/2026-02-05/export_[erased].ndjson" in named
    list(ingesting.ingest(lake, PRODUCT, ingesting.find(lake), again=True))
    assert "a0" not in ids(lake)
    assert {m.name for m in read_manifests(lake).values()} == named, "its name stays without the id"


def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    lake = home(tmp_path)
    take_all(lake, PRODUCT)
    log = tmp_path / ".dagster" / "history" / "runs.db"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"\x00" * 9_000_000 + f"held back: key {ANN}".encode())
    (tmp_path / "notes.txt.gz").write_bytes(gzip.compress(f"ask {ANN}".encode()))
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "old.html").write_text(f"<p>{ANN}</p>")
    (tmp_path / "lake" / "people").mkdir()
    pl.DataFrame({"person_id": [f"user:{ANN}"]}).write_parquet(tmp_path / "lake" / "people" / "part.parquet")
    gone = erase(lake, PRODUCT, f"user:{ANN}")
    held = still_held(lake, gone)
    assert [each.split(": ")[0] for each in held] == [
        ".dagster/history/runs.db", "lake/people/part.parquet", "notes.txt.gz", "report/old.html",
    ]  # fmt: skip
    assert "delete those runs" in held[0]
    for each in held:
        (tmp_path / each.split(": ")[0]).unlink()
    assert still_held(lake, gone) == []


@pytest.mark.parametrize(
    ("name", "distinct"),
    [
        ("7", False),
        ("12345", False),
        ("bob", False),
        ("ann-1", True),
        (ANN, True),
        ("ann@example.com", True),
        ("u-77", True),
        ("100200300", True),
    ],
)
def test_a_common_word_is_no_mention(name: str, distinct: bool) -> None:
    assert is_distinct(name) == distinct
    reported = Mentions([name], Erased("00"))
    text = f"see {name}, not x{name} nor {name}y"
    assert reported.text(text) == (f"see [erased], not x{name} nor {name}y" if distinct else text)
    stated = json.dumps({"items": name, "referred_by": name, "sum": 7})
    result = json.loads(reported.document(stated))
    assert result["referred_by"] == "[erased]"
    assert result["items"] == ("[erased]" if distinct else name)
    assert result["sum"] == 7
    assert reported.text(f"/?uid={quote(name)}&q=1") == "/?uid=[erased]&q=1"
    assert reported.text("Write to ANN@Example.com") == (
        "Write to [erased]" if "@" in name else "Write to ANN@Example.com"
    )


@pytest.mark.parametrize("harm", [b"", b"{", b"garbage", None])
def test_who_was_erased_is_kept_twice_and_never_forgotten(harm: bytes | None, tmp_path: Path) -> None:
    lake = home(tmp_path)
    take_all(lake, PRODUCT)
    erase(lake, PRODUCT, f"user:{ANN}")
    for key in (KEY, COPY):
        whole = lake.path(key).read_bytes()
        lake.path(key).unlink() if harm is None else lake.path(key).write_bytes(harm)
        drop(tmp_path, f"web/{len(key)}.ndjson", ndjson([record(f"n{len(key)}", "2026-02-04T08:00", user_id=ANN)]))
        take_all(lake, PRODUCT)
        assert "n" not in {name[0] for name in ids(lake)}
        assert lake.path(key).read_bytes() == whole
    for key in (KEY, COPY):
        lake.path(key).write_bytes(b"x")
    with pytest.raises(ErasedUnreadable, match="could come back"):
        take_all(lake, PRODUCT)


def test_an_id_within_the_id_of_somebody_else_stays() -> None:
    rows = pl.DataFrame(
        {"user_id": ["ann-1-b", None], "anonymous_id": ["ann-1", "x:ann@example.com"], "url": ["/ann-1", "/ann-11"]}
    )
    cleaned, number = Mentions(["ann-1", "ann@example.com"], Erased("00")).frame(rows)
    assert cleaned["user_id"].to_list() == ["ann-1-b", None]
    assert cleaned["anonymous_id"][0] == "ann-1", "an own id is a row of the person, not a mention"
    assert cleaned["anonymous_id"][1].startswith("[erased]-")
    assert cleaned["url"].to_list() == ["/[erased]", "/ann-11"]
    assert number == 2


@pytest.mark.parametrize("table", ["marts/friction_events", "marts/versions/v/fact_sessions/2026-02-05"])
def test_keys_of_people_are_found_as_marts_and_facts_bear_them(tmp_path: Path, table: str) -> None:
    lake, mentions = Lake(tmp_path), Mentions(["nobody-at-all"], Erased("00"))
    for key, name in ((17, "hers"), (-18, "others")):
        lake.write_frame(f"{table}-{name}.parquet", pl.DataFrame({"person_key": [id_of(key), None], "page": ["home", "home"]}))  # fmt: skip
    (found,) = remains(lake, mentions, [17])
    assert "hers" in found
    assert "run `footfall marts --rebuild`" in found
