"""Landing belongs to others: nothing outside it is read, no bomb fills memory, and what can't be read now waits."""

import errno
import gzip
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import drop, ndjson, product, record, take_all

from pipeline.core.canonical import REJECTED
from pipeline.core.lake import Lake
from pipeline.ingest import files as ingesting
from pipeline.ingest.faults import CannotRead
from pipeline.ingest.files import LandingUnread, ingest, listing, pending, settled_pending
from pipeline.ingest.landing import find, find_all
from pipeline.ingest.manifests import Manifest, read_manifests, write_manifest
from pipeline.ingest.reading import read_records
from pipeline.ingest.reading.opening import _LandingStream, cannot_read

ONE = ndjson([record("e1", "2026-01-05T10:00")])
OTHER = ndjson([record("e2", "2026-01-05T10:00")])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "home")


def waiting(lake: Lake) -> list[str]:
    return [file.name for file in settled_pending(lake, product(), listing(lake))]


def take_waiting(lake: Lake) -> dict[str, Manifest]:
    files = settled_pending(lake, product(), listing(lake))
    return {manifest.name: manifest for manifest in ingest(lake, product(), files)}


# What was refused or changed is read again.


def test_content_refused_once_is_read_under_another_name(lake: Lake) -> None:
    drop(lake.home, "web/a", ONE)
    (taken,) = take_all(lake, product())
    write_manifest(lake, msgspec.structs.replace(taken, file_rule="unknown_format", accepted=0, events=0, days={}))
    drop(lake.home, "web/b", ONE)
    assert [(m.name, m.accepted, m.file_rule) for m in take_all(lake, product())] == [("web/b", 1, None)]


