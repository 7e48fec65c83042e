"""What nothing names any more: left-overs of killed writers, replaced raw objects, old publications' bases.

What must not be here: Dagster's records (assets/keeping.py). Never pruned: what a manifest, a state or the record of
the marts names, erased ids, the ledger of restatements, landing files.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.build.marts import read_record
from pipeline.build.restatements import inputs_manifest_key
from pipeline.build.tables import DAY_TABLE
from pipeline.core.engine import on_all_workers
from pipeline.core.lake import Lake
from pipeline.core.states import unnamed
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
    if not dry_run:
        tidy(lake)
        on_all_workers(tidy, lake)
    with lake.exclusive():
        return [
            _removed(lake, what, list(result), before, dry_run=dry_run)
            for what, result in (
                ("left by killed writers", [*lake.left_behind(), *unnamed_parts(lake)]),
                ("replaced raw objects", _unnamed_objects(lake)),
                ("bases of old publications", _old_bases(lake)),
                ("signs of life of ended runs", lake.keys(_RUNS)),
            )
        ]


def tidy(lake: Lake) -> None:
    """Remove from this machine's copy of a store what is there no more, or no longer so."""
    lake.tidy()


def unnamed_parts(lake: Lake) -> Iterator[str]:
    """Objects of days that no state names: of runs that were killed, or replaced in the moment when one was."""
    for table in DAY_TABLE:
        yield from unnamed(lake, table)


def _unnamed_objects(lake: Lake) -> Iterator[str]:
    manifests = read_manifests(lake).values()
    if len(manifests) != sum(1 for _ in lake.keys("lake/ingested")):
        # What the one names that can't be read isn't known.
        return
    named = {part.key for m in manifests for of in (m.days, m.recordings) for parts in of.values() for part in parts}
    named |= {m.rejected_key for m in manifests if m.rejected_key}
    for root in OF_MANIFESTS:
        yield from (key for key in lake.keys(root) if key not in named)


def _old_bases(lake: Lake) -> Iterator[str]:
    named = {inputs_manifest_key(mart.publication) for mart in read_record(lake).values()}
    yield from (key for key in lake.keys(_BASES) if key not in named)


def _removed(lake: Lake, what: str, keys: list[str], before: float, *, dry_run: bool) -> Pruned:
    files = size = 0
    for key in keys:
        known = lake.size_and_time(key)
        if known is None or known[1] >= before:
            continue
        if not dry_run:
            lake.remove(key)
        files, size = files + 1, size + known[0]
    return Pruned(what, files, size)
