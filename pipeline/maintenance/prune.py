"""What nothing names any more: left-overs of killed writers, replaced raw objects, old publications' bases.

What must not be here: Dagster's records (assets/keeping.py). Never pruned: what a manifest, a state or the record of
the marts names, erased ids, the ledger of restatements, landing files.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.build.marts import read_record
from pipeline.build.restatements import inputs_manifest_key
from pipeline.core.lake import Lake
from pipeline.ingest.manifests import read_manifests

# Objects whose names only manifests know.
OF_MANIFESTS = ("lake/raw_events", "lake/raw_recordings", "lake/rejected")
_BASES, _RUNS = "lake/_state/publications", "lake/_state/runs"
# What is younger may belong to a file or mart on its way in: its manifest is written last.
YOUNG_SECONDS = 86_400.0


@dataclass(frozen=True)
class Pruned:
    """What was removed of one kind, or would be: how many files, and their bytes."""

    what: str
    files: int
    size: int


def prune(lake: Lake, *, dry_run: bool = False, now: float | None = None) -> list[Pruned]:
    """Remove what nothing names and is older than a day; `dry_run` only counts. One entry a kind.

    Raises OSError where the home can't be written to.
    """
    before = (time.time() if now is None else now) - YOUNG_SECONDS
    with lake.exclusive():
        return [
            _removed(what, list(result), before, dry_run=dry_run)
            for what, result in (
                ("left by killed writers", _temporaries(lake)),
                ("replaced raw objects", _unnamed_objects(lake)),
                ("bases of old publications", _old_bases(lake)),
                ("signs of life of ended runs", (lake.path(key) for key in lake.keys(_RUNS))),
            )
        ]


def _temporaries(lake: Lake) -> Iterator[Path]:
    for root in ("lake", "marts", "report"):
        yield from lake.path(root).rglob(".*.tmp")


def _unnamed_objects(lake: Lake) -> Iterator[Path]:
    manifests = read_manifests(lake).values()
    if len(manifests) != sum(1 for _ in lake.keys("lake/ingested")):
        # What the one names that can't be read isn't known.
        return
    named = {part.key for m in manifests for of in (m.days, m.recordings) for parts in of.values() for part in parts}
    named |= {m.rejected_key for m in manifests if m.rejected_key}
    for root in OF_MANIFESTS:
        yield from (lake.path(key) for key in lake.keys(root) if key not in named)


def _old_bases(lake: Lake) -> Iterator[Path]:
    named = {inputs_manifest_key(mart.publication) for mart in read_record(lake).values()}
    yield from (lake.path(key) for key in lake.keys(_BASES) if key not in named)


def _removed(what: str, paths: list[Path], before: float, *, dry_run: bool) -> Pruned:
    files = size = 0
    for path in paths:
        try:
            status = path.stat()
            if status.st_mtime >= before:
                continue
            if not dry_run:
                path.unlink()
        except FileNotFoundError:
            continue
        files, size = files + 1, size + status.st_size
    return Pruned(what, files, size)
