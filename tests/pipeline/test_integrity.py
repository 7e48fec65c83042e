"""What was flipped, cut off or lost is found and named with the command that mends it; odd files beside cost a day at most."""

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pytest
from faults import FEW, flip
from support import approve, compute_all, drop, marts_of, ndjson, record, take_all

from pipeline.build.compute import build_days
from pipeline.build.configured import day_tables
from pipeline.build.context import find_dirty
from pipeline.core.lake import Lake
from pipeline.core.product_file import parse_product
from pipeline.ingest.files import ingest, of_content
from pipeline.ingest.home import claim
from pipeline.ingest.manifests import read_manifests, write_manifest
from pipeline.maintenance.doctor import _unreadable, examine, unchecked
from pipeline.maintenance.integrity import deep
from pipeline.publish.catalog import write_catalog

PRODUCT = parse_product(FEW)
MARTS = ["daily_kpis", "daily_quality"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made")
    drop(home, "web/a.ndjson", ndjson([*(record(f"a{i}", f"2026-02-03T{i:02d}:00") for i in range(9)), {"kind": "x"}]))
    drop(home, "web/b.ndjson", ndjson([record("b", "2026-02-04T09:00", user_id="u-1")]))
    (home / "product.yaml").write_text(FEW)
    lake = Lake(home)
    settle(lake)
    write_catalog(lake)
    return home


def settle(lake: Lake) -> None:
    """What `footfall run` does."""
    claim(lake, PRODUCT)
    take_all(lake, PRODUCT)
    compute_all(lake, PRODUCT, only=MARTS)


def copied(made: Path, target: Path) -> Lake:
    return Lake(shutil.copytree(made, target))


def findings(lake: Lake) -> list[str]:
    return list(examine(lake, PRODUCT, thorough=True))


def looked_at(lake: Lake) -> list[str]:
    """Findings about small objects, as `findings` begins with them."""
    return [*_unreadable(lake, set()), *deep(lake)]


def mend(lake: Lake, result: list[str]) -> None:
    """Do what the sentences say."""
    for sentence in result:
        if again := re.search(r"footfall retry-rejected '(.+?)'", sentence):
            list(ingest(lake, PRODUCT, of_content(lake, again[1]), again=True))
        elif days := re.search(r"backfill --from (\S+) --to", sentence):
            compute_day(lake, days[1])
    settle(lake)
    if any("marts" in sentence for sentence in result):
        write_catalog(lake)


def compute_day(lake: Lake, day: str) -> None:
    for table in day_tables(PRODUCT):
        list(build_days(lake, PRODUCT, table.contract.name, [date.fromisoformat(day)], approve))


KINDS = {
    "raw events": "lake/raw_events/day=2026-02-03/",
    "rejected": "lake/rejected/",
    "events of a day": "lake/events/day=2026-02-03/",
    "sessions of a day": "lake/sessions/day=2026-02-04/",
    "period table": "lake/people_daily/part.parquet",
    "mart": "marts/daily_kpis.parquet",
    "marts' record": "marts/_published.json",
    "dictionary": "marts/_dictionary.parquet",
    "catalog": "marts/catalog.duckdb",
    "state of a month": "lake/_state/events/month=2026-02.json",
    "resolution": "lake/_state/verdicts/identity.json",
    "sum": "lake/_state/sums/lake/people_daily/",
    "home": "lake/_state/home.json",
    "manifest": "lake/ingested/",
}


def flipped(data: bytes) -> bytes:
    return flip(data, len(data) // 2, 3)


HARMS: dict[str, Callable[[bytes], bytes | None]] = {
    "flipped": flipped,
    "cut off": lambda data: data[: len(data) // 2],
    "gone": lambda _data: None,
}


# Without them nothing can be wrong: they are made anew.
MADE_ANEW = ("state of a month", "resolution", "sum", "home", "manifest", "mart", "marts' record")


def one_of(lake: Lake, kind: str) -> Path:
    keys = (path.relative_to(lake.home).as_posix() for path in sorted(lake.home.rglob("*")) if path.is_file())
    return lake.path(next(key for key in keys if key.startswith(KINDS[kind])))


def test_harm_of_each_kind_is_found_and_named(made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    assert findings(lake) == []
    for kind in KINDS:
        path = one_of(lake, kind)
        whole = path.read_bytes()
        for name, harm in HARMS.items():
            if name == "gone" and kind in MADE_ANEW:
                continue
            data = harm(whole)
            path.unlink() if data is None else path.write_bytes(data)
            result = findings(lake)
            assert result, f"{kind} {name}"
            assert all("run `footfall" in sentence for sentence in result), result
            # What reading it makes anew in passing is put back too.
            shutil.rmtree(lake.path("lake/_state"))
            shutil.copytree(made / "lake/_state", lake.path("lake/_state"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole)
    assert findings(lake) == []


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_named_mends_it(harm: str, made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    for kind in KINDS:
        path = one_of(lake, kind)
        data = HARMS[harm](path.read_bytes())
        path.unlink() if data is None else path.write_bytes(data)
    for _ in range(3):
        if not (result := findings(lake)):
            break
        mend(lake, result)
    assert findings(lake) == []
    assert marts_of(lake) == marts_of(Lake(made))


def test_every_bit_of_a_raw_object_is_looked_at_before_its_day_is_computed(made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    key = next(iter(lake.keys("lake/raw_events/day=2026-02-03")))
    data = lake.path(key).read_bytes()
    before = lake.sha256("lake/events/day=2026-02-03/part.parquet")
    for at in range(0, len(data), max(1, len(data) // 60)):
        lake.path(key).write_bytes(flip(data, at, at % 8))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lake, "_sound", {})
            outcome = next(iter(build_days(lake, PRODUCT, "events", [date(2026, 2, 3)], approve)))
        assert outcome.path is None
        assert re.fullmatch(
            rf"{key} isn't what was written; `footfall doctor --deep` .+", outcome.check_result.faults[0]
        )
    assert lake.sha256("lake/events/day=2026-02-03/part.parquet") == before
    lake.path(key).write_bytes(data)
    assert not find_dirty(lake, PRODUCT, lambda _day: True).failed, "nothing holds the day once the object is mended"


CONTENTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _data: b"",
    "half": lambda data: data[: len(data) // 2],
    "garbage": lambda _data: b"\xff\x00 not ours {",
    "foreign": lambda _data: b'{"name": "settings", "size": 3}',
}


def small_objects(lake: Lake) -> list[str]:
    return [key for root in ("lake/_state", "lake/ingested") for key in lake.keys(root) if key.endswith(".json")]


@pytest.mark.parametrize("content", CONTENTS)
def test_each_broken_small_object_is_named(content: str, made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    small = small_objects(lake)
    assert len(small) > 15
    for key in small:
        lake.path(key).write_bytes(CONTENTS[content](lake.path(key).read_bytes()))
    named = " ".join(looked_at(lake))
    assert [key for key in small if key not in named] == []


def test_broken_small_objects_cost_their_days_and_nothing_else(made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    for i, key in enumerate(small_objects(lake)):
        harm = list(CONTENTS.values())[i % len(CONTENTS)]
        lake.path(key).write_bytes(harm(lake.path(key).read_bytes()))
    settle(lake)
    write_catalog(lake)
    assert marts_of(lake) == marts_of(Lake(made))
    # A table that these marts don't read, and what earlier publications were made from.
    assert [each for each in findings(lake) if "publications" not in each] == []


STRAYS = (
    "lake/_state/.DS_Store", "lake/_state/events/day=garbage.json", "lake/_state/events/day=2026-02-03.json~",
    "lake/_state/events/.day=2026-02-03.json.swp", "lake/_state/nobody/day=2026-02-03.json", "lake/ingested/.DS_Store",
    "lake/ingested/notes.txt", "lake/ingested/day=garbage.json", "lake/ingested/0123.json~",
)  # fmt: skip


@pytest.mark.parametrize("is_folder", [False, True])
def test_strange_files_are_named_and_do_no_harm(is_folder: bool, made: Path, tmp_path: Path) -> None:
    whole = marts_of(Lake(made))
    lake = copied(made, tmp_path / "home")
    for key in STRAYS:
        lake.path(key).parent.mkdir(exist_ok=True)
        lake.path(key).mkdir() if is_folder else lake.path(key).write_bytes(b"\x00{")
    (lake.path("lake/events/day=garbage")).mkdir()
    (lake.path("lake/events/day=garbage/part.parquet")).touch()
    settle(lake)
    assert marts_of(lake) == whole
    named = {sentence.split(" is none")[0] for sentence in findings(lake)}
    assert named == {key for key in STRAYS if not is_folder or ("_state" in key and key.endswith(".json"))}


def test_a_damaged_manifest_of_a_file_that_is_gone_is_named(made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    gone = next(m for m in read_manifests(lake).values() if m.name == "web/b.ndjson")
    lake.path("landing/web/b.ndjson").unlink()
    lake.path(f"lake/ingested/{gone.file_id}.json").write_bytes(b"{")
    assert any("its landing file is gone; restore one of them from a backup" in each for each in findings(lake))


def test_objects_of_before_there_were_hashes_are_tolerated_and_counted(made: Path, tmp_path: Path) -> None:
    lake = copied(made, tmp_path / "home")
    for manifest in read_manifests(lake).values():
        bare = {d: [msgspec.structs.replace(part, sha256="") for part in parts] for d, parts in manifest.days.items()}
        write_manifest(lake, msgspec.structs.replace(manifest, days=bare, rejected_sha256=""))
    assert unchecked(lake) == 3
    settle(lake)
    assert findings(lake) == []
    assert pl.read_parquet(lake.path("marts/daily_kpis.parquet")).height