def test_other_content_of_equal_size_and_time_is_noticed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(lake.home, "web/a.ndjson", ONE)
    take_all(lake, product())
    before = path.stat()
    assert not waiting(lake)
    path.write_bytes(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    monkeypatch.setattr(ingesting, "RESCANNED_BYTES", 0)
    assert not waiting(lake), "a large folder isn't looked into each time"
    assert pending(find(lake), read_manifests(lake), product(), rescan=True)
    monkeypatch.undo()
    assert waiting(lake) == ["web/a.ndjson"]
    assert [m.accepted for m in take_waiting(lake).values()] == [1]
    assert not waiting(lake)


# Faults of disks and networks.


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Reads of landing files that fail: how many more, with which error."""
    state: dict[str, Any] = {"left": 0, "errno": errno.EIO, "size": len(ONE)}
    whole = _LandingStream.readinto

    def readinto(self: _LandingStream, buffer: Any) -> int:
        if state["left"] and os.fstat(self.fileno()).st_size == state["size"]:
            state["left"] -= 1
            raise cannot_read(OSError(state["errno"], os.strerror(state["errno"])))
        return whole(self, buffer)

    monkeypatch.setattr(_LandingStream, "readinto", readinto)
    monkeypatch.setattr(ingesting, "PAUSES_S", (0, 0, 0))
    return state


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_passing_read_error_is_tried_again(lake: Lake, failing: dict[str, Any], failures: int) -> None:
    drop(lake.home, "web/a.ndjson", ONE)
    failing["left"] = failures
    assert [(m.accepted, m.file_rule) for m in take_all(lake, product())] == [(1, None)]


def test_a_lasting_read_error_is_named_and_stops_no_other_file(lake: Lake, failing: dict[str, Any]) -> None:
    drop(lake.home, "web/a.ndjson", ONE)
    drop(lake.home, "web/b.ndjson", OTHER + OTHER)
    failing["left"] = 10**9
    with pytest.raises(LandingUnread, match=r"landing/web/a.ndjson can't be read: Input/output error. They wait"):
        take_all(lake, product())
    assert [(m.name, m.file_rule) for m in read_manifests(lake).values()] == [("web/b.ndjson", None)]
    failing["left"] = 0
    assert waiting(lake) == ["web/a.ndjson"]
    assert [m.accepted for m in take_all(lake, product())] == [1]


@pytest.mark.parametrize("name", ["a.gz", "a.zip", "a.parquet", "a.zst"])
def test_a_read_error_within_a_packed_file_is_no_truncation(failing: dict[str, Any], name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "a.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", ONE)
    elif name == "a.parquet":
        pq.write_table(pa.table({"event_id": ["e"]}), path)
    elif name == "a.gz":
        path.write_bytes(gzip.compress(ONE))
    else:
        with pa.output_stream(path, compression="zstd") as packed:
            packed.write(ONE)
    failing["size"], failing["left"] = path.stat().st_size, 1
    with pytest.raises(CannotRead, match="Input/output error"):
        list(read_records(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read_is_named(lake: Lake) -> None:
    drop(lake.home, "web/a.ndjson", ONE).chmod(0)
    with pytest.raises(LandingUnread, match="Permission denied"):
        take_all(lake, product())


@pytest.mark.parametrize("what", ["write_frame", "write"])
def test_a_home_that_cannot_be_written_stops_the_run(lake: Lake, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    drop(lake.home, "web/a.ndjson", ONE)
    drop(lake.home, "web/b.ndjson", OTHER)
    monkeypatch.setattr(Lake, what, full)
    with pytest.raises(OSError, match="No space left"):
        take_all(lake, product())
    monkeypatch.undo()
    assert not read_manifests(lake)
    assert [m.accepted for m in take_all(lake, product())] == [1, 1]


# Nothing outside landing is read.


def test_links_out_pipes_and_sockets_are_told_and_not_opened(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.ndjson").write_bytes(ONE)
    web = lake.path("landing/web")
    web.mkdir(parents=True)
    (web / "file.ndjson").symlink_to(outside / "secret.ndjson")
    (web / "folder").symlink_to(outside)
    (web / "up.ndjson").symlink_to("../../../outside/secret.ndjson")
    lake.path("landing/noid").symlink_to(outside)
    os.mkfifo(web / "pipe.ndjson")
    (web / "device.ndjson").symlink_to("/dev/zero")
    # A socket's path must be short.
    monkeypatch.chdir(web)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.ndjson")
        result = take_waiting(lake)
        rules = {name: manifest.file_rule for name, manifest in result.items()}
    assert rules == {
        "noid": "leads_out",
        "web/device.ndjson": "leads_out",
        "web/file.ndjson": "leads_out",
        "web/folder": "leads_out",
        "web/pipe.ndjson": "no_regular_file",
        "web/socket.ndjson": "no_regular_file",
        "web/up.ndjson": "leads_out",
    }
    assert not find(lake), "erase and others that read what is found don't see them"
    assert not waiting(lake), "told once"
    (web / "file.ndjson").unlink()
    drop(lake.home, "web/file.ndjson", ONE)
    assert [m.accepted for m in take_waiting(lake).values()] == [1]


def test_links_within_landing_are_read_once_and_have_an_end(lake: Lake) -> None:
    drop(lake.home, "web/2026-01-05/a.ndjson", ONE)
    web = lake.path("landing/web")
    (web / "latest.ndjson").symlink_to("2026-01-05/a.ndjson")
    (web / "2026-01-05/loop").symlink_to("..")
    (web / "x").symlink_to("y")
    (web / "y").symlink_to("x")
    for name in "ab":
        (web / name).mkdir()
    (web / "a/to_b").symlink_to("../b")
    (web / "b/to_a").symlink_to("../a")
    assert [file.name for file in find_all(lake)] == ["web/2026-01-05/a.ndjson", "web/latest.ndjson"]
    taken = take_waiting(lake)
    assert {part.key for m in taken.values() for parts in m.days.values() for part in parts} == {
        part.key for part in taken["web/2026-01-05/a.ndjson"].days["2026-01-05"]
    }


def test_a_landing_folder_that_is_a_link_itself_is_landing(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "data/web").mkdir(parents=True)
    (tmp_path / "data/web/a.ndjson").write_bytes(ONE)
    lake.home.mkdir()
    lake.path("landing").symlink_to(tmp_path / "data")
    assert [m.accepted for m in take_waiting(lake).values()] == [1]


# Memory.


def test_many_rejected_rows_are_spilled_and_all_kept(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.ingest.rejects.SPILLED_BYTES", 10_000)
    monkeypatch.setattr("pipeline.ingest.taking.BATCH_RECORDS", 50)
    drop(lake.home, "web/a.ndjson", ONE + b"".join(b"bad %d\n" % i for i in range(1_000)))
    (manifest,) = take_all(lake, product())
    assert (manifest.accepted, manifest.rejected, manifest.records_rejected) == (1, {"malformed_json": 1_000}, 1_000)
    rows = lake.scan(REJECTED, [str(manifest.rejected_key)]).collect()
    assert rows["record_number"].to_list() == list(range(2, 1_002))
    assert rows["raw_text"].to_list() == [f"bad {i}" for i in range(1_000)]
    assert not list(lake.home.rglob("*.tmp"))


def test_a_file_of_nothing_but_bad_records_is_refused_at_last(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.ingest.rejects.SPILLED_BYTES", 10_000)
    monkeypatch.setattr("pipeline.ingest.taking.BATCH_RECORDS", 50)
    monkeypatch.setattr("pipeline.ingest.taking.MAX_REJECTED", 300)
    drop(lake.home, "web/a.ndjson", b"x\n" * 1_000)
    (manifest,) = take_all(lake, product())
    assert manifest.file_rule == "nothing_accepted"
    assert "most by malformed_json; look at the source's format" in str(manifest.file_reason)
    assert not list(lake.home.rglob("*.tmp"))


def test_a_long_record_of_many_bad_events_is_shown_once(lake: Lake) -> None:
    batch = [{"type": "nothing", "messageId": f"m{i}", "pad": "x" * 100} for i in range(200)]
    drop(lake.home, "seg/a.ndjson", ndjson([{"batch": batch}]))
    (manifest,) = take_all(lake, product(sources={"seg": {"format": "segment"}}))
    if manifest.rejected_key:
        texts = lake.scan(REJECTED, [manifest.rejected_key]).collect()["raw_text"].to_list()
        assert sum(len(text) for text in texts) < 200_000


def test_names_of_fields_are_counted_by_their_beginning(lake: Lake) -> None:
    drop(lake.home, "web/a.ndjson", ndjson([record("e", "2026-01-05T10:00", properties={"n" * 100_000: 1})]))
    (manifest,) = take_all(lake, product())
    assert max(map(len, manifest.fields)) == 256


def write_parquet(path: Path, columns: dict[str, Any], **how: Any) -> None:
    pq.write_table(pa.table(columns), path, compression="zstd", write_statistics=False, **how)


def repeated(text: str, times: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), pa.array([text]))


def make_bombs(web: Path) -> dict[str, str]:
    """Small files that unpack to gigabytes, each with the rule that ends it."""
    long = "x" * 400_000
    write_parquet(web / "dictionary.parquet", {"event_id": repeated(long, 5_000)})
    in_list = pa.ListArray.from_arrays(pa.array([0, 5_000], pa.int32()), repeated(long, 5_000))
    write_parquet(web / "list.parquet", {"event_id": ["a"], "in": in_list})
    delta = {"use_dictionary": False, "column_encoding": {"event_id": "DELTA_BYTE_ARRAY"}}
    write_parquet(web / "prefix.parquet", {"event_id": pa.array([long] * 1_000)}, **delta)
    (web / "line.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"x" * 120_000_000))
    (web / "line.ndjson.gz").write_bytes(gzip.compress(b'{"event_id":"' + b"x" * 120_000_000))
    (web / "zeros.ndjson.gz").write_bytes(gzip.compress(gzip.compress(b"{" * 300_000_000)))
    (web / "long.ndjson.gz").write_bytes(gzip.compress((b"x" * 60_000 + b"\n") * 2_000))
    return {
        "web/dictionary.parquet": "unpacks_too_far",
        "web/list.parquet": "unpacks_too_far",
        "web/prefix.parquet": "unpacks_too_far",
        "web/line.csv.gz": "record_too_large",
        "web/line.ndjson.gz": "record_too_large",
        "web/zeros.ndjson.gz": "unpacks_too_far",
        "web/long.ndjson.gz": "malformed_json",
    }


_TAKE = """
import resource, sys
from pathlib import Path
from support import product, take_all
from pipeline.core.lake import Lake
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for m in take_all(Lake(Path(sys.argv[1])), product()):
    print(m.name, m.file_rule or ",".join(m.rejected))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_bombs_are_refused_in_little_memory(lake: Lake) -> None:
    web = lake.path("landing/web")
    web.mkdir(parents=True)
    expected = make_bombs(web)
    assert sum(path.stat().st_size for path in web.iterdir()) < 1_000_000
    paths = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", _TAKE, str(lake.home)],
        check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    *lines, peak = done.stdout.splitlines()
    assert dict(line.split(" ") for line in lines) == expected
    assert int(peak) < 900, "MB above what the imports take"


@pytest.mark.parametrize("rows", [1, 7, 5_000])
def test_parquet_of_many_shapes_reads_as_polars_reads_it(tmp_path: Path, rows: int) -> None:
    frame = pl.DataFrame({
        "id": [f"id{i % 3}" for i in range(rows)],
        "unique": [f"u{i}" * (i % 5) for i in range(rows)],
        "none": [None] * rows,
        "bytes": [b"b%d" % i for i in range(rows)],
        "list": [[{"key": f"k{j}", "value": {"s": "v" * j, "i": j}} for j in range(i % 4)] for i in range(rows)],
        "large": ["y" * 3_000 if i % 100 == 0 else "" for i in range(rows)],
    })  # fmt: skip
    path = tmp_path / "a"
    for how in ({}, {"data_page_version": "2.0"}, {"use_dictionary": False}, {"row_group_size": 700}):
        pq.write_table(frame.to_arrow(), path, **how)
        expected = [{n: v for n, v in row.items() if v is not None} for row in frame.rows(named=True)]
        for row in expected:
            row["bytes"] = row["bytes"].decode()
        assert list(read_records(path)) == expected, how
